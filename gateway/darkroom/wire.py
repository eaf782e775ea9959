"""What is said between the worker and the child.

::

    worker → child   length (4 bytes, big-endian), a pickled `Job`
    child → worker   `Word` (1 byte), length (4 bytes, big-endian), the encoded picture

The child reads what only its own worker writes, so a pickle is as good as any other form. The
worker takes nothing but bytes from it.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

LENGTH: Final = struct.Struct(">I")
ANSWER: Final = struct.Struct(">BI")


class Word(IntEnum):
    """What became of a job."""

    DONE = 1
    UNDECODABLE = 2
    FAILED = 3
