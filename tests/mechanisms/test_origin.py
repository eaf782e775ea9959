"""The CDN: only allowed URLs, only whole pictures, and no more bytes than it takes to say no."""

from __future__ import annotations

import asyncio
import gzip
import time
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.errors import (
    AvatarUnavailable,
    Blocked,
    OverBudget,
    PhotoGone,
    Rejected,
    TimedOut,
    Undecodable,
    UpstreamFailed,
)
from gateway.imaging.header import HeaderCheck
from gateway.model import OriginPattern, PhotoUrl
from gateway.origin import MAX_PICTURE, Origin
from gateway.outbound import Outbound
from tests.fakes import outbound_to, replying, serving, signed
from tests.imaging.pictures import encoded, png, quarters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.fakes import Talk, WireServer

WHATSAPP = OriginPattern.parse("https://*.whatsapp.net")
JPEG = encoded(quarters(), "JPEG")
PICTURES = {
    "image/jpeg": JPEG,
    "image/png": encoded(quarters(), "PNG"),
    "image/gif": encoded(quarters(), "GIF"),
    "image/webp": encoded(quarters(), "WEBP"),
}
HTML = b"<!doctype html><title>upstream-text</title>"


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


class Cdn:
    """A CDN that gives everybody the same answer, and counts."""

    def __init__(
        self,
        body: bytes = JPEG,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        stream: httpx.AsyncByteStream | None = None,
    ) -> None:
        self.urls: list[str] = []
        self._answer: Callable[[], httpx.Response] = lambda: httpx.Response(
            status, headers=headers, stream=stream or httpx.ByteStream(body)
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        return self._answer()

    async def fetch(self, url: str = signed().url, *allowed: OriginPattern) -> bytes:
        async with Outbound(transport=httpx.MockTransport(self)) as outbound:
            origin = Origin(outbound, allowed=allowed or [WHATSAPP], inspect=HeaderCheck)
            return await origin(PhotoUrl(url), until=soon())

    async def failure(self) -> AvatarUnavailable:
        with pytest.raises(AvatarUnavailable) as caught:
            await self.fetch()
        assert "upstream-text" not in "".join(traceback.format_exception(caught.value))
        return caught.value


@asynccontextmanager
async def wired(talk: Talk) -> AsyncIterator[tuple[WireServer, Callable[[], asyncio.Task[bytes]]]]:
    """A CDN over real sockets, and a way to begin a download."""
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        allowed = [OriginPattern.parse(server.base_url)]
        origin = Origin(outbound, allowed=allowed, inspect=HeaderCheck)
        source = PhotoUrl(server.base_url + "/v/x.jpg")

        async def download() -> bytes:
            return await origin(source, until=soon())

        yield server, lambda: asyncio.create_task(download())


async def hung_up(server: WireServer) -> None:
    async with asyncio.timeout(20):
        await server.closed.wait()


# ---- which URLs ----

REFUSED = [
    "",
    "http://pps.whatsapp.net/v/x.jpg",
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/x.jpg",
    "https://2852039166/x.jpg",
    "https://127.0.0.1/x.jpg",
    "https://[::1]/x.jpg",
    "https://[::ffff:10.0.0.1]/x.jpg",
    "https://localhost/x.jpg",
    "file:///etc/passwd",
    "ftp://pps.whatsapp.net/x.jpg",
    "data:image/png;base64,AAAA",
    "https://pps.whatsapp.net@evil.example/",
    "https://pps.whatsapp.net:8443/x.jpg",
    "https://pps.whatsapp.net.evil.example/x.jpg",
    "https://evilwhatsapp.net/x.jpg",
    "https://whatsapp.net/x.jpg",
    "https://mmg.fbcdn.net/x.jpg",
    "https://pps.whatsapp.net/\r\nHost: evil.example",
    "https://pps.whatsapp.net/x.jpg\n",
    "https://pps.whatsapp.net/" + "a" * 10_000,
    "https://pps.whatsapp.net/\ud800",
]


@pytest.mark.parametrize("url", REFUSED)
async def test_a_url_that_is_not_allowed_is_never_dialled(url: str) -> None:
    cdn = Cdn()
    with pytest.raises(Blocked) as caught:
        await cdn.fetch(url)
    assert cdn.urls == []
    assert str(caught.value) == "the picture's URL is not on GATEWAY_CDN_ORIGINS"


async def test_a_url_on_any_of_the_allowed_origins_is_fetched_as_it_is() -> None:
    url = "https://cdn.example/v/x.jpg?oh=01_a-b~c&oe=66BC702E&x=%2F%41+;"
    cdn = Cdn()
    assert await cdn.fetch(url, WHATSAPP, OriginPattern.parse("https://cdn.example")) == JPEG
    assert cdn.urls == [url]


# ---- which answers ----


@pytest.mark.parametrize("status", [403, 404, 410])
@pytest.mark.parametrize("body", [b"URL signature expired", HTML, JPEG, b""])
async def test_a_url_that_is_served_no_longer_is_gone(status: int, body: bytes) -> None:
    error = await Cdn(body, status=status).failure()
    assert type(error) is PhotoGone


@pytest.mark.parametrize("retry_after", ["30", "soon"])
async def test_a_cdn_may_want_to_be_left_alone(retry_after: str) -> None:
    error = await Cdn(HTML, status=429, headers={"Retry-After": retry_after}).failure()
    assert type(error) is OverBudget


@pytest.mark.parametrize("status", [201, 400, 401, 402, 405, 418, 500, 502, 503, 504])
async def test_any_other_status_is_a_failure_even_with_a_picture(status: int) -> None:
    error = await Cdn(status=status).failure()
    assert type(error) is UpstreamFailed
    assert str(error) == f"the CDN answered {status}"


@pytest.mark.parametrize("status", [204, 206])
async def test_half_a_picture_or_none_is_no_picture(status: int) -> None:
    assert type(await Cdn(status=status).failure()) is Undecodable


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/", "https://pps.whatsapp.net/v/maya.jpg", "//evil.example/", "http://[::1"],
)
async def test_no_redirect_is_followed(status: int, location: str) -> None:
    cdn = Cdn(status=status, headers={"Location": location})
    assert type(await cdn.failure()) is UpstreamFailed
    assert len(cdn.urls) == 1


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate", "x", "identity, gzip"])
@pytest.mark.parametrize("body", [JPEG, gzip.compress(JPEG)])
async def test_an_encoded_picture_is_refused(encoding: str, body: bytes) -> None:
    error = await Cdn(body, headers={"Content-Encoding": encoding}).failure()
    assert type(error) is Undecodable


