"""What is said between the worker and the child: frames of a kind, a length and a body.

::

    kind (1 byte)  length of the body (4 bytes, big-endian)  body

    JOB      worker → child   side of the sample in pixels (2 bytes), then the untrusted bytes
    READY    child → worker   nothing: it can be given a job
    SAMPLE   child → worker   side × side pixels of 3 bytes (RGB) or 4 (RGBA)
    MASTER   child → worker   the master
    SMALL    child → worker   its small copy, or nothing if there is none
    REFUSED  child → worker   why, one of `Refusal` (1 byte), in place of a sample or a master

A job is answered by a sample, a master and its copy, or by a refusal of the first or second. What
the child says is as little to be trusted as what it was given, so no text of its own is ever taken.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

from gateway.imaging.walks import MAX_PIXELS
from gateway.model import SMALL

MAX_DATA: Final = 2 * 2**20
"""Most bytes of a picture."""

MAX_MASTER: Final = 4 * MAX_PIXELS
"""Most bytes of a master: no encoder of ours makes more of a picture than it has pixels for."""

MAX_SMALL: Final = 4 * SMALL**2
"""Most bytes of a small copy."""

_HEAD: Final = struct.Struct(">BI")
HEAD_SIZE: Final = _HEAD.size
_SIDE_SIZE: Final = 2


class Kind(IntEnum):
    """What a frame is."""

    JOB = 1
    READY = 2
    SAMPLE = 3
    MASTER = 4
    REFUSED = 5
    SMALL = 6


class Refusal(IntEnum):
    """Why a child gave no picture."""

    UNREADABLE = 1
    MEMORY = 2


def frame(kind: Kind, body: bytes = b"") -> bytes:
    """Write a frame."""
    return _HEAD.pack(kind, len(body)) + body


def head(data: bytes) -> tuple[int, int]:
    """Read the first `HEAD_SIZE` bytes of a frame: its kind, known or not, and its length."""
    kind, length = _HEAD.unpack(data)
    return kind, length


def job(data: bytes, side: int) -> bytes:
    """Write a job."""
    return frame(Kind.JOB, side.to_bytes(_SIDE_SIZE, "big") + data)


def parse_job(body: bytes) -> tuple[bytes, int]:
    """Read the body of a job: the untrusted bytes and the side."""
    return body[_SIDE_SIZE:], int.from_bytes(body[:_SIDE_SIZE], "big")
