"""The numbers of a running gateway: right over all workers, through reloads and deaths."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from gateway.telemetry import metrics as m
from tests import processes
from tests.processes import settings_for
from tests.scrapes import Scrape

if TYPE_CHECKING:
    from tests.processes import Running

ROUND = 40
BEARER = {"authorization": "Bearer numbers-are-mine"}
_PATIENCE = 30.0


def view(served: Running, contact: str = "15551234567") -> None:
    """Look on a connection of its own, so that any worker may answer."""
    answer = httpx.get(f"{served.url}/avatar/{contact}.png?size=48", timeout=30)
    assert answer.status_code == 200


def scrape(served: Running) -> Scrape:
    answer = httpx.get(f"{served.url}/metrics", headers=BEARER, timeout=30)
    assert answer.status_code == 200
    return Scrape(answer.text)


def scrape_until(served: Running, name: str, value: float) -> Scrape:
    limit = time.monotonic() + _PATIENCE
    while (seen := scrape(served)).value(name) != value:
        assert time.monotonic() < limit, served.log.read_text()
        time.sleep(0.05)
    return seen


def workers(served: Running) -> list[int]:
    """The processes of the workers, by what Linux knows of their parent."""
    found = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text()
    return [int(pid) for pid in found.split()]


def assert_grown(before: Scrape, after: Scrape) -> None:
    """No counter has gone down, whoever was asked."""
    now = after.counters()
    fallen = {key: value for key, value in before.counters().items() if now[key] < value}
    assert fallen == {}


def photos(seen: Scrape) -> float:
    return seen.value(m.ANSWERS.name, status="200", source="photo", reason="")


def test_counters_add_up_over_workers_reloads_and_deaths(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(
        upstream.url,
        tmp_path / "store",
        GATEWAY_METRICS_TOKEN="numbers-are-mine",
        GATEWAY_DEADLINE="30s",
    )
    with processes.gateway(tmp_path, settings, workers=2) as served:
        assert httpx.get(f"{served.url}/metrics").status_code == 401
        seen = scrape_until(served, m.WORKERS.name, 2)
        expected = 0

        def look() -> None:
            nonlocal seen, expected
            for _ in range(ROUND):
                view(served)
            expected += ROUND
            # Hot answers are told of twice a second; then whichever worker is asked says the same.
            limit = time.monotonic() + _PATIENCE
            while photos(scrape(served)) < expected:
                assert time.monotonic() < limit
            for _ in range(6):
                later = scrape(served)
                assert photos(later) == later.total(m.LOOKS.name) == expected
                assert_grown(seen, later)
                seen = later

        look()
        assert seen.value(m.QUERIES.name, resolver="wawp", outcome="photo") == 1
        assert seen.value(m.DOWNLOADS.name, outcome="photo") == 1
        assert seen.value(m.DECODES.name, outcome="photo") == 1

        for number in (1, 2):
            served.process.send_signal(signal.SIGHUP)
            scrape_until(served, m.WORKERS_STARTED.name, 2 + 2 * number)
            seen = scrape_until(served, m.WORKERS.name, 2)
            look()
        assert seen.value(m.WORKERS_LOST.name) == 0

        for number in (1, 2, 3):
            os.kill(workers(served)[0], signal.SIGKILL)
            scrape_until(served, m.WORKERS_STARTED.name, 6 + number)
            seen = scrape_until(served, m.WORKERS.name, 2)
            look()
            assert seen.value(m.WORKERS_LOST.name) == number
        assert seen.value(m.LOOKS.name, result="hot") > ROUND
        assert seen.value(m.UNCOUNTED.name) == 0
        assert 10e6 < seen.value(m.MEMORY.name) < 1e9
        assert served.stop() == 0


def test_nothing_in_the_numbers_names_anybody(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, "memory:")
    with processes.gateway(tmp_path, settings, workers=1) as served:
        view(served)
        text = httpx.get(f"{served.url}/metrics").text
    for secret in ("15551234567", "127.0.0.1", "pps.whatsapp", "c.us", "oh="):
        assert secret not in text


def test_all_lines_are_json_in_one_stream_and_requests_have_lines_of_their_own(
    upstream: Running, tmp_path: Path
) -> None:
    settings = settings_for(
        upstream.url, tmp_path / "store", GATEWAY_LOG_FORMAT="json", GATEWAY_ACCESS_LOG="on",
        GATEWAY_LOG_LEVEL="debug", GATEWAY_DEADLINE="30s",
    )  # fmt: skip
    with processes.gateway(tmp_path, settings, workers=2) as served:
        for _ in range(ROUND):  # no short cut keeps any of them from having its line
            view(served)
        served.process.send_signal(signal.SIGHUP)
        scrape_until_plain(served, 4)
        view(served)
        assert served.stop() == 0
        lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    told = [line for line in lines if line["event"] == "request" and line["route"] == "avatar"]
    assert [(line["status"], line["source"], line["method"]) for line in told] == [
        (200, "photo", "GET")
    ] * (ROUND + 1)
    assert len({line["contact"] for line in told}) == 1
    assert {"server", "gateway.started", "gateway.stopped"} <= {line["event"] for line in lines}
    assert any("Booting worker" in line.get("detail", "") for line in lines)
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "15551234567" not in served.log.read_text()


def scrape_until_plain(served: Running, started: float) -> None:
    limit = time.monotonic() + _PATIENCE
    while Scrape(httpx.get(f"{served.url}/metrics").text).value(m.WORKERS_STARTED.name) < started:
        assert time.monotonic() < limit
        time.sleep(0.05)