@pytest.mark.parametrize("encoding", ["identity", " Identity", ""])
async def test_a_picture_that_is_encoded_as_itself_is_taken(encoding: str) -> None:
    assert await Cdn(headers={"Content-Encoding": encoding}).fetch() == JPEG


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize(
    "label", ["image/jpeg", "text/html", "application/octet-stream", "image/png, text/html", ""]
)
async def test_a_picture_is_known_by_its_bytes_and_not_by_its_label(kind: str, label: str) -> None:
    cdn = Cdn(PICTURES[kind], headers={"Content-Type": label})
    assert await cdn.fetch() == PICTURES[kind]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML,
        b'{"error": "gone"}',
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"URL signature expired",
        b"%PDF-1.7",
        b"\x1f\x8b" + bytes(20),
    ],
)
@pytest.mark.parametrize("label", ["image/jpeg", "text/html"])
async def test_what_is_no_picture_is_refused_whatever_its_label(body: bytes, label: str) -> None:
    error = await Cdn(body, headers={"Content-Type": label}).failure()
    assert type(error) is Undecodable


@pytest.mark.parametrize("body", [JPEG[:1], JPEG[:20]])
async def test_what_begins_as_a_picture_and_ends_at_once_is_refused_for_good(body: bytes) -> None:
    error = await Cdn(body, headers={"Content-Type": "image/jpeg"}).failure()
    assert type(error) is Rejected


async def test_a_picture_that_claims_too_much_is_refused_for_good() -> None:
    error = await Cdn(png(50_000, 50_000), headers={"Content-Type": "image/png"}).failure()
    assert type(error) is Rejected


# ---- how many bytes ----


