"""What is said between the worker and the child.

::

    worker → child   length (4 bytes, big-endian), a pickled `Job`
    child → worker   `Word` (1 byte), length (4 bytes, big-endian), and for a picture that is done
                     its `digest_of` and the encoded picture

The child reads what only its own worker writes, so a pickle is as good as any other form. The
worker takes nothing but bytes from it. The child takes the hash, so that the worker need not: for
a megabyte it could answer many hits.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

LENGTH: Final = struct.Struct(">I")
ANSWER: Final = struct.Struct(">BI")

LARGEST: Final = 16 * 2**20
"""Most bytes of an answer; the largest canvas has four MiB of pixels."""


class Word(IntEnum):
    """What became of a job."""

    DONE = 1
    UNDECODABLE = 2
    FAILED = 3
