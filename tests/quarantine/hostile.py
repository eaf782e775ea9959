"""A child whose decoder has been taken over: the bytes of the picture say what it does."""

from __future__ import annotations

import ctypes
import os
import time
from typing import TYPE_CHECKING, Final

from gateway.children import confine
from gateway.errors import Undecodable
from gateway.imaging import cleaning
from gateway.model import Master, Sample
from gateway.quarantine.child import LIMITS, end_with_parent, serve
from gateway.quarantine.frames import Kind, frame

if TYPE_CHECKING:
    from collections.abc import Callable

LATER: Final = b"later: "
"""Before a deed: a good sample first, and the deed in place of the master."""


def main(descriptor: int) -> None:
    """Obey, confined as the real child is; a picture that is no deed is developed."""

    def develop(data: bytes, side: int) -> tuple[Sample, Callable[[], Master]]:
        if data.startswith(LATER):
            return Sample(side, "RGB", bytes(3 * side**2)), lambda: Master(
                do(data.removeprefix(LATER))
            )
        if data in DEEDS or data.startswith(b"say "):
            do(data)
        return cleaning.develop(data, side)

    def do(data: bytes) -> bytes:
        if data.startswith(b"say "):
            os.write(descriptor, data.removeprefix(b"say "))
            time.sleep(600)
        return DEEDS[data]()

    confine(LIMITS, nice=10)
    end_with_parent()
    serve(descriptor, develop, cpu=1)


def _abort() -> bytes:
    os.abort()


def _read_nowhere() -> bytes:
    return ctypes.string_at(0)


def _exit() -> bytes:
    os._exit(0)


def _bug() -> bytes:
    raise KeyError


def _hang() -> bytes:
    time.sleep(600)
    return b""


def _spin() -> bytes:
    while True:
        pass


def _fill() -> bytes:
    held: list[bytes] = []
    while True:
        held.append(bytes(2**25))


def _fill_inside() -> bytes:
    """As Pillow does: what the decoder could not allocate comes out as `Undecodable`."""
    try:
        return _fill()
    except MemoryError as error:
        raise Undecodable from error


def _recurse() -> bytes:
    return _recurse()


DEEDS: Final[dict[bytes, Callable[[], bytes]]] = {
    b"abort": _abort,
    b"read nowhere": _read_nowhere,
    b"exit": _exit,
    b"bug": _bug,
    b"hang": _hang,
    b"spin": _spin,
    b"fill": _fill,
    b"fill inside": _fill_inside,
    b"recurse": _recurse,
    b"refuse": lambda: cleaning.clean(b""),
    b"master of text": lambda: b"<html>",
    b"no master": lambda: b"",
}


def mute(descriptor: int) -> None:
    """Start, and never say so."""
    del descriptor
    time.sleep(600)


def wrong(descriptor: int) -> None:
    """Say something else than that it is ready."""
    os.write(descriptor, frame(Kind.MASTER, b"?"))
    time.sleep(600)
