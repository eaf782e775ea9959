"""Renditions from a known portrait: by the library alone, and by whole servers."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from gateway.imaging.cleaning import develop
from gateway.imaging.rendering import render
from gateway.model import Canvas, Format, Photo, PhotoUrl
from tests.bench import peers, servers
from tests.bench.asking import ask, require_photos
from tests.bench.quality import reference
from tests.bench.rounds import Notes, Row, compare
from tests.bench.servers import Missing, Server
from tests.bench.wrk import Question, Shot, shoot
from tests.imaging.pictures import decoded, pixels, psnr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTACTS: Final = 15_552_000_000
KNOWN: Final = 300
SIDE: Final = 96
_TURNS: Final = 9
_CONNECTIONS: Final = 4

Draw = tuple[float, float, float]
"""Milliseconds of CPU, bytes, and dB against linear light: medians over the photographs."""


@dataclass(frozen=True, slots=True)
class Library:
    """A picture made by one library: medians over the photographs, then over the turns."""

    name: str
    ms: float
    ratio: float
    size: float
    psnr: float

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def measure_libraries(
    folder: Path, originals: list[bytes], *, turns: int, notes: Notes
) -> list[Library]:
    """The same 640 px masters become 96 px PNGs; ours first, to which all others are compared."""
    masters = [_portrait(original) for original in originals]
    place = folder / "masters"
    place.mkdir()
    for number, photo in enumerate(masters):
        (place / f"{number}.jpg").write_bytes(photo.master)
    wanted = [reference(photo.master, SIDE) for photo in masters]
    ways: dict[str, Callable[[], list[Draw]]] = {
        "avatar-gateway": partial(_timed, [partial(_ours, photo) for photo in masters], wanted),
        "Pillow, as one would": partial(
            _timed, [partial(_naive, photo.master) for photo in masters], wanted
        ),
    }
    for name, command in (("sharp", _sharp), ("libvips", _vips)):
        try:
            ways[name] = partial(_told, command(place), wanted)
        except Missing as missing:
            notes.missing(name, missing)
    found: dict[str, list[Draw]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            figures = way()
            found[name].append(
                (
                    median(ms for ms, _, _ in figures),
                    median(size for _, size, _ in figures),
                    median(decibel for _, _, decibel in figures),
                )
            )
    own = found["avatar-gateway"]
    return [
        Library(
            name,
            ms=median(ms for ms, _, _ in draws),
            ratio=median(ms / first for (ms, _, _), (first, _, _) in zip(draws, own, strict=True)),
            size=draws[0][1],
            psnr=draws[0][2],
        )
        for name, draws in found.items()
    ]


def measure_servers(
    folder: Path, api: Server, pictures: Path, *, rounds: int, seconds: int, notes: Notes
) -> list[Row]:
    """Whole requests for 300 contacts in turn, whose answers nobody keeps."""
    with ExitStack() as stack:
        ours = stack.enter_context(
            servers.gateway(folder / "known", api, GATEWAY_CACHE_SIZE="1MiB")
        )
        known = [f"/avatar/{CONTACTS + number}.png?size=64" for number in range(KNOWN)]
        require_photos(asyncio.run(ask(ours.url, known, at_once=4)))
        asked = {ours: Question(f"/avatar/{{n}}.png?size={SIDE}", CONTACTS, KNOWN)}
        for name, peer in _peers(folder, pictures).items():
            try:
                server, pattern = stack.enter_context(peer()), _PATTERNS[name]
            except Missing as missing:
                notes.missing(name, missing)
            else:
                asked[server] = Question(pattern)
        shots: dict[str, Callable[[], Shot]] = {
            server.name: partial(
                shoot, server.url, server.pid, question, connections=_CONNECTIONS, seconds=seconds
            )
            for server, question in asked.items()
        }
        return compare(f"{SIDE} px, PNG", shots, rounds=rounds)


_PATTERNS: Final = {
    "thumbor": f"/unsafe/{SIDE}x{SIDE}/filters:format(png)/00003.jpg",
    "ipx": f"/f_png,s_{SIDE}x{SIDE}/00003.jpg",
    "nginx image_filter (JPEG)": "/00003.jpg",
}


def _peers(folder: Path, pictures: Path) -> dict[str, Callable[[], Any]]:
    place = folder / "renditions"
    place.mkdir()
    return {
        "thumbor": partial(peers.thumbor, place, root=pictures),
        "ipx": partial(peers.ipx, place, pictures),
        "nginx image_filter (JPEG)": partial(
            servers.image_filter, place, f"root {pictures};", SIDE
        ),
    }


def _portrait(original: bytes) -> Photo:
    whole, small = develop(original, 16)[1]()
    return Photo(PhotoUrl("https://x/a.jpg"), 1.0, 1.0, 1.0, "0a1b", None, whole, small)


def _ours(photo: Photo) -> bytes:
    canvas = Canvas(SIDE, Format.PNG)
    return render(photo.original(canvas.pixels), canvas)


def _naive(master: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(master)) as picture:
        picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _timed(draws: list[Callable[[], bytes]], wanted: list[Any]) -> list[Draw]:
    figures = []
    for draw, right in zip(draws, wanted, strict=True):
        times = []
        for _ in range(_TURNS):
            before = time.process_time()
            body = draw()
            times.append(1000 * (time.process_time() - before))
        figures.append((median(times), float(len(body)), _fidelity(body, right)))
    return figures


def _told(command: list[str], wanted: list[Any]) -> list[Draw]:
    """The figures that another program prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        (each["ms"], each["bytes"], _fidelity(base64.b64decode(each["body"]), right))
        for each, right in zip(json.loads(done.stdout), wanted, strict=True)
    ]


def _fidelity(body: bytes, wanted: Any) -> float:  # noqa: ANN401 - pixels
    return psnr(pixels(decoded(body).convert("RGB")), wanted)


def _sharp(place: Path) -> list[str]:
    script = str(servers.HERE / "sharp.mjs")
    return ["env", "-C", str(peers.node()), "node", script, *_job(place)]


def _vips(place: Path) -> list[str]:
    script = str(servers.HERE / "vips.py")
    return ["env", "VIPS_CONCURRENCY=1", str(peers.python()), script, *_job(place)]


def _job(place: Path) -> list[str]:
    return [str(place), str(SIDE), "png", str(_TURNS)]
