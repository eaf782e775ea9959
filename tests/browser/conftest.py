"""Real Chromium, a sandbox, and two gateways with a playground: one that asks for signatures."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import sync_playwright

from gateway.cli.examples import write
from gateway.sandbox import CAST
from gateway.web import Example
from tests import processes
from tests.browser.window import Window
from tests.processes import free_port, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.processes import Control, Running

KEY: Final = "a-signing-key-for-browsers"
ADMIN: Final = "an-admin-token-for-browsers"


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with processes.sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture(scope="session")
def control(upstream: Running) -> Control:
    return processes.Control(upstream.url)


@contextmanager
def _gateway(folder: Path, upstream: Running, **more: str) -> Iterator[Running]:
    port = free_port()
    examples = folder / "examples.json"
    write(examples, [Example(each.id, each.name, each.shows) for each in CAST])
    arguments = ["serve", "--port", str(port), "--workers", "1", "--examples", str(examples)]
    settings = settings_for(
        upstream.url, "memory:", GATEWAY_PLAYGROUND="on", GATEWAY_DEADLINE="2s",
        GATEWAY_ADMIN_TOKEN=ADMIN, **more,
    )  # fmt: skip
    with processes.running(arguments, folder, port=port, settings=settings) as started:
        yield started


@pytest.fixture(scope="session")
def house(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway without keys, whose playground offers the cast."""
    with _gateway(tmp_path_factory.mktemp("house"), upstream) as started:
        yield started


@pytest.fixture(scope="session")
def signed_house(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same with a key."""
    folder = tmp_path_factory.mktemp("signed")
    with _gateway(folder, upstream, GATEWAY_SIGNING_KEYS=KEY) as started:
        yield started


# Not for the session: while it is open, no other test of this process may run a loop of its own.
@pytest.fixture(scope="module")
def browser(engine: Callable[[str], str]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=engine("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    """A window of a desktop; it must not have complained when the test is over."""
    with Window.of(browser) as opened:
        yield opened
        assert opened.complaints() == []


@pytest.fixture
def playground(window: Window, house: Running) -> Window:
    """The playground as it opens: with the first of the cast."""
    window.go(house.url)
    window.settled()
    return window
