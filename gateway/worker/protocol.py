"""One connection: gunicorn's protocol, held to its time, its size and the grammar of HTTP/1.1.

What gunicorn does well is left to it: parsing, ASGI, keep-alive. Here a connection says what it
is at (`Stage`), refuses what must not reach the application, and closes so that what was written
arrives. `gateway.worker.internals` lists what of gunicorn this relies on.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any, Final, Protocol

from gunicorn.asgi.parser import ParseError
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.http.errors import ParseException

from gateway.worker.connections import Stage
from gateway.worker.grammar import check_host, target_of
from gateway.worker.parser import begun, size_of, status_of
from gateway.worker.refusals import Refused, refusal

if TYPE_CHECKING:
    import asyncio

    from gateway.worker.connections import Connections
    from gateway.worker.shortcut import Shortcut

MAX_HEAD: Final = 32 * 1024
"""Bytes of a request's head, request line and all fields."""

MAX_BODY: Final = 1024 * 1024
"""Bytes of a request's body; nothing here takes one that is large."""

MAX_UNREAD: Final = 64 * 1024
"""Bytes held for the application, or for the next request, before reading pauses."""

# A member of an Enum costs a look-up of its own, which requests are spared.
FRESH: Final = Stage.FRESH
HEAD: Final = Stage.HEAD
IDLE: Final = Stage.IDLE
BODY: Final = Stage.BODY
BUSY: Final = Stage.BUSY

NOBODY: Final[tuple[dict[str, str], list[str]]] = ({}, [])
"""What gunicorn says of a peer that is not in ``forwarded_allow_ips``, as nobody is."""

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time


class Worker(Protocol):
    """The worker, as a connection needs it."""

    connections: Connections
    shortcut: Shortcut | None
    stopping: bool


