"""Pages and mails with many faces, while everything behind the gateway fails at random."""

from __future__ import annotations

import random
import re
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Final

import pytest

from gateway.sandbox import API, CDN
from tests import processes
from tests.browser.window import DESK, PHONE, Window
from tests.e2e.test_browser import page
from tests.processes import ROOT, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.processes import Control, Running

MAYA: Final = "15551234567@c.us"
HIDDEN: Final = "15555550110@c.us"
COOKBOOK: Final = (ROOT / "docs" / "cookbook.md").read_text()
ISOLATED: Final = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# What takes the sandbox minutes or gigabytes says nothing about the browser.
HEAVY: Final = {"huge_30mb", "big_20mb", "endless", "gzip_bomb", "reply"}

CLASSES: Final = {
    "photo": (f"{MAYA}.png?size=48&dpr=2&shape=circle", 96),
    "jpeg": (f"{MAYA}.jpg?size=40", 40),
    "webp": (f"{MAYA}.webp?size=40", 40),
    "avif": (f"{MAYA}.avif?size=40", 40),
    "negotiated": (f"{MAYA}?size=40", 40),
    "hidden": (f"{HIDDEN}.png", 128),
    "initials": (f"{HIDDEN}.png?fallback=initials&name=Ada+Lovelace", 128),
    "identicon": (f"{HIDDEN}.png?fallback=identicon", 128),
    "blank": (f"{HIDDEN}.png?fallback=blank", 128),
    "forced": (f"{MAYA}.png?force=y", 128),
    "unsupported": ("status@broadcast.webp", 128),
    "late": ("15555550116@c.us.png", 128),
    "failing": ("15555550118@c.us.png", 128),
    "broken": ("15555550117@c.us.png", 128),
    "refused": ("nonsense.png?size=64", 64),
    "wrong": (f"{MAYA}.png?size=5000", 1024),
    "empty": (f"{HIDDEN}.png?fallback=404", 0),
}


@pytest.fixture(scope="module")
def flaky(
    upstream: Running, control: Control, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A gateway whose upstream does something else for each of 300 contacts."""
    chance = random.Random(60)  # noqa: S311 - a seed, so that a failure can be seen again
    for number in range(300):
        api = chance.choice([each for each in API if each not in HEAVY])
        cdn = chance.choice([each for each in CDN if each not in HEAVY])
        # A good half is as it should be, or nobody would see a photo.
        scenario = chance.choice([{"api": api}, {"cdn": cdn}, {}, {}])
        if scenario:
            control.set(contact(number), **scenario)
    folder = tmp_path_factory.mktemp("flaky")
    settings = settings_for(upstream.url, "memory:", GATEWAY_DEADLINE="1s")
    with processes.gateway(folder, settings, workers=2) as started:
        yield started


def contact(number: int) -> str:
    return f"4477009{number:05}@c.us"


@contextmanager
def showing(
    browser: Browser,
    text: str,
    *,
    headers: dict[str, str] | None = None,
    size: tuple[int, int] = DESK,
) -> Iterator[Window]:
    """A window with a page of another origin, which outlives it: browsers ask for icons late."""
    with page(text, headers or {}) as url, Window.of(browser, size) as window:
        window.page.goto(url, timeout=90_000)
        yield window


def widths(window: Window) -> dict[str, int]:
    """The natural width of each image by its id."""
    found: dict[str, int] = window.run(
        "() => Object.fromEntries([...document.images].map((i) => [i.id, i.naturalWidth]))"
    )
    return found


def template(name: str) -> str:
    """A block of HTML of the cookbook, by the words before it."""
    found = re.search(rf"{re.escape(name)}.*?```html\n(.*?)```", COOKBOOK, re.DOTALL)
    assert found is not None
    return found[1]


def test_every_class_of_answer_is_a_picture_under_coep(browser: Browser, house: Running) -> None:
    images = "".join(
        f'<img id="{name}" src="{house.url}/avatar/{escape(target)}">'
        for name, (target, _) in CLASSES.items()
    )
    script = f'<script src="{house.url}/static/wa-avatar.js"></script>'
    text = f"<!doctype html><title>Faces</title>{script}{images}"
    with showing(browser, text, headers=ISOLATED) as window:
        sizes = widths(window)
        assert window.run("() => crossOriginIsolated") is True
        assert window.run("() => Boolean(customElements.get('wa-avatar'))")
        assert [line for line in window.complaints() if "status of 40" not in line] == []
    assert sizes == {name: width for name, (_, width) in CLASSES.items()}


def test_coep_is_what_was_tested(browser: Browser, upstream: Running) -> None:
    # The sandbox's own answers name no policy, so the same page does not show them.
    text = f'<!doctype html><img id="x" src="{upstream.url}/"><title>Faces</title>'
    with showing(browser, text, headers=ISOLATED) as window:
        assert widths(window) == {"x": 0}
        assert any(
            "NotSameOriginAfterDefaultedToSameOriginByCoep" in line for line in window.complaints()
        )


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_mail_of_sixty_faces_has_no_broken_picture(
    browser: Browser, flaky: Running, size: tuple[int, int]
) -> None:
    face = template("## E-mail").replace("https://faces.example.com", flaky.url)
    rows = "".join(
        "<tr><td>"
        + face.replace(MAYA, contact(number)).replace("<img", f'<img id="{number}"')
        + f"</td><td>Somebody, number {number}</td></tr>"
        for number in range(60)
    )
    text = f"<!doctype html><title>A mail</title><table>{rows}</table>"
    with showing(browser, text, size=size) as window:
        sizes = widths(window)
        assert window.complaints() == []
    assert sizes == {str(number): 96 for number in range(60)}


def test_a_list_of_two_hundred_rows_has_no_broken_picture(browser: Browser, flaky: Running) -> None:
    face = template("## A web page").replace("https://faces.example.com", flaky.url)
    rows = "".join(
        f"<li>{face.replace(MAYA, contact(100 + n)).replace('<img', f'<img id={n}')} Row {n}</li>"
        for n in range(200)
    )
    with showing(browser, f"<!doctype html><title>A list</title><ul>{rows}</ul>") as window:
        for number in range(0, 200, 10):  # lazy pictures load as they come near
            window.page.locator("li").nth(number).scroll_into_view_if_needed()
        window.page.wait_for_function(
            "() => [...document.images].every((image) => image.complete)", timeout=90_000
        )
        sizes = window.run("() => [...document.images].map((image) => image.naturalWidth)")
        assert window.complaints() == []
    assert sizes == [48] * 200
