"""One fault of each class once more, through gunicorn and from outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from gateway.sandbox import HOSTILE_URLS
from tests import processes
from tests.faults.stage import SECRETS, SIZE, SLACK, View, assert_clean, assert_well_formed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.processes import Control, Running

DEADLINE: Final = 2.0

# What the contact plays: what the first view shows, and the calls that reach the upstream.
CLASSES: Final[dict[str, tuple[dict[str, object], str, int, int]]] = {
    "photo": ({}, "photo", 1, 1),
    "photo after a refresh": ({"cdn": "expired", "times": 1}, "photo", 2, 2),
    "odd photo": ({"cdn": "cmyk"}, "photo", 1, 1),
    "none": ({"api": "url_null"}, "none", 1, 0),
    "timeout at the API": ({"api": "hang"}, "timeout", 1, 0),
    "timeout at the CDN": ({"cdn": "slow_body"}, "timeout", 1, 1),
    "disconnected": ({"api": "invalid_session"}, "disconnected", 1, 0),
    "upstream": ({"api": "garbage_status"}, "upstream", 1, 0),
    "upstream at the CDN": ({"cdn": "cut"}, "upstream", 1, 1),
    "budget": ({"api": "too_many_requests_seconds"}, "budget", 1, 0),
    "blocked": ({"api": f"url:{HOSTILE_URLS['metadata']}"}, "blocked", 1, 0),
    "undecodable": ({"cdn": "corrupt"}, "undecodable", 1, 1),
    "scan bomb": ({"cdn": "scan_bomb"}, "undecodable", 1, 1),
}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with processes.sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture(scope="module")
def control(upstream: Running) -> Control:
    return processes.Control(upstream.url)


@pytest.fixture
def served(upstream: Running, tmp_path: Path) -> Iterator[Running]:
    """A gateway for each class: an API that refuses one contact is left alone for all."""
    folder = tmp_path
    settings = processes.settings_for(
        upstream.url,
        folder / "store",
        GATEWAY_DEADLINE=f"{DEADLINE}s",
        GATEWAY_UPSTREAM_TIMEOUT=f"{DEADLINE + 0.5}s",
        GATEWAY_LOG_LEVEL="debug",
    )
    with processes.gateway(folder, settings, workers=1) as started:
        yield started


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_of_answer_comes_out_of_the_server_as_it_should(
    served: Running, control: Control, tmp_path: Path, kind: str
) -> None:
    scenario, shown, pictures, downloads = CLASSES[kind]
    number = f"1888555{1000 + list(CLASSES).index(kind)}1"
    contact = f"{number}@c.us"
    if scenario:
        control.set(contact, **scenario)
    view = look(served, contact)
    assert (view.reason or "photo") == shown
    assert view.life == ("fresh" if shown == "photo" else "passing")
    deadline = time.monotonic() + 20
    while look(served, contact).waits and time.monotonic() < deadline:
        pass
    asked = [call["kind"] for call in control.calls() if call["contact"] == contact]
    assert (asked.count("picture"), asked.count("cdn")) == (pictures, downloads)
    assert_clean(tmp_path / "store", number)
    log = served.log.read_text()
    assert [secret for secret in (*SECRETS, number) if secret in log] == []
    assert "Traceback" not in log


def look(served: Running, contact: str) -> View:
    """View, and judge all that holds for any answer."""
    began = time.monotonic()
    response = httpx.get(f"{served.url}/avatar/{contact}.png?size={SIZE}", timeout=30)
    view = View(response, time.monotonic() - began)
    assert_well_formed(view, SIZE)
    assert view.seconds <= 2 * (DEADLINE + SLACK)
    return view
