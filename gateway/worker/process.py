"""The worker process: it accepts while there is room, and stops without losing a request."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from gunicorn.arbiter import Arbiter
from gunicorn.asgi.lifespan import LifespanManager
from gunicorn.workers.gasgi import ASGIWorker

from gateway.worker import descriptors
from gateway.worker.collecting import Collecting
from gateway.worker.connections import Connections, Stage
from gateway.worker.protocol import GuardedProtocol
from gateway.worker.shortcut import Shortcut

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

TICK: Final = 0.5
"""Seconds between two looks at everything: connections, parent, heartbeat."""

BATCH: Final = 16
"""Connections accepted in one go, so that those before them are read in between."""

GRACE: Final = 0.3
"""Seconds in which a worker that stops still answers who was about to ask."""

LINGER: Final = 0.1
"""Seconds that a worker that stops leaves its peers to see the end of their connection."""

LAST: Final = 3.0
"""Seconds of gunicorn's graceful time-out that are left for closing the application."""

LOOK: Final = 0.02
"""Seconds between two looks of a worker that stops at whether it may go on."""

LOOKS: Final = 5
"""Looks in any case, however late: what came while the process was held up is read in between."""

HOT: Final = "hot"
"""Under which name the application's lifespan hands over what the short cut answers from."""

MURMUR: Final = 60.0
"""Seconds between two lines about a lack of room."""


class Listener(Protocol):
    """A listening socket."""

    def fileno(self) -> int:
        """Return what is watched."""

    def accept(self) -> tuple[socket.socket, object]:
        """Return a connection that waits, and its address; raises `OSError`."""


