"""A gateway alone in a network of its own, whose only name server lies.

Run as a program inside new mount and network namespaces: the machine's own resolver is then
asked for real, nothing outside can be reached, and nothing of the machine is changed.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, cast

from gateway.sandbox import Sandbox
from tests.faults.stage import CALM, SHORT, MovableClock, asked, behind, staged

UNSHARE: Final = ("unshare", "--map-root-user", "--mount", "--net", "--")
LOOPBACK, ELSEWHERE = "127.0.0.1", "8.8.8.8"  # nothing but loopback exists in here
ROUNDS: Final = 6

_A, _AAAA, _IN = 1, 28, 1
_NO_ERROR, _SERVER_FAILED, _NO_SUCH_NAME = 0, 2, 3
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1

CODES: Final = {"unknown": _NO_SUCH_NAME, "failing": _SERVER_FAILED}
ADDRESSES: Final[dict[str, tuple[str, ...]]] = {
    "without-address": (),
    "private": (LOOPBACK,),
    "link-local": ("169.254.169.254",),
    "private-last": (ELSEWHERE, LOOPBACK),
    "private-first": (LOOPBACK, ELSEWHERE),
    "loopback-v6": ("::1",),
    "mapped": ("::ffff:127.0.0.1",),
}
TURNS: Final = {
    "rebinding-inwards": itertools.cycle([(ELSEWHERE,), (LOOPBACK,)]),
    "rebinding-outwards": itertools.cycle([(LOOPBACK,), (ELSEWHERE,)]),
}
"""What the first part of a name says about the answers; ``silent`` gets none."""


class NameServer(asyncio.DatagramProtocol):
    """Answers questions for an address as the name itself says."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 5
        manner = data[13 : 13 + data[12]].decode()
        kind = int.from_bytes(data[end - 4 : end - 2])
        if manner == "silent":
            return
        addresses = ADDRESSES.get(manner, ())
        if manner in TURNS and kind == _A:
            addresses = next(TURNS[manner])
        records = [_record(address) for address in addresses if _kind(address) == kind]
        flags = 0x8180 | CODES.get(manner, _NO_ERROR)
        head = data[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
        self._transport.sendto(head + data[12:end] + b"".join(records), addr)


def _kind(address: str) -> int:
    return _AAAA if ":" in address else _A


def _record(address: str) -> bytes:
    """An answer for the name asked about, good for no time at all."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    return struct.pack(">HHHIH", 0xC00C, _kind(address), _IN, 0, len(packed)) + packed


def seclude(folder: Path) -> None:
    """Bring loopback up and make it the only name server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {LOOPBACK}\n")
    subprocess.run(["mount", "--bind", str(file), "/etc/resolv.conf"], check=True)  # noqa: S607 - the system's


async def outcome(side: str, manner: str) -> dict[str, object]:
    """What viewers see, round by round, and what reached the upstream."""
    clock = MovableClock()
    async with Sandbox() as sandbox:
        real = sandbox.base_url
        named = real.replace(LOOPBACK, f"{manner}.example")
        settings = behind(named if side == "api" else real)
        sandbox.base_url = named if side == "cdn" else real
        settings |= {"GATEWAY_CDN_ORIGINS": sandbox.base_url}
        patience = SHORT if manner == "silent" else CALM
        reasons = []
        async with staged(settings, patience=patience, clock=clock) as stage:
            for _ in range(ROUNDS if manner in TURNS else 1):
                reasons += [(await stage.see()).reason, (await stage.see_the_end()).reason]
                clock.advance(3600)
        return {"reasons": [reason or "photo" for reason in reasons], "calls": asked(sandbox)}


async def outcomes(cases: list[str]) -> dict[str, object]:
    """The outcome of each case, which is a side and a manner."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=(LOOPBACK, 53))
    try:
        return {case: await outcome(*case.split()) for case in cases}
    finally:
        transport.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seclude(Path(folder))
        sys.stdout.write(json.dumps(asyncio.run(outcomes(sys.argv[1:]))))


if __name__ == "__main__":
    main()
