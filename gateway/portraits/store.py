"""Portraits by contact, in any place that obstore opens."""

from __future__ import annotations

import hmac
import secrets
import struct
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeGuard

import obstore
from obstore.exceptions import AlreadyExistsError

from gateway.errors import StoreFailed
from gateway.model import Absence
from gateway.patience import patient
from gateway.portraits import record
from gateway.portraits.breaker import Breaker
from gateway.portraits.places import absent_unless_lost, translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from obstore.store import ObjectStore

    from gateway.model import ContactId, Portrait, Sighting, Standing
    from gateway.portraits.truth import Lifetimes

KEY_PATH: Final = "v1/key"
_KEY_BYTES: Final = 32
_MOMENT: Final = struct.Struct("<d")
_MOST_MIXED: Final = 2**32 - 1


class PortraitStore:
    """Portraits by contact.

    `namespace` keeps accounts and origins apart. Keys are HMAC(k, namespace | canonical id), `k`
    being 32 random bytes made once inside the store, so no name in it tells a phone number.
    `lifetimes` judge the age of what is kept.
    Each call takes at most `timeout` seconds, and fails at once while `breaker` is open.
    `capacity` bounds the bytes kept (the oldest goes), for stores that live in memory.

    A suppressed contact stays so until `unsuppress`: no other portrait takes its place.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        namespace: str,
        lifetimes: Lifetimes,
        timeout: float,
        capacity: int | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self.objects = objects
        self._namespace = namespace
        self.lifetimes = lifetimes
        self._timeout = timeout
        self._capacity = capacity
        self._breaker = breaker or Breaker()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        self._key: bytes | None = None
        # Stands in while the store cannot give its key; nothing is stored under it.
        self._passing_key = secrets.token_bytes(_KEY_BYTES)

    async def open(self) -> None:
        """Read the store's key, or make it; raises `StoreFailed`."""
        if self._key is None:
            async with self._opened():
                return

    def digest(self, contact: ContactId) -> bytes:
        """32 bytes that stand for `contact` in logs, names and drawings, never to be undone."""
        message = f"{self._namespace}|{contact.value}".encode()
        return hmac.digest(self._key or self._passing_key, message, "sha256")

    def judge(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        """Say how `contact` stands by `portrait`; no two contacts of one age expire together.

        Nor does one by a rhythm of its own, by which could be told when it was asked about.
        """
        vouched = portrait.since if isinstance(portrait, Absence) else portrait.confirmed
        mixed = hmac.digest(self.digest(contact), _MOMENT.pack(vouched), "sha256")
        return self.lifetimes.standing(portrait, spread=int.from_bytes(mixed[:4]) / _MOST_MIXED)

    def try_again(self) -> None:
        """Let the next calls through, though the last ones have failed."""
        self._breaker.close()

    async def get(self, contact: ContactId) -> Portrait | None:
        """Return what is known of `contact`; None if nothing, or nothing readable.

        Raises `StoreFailed`.
        """
        async with self._opened():
            return await self._known(self.digest(contact).hex())

    async def put(self, contact: ContactId, portrait: Portrait) -> bool:
        """Keep `portrait`, replacing what was known; raises `StoreFailed`.

        False, and nothing is written, if the contact is suppressed.
        """
        async with self._opened():
            key = self.digest(contact).hex()
            if is_suppression(await self._known(key)):
                return False
            data = await self._write(key, portrait)
            if is_suppression(portrait):
                self._unload(path_of(key))  # it is no cache that may be short of room
            else:
                await self._make_room(path_of(key), len(data))
            return True

    async def delete(self, contact: ContactId) -> None:
        """Forget `contact`, but no suppression; raises `StoreFailed`, not if nothing was known."""
        async with self._opened():
            await self._forget(self.digest(contact).hex())

    async def erase(self, key: str) -> None:
        """Forget whose digest in hex is `key`, in any namespace, as `delete` does."""
        async with self._opened():
            await self._forget(key)

    async def suppress(self, contact: ContactId, *, since: float) -> None:
        """Remember, in place of what was known, to show no photo of `contact` and fetch none.

        `since` is in Unix seconds. Raises `StoreFailed`.
        """
        await self.put(contact, Absence(since, certain=True, suppressed=True))

    async def unsuppress(self, contact: ContactId) -> None:
        """End the suppression of `contact`, if there is one; raises `StoreFailed`."""
        async with self._opened():
            key = self.digest(contact).hex()
            if is_suppression(await self._known(key)):
                await self._remove(path_of(key))

    async def is_suppressed(self, contact: ContactId) -> bool:
        """Whether `contact` is suppressed; `get` tells the same. Raises `StoreFailed`."""
        return is_suppression(await self.get(contact))

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        """One call to the store that has its key, with a time-out over all of it."""
        with self._breaker.passage(), translated():
            async with patient(self._timeout):
                if self._key is None:
                    self._key = await self._load_key()
                yield

    async def _load_key(self) -> bytes:
        try:
            key = await self._read(KEY_PATH)
        except FileNotFoundError:
            key = secrets.token_bytes(_KEY_BYTES)
            try:
                await obstore.put_async(self.objects, KEY_PATH, key, mode="create")
            except AlreadyExistsError:  # another worker was first: its key counts
                key = await self._read(KEY_PATH)
        if len(key) != _KEY_BYTES:
            raise StoreFailed("the store's key is damaged")
        return key

    async def _forget(self, key: str) -> None:
        if not is_suppression(await self._known(key)):
            await self._remove(path_of(key))

    async def _known(self, key: str) -> Portrait | None:
        try:
            data = await self._read(path_of(key))
        except FileNotFoundError:
            return None
        return record.decode(data, key)

    async def _read(self, path: str) -> bytes:
        with absent_unless_lost():
            return bytes(await (await obstore.get_async(self.objects, path)).bytes_async())

    async def _write(self, key: str, portrait: Portrait) -> bytes:
        data = record.encode(portrait, key)
        # In parts a write would not be atomic, and a crash would leave the parts.
        await obstore.put_async(self.objects, path_of(key), data, use_multipart=False)
        return data

    async def _remove(self, path: str) -> None:
        self._unload(path)
        try:
            with absent_unless_lost():
                await obstore.delete_async(self.objects, path)
        except FileNotFoundError:
            return

    async def _make_room(self, path: str, size: int) -> None:
        if self._capacity is None:
            return
        self._unload(path)
        self._total += size
        self._sizes[path] = size
        while self._total > self._capacity and len(self._sizes) > 1:
            await self._remove(next(iter(self._sizes)))

    def _unload(self, path: str) -> None:
        self._total -= self._sizes.pop(path, 0)


def is_suppression(portrait: Sighting | Absence | None) -> TypeGuard[Absence]:
    """Whether `portrait` was ordered, and is no answer."""
    return isinstance(portrait, Absence) and portrait.suppressed


def path_of(key: str) -> str:
    """Where the portrait of the contact with the digest `key` lies."""
    return f"v1/{key[:2]}/{key[2:]}"


def key_at(path: str) -> str:
    """Whose portrait lies at `path`: the other way round."""
    return path.removeprefix("v1/").replace("/", "")