class GuardedProtocol(ASGIProtocol):  # type: ignore[misc]
    """A connection of `worker`; it is in `worker.connections` from its acceptance to its end."""

    transport: asyncio.Transport | None

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker)
        self.stage: Stage | None = None
        self.promised = False
        self._connections = worker.connections
        self._max_buffer_size = MAX_UNREAD
        # Known beforehand: gunicorn would read the peer's address to find out.
        self._forwarded_trust = NOBODY
        self._secure_names: frozenset[bytes] = frozenset()
        self.received = 0  # bytes since the last request, while its successor is incomplete
        self._body = 0
        self._answered: object = None  # the request whose answer has begun
        self._half_closed = False
        self._connections.enter(self, FRESH)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there was no room left meanwhile."""
        super().connection_made(transport)
        if self._closed:
            self.cut()

    def data_received(self, data: bytes) -> None:
        """Take what came: a known request is answered here and now, all else is parsed."""
        if self._closed or self._answer(data):
            return
        self.received += len(data)
        super().data_received(data)
        if self.stage is IDLE:
            self._connections.enter(self, HEAD)
        if self.received > MAX_HEAD and self.stage in (FRESH, HEAD):
            self._refuse(431)

    def _answer(self, data: bytes) -> bool:
        """Take the short cut, if `data` is what it is for and a request may begin here.

        Idle, or fresh and nothing received: nobody is being answered, and the parser holds nothing.
        Anywhere else the same bytes may be the middle of another request.
        """
        shortcut = self.worker.shortcut
        if (
            shortcut is None
            or not (self.stage is IDLE or (self.stage is FRESH and not self.received))
            or self.worker.stopping
            or self._flow_control.write_paused
        ):
            return False
        answer = shortcut(data)
        if answer is None:
            return False
        self._safe_write(answer)
        self._connections.enter(self, IDLE)
        return True

    def eof_received(self) -> bool:
        """Answer a request that is complete, since who has said all may still listen."""
        if self._closed or self.stage is not Stage.BUSY:
            return False
        self._half_closed = True
        self._connections.enter(self, Stage.DEPARTED)
        return True

    def pause_writing(self) -> None:
        """Watch a peer that does not read."""
        super().pause_writing()
        self._connections.fall_behind(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the worker's list, and nothing behind if nobody was being served."""
        self._connections.leave(self)
        if self._awaiting_request:
            # The loop ends by itself: no need to keep it for gunicorn's grace period.
            self._request_ready.set()
            self._task = None
        super().connection_lost(exc)
        self._untie()

    def _untie(self, _task: object = None) -> None:
        """Let go of what refers to this connection, when nobody is being served any more.

        Each would be a circle that has to be looked for, and a look holds up all others.
        """
        parser = self._callback_parser
        if parser is not None:  # nothing is parsed from now on
            parser._on_headers_complete = parser._on_body = parser._on_message_complete = None  # noqa: SLF001 - as elsewhere
        if self._task is None or self._task.done():
            self._body_receiver = self._task = None
        else:
            self._task.add_done_callback(self._untie)

    # What the worker calls.

    def expire(self) -> None:
        """Close after the time of a stage is over; who has begun a request is told."""
        if self.stage is Stage.CLOSING:
            self.cut()
        elif self.received and self.stage is not Stage.IDLE:
            self._refuse(408)
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """Close, after what was written has arrived."""
        if self.transport is None:
            self._closed = True  # accepted, but not connected yet
            return
        self._close_transport()
        self._request_ready.set()  # the loop ends

    def cut(self) -> None:
        """Close at once, and leave nothing to the kernel that the peer would not take."""
        self._closed = True
        if self.transport is None:
            return  # accepted, but not connected yet
        self._request_ready.set()
        if self.unsent():
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET
            )
        self.transport.abort()

    def unsent(self) -> int:
        """Bytes written that the kernel has not taken."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    # What gunicorn calls.

    def _on_headers_complete(self) -> bool:
        """Judge a request that the parser found sound, before anything learns of it."""
        parser = self._callback_parser
        target, authority = target_of(parser.method, parser.path)
        check_host(parser.http_version, parser.headers)
        if authority is not None:
            # RFC 9112, 3.2.2: the authority of the target replaces the Host that was sent.
            parser.path = target
            others = [field for field in parser.headers if field[0] != b"host"]
            parser.headers = [(b"host", authority), *others]
        if self.received > MAX_HEAD and size_of(parser) > MAX_HEAD:
            raise Refused(431)
        length = parser.content_length or 0
        if length > MAX_BODY:
            raise Refused(413)
        self._body = 0
        self.promised = False
        bodied = length or parser.is_chunked
        self._connections.enter(self, BODY if bodied else BUSY)
        skip: bool = super()._on_headers_complete()
        return skip

    def _on_body(self, chunk: bytes) -> None:
        self._body += len(chunk)
        if self._body > MAX_BODY:
            raise Refused(413)
        super()._on_body(chunk)

    def _on_message_complete(self) -> None:
        if self.stage is BODY:
            self._connections.enter(self, BUSY)
        super()._on_message_complete()

    def _feed_callback_parser(self, data: bytes) -> bool:
        """Parse; False if that ended the connection, with a refusal."""
        if self._closed:
            return False
        try:
            self._callback_parser.feed(data)
        except Refused as refused:
            self._refuse(refused.status)
        except (ParseError, ParseException, ValueError) as error:
            # ValueError: a Content-Length of more digits than Python reads.
            self._refuse(status_of(error))
        else:
            return True
        return False

    def _refuse(self, status: int) -> None:
        self._send_error_response(status, "")
        self.hang_up()

    def _send_error_response(
        self, status: int, _message: str, _extra_headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Say `status` and no more; nothing in the middle of an answer."""
        if self._answered is not self._current_request or self._answered is None:
            self._safe_write(refusal(status))

    def _send_response_start(
        self,
        status: int,
        headers: list[tuple[bytes, bytes]],
        request: Any,  # noqa: ANN401 - gunicorn has no types
        close: bool = False,  # noqa: FBT001, FBT002 - gunicorn's signature
    ) -> None:
        self._answered = request
        super()._send_response_start(status, headers, request, close)

    def _will_close(self, request: Any, response_requires_close: bool) -> bool:  # noqa: ANN401, FBT001 - gunicorn's signature
        """Announce the end to who is answered while the worker stops, or before it has said all."""
        closes = (
            self.worker.stopping
            or self._half_closed
            or self.stage is BODY
            or super()._will_close(request, response_requires_close)
        )
        self.promised = not closes
        return closes

    def _is_websocket_upgrade(self, _request: object) -> bool:
        """There are none: an Upgrade is ignored, as RFC 9110 allows."""
        return False

    def _arm_keepalive_timer(self) -> None:
        """Idle now, or in the next head; the worker's sweep stands in for gunicorn's timer."""
        if self._half_closed:
            self.hang_up()
            return
        self.received = begun(self._callback_parser)
        self._connections.enter(self, HEAD if self.received else IDLE)

    def _cancel_keepalive_timer(self) -> None:
        pass

    def _close_transport(self) -> None:
        """Close our half, and wait for the peer to close the other.

        Closing both at once would reset the connection if the peer is still sending, and it might
        never see the answer.
        """
        if self.transport is None or self._closed:
            return
        self._closed = True
        self._connections.enter(self, Stage.CLOSING)
        if self.transport.is_closing() or self._half_closed:
            self.transport.close()
            return
        self.transport.write_eof()
        self._resume_reading()
