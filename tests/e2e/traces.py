"""Whatever is kept of a photo, wherever: files, objects, keys, and what each worker answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import obstore

from gateway.model import Photo
from gateway.portraits import record
from gateway.portraits.store import key_at
from tests.e2e.readers import receive
from tests.workers import holders, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import redis
    from obstore.store import S3Store

    from tests.e2e.wire import Received
    from tests.fleet.servers import Server
    from tests.processes import Running

Contents = dict[str, bytes]
"""Bytes by where they are."""

CROWD: Final = 8


def in_folder(folder: Path) -> Contents:
    """Every file, also those that are no portraits."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_bucket(bucket: S3Store) -> Contents:
    """Every object."""
    paths = [each["path"] for page in obstore.list(bucket) for each in page]
    return {str(path): bytes(obstore.get(bucket, str(path)).bytes()) for path in paths}


def in_valkey(server: Server) -> Contents:
    """Every key, and all that is under it."""
    with server.admin() as admin:
        return {f"valkey {key!r}": key + _value(admin, key) for key in admin.scan_iter()}


def _value(admin: redis.Redis, key: bytes) -> bytes:
    read: dict[object, Callable[[], Any]] = {
        b"string": lambda: admin.get(key),
        b"hash": lambda: admin.hgetall(key),
        b"zset": lambda: admin.zrange(key, 0, -1, withscores=True),
        b"stream": lambda: admin.xrange(key),
        b"set": lambda: admin.smembers(key),
        b"list": lambda: admin.lrange(key, 0, -1),
        b"none": lambda: b"",  # gone meanwhile
    }
    found = read[admin.type(key)]()
    return found if isinstance(found, bytes) else repr(found).encode()


@dataclass(frozen=True)
class Traces:
    """What would give a photo away: its bytes, where it came from, what names it."""

    needles: tuple[bytes, ...]

    @classmethod
    def of(cls, contents: Contents) -> Traces:
        """Those of the only photo in a store."""
        named = ((name.partition("v1/")[2], data) for name, data in contents.items())
        found = [record.decode(data, key_at(name)) for name, data in named if "/" in name]
        [photo] = [each for each in found if isinstance(each, Photo)]
        half = len(photo.master) // 2  # before it stand tables that all pictures have
        pieces = [photo.master[start : start + 48] for start in range(half, half + 4000, 400)]
        path = urlsplit(photo.source.url).path
        return cls(
            (*pieces, photo.source.url.encode(), path.encode(), photo.source.fingerprint.encode())
        )

    def within(self, contents: Contents) -> list[str]:
        """Where some of it is."""
        return [
            name for name, data in contents.items() if any(each in data for each in self.needles)
        ]


async def ask_every_worker(served: Sequence[Running], target: str) -> list[Received]:
    """What each worker of each gateway answers."""
    return [await _ask(each, worker, target) for each in served for worker in sorted(workers(each))]


async def _ask(served: Running, worker: int, target: str) -> Received:
    """What this worker answers: on whichever of many connections it happens to take."""
    parts = urlsplit(served.url)
    async with asyncio.timeout(60):
        while True:
            crowd = await asyncio.gather(
                *(asyncio.open_connection(parts.hostname, parts.port) for _ in range(CROWD))
            )
            try:
                ports = {wire[1].get_extra_info("sockname")[1]: wire for wire in crowd}
                while not ports.keys() <= (found := holders(served)).keys():  # noqa: ASYNC110 - the kernel has no event
                    await asyncio.sleep(0.001)
                for port, (reader, writer) in ports.items():
                    if found[port] == worker:
                        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                        return await receive(reader)
            finally:
                for _, writer in crowd:
                    writer.close()
