"""The life of the processes: coalescing, restarts, reloads, ends, and the command line."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from gateway.sandbox import ACCESS_TOKEN, CAST
from tests import processes
from tests.e2e.wire import Viewer
from tests.processes import command, environment, free_port, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.processes import Control, Running

MAYA = "15551234567@c.us"


def run(
    folder: Path, *arguments: str, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def own_upstream(tmp_path: Path) -> Iterator[Running]:
    with processes.sandbox(tmp_path) as started:
        yield started


@pytest.mark.anyio
async def test_a_thousand_cold_viewers_are_one_question_and_one_download(
    own_upstream: Running, tmp_path: Path
) -> None:
    control = processes.Control(own_upstream.url)
    settings = settings_for(own_upstream.url, tmp_path / "store", GATEWAY_DEADLINE="30s")
    with processes.gateway(tmp_path, settings, workers=1) as served:
        control.gate("picture", "close")
        targets = [
            f"/avatar/{spelling}.{extension}?size={size}"
            for size in (24, 48, 64, 96, 128)
            for extension in ("png", "webp")
            for spelling in (MAYA, "+15551234567")
        ]
        viewers = await asyncio.gather(
            *(Viewer.ask(served.url, targets[n % len(targets)]) for n in range(1000))
        )
        await asyncio.to_thread(control.waiting, "picture", 1)
        control.gate("picture", "open")
        answers = await asyncio.gather(*(viewer.answer() for viewer in viewers))
        assert all(b"avatar-source: photo" in answer for answer in answers)
        counts = control.counts()
    assert (counts["picture"], counts["cdn"]) == (1, 1)


@pytest.mark.anyio
async def test_a_viewer_who_leaves_takes_nothing_along(
    own_upstream: Running, tmp_path: Path
) -> None:
    control = processes.Control(own_upstream.url)
    settings = settings_for(own_upstream.url, "memory:", GATEWAY_DEADLINE="30s")
    with processes.gateway(tmp_path, settings, workers=1) as served:
        control.gate("picture", "close")
        first = await Viewer.ask(served.url, f"/avatar/{MAYA}.png")
        await asyncio.to_thread(control.waiting, "picture", 1)
        second = await Viewer.ask(served.url, f"/avatar/{MAYA}.png")
        await first.leave()
        control.gate("picture", "open")
        assert b"avatar-source: photo" in await second.answer()
        assert control.counts()["picture"] == 1


def test_a_photo_survives_restarts(own_upstream: Running, tmp_path: Path) -> None:
    control = processes.Control(own_upstream.url)
    settings = settings_for(own_upstream.url, tmp_path / "store")
    tags = []
    for _ in range(3):
        with processes.gateway(tmp_path, settings) as served:
            tags.append(httpx.get(f"{served.url}/avatar/{MAYA}.png").headers["etag"])
            assert served.stop() == 0
    assert len(set(tags)) == 1
    assert control.counts()["picture"] == 1
    kept = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert kept
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    folders = [path for path in (tmp_path / "store").rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert not any("15551234567" in str(path) for path in kept)


def test_hup_reads_the_settings_again_and_keeps_the_old_ones_if_they_are_wrong(
    upstream: Running, tmp_path: Path
) -> None:
    settings = settings_for(upstream.url, "memory:")
    file = tmp_path / ".env"
    with processes.gateway(tmp_path, settings, workers=1) as served:

        def size_after_hup(text: str, expected: int) -> None:
            file.write_text(f"GATEWAY_DEFAULT_SIZE={text}\n")
            served.process.send_signal(signal.SIGHUP)
            for _ in range(600):  # until the new worker has taken over
                body = httpx.get(f"{served.url}/avatar/status@broadcast.png").content
                if Image.open(io.BytesIO(body)).size == (expected, expected):
                    return
            raise AssertionError(served.log.read_text())

        size_after_hup("64", 64)
        size_after_hup("72", 72)
        file.write_text("GATEWAY_DEFAULT_SIZE=enormous\n")
        served.process.send_signal(signal.SIGHUP)
        while (
            "Settings kept as they were: GATEWAY_DEFAULT_SIZE takes" not in served.log.read_text()
        ):
            assert httpx.get(f"{served.url}/healthz").status_code == 200
        body = httpx.get(f"{served.url}/avatar/status@broadcast.png").content
        assert Image.open(io.BytesIO(body)).size == (72, 72)
        assert served.stop() == 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"WAWP_ACCESS_TOKEN": ""}, "WAWP_ACCESS_TOKEN must be set"),
        ({"GATEWAY_DEADLINE": "soon"}, "GATEWAY_DEADLINE takes a duration"),
        ({"GATEWAY_STORE": "file:///proc/nowhere"}, "GATEWAY_STORE cannot be used"),
        ({"GATEWAY_FALLBACK_IMAGE": __file__}, "GATEWAY_FALLBACK_IMAGE takes"),
        ({"PORT": "http"}, "PORT takes a number"),
        ({"WEB_CONCURRENCY": "-1"}, "WEB_CONCURRENCY takes a number"),
    ],
)
def test_wrong_settings_stop_the_start_with_one_line(
    tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    right = settings_for("http://127.0.0.1:9", "memory:")
    done = run(tmp_path, "serve", settings=right | settings)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("avatar-gateway: ")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
    assert ACCESS_TOKEN not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serve", "--prot", "1"], "--prot"),
        (["serve", "--port", "many"], "port"),
        (["fly"], "fly"),
        (["fetch"], "CONTACT"),
        (["fetch", "nonsense"], "contact id"),
        (["fetch", MAYA, "--size", "9"], "size takes"),
        (["fetch", MAYA, "-o", "face.gif"], "--output takes"),
        (["url", "nonsense"], "contact id"),
        (["url", MAYA, "--size", "9"], "size takes"),
        (["url", MAYA, "--opaque"], "--opaque needs GATEWAY_SIGNING_KEYS"),
        (["url", MAYA, "--expires", "30d"], "--expires needs GATEWAY_SIGNING_KEYS"),
        (["url", MAYA, "--html", "--email"], "exclude each other"),
        (["doctor", "nonsense"], "contact id"),
        (["demo", "--port", "8000", "--sandbox-port", "8000"], "must differ"),
    ],
)
def test_wrong_usage_is_one_line_that_names_it(
    tmp_path: Path, arguments: list[str], named: str
) -> None:
    done = run(tmp_path, *arguments, settings=settings_for("http://127.0.0.1:9", "memory:"))
    assert done.returncode == 2
    assert named.lower() in done.stderr.lower()
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["serve", "--port"], ["sandbox", "--port"]])
def test_a_taken_port_is_one_line(upstream: Running, tmp_path: Path, arguments: list[str]) -> None:
    taken = upstream.url.rpartition(":")[2]
    done = run(tmp_path, *arguments, taken, settings=settings_for(upstream.url, "memory:"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"--port {taken}" in done.stderr


def test_what_is_no_setting_is_named_in_one_warning(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, "memory:", GATEWAY_DEADLIN="1s")
    with processes.gateway(tmp_path, settings, workers=1) as served:
        pass
    assert served.log.read_text().count("did you mean GATEWAY_DEADLINE") == 1


def test_the_demo_starts_both_and_leaves_nothing(tmp_path: Path) -> None:
    port, sandbox_port = free_port(), free_port()
    arguments = ["demo", "--port", str(port), "--sandbox-port", str(sandbox_port)]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # A real account in the environment must never be asked by a demo.
    real = {
        "TMPDIR": str(scratch),
        "WAWP_INSTANCE_ID": "REAL",
        "WAWP_ACCESS_TOKEN": "real",
        "GATEWAY_STORE": (tmp_path / "real-store").as_uri(),
    }
    with processes.running(arguments, tmp_path, port=port, settings=real) as demo:
        while "Ctrl-C stops both" not in demo.log.read_text():
            assert demo.process.poll() is None
        photo = httpx.get(f"{demo.url}/avatar/{MAYA}.png?size=96&dpr=2&shape=circle")
        assert photo.headers["avatar-source"] == "photo"
        page = httpx.get(f"http://127.0.0.1:{sandbox_port}/").text
        assert f"http://127.0.0.1:{port}/avatar/" in page
        first = re.search(r"https?://\S+", demo.log.read_text())
        assert first is not None
        assert first[0] == f"{demo.url}/"
        assert "Playground" in httpx.get(first[0]).text
        offered = httpx.get(f"{demo.url}/playground.json").json()["examples"]
        assert [each["id"] for each in offered] == [each.id for each in CAST]
        assert demo.stop(signal.SIGINT) == 0
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "real-store").exists()
    for each in (port, sandbox_port):
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{each}/healthz")


def test_fetch_writes_a_photo_or_a_fallback(
    upstream: Running, control: Control, tmp_path: Path
) -> None:
    settings = settings_for(upstream.url, tmp_path / "store", GATEWAY_DEADLINE="30s")
    arguments = ["-o", "face.webp", "--size", "40", "--dpr", "2", "--shape", "circle"]
    done = run(tmp_path, "fetch", MAYA, *arguments, settings=settings)
    assert (done.returncode, done.stdout) == (0, "")
    with Image.open(tmp_path / "face.webp") as face:
        assert (face.format, face.size) == ("WEBP", (80, 80))
    before = control.counts()["picture"]
    again = run(tmp_path, "fetch", MAYA, settings=settings)
    assert again.returncode == 0
    assert control.counts()["picture"] == before
    hidden = run(tmp_path, "fetch", "15555550110", "-o", "nobody.jpg", settings=settings)
    assert hidden.returncode == 1
    assert "none" in hidden.stderr
    assert (tmp_path / "nobody.jpg").stat().st_size > 0


@pytest.mark.parametrize(
    ("contact", "status", "told"),
    [
        ("", 0, "the WhatsApp session works"),
        (MAYA, 0, "the picture can be shown"),
        ("15555550110", 1, "their choice"),
        ("15555550118", 1, "reason: upstream"),
        ("15555550117", 1, "reason: undecodable"),
        ("15555550119", 0, "that URL is dead already"),
        ("status@broadcast", 1, "no picture exists"),
    ],
)
def test_the_doctor_says_why(
    upstream: Running, tmp_path: Path, contact: str, status: int, told: str
) -> None:
    settings = settings_for(upstream.url, tmp_path / "store")
    done = run(tmp_path, "doctor", *filter(None, [contact]), settings=settings)
    assert told in done.stdout
    assert done.returncode == status, done.stdout
    assert ACCESS_TOKEN not in done.stdout + done.stderr


def test_the_doctor_finds_what_is_wrong_with_the_set_up(tmp_path: Path) -> None:
    port = free_port()
    settings = settings_for(f"http://127.0.0.1:{port}", "memory:", GATEWAY_FOO="1")
    done = run(tmp_path, "doctor", settings=settings)
    assert done.returncode == 1
    assert "GATEWAY_FOO is no setting" in done.stdout
    assert f"127.0.0.1:{port}" in done.stdout
    assert "Traceback" not in done.stderr


def test_version_and_help(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout.strip()
    shown = run(tmp_path, "--help").stdout
    assert all(name in shown for name in ("serve", "demo", "sandbox", "fetch", "url", "doctor"))


@pytest.mark.parametrize(("store", "expected"), [("memory:", 1), ("", None)])
def test_a_store_in_memory_is_served_by_one_worker_if_nobody_says(
    upstream: Running, tmp_path: Path, store: str, expected: int | None
) -> None:
    """What is suppressed in one would go on in another: it keeps its own."""
    port = free_port()
    settings = settings_for(upstream.url, store or tmp_path / "store")
    with processes.running(
        ["serve", "--port", str(port)], tmp_path, port=port, settings=settings
    ) as served:
        bounds = httpx.get(f"{served.url}/readyz").json()["bounds"]
        workers = expected or min(len(os.sched_getaffinity(0)), 4)
        until = time.monotonic() + 20
        while served.log.read_text().count("Booting worker") < workers:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert served.stop() == 0
    assert served.log.read_text().count("Booting worker") == workers
    assert ("several workers" in bounds) is (store == "memory:")


def test_serve_listens_where_a_platform_says(upstream: Running, tmp_path: Path) -> None:
    port = free_port()
    settings = settings_for(upstream.url, "memory:", PORT=str(port), WEB_CONCURRENCY="1")
    with processes.running(["serve"], tmp_path, port=port, settings=settings) as served:
        log = served.log.read_text()
        assert f"0.0.0.0:{port}" in log
        assert log.count("Booting worker") == 1
