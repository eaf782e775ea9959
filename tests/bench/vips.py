"""CPU of one picture by libvips: ``python vips.py FOLDER SIDE FORMAT ROUNDS`` → JSON.

Run by the environment that has pyvips; milliseconds each.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path

import pyvips  # type: ignore[import-not-found]  # in an environment of its own


def draw(picture: bytes, side: int, fmt: str) -> bytes:
    """The middle square of `picture`, scaled while it is decoded."""
    small = pyvips.Image.thumbnail_buffer(picture, side, height=side, crop="centre")
    body: bytes = small.write_to_buffer(f".{fmt}")
    return body


def main(folder: Path, side: int, fmt: str, rounds: int) -> None:
    """Print the figures of all pictures in `folder`."""
    pyvips.cache_set_max(0)
    found = []
    for path in sorted(folder.glob("*.jpg")):
        picture = path.read_bytes()
        for _ in range(5):
            draw(picture, side, fmt)
        before = time.process_time()
        for _ in range(rounds):
            body = draw(picture, side, fmt)
        spent = 1000 * (time.process_time() - before) / rounds
        found.append({"ms": spent, "bytes": len(body), "body": base64.b64encode(body).decode()})
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
