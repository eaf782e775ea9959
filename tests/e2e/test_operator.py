"""What an operator does on the command line while a gateway runs: warm, purge, interrupt."""

from __future__ import annotations

import signal
import subprocess
import time
from itertools import islice
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.sandbox.cast import has_photo
from tests import processes
from tests.processes import command, environment, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.processes import Control, Running

ADMIN = {
    "GATEWAY_ADMIN_TOKEN": "an-admin-token",
    "GATEWAY_LOG_LEVEL": "debug",
    "GATEWAY_DEADLINE": "10s",  # what a photo takes on a busy machine is not tested here
}
BEARER = {"Authorization": "Bearer an-admin-token"}


@pytest.fixture
def settings(upstream: Running, tmp_path: Path) -> dict[str, str]:
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    return settings_for(upstream.url, tmp_path / "store", **ADMIN) | state


@pytest.fixture
def gateway(settings: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    with processes.gateway(tmp_path, settings) as started:
        yield started


def run(
    folder: Path, settings: dict[str, str], *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def numbers(test: int, count: int) -> list[str]:
    """Numbers that belong to this test, whose owners have a photo."""
    candidates = (f"1777{test:03}{each:04}" for each in range(10_000))
    owners = (each for each in candidates if has_photo(f"{each}@c.us"))
    return list(islice(owners, count))


def views(gateway: Running, contact: str, times: int = 12) -> set[str]:
    """What viewers on connections of their own see, so that all workers answer."""
    seen = set()
    for _ in range(times):
        response = httpx.get(f"{gateway.url}/avatar/{contact}.png?size=48", timeout=30)
        assert response.status_code == 200
        seen.add(response.headers.get("avatar-reason", response.headers["avatar-source"]))
    return seen


def test_what_was_warmed_costs_no_viewer_a_question(
    settings: dict[str, str], gateway: Running, control: Control, tmp_path: Path
) -> None:
    contacts = numbers(1, 12)
    (tmp_path / "list.txt").write_text("\n".join([*contacts, "nonsense"]))
    done = run(tmp_path, settings, "warm", "list.txt", "--rate", "100/s")
    assert done.returncode == 1  # one line is no contact
    assert "photo" in done.stdout
    assert "no contact in line 13" in done.stderr
    assert not any(each in done.stdout + done.stderr for each in contacts)
    before = control.counts()["picture"]
    assert {reason for each in contacts for reason in views(gateway, each, 2)} == {"photo"}
    assert control.counts()["picture"] == before


def test_a_running_gateway_can_be_warmed_from_afar(
    settings: dict[str, str], gateway: Running, control: Control, tmp_path: Path
) -> None:
    (contact,) = numbers(2, 1)
    arguments = ["warm", "-", "--url", gateway.url, "--size", "64"]
    done = run(tmp_path, settings, *arguments, stdin=f"phone,name\n{contact},Ana\n")
    assert (done.returncode, done.stderr) == (0, "")
    before = control.counts()["picture"]
    assert views(gateway, contact) == {"photo"}
    assert control.counts()["picture"] == before


def test_warming_goes_on_where_it_was_interrupted(
    settings: dict[str, str], control: Control, tmp_path: Path
) -> None:
    contacts = [f"{each}@c.us" for each in numbers(3, 8)]
    (tmp_path / "list.txt").write_text("\n".join(contacts))
    first = subprocess.Popen(
        command("warm", "list.txt", "--rate", "4/s"),
        cwd=tmp_path,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    control.called(contacts[2])
    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=30)
    assert first.returncode == 130
    assert "goes on from here" in told
    done = run(tmp_path, settings, "warm", "list.txt")
    assert done.returncode == 0
    assert "8" in done.stdout
    asked = [call["contact"] for call in control.calls() if call["kind"] == "picture"]
    # Once each, but for those whose questions were interrupted, four at a time.
    assert all(1 <= asked.count(each) <= 2 for each in contacts)
    assert sum(asked.count(each) for each in contacts) <= 12


@pytest.mark.parametrize("afar", [False, True])
@pytest.mark.parametrize("suppress", [False, True])
def test_who_is_purged_is_shown_by_no_worker(
    settings: dict[str, str],
    gateway: Running,
    control: Control,
    tmp_path: Path,
    *,
    afar: bool,
    suppress: bool,
) -> None:
    contact = numbers(4, 4)[2 * afar + suppress]
    assert views(gateway, contact) == {"photo"}
    control.set(f"{contact}@c.us", api="not_found")
    where = ["--url", gateway.url] if afar else []
    done = run(tmp_path, settings, "purge", contact, *where, *["--suppress"][: int(suppress)])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 contact erased")
    ended = time.monotonic()
    while views(gateway, contact) != {"none"}:
        assert time.monotonic() - ended < 2 * 1.0
    control.set(f"{contact}@c.us")
    if suppress:
        assert views(gateway, contact) == {"none"}
        url = f"{gateway.url}/avatar/{contact}/refresh"
        response = httpx.post(url, headers=BEARER, timeout=30)
        assert response.json()["source"] == "photo"
        assert views(gateway, contact) == {"photo"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["warm", "missing.txt"], "cannot be read"),
        (["warm", "list.txt", "--rate", "often"], "--rate takes"),
        (["warm", "list.txt", "--size", "64"], "--size needs --url"),
        (["warm", "list.txt", "--url", "http://127.0.0.1:9"], "cannot be reached"),
        (["purge", "nonsense"], "none of the accepted forms"),
        (["purge", "15551234567", "--url", "http://127.0.0.1:9"], "cannot be reached"),
        (["purge"], "contacts"),
    ],
)
def test_wrong_usage_is_one_line_and_asks_nobody(
    settings: dict[str, str], tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "list.txt").write_text("15551234567\n")
    done = run(tmp_path, settings, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_in_memory_cannot_be_purged_from_outside(upstream: Running, tmp_path: Path) -> None:
    done = run(tmp_path, settings_for(upstream.url, "memory:"), "purge", "15551234567")
    assert done.returncode == 2
    assert "--url" in done.stderr


@pytest.mark.parametrize(
    ("api", "before", "told"),
    [
        ("photo", ["fetch"], "the store has a photo, current since"),
        ("not_found", ["fetch"], "no photo (certain)"),
        ("url_null", ["fetch"], "no photo (not yet confirmed)"),
        ("server_error_500", ["fetch"], "failures in a row: 1"),
        ("photo", ["purge", "--suppress"], "suppressed since"),
    ],
    ids=["photo", "none", "unsure", "failed", "suppressed"],
)
def test_the_doctor_tells_what_is_known_already(
    settings: dict[str, str],
    control: Control,
    tmp_path: Path,
    api: str,
    before: list[str],
    told: str,
) -> None:
    contact = numbers(5, 1)[0]
    control.set(f"{contact}@c.us", api=api)
    command_, *options = before
    run(tmp_path, settings, command_, contact, *options)
    done = run(tmp_path, settings, "doctor", contact)
    control.set(f"{contact}@c.us")
    assert told in done.stdout
    assert done.returncode == (told != "the store has a photo, current since"), done.stdout


def test_the_doctor_tells_of_the_budget_and_of_other_machines(
    settings: dict[str, str], tmp_path: Path
) -> None:
    done = run(tmp_path, settings | {"GATEWAY_UPSTREAM_RATE": "30/m"}, "doctor")
    assert "room for 10 questions" in done.stdout
    assert "another machine" in done.stdout
    contact = numbers(6, 1)[0]
    limited = settings | {"GATEWAY_UPSTREAM_RATE": "1/h", "GATEWAY_UPSTREAM_TIMEOUT": "2s"}
    run(tmp_path, limited, "fetch", contact)
    done = run(tmp_path, limited, "doctor", contact)
    assert "room for 0 questions" in done.stdout
    assert "reason: budget" in done.stdout


@pytest.mark.parametrize(("status", "told"), [(422, "not connected"), (401, "refused")])
def test_the_doctor_tells_of_an_api_that_nobody_asks(
    settings: dict[str, str], tmp_path: Path, control: Control, status: int, told: str
) -> None:
    contact = numbers(7, 2)[status == 401]
    control.set(f"{contact}@c.us", api="reply", params={"status": status, "body": "{}"})
    run(tmp_path, settings, "fetch", contact)
    done = run(tmp_path, settings, "doctor")
    assert "failing since" in done.stdout
    assert done.returncode == 1
    again = run(tmp_path, settings, "doctor", contact)
    assert told in again.stdout or "left alone" in again.stdout
