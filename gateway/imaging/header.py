"""The first look at untrusted bytes: what they are, and how large they claim to be.

Nothing is decoded here. Each format is walked by a generator (`gateway.imaging.walks`) that
pauses wherever the bytes run out; this module wakes it with each chunk.
"""

from __future__ import annotations

from gateway.errors import Rejected, Undecodable
from gateway.imaging.walks import Window, walk


class HeaderCheck:
    """Looks at a picture while it arrives; the same verdict however it is cut into chunks.

    Holds a few bytes besides the chunk in hand, never the picture.
    """

    def __init__(self) -> None:
        self._window = Window()
        self._walk = walk(self._window)
        self._refusal: Undecodable | None = None
        self._begun = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; raises `Undecodable` as soon as they cannot be a picture we take.

        After a refusal every further call refuses too.
        """
        self._refuse_again()
        self._window.show(chunk)
        self._begun = self._begun or bool(chunk)
        try:
            # A walk that has ended saw all it wanted: whatever follows is not looked at.
            next(self._walk, None)
        except Undecodable as refusal:
            self._refusal = refusal
            raise

    def finish(self) -> None:
        """Say that the data ends; raises `Undecodable` unless a complete header was seen."""
        self._refuse_again()
        if not self._window.complete:
            # What began as a picture is a broken one and stays so; an empty body may be chance.
            kind = Rejected if self._begun else Undecodable
            self._refusal = kind("the picture ends before its header does")
            self._refuse_again()

    def _refuse_again(self) -> None:
        if self._refusal is not None:
            raise type(self._refusal)(str(self._refusal))
