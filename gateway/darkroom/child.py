"""The child: draws what it is told to, a thread for each of its lines."""

from __future__ import annotations

import pickle
import resource
import threading
from typing import TYPE_CHECKING, Final

from gateway.children import confine, read, trimmer, write
from gateway.darkroom.wire import ANSWER, LENGTH, Word
from gateway.errors import Undecodable
from gateway.imaging.making import make
from gateway.model import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.imaging.jobs import Job

LIMITS: Final = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 64,
}

NICE: Final = 10


def main(*descriptors: int) -> None:
    """Serve on each of `descriptors`, connected stream sockets, until their other ends close."""
    confine(LIMITS, nice=NICE)
    trimmer()
    threads = [threading.Thread(target=serve, args=(line, make)) for line in descriptors]
    for thread in threads:
        thread.start()


def serve(descriptor: int, work: Callable[[Job], bytes]) -> None:
    """Answer jobs, one after the other, until the other end is closed."""
    while (head := read(descriptor, LENGTH.size)) is not None:
        job = read(descriptor, LENGTH.unpack(head)[0])
        if job is None:
            return
        word, body = _answer(job, work)
        write(descriptor, ANSWER.pack(word, len(body)) + body)


def _answer(job: bytes, work: Callable[[Job], bytes]) -> tuple[Word, bytes]:
    try:
        body = work(pickle.loads(job))  # noqa: S301 - our own worker's
        return Word.DONE, digest_of(body) + body
    except Undecodable:
        return Word.UNDECODABLE, b""
    except Exception:  # noqa: BLE001 - the worker tries it itself, and has a log to tell of it
        return Word.FAILED, b""
