"""Nobody is kept out: axe finds nothing, on phone and desktop, in both themes, in every state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from gateway.signing import sign
from tests.browser.conftest import KEY
from tests.browser.window import DESK, PHONE, Window

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.processes import Running

Theme = Literal["light", "dark"]

LOOKS: Final = [
    pytest.param(size, theme, id=f"{name}-{theme}")
    for name, size in (("desk", DESK), ("phone", PHONE))
    for theme in ("light", "dark")
]


def findings(window: Window) -> list[str]:
    """What axe objects to, one line each; all of its rules but the experimental ones."""
    response = Axe().run(window.page).response
    assert len(response["passes"]) > 20
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_axe_finds_nothing_in_a_photo_a_fallback_or_a_refusal(
    browser: Browser, house: Running, size: tuple[int, int], theme: Theme
) -> None:
    with Window.of(browser, size, theme) as window:
        window.allowed.append("status of 400")
        window.go(house.url)
        window.settled()
        window.page.locator("#options").evaluate("element => { element.open = true }")
        window.page.get_by_text("All headers").click()
        assert findings(window) == []
        window.show("15555550110")
        expect(window.see("badge")).to_have_text("Fallback · none")
        window.settled()
        assert findings(window) == []
        window.show("nonsense")
        expect(window.see("badge")).to_have_text("Refused · invalid")
        window.show("https://example.com/")
        assert findings(window) == []
        assert window.complaints() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_where_urls_are_signed(
    browser: Browser, signed_house: Running, theme: Theme
) -> None:
    with Window.of(browser, DESK, theme) as window:
        window.go(signed_house.url)
        expect(window.see("contact-help")).to_contain_text("signed URLs")
        assert findings(window) == []
        window.show(sign(f"{signed_house.url}/avatar/15551234567@c.us.png?size=80", KEY))
        expect(window.see("badge")).to_have_text("Photo")
        window.settled()
        assert findings(window) == []


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_nothing_sticks_out_and_no_picture_is_broken(
    browser: Browser, house: Running, size: tuple[int, int], theme: Theme
) -> None:
    with Window.of(browser, size, theme, scale=2) as window:
        window.go(house.url)
        window.settled()
        assert window.run("() => document.documentElement.scrollWidth") == size[0]
        assert window.broken() == []
        assert window.complaints() == []


@pytest.mark.parametrize("width", [320, 600, 760, 1000, 1920])
def test_it_fits_every_width(browser: Browser, house: Running, width: int) -> None:
    with Window.of(browser, (width, 800)) as window:
        window.go(house.url)
        window.settled()
        window.page.get_by_label("Size", exact=True).evaluate(
            "e => { e.value = 1024; e.dispatchEvent(new Event('input', {bubbles: true})) }"
        )
        expect(window.see("facts")).to_contain_text("1024 × 1024")
        assert window.run("() => document.documentElement.scrollWidth") == width


def test_on_a_phone_the_avatar_comes_into_view(browser: Browser, house: Running) -> None:
    with Window.of(browser, PHONE) as window:
        window.go(house.url)
        window.settled()
        window.page.get_by_role("button", name="Oliver Hughes").click()
        expect(window.see("who")).to_have_text("Oliver Hughes")
        expect(window.see("halves")).to_be_in_viewport()


def test_what_can_be_pressed_is_large_enough(browser: Browser, house: Running) -> None:
    # WCAG 2.2, 2.5.8: 24 by 24 CSS pixels.
    with Window.of(browser, PHONE) as window:
        window.go(house.url)
        window.settled()
        window.page.locator("#options").evaluate("element => { element.open = true }")
        small = window.run(
            """() => [...document.querySelectorAll("button, input, select, summary, nav a")]
              .filter((element) => element.checkVisibility())
              .map((element) => (element.closest("label") ?? element))
              .filter((element) => {
                const { width, height } = element.getBoundingClientRect();
                return width < 24 || height < 24;
              }).map((element) => element.outerHTML)"""
        )
        assert small == []


def test_without_scripts_it_says_so(browser: Browser, house: Running) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(house.url)
    assert "needs JavaScript" in page.locator("body").inner_text()
    context.close()
