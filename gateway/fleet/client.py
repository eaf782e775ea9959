"""The way to Valkey: bounded in time and number, behind a breaker of its own.

Valkey may be down, silent, full, a replica or somebody else's at any moment. Then a call fails
within its time, the next ones fail at once until a probe gets through, and everything goes on as
on one machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from gateway.errors import FleetFailed, InvalidSettings
from gateway.patience import patient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from types import TracebackType

    from gateway.fleet.scripts import Script

TIMEOUT: Final = 0.2
"""Seconds that one call may take, connecting included."""

FIRST_REST: Final = 1.0
LONGEST_REST: Final = 30.0
"""Seconds that a Valkey which failed is left alone: the first time, and at most, doubling."""

_CONNECTIONS: Final = 16
_FOREIGN: Final = (RedisError, OSError, EOFError, ValueError, TimeoutError)
# Of what a URL may say besides, this is the operator's business; times and retries are ours.
_OPTIONS: Final = (
    "db", "username", "password", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs",
    "ssl_check_hostname",
)  # fmt: skip


class Fleet:
    """The Valkey that joins machines.

    `url` (``redis://``, ``rediss://``, ``unix://``) is a secret: nothing here shows or keeps it.
    `namespace` keeps accounts and origins apart. `tell` hears in one line of each failure, and
    None when it works again. `clock` gives monotonic seconds.

    Open it with ``async with`` inside the process that uses it: it is not fork-safe. It connects
    when it is first used, so that a missing server holds up no start. Raises `InvalidSettings`.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        tell: Callable[[str | None], None],
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = _pool(url, timeout)
        # In a cluster the braces keep all keys of a namespace on one server, as scripts need.
        self._prefix = (
            f"avatar-gateway:1:{{{hashlib.sha256(namespace.encode()).hexdigest()[:16]}}}:"
        )
        self._tell = tell
        self._timeout = timeout
        self._clock = clock
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        self._rest = 0.0
        self._rests_until = 0.0
        self._answers = True
        self._probing = False
        self._closed = False
        self.degraded: str | None = None
        """What is wrong, in words for the operator; None while it works."""

    async def __aenter__(self) -> Self:
        self._client = Redis(connection_pool=self._pool)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        await self._pool.disconnect()

    def key(self, *parts: str) -> str:
        """The full name of a key of ours."""
        return self._prefix + ":".join(parts)

    async def call(self, command: str, key: str, *arguments: str | bytes | float) -> Any:  # noqa: ANN401 - what a server says is for the caller to judge
        """Run one command on `key`; raises `FleetFailed`.

        A key that holds another type than the command wants is emptied first.
        """
        return await self._attempt(lambda: self._healing((key,), command, key, *arguments))

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        *arguments: str | bytes | float,
        urgent: bool = False,
    ) -> Any:  # noqa: ANN401 - as above
        """Run `script`, atomically; raises `FleetFailed`.

        Keys of another type than the script wants are emptied first. What is `urgent` is tried
        even after a failure, if the server did answer.
        """
        numbered = (len(keys), *keys, *arguments)

        async def evaluate() -> Any:  # noqa: ANN401 - as above
            try:
                return await self._healing(keys, "EVALSHA", script.sha, *numbered)
            except NoScriptError:
                return await self._healing(keys, "EVAL", script.text, *numbered)

        return await self._attempt(evaluate, urgent=urgent)

    async def listen(self, stream: str, after: str, seconds: float) -> None:
        """Wait until `stream` has an entry behind `after`, at most for `seconds`.

        Raises `FleetFailed`. It takes no turn from the calls.
        """
        ring = ("XREAD", "COUNT", 1, "BLOCK", int(seconds * 1000), "STREAMS", stream, after)
        await self._judge(lambda: self._healing((stream,), *ring), self._timeout + seconds)

    async def _attempt(self, call: Callable[[], Awaitable[Any]], *, urgent: bool = False) -> Any:  # noqa: ANN401 - as above
        until = time.monotonic() + self._timeout
        try:
            async with patient(self._timeout):
                await self._slots.acquire()
        except TimeoutError:  # our own crowd: no fault of Valkey's
            raise FleetFailed("too many calls to Valkey at once") from None
        try:
            return await self._judge(call, until - time.monotonic(), urgent=urgent)
        finally:
            self._slots.release()

    async def _judge(
        self, call: Callable[[], Awaitable[Any]], seconds: float, *, urgent: bool = False
    ) -> Any:  # noqa: ANN401 - as above
        with self._judged(urgent=urgent) as probe:
            async with patient(seconds):
                if probe:
                    # A replica and a full server still read well: only a write tells.
                    await self._client.set(self.key("probe"), b"1", px=1000)
                return await call()

    async def _healing(self, keys: Sequence[str], *command: str | bytes | float) -> Any:  # noqa: ANN401 - as above
        try:
            return await _execute(self._client, command)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
        await self._client.unlink(*keys)
        return await _execute(self._client, command)

    @contextmanager
    def _judged(self, *, urgent: bool) -> Iterator[bool]:
        """The wall and the breaker; gives whether this call is the probe."""
        probe = self._admit(urgent=urgent)
        rests_until = self._rests_until
        try:
            yield probe
        except _FOREIGN as error:
            # The class says enough: the text may hold addresses and what was sent.
            name = type(error).__name__
            detail = f"Valkey failed ({name})"
            if rests_until == self._rests_until:  # of calls that fail together, the first counts
                self._rest = min(max(self._rest * 2, FIRST_REST), LONGEST_REST)
                self._rests_until = self._clock() + self._rest
                self._answers = isinstance(error, ResponseError)
            self.degraded = detail
            self._tell(detail)
            raise FleetFailed(detail) from None
        finally:
            if probe:
                self._probing = False
        if probe or self._rest == 0:
            self._recovered()

    def _admit(self, *, urgent: bool) -> bool:
        if self._closed:  # a late run must not open a connection that nobody closes
            raise FleetFailed("Valkey is closed")
        if self._rest == 0 or (urgent and self._answers):
            return False
        if self._probing or self._clock() < self._rests_until:
            raise FleetFailed("Valkey is left alone after a failure")
        self._probing = True
        return True

    def _recovered(self) -> None:
        self._rest = 0.0
        if self.degraded is not None:
            self.degraded = None
            self._tell(None)


async def _execute(client: Redis, command: Sequence[str | bytes | float]) -> Any:  # noqa: ANN401 - as above
    return await client.execute_command(*command)  # type: ignore[no-untyped-call] # redis-py's


def _pool(url: str, timeout: float) -> ConnectionPool:
    try:
        parts = urlsplit(url)
        options = [pair for pair in parse_qsl(parts.query) if pair[0] in _OPTIONS]
        return ConnectionPool.from_url(
            parts._replace(query=urlencode(options)).geturl(),
            max_connections=2 * _CONNECTIONS,  # half of them for who listens
            # Our own clock bounds every call. redis-py's bounds writing with `asyncio.wait_for`,
            # which on Python 3.11 swallows a cancellation that comes at the wrong moment.
            socket_timeout=None,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            # Nothing to agree on first, and nobody's version told: a connection costs one trip.
            protocol=2,
            driver_info=None,
        )
    except (ValueError, RedisError):
        raise InvalidSettings(
            "GATEWAY_VALKEY_URL takes an address such as redis://127.0.0.1:6379/0"
        ) from None
