"""The application as a client sees it: status, exact headers and body by class of answer."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from gateway.errors import (
    AvatarUnavailable,
    Blocked,
    Busy,
    Disconnected,
    GatewayError,
    InvalidOption,
    InvalidSettings,
    NoPhoto,
    OverBudget,
    PhotoGone,
    Reason,
    StoreFailed,
    TimedOut,
    Undecodable,
    UpstreamFailed,
)
from gateway.model import (
    Avatar,
    AvatarSpec,
    Colour,
    ContactId,
    Fallback,
    Format,
    Kind,
    Path,
    Rendition,
    Shape,
    Standing,
)
from gateway.telemetry import Telemetry
from gateway.web import (
    AdminEndpoint,
    AvatarEndpoint,
    Defaults,
    HookEndpoint,
    Links,
    MetricsEndpoint,
    Served,
    build_application,
)
from gateway.web.access import OPEN
from gateway.web.clients import DIRECT
from tests.fakes import (
    MAYA,
    T0,
    Clock,
    FakeAvatars,
    FakeDocuments,
    FakeKeeper,
    FakeResolver,
    House,
    opened,
    standing_of_photo,
)
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message

    from gateway.web import Clients, Gate
    from gateway.web.avatar import Avatars, Fallbacks

HERE: Final = Links("")
NUMBER: Final = "15551234567"
STATIC: Final = ROOT / "static"

PHOTO: Final = Rendition.of(b"the photo", Format.PNG)
DRAWN: Final = Rendition.of(b"a silhouette", Format.PNG)
FACE: Final = f"silhouette of a {Kind.PERSON}".encode()
FACE_TAG: Final = Rendition.of(FACE, Format.PNG).etag

SINCE: Final = 784_111_777.0
SINCE_TEXT: Final = "Sun, 06 Nov 1994 08:49:37 GMT"

COMMON: Final = {
    "server": "avatar-gateway",
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Avatar-Source, Avatar-Reason, Cache-Status, ETag",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, noimageindex, noarchive",
}
# The answers about a contact carry the date that their other times were judged by.
DATED: Final = COMMON | {"date": "Mon, 21 Sep 2026 14:13:20 GMT"}
# Contacts spread lives over 0–10 % and 10–20 s; Maya's share of it, seen from outside.
MAYAS_HOUR: Final = "max-age=3240, stale-while-revalidate=600, stale-if-error=3600"
MAYAS_MOMENT: Final = "max-age=10"


def photo(path: Path = Path.HIT, rendition: Rendition = PHOTO, **changes: float) -> Avatar:
    return Avatar(rendition, standing_of_photo(since=SINCE, **changes), path)


def fallback(
    reason: Reason,
    *,
    path: Path = Path.MISS,
    settled: bool = False,
    rendition: Rendition | None = DRAWN,
) -> Avatar:
    return Avatar(rendition, Standing(T0 + 60, T0 + 60, reason=reason, settled=settled), path)


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


class Edge:
    """The application around one service, asked without a server in between."""

    def __init__(  # noqa: PLR0913 - one parameter a part that a test may choose
        self,
        avatars: Avatars,
        *,
        telemetry: Telemetry | None = None,
        token: str | None = None,
        fallbacks: Fallbacks | None = None,
        gate: Gate = OPEN,
        links: Links = HERE,
        clients: Clients = DIRECT,
        hooks: HookEndpoint | None = None,
        metrics: MetricsEndpoint | None = None,
        access_log: bool = False,
    ) -> None:
        self.service = avatars
        self.telemetry = telemetry or Telemetry(pseudonym=lambda _: "someone")
        if fallbacks is None:
            fallbacks = avatars if isinstance(avatars, FakeAvatars) else FakeAvatars(photo())
        self.documents = FakeDocuments()
        self.keeper = FakeKeeper()
        admin = AdminEndpoint(
            self.keeper,
            self.documents,
            self.telemetry,
            token=token,
            gate=gate,
            links=links,
            defaults=Defaults(),
        )
        endpoint = AvatarEndpoint(
            avatars,
            fallbacks,
            self.documents,
            admin=admin,
            telemetry=self.telemetry,
            links=links,
            defaults=Defaults(),
            gate=gate,
            clients=clients,
            clock=Clock(),
        )
        self.served = Served(
            endpoint, admin, self.telemetry, {"machines": "a bound"}, None, metrics, hooks
        )
        self.opened = 0
        self.closed = 0
        self.application = build_application(
            static=STATIC, lifespan=self._lifespan, access_log=access_log
        )

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[Served]:
        self.opened += 1
        yield self.served
        self.closed += 1

    async def ask(
        self,
        target: str | bytes,
        method: str = "GET",
        *,
        body: bytes | list[bytes] = b"",
        **headers: str,
    ) -> Answer:
        """Ask for `target` as it stands on the request line; ``if_none_match`` names a header."""
        pieces = list(body) if isinstance(body, list) else [body]
        raw, _, query = (target if isinstance(target, bytes) else target.encode()).partition(b"?")
        sent = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw.decode("latin-1")),
            "raw_path": raw,
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"faces.example.com"), *sent],
            "client": ("203.0.113.7", 1234),
            "server": ("127.0.0.1", 8000),
            "state": {"served": self.served},
        }
        messages: list[Message] = []

        async def receive() -> Message:
            await asyncio.sleep(0)
            piece = pieces.pop(0) if pieces else b""
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            await asyncio.sleep(0)
            messages.append(message)

        # What is left of a fault after its answer is raised again, for the server's log.
        with suppress(Exception):
            await self.application(scope, receive, send)
        start, *rest = messages
        pairs = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]]
        names = [name for name, _ in pairs]
        assert names == [name.lower() for name in names]
        assert len(names) == len(set(names)), "a header was sent twice"
        assert NUMBER not in str(pairs)
        said = b"".join(message.get("body", b"") for message in rest)
        return Answer(start["status"], dict(pairs), said)


async def ask(avatar: Avatar | Exception, target: str, **headers: str) -> Answer:
    return await Edge(FakeAvatars(avatar)).ask(target, body=b"", **headers)


# --- the classes of answer, header by header ---


async def test_a_fresh_photo() -> None:
    answer = await ask(photo(), f"/avatar/{NUMBER}@c.us.png")
    assert (answer.status, answer.body) == (200, b"the photo")
    assert answer.headers == DATED | {
        "content-type": "image/png",
        "content-length": "9",
        "content-disposition": 'inline; filename="avatar.png"',
        "cache-control": MAYAS_HOUR,
        "cache-status": "avatar-gateway; hit; ttl=86400",
        "avatar-source": "photo",
        "etag": PHOTO.etag,
        "last-modified": SINCE_TEXT,
    }


async def test_a_photo_that_had_to_be_fetched() -> None:
    for path, status in ((Path.MISS, "fwd=miss"), (Path.COLLAPSED, "fwd=miss; collapsed")):
        answer = await ask(photo(path), f"/avatar/{NUMBER}.png")
        assert answer.headers["cache-status"] == f"avatar-gateway; {status}"
        assert answer.headers["cache-control"] == MAYAS_HOUR


async def test_a_stale_photo() -> None:
    answer = await ask(photo(fresh_until=T0 - 1.5), f"/avatar/{NUMBER}.png")
    assert (answer.status, answer.body) == (200, b"the photo")
    assert answer.headers == DATED | {
        "content-type": "image/png",
        "content-length": "9",
        "content-disposition": 'inline; filename="avatar.png"',
        "cache-control": "max-age=30",
        "cache-status": "avatar-gateway; hit; ttl=-2",
        "avatar-source": "photo",
        "etag": PHOTO.etag,
        "last-modified": SINCE_TEXT,
    }


@pytest.mark.parametrize(
    ("query", "life"),
    [("v=0123456789ab", "max-age=86400, immutable"), ("v=ba9876543210", MAYAS_HOUR),
     ("v=", MAYAS_HOUR)],
)  # fmt: skip
async def test_a_photo_asked_for_by_version(query: str, life: str) -> None:
    answer = await ask(photo(), f"/avatar/{NUMBER}.png?{query}")
    assert answer.headers["cache-control"] == life


@pytest.mark.parametrize("reason", [Reason.NONE, Reason.UNSUPPORTED, Reason.FORCED])
async def test_a_fallback_that_lasts(reason: Reason) -> None:
    avatar = fallback(reason, path=Path.HIT, settled=True)
    answer = await ask(avatar, f"/avatar/{NUMBER}.png")
    assert (answer.status, answer.body) == (200, b"a silhouette")
    assert answer.headers == DATED | {
        "content-type": "image/png",
        "content-length": "12",
        "content-disposition": 'inline; filename="avatar.png"',
        "cache-control": "max-age=900",
        "cache-status": "avatar-gateway; hit; ttl=60",
        "avatar-source": "fallback",
        "avatar-reason": reason,
        "etag": DRAWN.etag,
    }


PASSING = [
    Reason.NONE, Reason.TIMEOUT, Reason.DISCONNECTED, Reason.UPSTREAM, Reason.BUDGET,
    Reason.BLOCKED, Reason.UNDECODABLE, Reason.BUSY,
]  # fmt: skip


@pytest.mark.parametrize("reason", PASSING)
async def test_a_fallback_for_now(reason: Reason) -> None:
    answer = await ask(fallback(reason), f"/avatar/{NUMBER}.png")
    assert (answer.status, answer.body) == (200, b"a silhouette")
    assert answer.headers == DATED | {
        "content-type": "image/png",
        "content-length": "12",
        "content-disposition": 'inline; filename="avatar.png"',
        "cache-control": MAYAS_MOMENT,
        "cache-status": f"avatar-gateway; fwd=miss; detail={reason}",
        "avatar-source": "fallback",
        "avatar-reason": reason,
        "etag": DRAWN.etag,
    }


@pytest.mark.parametrize(
    ("settled", "life"), [(True, "max-age=900"), (False, MAYAS_MOMENT)], ids=["settled", "for now"]
)
async def test_no_photo_and_no_fallback_wanted(*, settled: bool, life: str) -> None:
    avatar = fallback(Reason.NONE, settled=settled, rendition=None)
    answer = await ask(avatar, f"/avatar/{NUMBER}.png?fallback=404")
    assert (answer.status, answer.body) == (404, b"")
    assert answer.headers == DATED | {
        "content-length": "0",
        "cache-control": life,
        "cache-status": "avatar-gateway; fwd=miss; detail=none",
        "avatar-source": "fallback",
        "avatar-reason": "none",
    }


async def test_a_photo_where_no_fallback_is_wanted() -> None:
    answer = await ask(photo(), f"/avatar/{NUMBER}.png?d=404")
    assert (answer.status, answer.body) == (200, b"the photo")


async def test_a_refusal_is_a_silhouette() -> None:
    answer = await ask(photo(), f"/avatar/{NUMBER}.png?size=9999")
    assert (answer.status, answer.body) == (400, FACE)
    assert answer.headers == COMMON | {
        "content-type": "image/png",
        "content-length": str(len(FACE)),
        "content-disposition": 'inline; filename="avatar.png"',
        "cache-control": "no-store",
        "avatar-source": "fallback",
        "avatar-reason": "invalid",
    }


async def test_a_refusal_is_a_problem_for_those_who_read_json() -> None:
    answer = await ask(photo(), f"/avatar/{NUMBER}.png?size=9999", accept="application/json")
    assert answer.status == 400
    assert answer.json == {
        "status": 400,
        "title": "Bad Request",
        "detail": "size takes a whole number from 16 to 1024",
    }
    assert answer.headers == COMMON | {
        "content-type": "application/problem+json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
        "avatar-source": "fallback",
        "avatar-reason": "invalid",
    }


@pytest.mark.parametrize("target", ["nonsense.png?d=404", f"{NUMBER}.png?fallback=404&size=9"])
async def test_a_refusal_is_empty_where_no_fallback_is_wanted(target: str) -> None:
    answer = await ask(photo(), f"/avatar/{target}")
    assert (answer.status, answer.body) == (400, b"")
    assert answer.headers == COMMON | {
        "content-length": "0",
        "cache-control": "no-store",
        "avatar-source": "fallback",
        "avatar-reason": "invalid",
    }


async def test_a_fault_is_a_silhouette_too() -> None:
    answer = await ask(RuntimeError("marked"), f"/avatar/{NUMBER}.png?size=64")
    assert (answer.status, answer.body) == (500, FACE)
    assert answer.headers == COMMON | {
        "content-type": "image/png",
        "content-length": str(len(FACE)),
        "content-disposition": 'inline; filename="avatar.png"',
        "cache-control": "no-store",
        "avatar-source": "fallback",
        "avatar-reason": "internal",
    }


async def test_a_fault_is_a_problem_for_those_who_read_json_and_tells_nothing() -> None:
    target = f"/avatar/{NUMBER}.png"
    answer = await ask(RuntimeError("marked"), target, accept="application/problem+json")
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["avatar-reason"] == "internal"
    assert answer.json == {
        "status": 500,
        "title": "Internal Server Error",
        "detail": "The gateway failed; its log says how.",
    }


async def test_a_fault_is_empty_where_no_fallback_is_wanted() -> None:
    answer = await ask(RuntimeError("marked"), f"/avatar/{NUMBER}.png?d=404")
    assert (answer.status, answer.body) == (500, b"")
    assert "content-type" not in answer.headers
    assert answer.headers["avatar-reason"] == "internal"


# --- conditional requests, HEAD, negotiation ---


@pytest.mark.parametrize(
    "given",
    [{"if_none_match": PHOTO.etag}, {"if_none_match": "*"}, {"if_modified_since": SINCE_TEXT}],
)
async def test_who_holds_the_photo_gets_304_with_validators_and_life(given: dict[str, str]) -> None:
    answer = await ask(photo(), f"/avatar/{NUMBER}.png", **given)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers == DATED | {
        "cache-control": MAYAS_HOUR,
        "cache-status": "avatar-gateway; hit; ttl=86400",
        "avatar-source": "photo",
        "etag": PHOTO.etag,
        "last-modified": SINCE_TEXT,
    }


async def test_who_holds_the_fallback_gets_304_without_a_date() -> None:
    avatar = fallback(Reason.TIMEOUT)
    answer = await ask(avatar, f"/avatar/{NUMBER}.png", if_none_match=f'"x", W/{DRAWN.etag}')
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers == DATED | {
        "cache-control": MAYAS_MOMENT,
        "cache-status": "avatar-gateway; fwd=miss; detail=timeout",
        "avatar-source": "fallback",
        "avatar-reason": "timeout",
        "etag": DRAWN.etag,
    }


async def test_a_refusal_is_never_a_304() -> None:
    for given in ("*", FACE_TAG):
        answer = await ask(photo(), "/avatar/nonsense.png", if_none_match=given)
        assert (answer.status, answer.body) == (400, FACE)
        answer = await ask(RuntimeError(), f"/avatar/{NUMBER}.png", if_none_match=given)
        assert answer.status == 500
    avatar = fallback(Reason.NONE, rendition=None)
    assert (await ask(avatar, f"/avatar/{NUMBER}.png?d=404", if_none_match="*")).status == 404


HEADS: list[tuple[Avatar | Exception, str, str]] = [
    (photo(), f"{NUMBER}.png", ""),
    (photo(), NUMBER, ""),
    (fallback(Reason.BUDGET), f"{NUMBER}.png", ""),
    (fallback(Reason.NONE, rendition=None), f"{NUMBER}.png?d=404", ""),
    (photo(), "nonsense.png", ""),
    (photo(), "nonsense.png", "application/json"),
    (photo(), "nonsense/nonsense", ""),
    (RuntimeError(), f"{NUMBER}.png", ""),
    (RuntimeError(), f"{NUMBER}.png", "application/json"),
]


@pytest.mark.parametrize(("avatar", "target", "accept"), HEADS)
async def test_head_is_get_without_the_body(
    avatar: Avatar | Exception, target: str, accept: str
) -> None:
    service = FakeAvatars(avatar)
    edge = Edge(service)
    get = await edge.ask(f"/avatar/{target}", accept=accept)
    asked = list(service.asked)
    head = await edge.ask(f"/avatar/{target}", "HEAD", accept=accept)
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)
    assert service.asked == asked * 2


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/robots.txt", "/openapi.json", "/nope"])
async def test_head_is_get_without_the_body_on_other_paths_too(path: str) -> None:
    edge = Edge(FakeAvatars(photo()))
    get, head = await edge.ask(path), await edge.ask(path, "HEAD")
    assert head.body == b""
    assert get.body != b""
    assert (head.status, head.headers) == (get.status, get.headers)


EXTENSIONS = [
    ("png", Format.PNG),
    ("jpg", Format.JPEG),
    ("jpeg", Format.JPEG),
    ("webp", Format.WEBP),
    ("avif", Format.AVIF),
    ("PNG", Format.PNG),
    ("Jpg", Format.JPEG),
    ("JPEG", Format.JPEG),
    ("WebP", Format.WEBP),
    ("aVIF", Format.AVIF),
]


@pytest.mark.parametrize(("extension", "fmt"), EXTENSIONS)
async def test_the_extension_decides_in_any_case_and_whatever_is_accepted(
    extension: str, fmt: Format
) -> None:
    service = FakeAvatars(photo(rendition=Rendition.of(b"x", fmt)))
    answer = await Edge(service).ask(f"/avatar/{NUMBER}.{extension}", accept="image/gif;q=0.1")
    assert service.asked == [(MAYA, AvatarSpec(format=fmt))]
    assert answer.headers["content-type"] == fmt.media_type
    assert answer.headers["content-disposition"] == f'inline; filename="avatar.{fmt}"'
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    ("accept", "fmt"),
    [
        ("", Format.PNG),
        ("*/*", Format.PNG),
        ("application/json", Format.PNG),
        ("image/webp,*/*", Format.WEBP),
        ("image/avif", Format.AVIF),
        ("image/jpeg", Format.JPEG),
    ],
)
async def test_without_an_extension_accept_decides(accept: str, fmt: Format) -> None:
    service = FakeAvatars(photo())
    answer = await Edge(service).ask(f"/avatar/{NUMBER}", accept=accept)
    assert answer.status == 200
    assert service.asked == [(MAYA, AvatarSpec(format=fmt))]
    assert answer.headers["vary"] == "Accept"


VARYING: list[tuple[Avatar | Exception, str, int]] = [
    (photo(), f"{NUMBER}{{}}", 200),
    (fallback(Reason.TIMEOUT), f"{NUMBER}{{}}", 200),
    (fallback(Reason.NONE, rendition=None), f"{NUMBER}{{}}?d=404", 404),
    (photo(), "nonsense{}", 400),
    (photo(), "nonsense{}?d=404", 400),
    (RuntimeError(), f"{NUMBER}{{}}", 500),
]


@pytest.mark.parametrize(("avatar", "target", "status"), VARYING)
async def test_every_answer_to_a_negotiated_url_varies_and_no_other(
    avatar: Avatar | Exception, target: str, status: int
) -> None:
    bare = await ask(avatar, f"/avatar/{target.format('')}")
    named = await ask(avatar, f"/avatar/{target.format('.png')}")
    assert (bare.status, named.status) == (status, status)
    assert bare.headers.get("vary") == "Accept"
    assert "vary" not in named.headers


async def test_a_304_varies_as_its_200_does() -> None:
    answer = await ask(photo(), f"/avatar/{NUMBER}", if_none_match=PHOTO.etag)
    assert (answer.status, answer.headers["vary"]) == (304, "Accept")


# --- whom and what is asked for ---


@pytest.mark.parametrize(
    "spelling",
    [
        NUMBER, f"+{NUMBER}", f"%2B{NUMBER}", f"00{NUMBER}", f"{NUMBER}@c.us", f"{NUMBER}%40c.us",
        f"{NUMBER}%40C.US", f"{NUMBER}:12@s.whatsapp.net", f"{NUMBER}%3a12@s.whatsapp.net",
        "1.555.123.4567", "+1%20(555)%20123-4567", "%31%35%35%35%31%32%33%34%35%36%37",
    ],
)  # fmt: skip
@pytest.mark.parametrize("extension", ["", ".png", "%2epng", "%2EPNG"])
async def test_all_spellings_are_one_contact(spelling: str, extension: str) -> None:
    service = FakeAvatars(photo())
    answer = await Edge(service).ask(f"/avatar/{spelling}{extension}")
    assert answer.status == 200
    assert service.asked == [(MAYA, AvatarSpec())]


async def test_a_plus_in_the_path_is_a_plus_and_in_the_query_a_space() -> None:
    service = FakeAvatars(photo())
    await Edge(service).ask(f"/avatar/+{NUMBER}.png?d=initials&name=Ada+Lovelace")
    spec = AvatarSpec(fallback=Fallback.INITIALS, name="Ada Lovelace")
    assert service.asked == [(MAYA, spec)]


async def test_the_service_is_asked_for_what_the_query_says() -> None:
    service = FakeAvatars(photo())
    await Edge(service).ask(
        b"/avatar/120363043968066561@g.us.webp?s=48&dpr=1.5&shape=rounded&bg=102030&ring=fff000"
        b"&d=identicon&f=y&v=abc&refresh=true&utm_source=mail"
    )
    wished = AvatarSpec(
        size=48,
        dpr=1.5,
        format=Format.WEBP,
        shape=Shape.ROUNDED,
        bg=Colour(16, 32, 48),
        ring=Colour(255, 240, 0),
        fallback=Fallback.IDENTICON,
        forced=True,
        version="abc",
    )
    assert service.asked == [(ContactId.parse("120363043968066561@g.us"), wished)]


async def test_a_query_that_was_not_percent_encoded_is_read_as_utf_8() -> None:
    service = FakeAvatars(photo())
    edge = Edge(service)
    await edge.ask(f"/avatar/{NUMBER}.png?name=Zoë".encode())
    await edge.ask(b"/avatar/15551234567.png?name=Zo\xff")
    assert [spec.name for _, spec in service.asked] == ["Zoë", "Zo\ufffd"]


async def test_a_refusal_is_as_large_as_was_asked_for_and_in_the_format_of_the_url() -> None:
    service = FakeAvatars(photo())
    answer = await Edge(service).ask("/avatar/nonsense.webp?size=9999999999&shape=circle")
    assert answer.headers["content-type"] == "image/webp"
    assert service.stood_in == [AvatarSpec(size=1024, format=Format.WEBP)]


HOSTILE = [
    b"15551234567%0d%0aSet-Cookie:%20marked=1",
    b"15551234567%0D%0A%0D%0A%3Cscript%3E",
    b"15551234567%0a",
    b"%0a15551234567",
    b"15551234567%00",
    b"%00",
    b"15551234567%1b[31m",
    b"15551234567%E2%80%A8",
    b"15551234567%c2%85",
    b"%EF%BC%91%EF%BC%95%EF%BC%95%EF%BC%95%EF%BC%91%EF%BC%92%EF%BC%93",
    b"%D9%A1%D9%A5%D9%A5%D9%A5%D9%A1%D9%A2%D9%A3",
    b"..%2f..%2fetc%2fpasswd",
    b"..%5c..%5cetc%5cpasswd",
    b"%2e%2e%2f%2e%2e%2fmarked",
    b"..",
    b".",
    b"%2f",
    b"9" * 4096,
    b"%31" * 4096,
    b"a" * 4096,
    b"15551234567%2540c.us",
    b"%2531555123456",
    b"%252e%252e%252fetc",
    b"%25",
    b"%",
    b"%zz",
    b"15551234567%",
    b"%ff%fe",
    b"\xff\xfe",
    b"\xef\xbc\x91\xef\xbc\x95",
    b"15551234567@evil.example",
    b"15551234567@c.us@c.us",
    b"15551234567@c.us%00.evil.example",
    b"15551234567,15551234568",
    b"15551234567;marked",
    b"15551234567%26refresh%3Dtrue",
    b"15551234567%3Frefresh%3Dtrue",
    b"15551234567%23",
    b"https:%2f%2fmarked.example%2fa.png",
    b"<marked>",
    b"'%20or%201=1",
    b"${jndi:marked}",
    b"{{7*7}}",
    b"ME",
    b"0",
    b"null",
    b"-1",
    b"1e9",
    b"15551234567.gif",
    b"15551234567.png.exe",
]


@pytest.mark.parametrize("extension", [b"", b".png"])
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda raw: repr(raw[:40]))
async def test_what_names_no_contact_is_refused_and_nobody_is_asked(
    hostile: bytes, extension: bytes
) -> None:
    service = FakeAvatars(photo())
    edge = Edge(service)
    target = b"/avatar/" + hostile + extension
    answer = await edge.ask(target)
    problem = await edge.ask(target, accept="application/json")
    assert (answer.status, answer.body) == (400, FACE)
    assert answer.headers["avatar-reason"] == "invalid"
    assert answer.headers["cache-control"] == "no-store"
    assert problem.json == {
        "status": 400,
        "title": "Bad Request",
        "detail": "the contact id has none of the accepted forms",
    }
    assert service.asked == []
    assert edge.telemetry.bugs == 0
    assert edge.telemetry.answers == {(400, "invalid"): 2}


HOSTILE_QUERIES = [
    b"size=1%0d%0aSet-Cookie:%20marked=1",
    b"shape=%00",
    b"shape=marked",
    b"bg=%E2%80%A8",
    b"bg=marked",
    b"size=%EF%BC%96%EF%BC%94",
    b"size=\xef\xbc\x96",
    b"size=" + b"9" * 4096,
    b"size=64&size=" + b"marked" * 100,
    b"dpr=marked",
    b"fallback=https://marked.example/a.png",
    b"name=" + b"marked" * 100,
    b"force=marked",
]


@pytest.mark.parametrize("query", HOSTILE_QUERIES, ids=lambda raw: repr(raw[:40]))
async def test_a_hostile_option_is_refused_without_an_echo(query: bytes) -> None:
    service = FakeAvatars(photo())
    target = b"/avatar/15551234567.png?" + query
    edge = Edge(service)
    answer = await edge.ask(target)
    problem = await edge.ask(target, accept="application/json")
    assert (answer.status, problem.status) == (400, 400)
    assert "marked" not in f"{answer}{problem}"
    assert service.asked == []


# --- bugs, and what is none ---


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("marked"), KeyError("marked"), ValueError("marked"), TimeoutError("marked"),
        OSError("marked"), MemoryError(), RecursionError(), UnicodeError("marked"),
        ExceptionGroup("marked", [ValueError()]), GatewayError("marked"), StoreFailed("marked"),
        InvalidSettings("marked"),
    ],
    ids=repr,
)  # fmt: skip
async def test_a_bug_is_counted_and_told_apart_from_everything_else(error: Exception) -> None:
    edge = Edge(FakeAvatars(error))
    answer = await edge.ask(f"/avatar/{NUMBER}.png")
    assert answer.status == 500
    assert answer.headers["avatar-reason"] == "internal"
    assert answer.headers["cache-control"] == "no-store"
    assert "marked" not in str(answer)
    assert edge.telemetry.bugs == 1
    assert edge.telemetry.answers == {(500, "internal"): 1}


async def test_a_request_that_cannot_be_understood_is_no_bug() -> None:
    edge = Edge(FakeAvatars(InvalidOption("size takes something else")))
    assert (await edge.ask(f"/avatar/{NUMBER}.png")).status == 400
    assert edge.telemetry.bugs == 0


class Faceless(FakeAvatars):
    """A service that cannot even draw a silhouette."""

    async def stand_in(self, kind: Kind, spec: AvatarSpec) -> Rendition:
        del kind, spec
        await asyncio.sleep(0)
        raise RuntimeError("marked")


@pytest.mark.parametrize("target", [f"/avatar/{NUMBER}.png", "/avatar/nonsense.png"])
async def test_a_bug_on_the_way_out_is_a_problem_that_nobody_keeps(target: str) -> None:
    edge = Edge(Faceless(RuntimeError("marked")))
    answer = await edge.ask(target)
    assert answer.status == 500
    assert answer.headers == COMMON | {
        "content-type": "application/problem+json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
    }
    assert "marked" not in str(answer)
    assert edge.telemetry.bugs >= 1


FAILURES: list[AvatarUnavailable] = [
    NoPhoto("hidden", confirmed=True),
    NoPhoto("hidden", confirmed=False),
    TimedOut("it hung"),
    Disconnected("no phone"),
    UpstreamFailed("it broke"),
    PhotoGone("it went"),
    OverBudget("too often"),
    Blocked("elsewhere"),
    Undecodable("no picture"),
    Busy("too much"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
async def test_nothing_the_upstream_does_makes_an_error(failure: AvatarUnavailable) -> None:
    async with opened(House(FakeResolver(failure))) as house:
        edge = Edge(house.avatars, telemetry=house.telemetry, fallbacks=house.drawings)
        answer = await edge.ask(f"/avatar/{NUMBER}.png")
    assert answer.status == 200
    assert answer.headers["avatar-source"] == "fallback"
    assert answer.headers["avatar-reason"] == failure.reason
    assert house.telemetry.bugs == 0


async def test_a_bug_behind_the_service_is_a_500_with_a_face() -> None:
    async with opened(House(FakeResolver(RuntimeError("marked")))) as house:
        edge = Edge(house.avatars, telemetry=house.telemetry, fallbacks=house.drawings)
        answer = await edge.ask(f"/avatar/{NUMBER}.png")
    assert answer.status == 500
    assert answer.body.startswith(b"drawn|person")
    assert answer.headers["avatar-reason"] == "internal"
    assert house.telemetry.bugs == 1


async def test_a_viewer_who_leaves_is_no_bug() -> None:
    resolver = FakeResolver(TimedOut("late"))
    resolver.gate.clear()
    async with opened(House(resolver)) as house:
        edge = Edge(house.avatars, telemetry=house.telemetry, fallbacks=house.drawings)
        viewer = asyncio.create_task(edge.ask(f"/avatar/{NUMBER}.png"))
        await resolver.entered.wait()
        viewer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await viewer
        resolver.gate.set()
    assert house.telemetry.bugs == 0
    assert house.telemetry.answers == {}


async def test_answers_are_counted_by_status_and_reason() -> None:
    service = FakeAvatars(photo())
    edge = Edge(service)
    await edge.ask(f"/avatar/{NUMBER}.png")
    await edge.ask(f"/avatar/{NUMBER}.png", if_none_match="*")
    service.avatar = fallback(Reason.NONE)
    await edge.ask(f"/avatar/{NUMBER}.png", "HEAD")
    service.avatar = fallback(Reason.NONE, rendition=None)
    await edge.ask(f"/avatar/{NUMBER}.png?d=404")
    assert edge.telemetry.answers == {
        (200, "photo"): 1,
        (304, "photo"): 1,
        (200, "none"): 1,
        (404, "none"): 1,
    }


# --- other methods, other paths ---


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("target", [f"/avatar/{NUMBER}.png", "/avatar/nonsense"])
async def test_a_contacts_photo_cannot_be_set(method: str, target: str) -> None:
    service = FakeAvatars(photo())
    answer = await Edge(service).ask(target, method)
    assert answer.status == 405
    assert answer.headers == COMMON | {
        "allow": "GET, HEAD",
        "content-type": "application/problem+json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
    }
    assert service.asked == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/robots.txt", "/openapi.json"])
async def test_other_paths_take_no_other_method(path: str) -> None:
    answer = await Edge(FakeAvatars(photo())).ask(path, "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.headers["content-type"] == "application/problem+json"


UNKNOWN = [
    "/", "/avatar", "/avatar/", f"/avatar/{NUMBER}/x.png", f"/avatar/{NUMBER}.png/",
    f"/avatars/{NUMBER}.png", f"/AVATAR/{NUMBER}.png", f"//avatar/{NUMBER}.png",
    f"/%61vatar/{NUMBER}.png", f"/avatar//{NUMBER}.png", "/avatar/../healthz", "/healthz/",
    "/readyz/", "/openapi.json/", "/openapi.yaml", "/docs", "/metrics", "/favicon.ico",
    "/static", "/static/", "/static/nothing", "/static/fonts", "/static/../pyproject.toml",
    "/static/..%2fpyproject.toml", "/static/%2e%2e/pyproject.toml", "/static//etc/passwd",
    "/static/%00", "/static/%0a", "/static/" + "a" * 4096, f"/{NUMBER}.png", "/%ff", "/%00", "*",
]  # fmt: skip


@pytest.mark.parametrize("target", UNKNOWN, ids=lambda target: str(target)[:40])
async def test_an_unknown_path_is_a_problem_and_never_a_redirect(target: str) -> None:
    service = FakeAvatars(photo())
    edge = Edge(service)
    answer = await edge.ask(target)
    assert answer.status == 404
    assert answer.json == {
        "status": 404,
        "title": "Not Found",
        "detail": "There is nothing here.",
    }
    assert answer.headers == COMMON | {
        "content-type": "application/problem+json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
    }
    assert service.asked == []
    assert edge.telemetry.bugs == 0


async def test_health_says_that_the_process_lives() -> None:
    answer = await Edge(FakeAvatars(RuntimeError())).ask("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_readiness_names_what_is_degraded_and_stays_200() -> None:
    edge = Edge(FakeAvatars(photo()))
    assert (await edge.ask("/readyz")).json == {
        "status": "ok",
        "degraded": {},
        "bounds": {"machines": "a bound"},
    }
    edge.telemetry.store_failed("the portrait store is slow")
    answer = await edge.ask("/readyz")
    assert answer.status == 200
    assert answer.json == {
        "status": "degraded",
        "degraded": {"store": "the portrait store is slow"},
        "bounds": {"machines": "a bound"},
    }
    edge.telemetry.store_works()
    assert (await edge.ask("/readyz")).json == {
        "status": "ok",
        "degraded": {},
        "bounds": {"machines": "a bound"},
    }


async def test_robots_are_asked_to_stay_away() -> None:
    answer = await Edge(FakeAvatars(photo())).ask("/robots.txt")
    assert (answer.status, answer.body) == (200, b"User-agent: *\nDisallow: /\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=86400"


async def test_the_api_is_described() -> None:
    answer = await Edge(FakeAvatars(photo())).ask("/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (STATIC / "openapi.json").read_bytes()


async def test_static_files_are_served_as_they_are() -> None:
    answer = await Edge(FakeAvatars(photo())).ask("/static/silhouettes/person.svg")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.body == (STATIC / "silhouettes" / "person.svg").read_bytes()
    assert answer.headers["cache-control"] == "max-age=3600, stale-while-revalidate=86400"


@pytest.mark.parametrize("path", ["/openapi.json", "/static/wa-avatar.js"])
async def test_who_has_a_file_already_is_told_so(path: str) -> None:
    edge = Edge(FakeAvatars(photo()))
    whole = await edge.ask(path)
    again = await edge.ask(path, if_none_match=whole.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["cache-control"] == whole.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/robots.txt", "/openapi.json", "/static/fonts/OFL.txt", "/nothing",
     f"/avatar/{NUMBER}", "/avatar/nonsense"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_every_answer_carries_our_name_and_no_guess_at_its_type(
    path: str, method: str
) -> None:
    answer = await Edge(FakeAvatars(photo())).ask(path, method)
    assert answer.headers["server"] == "avatar-gateway"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for never in ("set-cookie", "location", "age", "x-powered-by"):
        assert never not in answer.headers


def test_what_serves_is_opened_once_with_the_application_and_closed_with_it() -> None:
    edge = Edge(FakeAvatars(photo()))
    with TestClient(edge.application) as client:
        assert (edge.opened, edge.closed) == (1, 0)
        for _ in range(2):
            answer = client.get(f"/avatar/{NUMBER}.png", headers={"If-None-Match": '"other"'})
            assert (answer.status_code, answer.content) == (200, b"the photo")
        assert client.head(f"/avatar/{NUMBER}.png").content == b""
        assert client.get("/readyz").json()["status"] == "ok"
    assert (edge.opened, edge.closed) == (1, 1)