class Endless(httpx.AsyncByteStream):
    """A picture's beginning, then rubbish for ever; counts what was taken of it."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk = self._beginning.ljust(65_536, b"\0")
        while True:
            self.taken += len(chunk)
            yield chunk
            chunk = bytes(65_536)


async def test_an_endless_picture_is_cut_at_two_mebibytes() -> None:
    stream = Endless(PICTURES["image/png"])
    assert type(await Cdn(stream=stream).failure()) is UpstreamFailed
    assert MAX_PICTURE == 2 * 2**20
    assert stream.taken == MAX_PICTURE + 65_536


async def test_an_endless_text_is_cut_at_its_first_bytes() -> None:
    stream = Endless(HTML)
    assert type(await Cdn(stream=stream).failure()) is Undecodable
    assert stream.taken == 65_536


async def test_a_picture_may_be_as_large_as_that() -> None:
    largest = PICTURES["image/png"].ljust(MAX_PICTURE, b"\0")
    assert await Cdn(largest).fetch() == largest
    assert type(await Cdn(largest + b"\0").failure()) is UpstreamFailed


@pytest.mark.parametrize("declared", [MAX_PICTURE + 1, 20_000_000, 10**19, 10**30])
async def test_a_picture_that_is_declared_too_large_is_not_begun(declared: int) -> None:
    stream = Endless(PICTURES["image/png"])
    error = await Cdn(stream=stream, headers={"Content-Length": str(declared)}).failure()
    assert type(error) is Undecodable
    assert stream.taken == 0


@pytest.mark.parametrize("declared", ["\u00b2", "-1", "1e9", "many", ""])
async def test_a_length_that_is_no_number_changes_nothing(declared: str) -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        length = (b"Content-Length", declared.encode("latin-1"))
        return httpx.Response(200, headers=[length], stream=httpx.ByteStream(JPEG))

    async with Outbound(transport=httpx.MockTransport(handle)) as outbound:
        origin = Origin(outbound, allowed=[WHATSAPP], inspect=HeaderCheck)
        assert await origin(signed(), until=soon()) == JPEG


# ---- over real sockets ----


async def test_a_picture_comes_over_the_wire_as_it_was_sent() -> None:
    async with wired(replying(headers="Content-Type: image/jpeg\r\n", body=JPEG)) as (_, begin):
        assert await begin() == JPEG


@pytest.mark.parametrize("said", [b"<", HTML, b"GIF88", png(50_000, 50_000)[:24]])
async def test_a_text_that_says_it_is_a_picture_is_hung_up_on_at_its_first_bytes(
    said: bytes,
) -> None:
    talk = _only_beginning("Content-Type: image/jpeg\r\nContent-Length: 2000000", said)
    async with wired(talk) as (server, begin):
        with pytest.raises(Undecodable):
            await begin()
        await hung_up(server)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("404 Not Found", PhotoGone),
        ("503 Service Unavailable", UpstreamFailed),
        ("206 Partial Content", Undecodable),
    ],
)
async def test_an_error_is_hung_up_on_before_its_body(
    status: str, kind: type[AvatarUnavailable]
) -> None:
    async with wired(_only_beginning("Content-Length: 2000000", b"", status)) as (server, begin):
        with pytest.raises(kind):
            await begin()
        await hung_up(server)


async def test_a_huge_picture_is_hung_up_on_before_its_body() -> None:
    async with wired(_only_beginning("Content-Length: 20000000", b"")) as (server, begin):
        with pytest.raises(Undecodable, match="larger than we take"):
            await begin()
        await hung_up(server)


async def test_a_picture_without_end_is_hung_up_on() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + PICTURES["image/png"])
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    async with wired(talk) as (server, begin):
        with pytest.raises(UpstreamFailed, match="larger than we take"):
            await begin()
        await hung_up(server)


async def test_a_picture_that_is_cut_off_is_never_half_a_picture() -> None:
    async with wired(replying(body=JPEG[:-10], length=len(JPEG))) as (_, begin):
        with pytest.raises(UpstreamFailed):
            await begin()


async def test_a_viewer_who_leaves_takes_the_download_along() -> None:
    begun = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + JPEG)
        await writer.drain()
        begun.set()
        await reader.read()

    async with wired(talk) as (server, begin):
        download = begin()
        await begun.wait()
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
        await hung_up(server)


async def test_a_download_without_time_is_not_begun() -> None:
    cdn = Cdn()
    async with Outbound(transport=httpx.MockTransport(cdn)) as outbound:
        origin = Origin(outbound, allowed=[WHATSAPP], inspect=HeaderCheck)
        with pytest.raises(TimedOut):
            await origin(signed(), until=soon(-1))
    assert cdn.urls == []


async def test_each_picture_is_inspected_anew() -> None:
    bodies = [HTML, JPEG]

    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(bodies.pop(0)))

    async with Outbound(transport=httpx.MockTransport(handle)) as outbound:
        origin = Origin(outbound, allowed=[WHATSAPP], inspect=HeaderCheck)
        with pytest.raises(Undecodable):
            await origin(signed(), until=soon())
        assert await origin(signed(), until=soon()) == JPEG


def _only_beginning(headers: str, said: bytes, status: str = "200 OK") -> Talk:
    """Answer with a head and `said`, then wait for the client to go."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + said)
        await writer.drain()
        await reader.read()

    return talk
