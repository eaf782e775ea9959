"""Start-up and memory: until the first byte, of each process, of each avatar that is kept."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from gateway.darkroom.keeper import ENTRY
from tests import processes
from tests.bench import machine, servers
from tests.bench.asking import ask, require_photos
from tests.processes import HOST, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.servers import Server

CONTACTS: Final = 15_555_000_000
AVATARS: Final = 4_000
_STARTS: Final = 5
_SIZES: Final = 16
_QUESTION: Final = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Footprint:
    """Seconds until the first byte; MiB (PSS) of processes; bytes beside the body of an avatar.

    Each worker has two children: `darkroom` draws, `quarantine` decodes what is not ours.
    """

    start: float
    master: float
    worker: float
    further: float
    darkroom: float
    quarantine: float
    avatar: float

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def measure(folder: Path, api: Server) -> Footprint:
    """Everything of ours alone."""
    start = median(_start(folder / f"start-{number}", api) for number in range(_STARTS))
    with servers.gateway(folder / "pair", api, workers=2) as pair:
        drawing = _settled(pair.pid, workers=2)
        both = sum(machine.memory(pid) for pid in machine.tree(pair.pid) if pid not in drawing)
        darkroom = sum(map(machine.memory, drawing)) / len(drawing)
    with servers.gateway(folder / "one", api, GATEWAY_CACHE_SIZE="256MiB") as one:
        drawing = _settled(one.pid, workers=1)
        master, worker = (pid for pid in machine.tree(one.pid) if pid not in drawing)
        held = machine.memory(master), machine.memory(worker)
        targets = [
            f"/avatar/{CONTACTS + number // _SIZES}.png?size={32 + 2 * (number % _SIZES)}"
            for number in range(AVATARS)
        ]
        # One avatar starts the quarantine and loads what drawing needs.
        require_photos(asyncio.run(ask(one.url, targets[:1])))
        known = (master, worker, *drawing)
        quarantine = sum(machine.memory(pid) for pid in machine.tree(one.pid) if pid not in known)
        before = machine.memory(worker)
        replies = asyncio.run(ask(one.url, targets[1:], at_once=4))
        require_photos(replies)
        grown = (machine.memory(worker) - before) * 2**20
        bodies = sum(len(reply.body) for reply in replies)
    return Footprint(
        start=start,
        master=held[0],
        worker=held[1],
        further=both - sum(held),
        darkroom=darkroom,
        quarantine=quarantine,
        avatar=(grown - bodies) / len(replies),
    )


def _settled(pid: int, *, workers: int) -> list[int]:
    """Wait until all of the gateway `pid` has started; return the children that draw."""
    limit, last = time.monotonic() + 30, 0.0
    while time.monotonic() < limit:
        time.sleep(0.5)
        drawing, taken = _drawing(pid), sum(map(machine.memory, machine.tree(pid)))
        if len(drawing) == workers and abs(taken - last) < 0.5:
            return drawing
        last = taken
    raise TimeoutError("the gateway does not come to rest")


def _drawing(pid: int) -> list[int]:
    """The children that draw, of all workers of the gateway `pid`; they start with these."""
    name = ENTRY.partition(":")[0].encode()
    return [each for each in machine.tree(pid) if name in machine.command(each)]


def _start(folder: Path, api: Server) -> float:
    """Seconds from the start of the process to the first byte of an answer."""
    port = free_port()
    folder.mkdir()
    command = processes.command("serve", "--port", str(port), "--workers", "1")
    env = processes.environment(processes.settings_for(api.url, folder / "store"))
    began = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        while time.perf_counter() - began < 30:
            with suppress(OSError), socket.create_connection((HOST, port), 5) as line:
                line.sendall(_QUESTION)
                if line.recv(1):
                    return time.perf_counter() - began
            time.sleep(0.002)
        raise TimeoutError((folder / "log").read_text())
    finally:
        process.terminate()
        process.wait(30)
