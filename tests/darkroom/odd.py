"""Children for the keeper that do something else with a picture than draw it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from gateway.darkroom.child import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.imaging.jobs import Job


def _main(work: Callable[[Job], bytes], descriptors: tuple[int, ...]) -> None:
    for line in descriptors:
        threading.Thread(target=serve, args=(line, work)).start()


def dying(*descriptors: int) -> None:
    """Dies of every picture."""
    _main(lambda _: os._exit(3), descriptors)


def stumbling(*descriptors: int) -> None:
    """Has a bug."""

    def stumble(_: Job) -> bytes:
        raise KeyError

    _main(stumble, descriptors)


def hanging(*descriptors: int) -> None:
    """Never comes to an end."""

    def hang(_: Job) -> bytes:
        threading.Event().wait()
        return b""

    _main(hang, descriptors)


def meeting(*descriptors: int) -> None:
    """Gives an answer only when it has as many jobs as lines, or after half a minute none."""
    all_here = threading.Barrier(len(descriptors), timeout=30)

    def meet(_: Job) -> bytes:
        all_here.wait()
        return b"met"

    _main(meet, descriptors)
