"""One store for portraits behind obstore: a directory, memory, S3, GCS or Azure.

A file write of obstore goes to a temporary name and is renamed, an object write is atomic by
nature: a reader sees the old portrait or the new one, never half of either.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import unquote

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, MemoryStore, from_url

from gateway.errors import StoreFailed
from gateway.portraits import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from obstore.store import ObjectStore

    from gateway.model import Absence, ContactId, Portrait, Sighting, Standing
    from gateway.portraits.truth import Lifetimes

_T = TypeVar("_T")
KEY_PATH: Final = "v1/key"
_KEY_BYTES: Final = 32


def default_directory() -> Path:
    """Where photos are kept when nothing else is said: the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "avatar-gateway"


def check_place(url: str) -> None:
    """Raise `StoreFailed` if `url` names a directory that cannot be made or written."""
    if url.startswith("file:"):
        with _translated():
            if not os.access(_directory(url), os.W_OK | os.X_OK):
                raise StoreFailed("the directory cannot be written")


def _directory(url: str) -> Path:
    """The directory of a ``file:`` store, made for its owner only if missing."""
    path = Path(unquote(url.removeprefix("file://"))) if url != "file:" else default_directory()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def open_objects(url: str) -> ObjectStore:
    """Open ``memory:``, ``file:``, ``file:///path``, ``s3://…``, ``gs://…`` or ``az://…``.

    A directory is made if missing, for its owner only. Raises `StoreFailed` in one line.
    """
    with _translated():
        if url == "memory:":
            return MemoryStore()
        if url.startswith("file:"):
            return LocalStore(_directory(url))
        return from_url(url)


class PortraitStore:
    """Portraits by contact.

    `namespace` keeps accounts and origins apart. Keys are HMAC(k, namespace | canonical id), `k`
    being 32 random bytes made once inside the store, so no name in it tells a phone number.
    `lifetimes` judge the age of what is kept.
    Each call takes at most `timeout` seconds. `capacity` bounds the bytes kept (the oldest goes),
    for stores that live in memory.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        namespace: str,
        lifetimes: Lifetimes,
        timeout: float,
        capacity: int | None = None,
    ) -> None:
        self._objects = objects
        self._namespace = namespace
        self.lifetimes = lifetimes
        self._timeout = timeout
        self._capacity = capacity
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        self._key: bytes | None = None
        # Stands in while the store cannot give its key; nothing is stored under it.
        self._passing_key = secrets.token_bytes(_KEY_BYTES)

    async def open(self) -> None:
        """Read the store's key, or make it; raises `StoreFailed`."""
        if self._key is None:
            with _translated():
                self._key = await self._within(self._load_key())

    def digest(self, contact: ContactId) -> bytes:
        """32 bytes that stand for `contact` in logs, names and drawings, never to be undone."""
        message = f"{self._namespace}|{contact.value}".encode()
        return hmac.digest(self._key or self._passing_key, message, "sha256")

    def judge(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        """Say how `contact` stands by `portrait`; no two contacts of one age expire together."""
        return self.lifetimes.standing(portrait, spread=self.digest(contact)[0] / 255)

    async def get(self, contact: ContactId) -> Portrait | None:
        """Return what is known of `contact`; None if nothing, or nothing readable.

        Raises `StoreFailed`.
        """
        await self.open()
        digest = self.digest(contact).hex()
        with _translated():
            try:
                data = await self._within(self._read(_path(digest)))
            except FileNotFoundError:
                return None
        return record.decode(data, digest)

    async def put(self, contact: ContactId, portrait: Portrait) -> None:
        """Keep `portrait`, replacing what was known; raises `StoreFailed`."""
        await self.open()
        digest = self.digest(contact).hex()
        data = record.encode(portrait, digest)
        with _translated():
            await self._within(obstore.put_async(self._objects, _path(digest), data))
        await self._make_room(_path(digest), len(data))

    async def delete(self, contact: ContactId) -> None:
        """Forget `contact`; raises `StoreFailed`, but not if nothing was known."""
        await self.open()
        path = _path(self.digest(contact).hex())
        self._total -= self._sizes.pop(path, 0)
        await self._remove(path)

    async def _load_key(self) -> bytes:
        try:
            key = await self._read(KEY_PATH)
        except FileNotFoundError:
            key = secrets.token_bytes(_KEY_BYTES)
            try:
                await obstore.put_async(self._objects, KEY_PATH, key, mode="create")
            except AlreadyExistsError:  # another worker was first: its key counts
                key = await self._read(KEY_PATH)
        if len(key) != _KEY_BYTES:
            raise StoreFailed("the store's key is damaged")
        return key

    async def _read(self, path: str) -> bytes:
        return bytes(await (await obstore.get_async(self._objects, path)).bytes_async())

    async def _remove(self, path: str) -> None:
        with _translated():
            try:
                await self._within(obstore.delete_async(self._objects, path))
            except FileNotFoundError:
                return

    async def _make_room(self, path: str, size: int) -> None:
        if self._capacity is None:
            return
        self._total += size - self._sizes.pop(path, 0)
        self._sizes[path] = size
        while self._total > self._capacity and len(self._sizes) > 1:
            oldest, freed = self._sizes.popitem(last=False)
            self._total -= freed
            await self._remove(oldest)

    async def _within(self, call: Awaitable[_T]) -> _T:
        async with asyncio.timeout(self._timeout):
            return await call


def _path(digest: str) -> str:
    return f"v1/{digest[:2]}/{digest[2:]}"


@contextmanager
def _translated() -> Iterator[None]:
    """The wall: whatever obstore, the file system or the clock raises becomes `StoreFailed`."""
    try:
        yield
    except (BaseError, OSError, ValueError, NotImplementedError) as error:
        # The class says enough; the text may hold paths, buckets and credentials.
        raise StoreFailed(f"the portrait store failed ({type(error).__name__})") from None
