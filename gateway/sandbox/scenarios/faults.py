"""Faults of the transport, the same for API and CDN: each spoils an answer that was good."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.sandbox.wire import Reply

if TYPE_CHECKING:
    from gateway.sandbox.scenarios.exchange import Exchange

__all__ = [
    "cut",
    "drip_body",
    "drip_headers",
    "empty",
    "endless",
    "garbage_status",
    "gzip_bomb",
    "gzip_encoded",
    "hang",
    "huge_headers",
    "lying_huge_length",
    "reply",
    "reset",
    "reset_midway",
    "slow",
    "stall",
    "wrong_length_long",
    "wrong_length_short",
]

CHUNK: Final = 65_536


async def hang(x: Exchange) -> None:
    """Accept and say nothing until the client gives up."""
    await x.line.gone()


async def slow(x: Exchange) -> Reply:
    """The good answer after `seconds` (10)."""
    await x.line.pause(x.number("seconds", 10.0))
    return await x.good()


async def reset(x: Exchange) -> None:
    """A TCP reset instead of an answer."""
    x.line.reset()


async def reset_midway(x: Exchange) -> None:
    """A TCP reset after half of the body."""
    reply = await x.good()
    await x.line.send(reply.head() + reply.body[: len(reply.body) // 2])
    # Long enough for the client's kernel to have the bytes before the reset discards the rest.
    await asyncio.sleep(0.02)
    x.line.reset()


async def cut(x: Exchange) -> None:
    """The right length is announced, half of the body is sent, the connection closes."""
    reply = await x.good()
    await x.line.send(reply.head() + reply.body[: len(reply.body) // 2])


async def stall(x: Exchange) -> None:
    """Half of the body, then silence on an open connection."""
    reply = await x.good()
    await x.line.send(reply.head() + reply.body[: len(reply.body) // 2])
    await x.line.gone()


async def wrong_length_short(x: Exchange) -> None:
    """`Content-Length` is `by` (10) less than what is sent."""
    reply = await x.good()
    length = max(0, len(reply.body) - x.count("by", 10))
    await x.line.send(reply.head(length=length) + reply.body)


async def wrong_length_long(x: Exchange) -> None:
    """`Content-Length` is `by` (10) more than what is sent before the connection closes."""
    reply = await x.good()
    await x.line.send(reply.head(length=len(reply.body) + x.count("by", 10)) + reply.body)


async def lying_huge_length(x: Exchange) -> None:
    """`Content-Length` is `length` (10 GB); the good body comes, then silence."""
    reply = await x.good()
    await x.line.send(reply.head(length=x.count("length", 10_000_000_000)) + reply.body)
    await x.line.gone()


async def drip_headers(x: Exchange) -> None:
    """The status line at once, then a byte of the headers each `interval` (1) seconds."""
    reply = await x.good()
    first, rest = reply.head().split(b"\r\n", 1)
    await x.line.send(first + b"\r\n")
    await _drip(x, rest + reply.body)


async def drip_body(x: Exchange) -> None:
    """The headers at once, then a byte of the body each `interval` (1) seconds."""
    reply = await x.good()
    await x.line.send(reply.head())
    await _drip(x, reply.body)


async def endless(x: Exchange) -> None:
    """The good body and then spaces for ever; `chunked` (false) or until the close."""
    reply = await x.good()
    chunked = bool(x.params.get("chunked"))
    framing = "Transfer-Encoding: chunked" if chunked else "Connection: close"
    head = f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.content_type}\r\n{framing}\r\n\r\n"
    await x.line.send(head.encode())
    # A JSON text that is not closed yet, or a reader could stop at its end and call it whole.
    piece = reply.body.rstrip(b"}")
    while True:
        size = f"{len(piece):x}\r\n".encode()
        await x.line.send(size + piece + b"\r\n" if chunked else piece)
        piece = b" " * CHUNK
        await asyncio.sleep(0)


async def empty(x: Exchange) -> Reply:
    """200 without a body."""
    return Reply(200, b"", (await x.good()).content_type)


async def garbage_status(x: Exchange) -> None:
    """Something that is no HTTP at all."""
    await x.line.send(b"\x16\x03\x01 garbage 99\r\n\r\nSSH-2.0-nothing\r\n")


async def huge_headers(x: Exchange) -> None:
    """`bytes` (200,000) of headers before a good body."""
    reply = await x.good()
    lines = x.count("bytes", 200_000) // 1_000
    padding = b"".join(b"X-Padding-%d: %s\r\n" % (n, b"p" * 980) for n in range(lines))
    first, rest = reply.head().split(b"\r\n", 1)
    await x.line.send(first + b"\r\n" + padding + rest + reply.body)


async def reply(x: Exchange) -> Reply:
    """`status` (200), `type`, `headers` and `body` (one byte a character), else as in the good."""
    good = await x.good()
    headers = x.params.get("headers", {})
    given = headers.items() if isinstance(headers, dict) else ()
    return Reply(
        x.count("status", 200),
        x.text("body", good.body.decode("latin-1")).encode("latin-1"),
        x.text("type", good.content_type),
        tuple((str(name), str(value)) for name, value in given),
    )


async def gzip_encoded(x: Exchange) -> Reply:
    """The good body in gzip, though nobody asked for that."""
    reply = await x.good()
    encoding = ("Content-Encoding", "gzip")
    return Reply(200, gzip.compress(reply.body), reply.content_type, (*reply.headers, encoding))


async def gzip_bomb(x: Exchange) -> Reply:
    """A few KB of gzip that unpack to `megabytes` (100)."""
    body = await asyncio.to_thread(_bomb, x.count("megabytes", 100))
    content_type = (await x.good()).content_type
    return Reply(200, body, content_type, (("Content-Encoding", "gzip"),))


@lru_cache(maxsize=2)
def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * 1_000_000
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


async def _drip(x: Exchange, data: bytes) -> None:
    interval = x.number("interval", 1.0)
    for place in range(len(data)):
        await asyncio.sleep(interval)
        await x.line.send(data[place : place + 1])