class Worker(ASGIWorker):  # type: ignore[misc]
    """gunicorn's asgi worker with a cap that holds.

    `stop` ends it; `stopping` is true from then on.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's signature
        super().__init__(*args, **kwargs)
        # Recycling is stopping, and not gunicorn's cut after the request that is one too many.
        self._recycle_at: int = self.max_requests
        self.max_requests: int = sys.maxsize
        self.connections = Connections(capacity=descriptors.connections())
        self.shortcut: Shortcut | None = None
        self._collecting = Collecting()
        self.stopping = False
        self.stop = asyncio.Event()
        self._connecting: set[asyncio.Task[object]] = set()
        self._quiet_until = 0.0

    def handle_exit_signal(self) -> None:
        """Stop (TERM), at once and not when somebody next looks."""
        self.stop.set()

    def handle_quit_signal(self) -> None:
        """Stop (INT, QUIT) and wait for nothing."""
        super().handle_quit_signal()
        self.stop.set()

    async def _serve(self) -> None:
        # gunicorn looks each of its settings up through two calls, some twenty times a connection.
        self.cfg.__dict__.update(
            {each: self.cfg.settings[each].get() for each in self.cfg.settings}
        )
        await self.open_application()
        self._collecting.begin()
        for listener in self.sockets:
            self.listen(listener.sock)
        while not self.stop.is_set():
            await self._pass(0.0 if self.tick() else TICK)
        await self.wind_down()
        self._collecting.end()
        if self.lifespan is not None and not self._quick_shutdown:
            await self.lifespan.shutdown()

    async def open_application(self) -> None:
        """Open the application; one that cannot be opened stops the server."""
        self.lifespan = LifespanManager(self.asgi, self.log, self.state)
        try:
            await self.lifespan.startup()
        except RuntimeError as error:
            self.log.error("The application did not start: %s", error)  # noqa: TRY400 - one line
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None
        table = self.state.get(HOT)
        if table is not None:
            self.shortcut = Shortcut(table)

    def listen(self, listener: Listener) -> None:
        """Accept from `listener` whenever somebody waits, unless this is the end.

        A server of asyncio's would accept without asking for room. It would also cut the queue of
        the kernel down to 100, and who does not fit there waits a second before the next try.
        """
        if not self.stopping:
            self.loop.add_reader(listener, self.accept, listener)

    def accept(self, listener: Listener) -> bool:
        """Accept who waits, as long as there is room or somebody can make some.

        True if others may be waiting still.
        """
        for _ in range(BATCH):
            try:
                accepted, _ = listener.accept()
            except (BlockingIOError, InterruptedError):
                return False
            except ConnectionAbortedError:
                continue
            except OSError as error:
                # The machine has no more of something. Trying at once would try for ever.
                self.log.debug("No connection could be accepted: %s", error)
                self.loop.remove_reader(listener)
                self.loop.call_later(TICK, self.listen, listener)
                return False
            if not self.connections.make_room():
                accepted.close()
                continue
            accepted.setblocking(False)  # noqa: FBT003 - its only argument
            self._connect(accepted, GuardedProtocol(self))
        return True

    def _connect(self, accepted: socket.socket, protocol: GuardedProtocol) -> None:
        made = self.loop.connect_accepted_socket(lambda: protocol, accepted)
        task = self.loop.create_task(made)
        self._connecting.add(task)
        task.add_done_callback(partial(self._connected, accepted, protocol))

    def _connected(
        self, accepted: socket.socket, protocol: GuardedProtocol, task: asyncio.Task[object]
    ) -> None:
        self._connecting.discard(task)
        if task.cancelled() or task.exception() is not None:
            self.connections.leave(protocol)
            accepted.close()

    def tick(self) -> bool:
        """Look at everything; true if not all that is late could be ended yet."""
        self.notify()
        more = self.connections.sweep()
        answered = self.shortcut.flush() if self.shortcut is not None else 0
        self._collecting.tick(quiet=not answered and self.connections.quiet())
        if self.ppid != os.getppid():
            self.log.info("The server is gone, so this worker goes: %s", self)
            self.stop.set()
        if self.nr >= self._recycle_at:
            self.log.info("This worker has done its part and is replaced: %s", self)
            self.stop.set()
        self._tell()
        return more

    def _tell(self) -> None:
        """Say now and then that connections had to go, or had to stay outside."""
        room, now = self.connections, self.loop.time()
        if now < self._quiet_until or not room.evicted + room.refused:
            return
        self.log.warning(
            "All %d connections in use: %d waiting ones closed, %d new ones refused",
            room.capacity,
            room.evicted,
            room.refused,
        )
        room.evicted = room.refused = 0
        self._quiet_until = now + MURMUR

    async def wind_down(self) -> None:
        """Answer what was asked or is about to be, then close everything.

        1. Who stands in the kernel's queue is accepted while there is room, since nobody may come
           after this worker.
        2. All answers announce the end of their connection. A client that was told it could ask
           again has `GRACE` seconds to do so.
        3. Who still waits is hung up on; requests in flight go on, as long as they may.
        """
        self.stopping = True
        for listener in self.sockets:
            self.loop.remove_reader(listener.sock)
            while self.accept(listener.sock) and len(self.connections) < self.connections.capacity:
                pass
        await self._until(lambda: not self.connections.owed(), GRACE)
        self.alive = False
        for connection in self.connections.waiting():
            connection.hang_up()
        await self._until(self._only_closing, self.cfg.graceful_timeout - LAST)
        await self._until(lambda: not self.connections, LINGER)
        for connection in self.connections:
            connection.cut()

    def _only_closing(self) -> bool:
        return all(each.stage is Stage.CLOSING and not each.unsent() for each in self.connections)

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait at most `seconds`, while all else goes on; not at all if it must be quick.

        A process that had no time meanwhile has not waited, whatever the clock says: a request may
        have arrived in time that nobody has read yet.
        """
        limit, looks = self.loop.time() + seconds, 0
        while not done() and not self._quick_shutdown:
            if looks >= LOOKS and self.loop.time() >= limit:
                break
            self.tick()
            await asyncio.sleep(LOOK)
            looks += 1

    async def _pass(self, seconds: float) -> None:
        """Wait `seconds`, or less if the worker is to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stop.wait()
