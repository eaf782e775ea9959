"""WAHA and Evolution API in Wawp's place, and behind it when it fails."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from gateway.sandbox import API_KEY, EVOLUTION_INSTANCE
from tests import processes
from tests.processes import Control, command, environment, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.processes import Running

MAYA, HIDDEN, LID = "15551234567", "15555550110", "123456789012345@lid"
BRAZIL: Final = "5511987654321"


def others(url: str) -> dict[str, str]:
    """Settings of a WAHA and an Evolution API at `url`."""
    return {
        "WAHA_BASE_URL": url,
        "WAHA_API_KEY": API_KEY,
        "EVOLUTION_BASE_URL": url,
        "EVOLUTION_API_KEY": API_KEY,
        "EVOLUTION_INSTANCE": EVOLUTION_INSTANCE,
        "GATEWAY_LOG_LEVEL": "debug",
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A sandbox of its own: its phone is unlinked now and then."""
    with processes.sandbox(tmp_path_factory.mktemp("first")) as started:
        yield started


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A second sandbox: what stands behind Wawp."""
    with processes.sandbox(tmp_path_factory.mktemp("spare")) as started:
        yield started


@pytest.fixture
def wawp(first: Running) -> Control:
    lever = Control(first.url)
    lever.reset()
    return lever


@pytest.fixture
def behind(spare: Running) -> Control:
    lever = Control(spare.url)
    lever.reset()
    return lever


@pytest.fixture
def chained(first: Running, spare: Running, tmp_path: Path) -> Iterator[Running]:
    """A gateway that asks Wawp, and then a WAHA elsewhere."""
    settings = settings_for(first.url, tmp_path / "store", **others(spare.url)) | {
        "GATEWAY_RESOLVER": "wawp,waha",
        "GATEWAY_CDN_ORIGINS": f"{first.url},{spare.url}",
    }
    with processes.gateway(tmp_path, settings) as started:
        yield started


def look(gateway: Running, contact: str) -> str:
    """What a viewer sees: a photo, or why there is none."""
    answer = httpx.get(f"{gateway.url}/avatar/{contact}.png?size=32", timeout=30)
    assert answer.status_code == 200
    return answer.headers.get("avatar-reason") or answer.headers["avatar-source"]


@pytest.mark.parametrize("name", ["waha", "evolution"])
def test_each_of_them_can_stand_alone(upstream: Running, name: str, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, tmp_path / "store", **others(upstream.url))
    settings |= {"GATEWAY_RESOLVER": name}
    for unneeded in ("WAWP_INSTANCE_ID", "WAWP_ACCESS_TOKEN", "WAWP_BASE_URL"):
        settings.pop(unneeded)
    with processes.gateway(tmp_path, settings) as gateway:
        seen = [look(gateway, each) for each in (MAYA, HIDDEN, LID, "me", BRAZIL)]
        assert seen == ["photo", "none", "photo", "photo", "photo"]
        done = subprocess.run(
            command("doctor", MAYA),
            cwd=tmp_path,
            env=environment(settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the WhatsApp session works" in done.stdout
    assert API_KEY not in done.stdout + done.stderr + gateway.log.read_text()


def test_the_next_is_asked_only_after_an_error(
    chained: Running, wawp: Control, behind: Control
) -> None:
    assert [look(chained, each) for each in (MAYA, HIDDEN)] == ["photo", "none"]
    assert behind.counts()["picture"] == 0
    numbers = [f"1555888000{number}" for number in range(1, 5)]
    for number in numbers[:2]:
        wawp.set(number, api="server_error_500")
    assert [look(chained, number) for number in numbers] == ["photo"] * 4
    asked = [call["contact"] for call in behind.calls() if call["kind"] == "picture"]
    assert asked == [f"{number}@c.us" for number in numbers[:2]]


def test_a_phone_that_is_not_linked_leaves_the_questions_to_the_other(
    chained: Running, wawp: Control, behind: Control
) -> None:
    wawp.session("SCAN_QR_CODE")
    numbers = [f"1555888010{number}" for number in range(1, 7)]
    assert {look(chained, number) for number in numbers} == {"photo"}
    assert behind.counts()["picture"] == len(numbers)
    # Its breaker is open: one question in five seconds finds out whether it is back.
    assert wawp.counts()["picture"] < len(numbers)
    log = chained.log.read_text()
    assert API_KEY not in log
    assert not any(number in log for number in numbers)


def test_doctor_looks_at_each_in_order(
    first: Running, spare: Running, behind: Control, tmp_path: Path
) -> None:
    behind.session("SCAN_QR_CODE")
    settings = settings_for(first.url, tmp_path / "store", **others(spare.url))
    done = subprocess.run(
        command("doctor"),
        cwd=tmp_path,
        env=environment(settings | {"GATEWAY_RESOLVER": "wawp,waha,evolution"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    hosts = [each.url.removeprefix("http://") for each in (first, spare)]
    assert 0 < done.stdout.find(hosts[0]) < done.stdout.find(hosts[1])
    assert "the WhatsApp session is SCAN_QR_CODE" in done.stdout
    assert "the WhatsApp session is CLOSE" in done.stdout
