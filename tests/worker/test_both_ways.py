"""The short cut says what the ordinary way says, to the byte, and only where it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import NoPhoto
from gateway.model import AvatarSpec, Shape
from gateway.signing import sign
from gateway.signing.tokens import Tokens
from tests.fakes import LIFETIMES, MAYA, T0, signed
from tests.worker.ways import KEY, NUMBER, PHOTO, TARGETS, Connection, both, cuts, get

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

HOT: Final = get()
LENGTH: Final = f"Content-Length: {len(HOT)}"
EARLY: Final = "Sat, 01 Jan 2000 00:00:00 GMT"
LATE: Final = "Fri, 01 Jan 2100 00:00:00 GMT"

BROWSER: Final = (
    "Connection: keep-alive",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9",
    "Referer: https://crm.example.com/contacts",
    "Sec-Fetch-Dest: image",
    "Cookie: a=b; c=d",
    "X-Forwarded-For: 203.0.113.7",
    "X-Forwarded-Proto: https",
    "Cache-Control: max-age=0",
    "Upgrade-Insecure-Requests: 1",
)

TAKEN: Final[dict[str, bytes]] = {
    **{name: get(target) for name, target in TARGETS.items()},
    "head": get(method="HEAD"),
    "browser": get(PHOTO, *BROWSER),
    "names in any case": b"GET %s HTTP/1.1\r\nhOST:\tx:80 \r\n\r\n" % PHOTO.encode(),
    "ipv6": b"GET %s HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n" % PHOTO.encode(),
    "json": get(PHOTO, "Accept: application/json"),
    "range": get(PHOTO, "Range: bytes=0-3", 'If-Range: "x"'),
    "precondition": get(PHOTO, 'If-Match: "x"', f"If-Unmodified-Since: {EARLY}"),
    "another tag": get(PHOTO, 'If-None-Match: "another"'),
    "broken tags": get(PHOTO, 'If-None-Match: "another, W/, *'),
    "any tag": get(PHOTO, "If-None-Match: *"),
    "any tag twice": get(PHOTO, "If-None-Match: *", "If-None-Match: *"),
    "head with any tag": get(PHOTO, "If-None-Match: *", method="HEAD"),
    "tags before dates": get(PHOTO, 'If-None-Match: "x"', f"If-Modified-Since: {LATE}"),
    "since long ago": get(PHOTO, f"If-Modified-Since: {EARLY}"),
    "since the future": get(PHOTO, f"If-Modified-Since: {LATE}"),
    "since a date twice": get(PHOTO, f"If-Modified-Since: {LATE}", f"If-Modified-Since: {LATE}"),
    "since nonsense": get(PHOTO, "If-Modified-Since: yesterday"),
    "a fallback has no date": get(TARGETS["absent"], f"If-Modified-Since: {LATE}"),
    "as many fields as there may be": get(PHOTO, *(f"A{number}: b" for number in range(63))),
    "keep-alive": get(PHOTO, "Connection: Keep-Alive", "Keep-Alive: timeout=5"),
}

LEFT: Final[dict[str, bytes]] = {
    "close": get(PHOTO, "Connection: close"),
    "close among others": get(PHOTO, "Connection: keep-alive, close"),
    "close on a second line": get(PHOTO, "Connection: keep-alive", "Connection: close"),
    "an upgrade": get(PHOTO, "Connection: Upgrade", "Upgrade: websocket"),
    "http/1.0": b"GET %s HTTP/1.0\r\nHost: x\r\n\r\n" % PHOTO.encode(),
    "http/1.0, kept": b"GET %s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" % PHOTO.encode(),
    "http/1.2": b"GET %s HTTP/1.2\r\nHost: x\r\n\r\n" % PHOTO.encode(),
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET %s HTTP/1.1\r\n\r\n" % PHOTO.encode(),
    "no host but others": b"GET %s HTTP/1.1\r\nAccept: */*\r\n\r\n" % PHOTO.encode(),
    "an empty host": b"GET %s HTTP/1.1\r\nHost:\r\n\r\n" % PHOTO.encode(),
    "two hosts": get(PHOTO, "Host: faces.example.com"),
    "a bad host": b"GET %s HTTP/1.1\r\nHost: a b\r\n\r\n" % PHOTO.encode(),
    "a host with a user": b"GET %s HTTP/1.1\r\nHost: a@b\r\n\r\n" % PHOTO.encode(),
    "an empty body": get(PHOTO, "Content-Length: 0"),
    "a body": get(PHOTO, "Content-Length: 4") + b"abcd",
    "a body that is missing": get(PHOTO, "Content-Length: 4"),
    "a chunked body": get(PHOTO, "Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n\r\n",
    "a strange coding": get(PHOTO, "Transfer-Encoding: strange"),
    "two lengths": get(PHOTO, "Content-Length: 4", "Content-Length: 5"),
    "a length and a coding": get(PHOTO, "Content-Length: 4", "Transfer-Encoding: chunked"),
    "a length that is none": get(PHOTO, "Content-Length: +4"),
    "two content types": get(PHOTO, "Content-Type: a/b", "Content-Type: a/b"),
    "an expectation": get(PHOTO, "Expect: 100-continue"),
    "the operator's credentials": get(PHOTO, "Authorization: Bearer an-admin-token"),
    "other credentials": get(PHOTO, "authorization: Basic YTpi"),
    "a name with a space": get(PHOTO, "Content-Length : 4"),
    "a name with an underscore": get(PHOTO, "X_Forwarded_For: 1"),
    "a name that is empty": get(PHOTO, ": a"),
    "a folded line": get(PHOTO, "A: b", " c"),
    "a line without a colon": get(PHOTO, "nonsense"),
    "a control character": get(PHOTO, "A: b\x07"),
    "a bare line feed": get(PHOTO, "A: b\nContent-Length: 4"),
    "a bare carriage return": get(PHOTO, "A: b\rContent-Length: 4"),
    "line feeds alone": b"GET %s HTTP/1.1\nHost: x\n\n" % PHOTO.encode(),
    "latin-1": get(PHOTO).replace(b"\r\n\r\n", b"\r\nA: \xe9\r\n\r\n"),
    "many fields": get(PHOTO, *(f"A{number}: b" for number in range(64))),
    "a long field": get(PHOTO, "A: " + "b" * 8200),
    "an empty line before": b"\r\n" + get(),
    "two empty lines before": b"\r\n\r\n" + get(),
    "an empty line after": get() + b"\r\n",
    "half a line after": get() + b"GE",
    "two at once": get() + get(),
    "three at once, one of another kind": get() + get("/healthz") + get(method="HEAD"),
    "absolute form": get(f"http://faces.example.com{PHOTO}"),
    "absolute form of a bad host": get(f"http://a@b{PHOTO}"),
    "another method": get(method="DELETE"),
    "a method in lower case": get(method="get"),
    "a longer method": get(method="GETS"),
    "two spaces": get(" " + PHOTO),
    "a space at the end": get(PHOTO + " "),
    "a tab": b"GET\t%s HTTP/1.1\r\nHost: x\r\n\r\n" % PHOTO.encode(),
    "a fragment": get(PHOTO + "#a"),
    "refresh": get(PHOTO + "&refresh=true"),
    "refresh by the operator": get(PHOTO + "&refresh=true", "Authorization: Bearer wrong"),
    "a document": get(f"/avatar/{MAYA.value}.json"),
    "an option that is refused": get(PHOTO + "&size=48"),
    "no extension": get(f"/avatar/{MAYA.value}?size=48"),
    "no fallback": get(TARGETS["absent"] + "&fallback=404"),
    "nothing": get("/"),
    "only a method": b"GET ",
    "a line without an end": get()[:-4],
    "a head without an end": get()[:-2],
}


@pytest.mark.parametrize("name", TAKEN)
async def test_it_is_taken_and_says_the_same(name: str) -> None:
    async with both() as ways:
        said, taken = await ways.same(TAKEN[name])
        assert taken == 1
        assert said.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 304 "))


async def test_the_tag_that_was_sent_is_known_again() -> None:
    async with both() as ways:
        for target in TARGETS.values():
            said, _ = await ways.same(get(target))
            tag = said.partition(b"etag: ")[2].partition(b"\r\n")[0].decode()
            for tags in (tag, f"W/{tag}", f'"a", {tag}', f"{tag} , *"):
                said, taken = await ways.same(get(target, f"If-None-Match: {tags}"))
                assert (said[:12], taken) == (b"HTTP/1.1 304", 1)


@pytest.mark.parametrize("name", LEFT)
async def test_it_is_left_and_nothing_is_said_twice(name: str) -> None:
    async with both() as ways:
        known = len(ways.table)
        for parts in ((LEFT[name],), (LEFT[name], get("/healthz", "Connection: close"))):
            _, taken = await ways.same(*parts)
            assert taken == 0
        assert len(ways.table) == known


CARRIERS: Final[dict[str, tuple[bytes, bytes]]] = {
    "the body of a POST": (get("/avatars", LENGTH, method="POST"), b""),
    "the body of a GET": (get("/healthz", LENGTH), b""),
    "the body of a known GET": (get(PHOTO, LENGTH), b""),
    "a chunk": (
        get("/avatars", "Transfer-Encoding: chunked", method="POST") + b"%x\r\n" % len(HOT),
        b"\r\n0\r\n\r\n",
    ),
    "a trailer": (
        get("/avatars", "Transfer-Encoding: chunked", method="POST") + b"1\r\na\r\n0\r\nA: ",
        b"",
    ),
    "a field": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: ", b""),
    "a request line": (b"GET /healthz?", b""),
    "the field of a request that came with another": (
        get("/healthz") + b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: ",
        b"",
    ),
    "the fields of a request whose line came with another": (
        get("/healthz") + b"GET /healthz HTTP/1.1\r\n",
        b"",
    ),
    "the line of a request that came with a known one": (get() + b"GET /healthz?", b""),
    "what follows an empty line": (b"\r\n", b""),
    "what follows an empty line that came with another": (get("/healthz") + b"\r\n", b""),
    "what follows half of an empty line": (get("/healthz") + b"\r", b""),
    "what follows a refusal": (b"nonsense\r\n", b""),
    "what follows the last request": (get("/healthz", "Connection: close"), b""),
}


@pytest.mark.parametrize("name", CARRIERS)
async def test_what_only_looks_like_a_request_is_not_answered(name: str) -> None:
    before, after = CARRIERS[name]
    end = get("/healthz", "Connection: close")
    async with both() as ways:
        for parts in (
            (before, HOT, after, end),
            (before + HOT, after, end),
            (HOT, before, HOT, after, end),
        ):
            first = int(parts[0] is HOT)
            _, taken = await ways.same(*parts)
            assert taken == first


async def test_it_is_taken_again_after_any_other_request() -> None:
    async with both() as ways:
        body = b"a" * 5
        post = get("/avatars", "Content-Length: 5", method="POST") + body
        parts = (HOT, post, HOT, get("/healthz"), HOT, HOT[:20], HOT[20:], HOT)
        said, taken = await ways.same(*parts)
        assert (said.count(b"HTTP/1.1 "), taken) == (7, 4)


@pytest.mark.parametrize("name", ["photo", "head", "any tag", "close", "two at once", "a body"])
async def test_it_does_not_matter_where_a_request_is_cut(name: str) -> None:
    request = {**TAKEN, **LEFT}[name]
    async with both() as ways:
        for parts in cuts(request):
            _, taken = await ways.same(*parts, HOT)
            # The last part is one of its own, if the connection still stands.
            assert taken <= 1 + (parts[0] == HOT) + (parts[1] == HOT)


PIECES: Final = [
    HOT,
    get(method="HEAD"),
    get(PHOTO, "If-None-Match: *"),
    get("/healthz"),
    get("/avatars", LENGTH, method="POST") + HOT,
    get("/avatars", "Transfer-Encoding: chunked", method="POST")
    + b"%x\r\n%s\r\n0\r\n\r\n" % (len(HOT), HOT),
    get(PHOTO, LENGTH) + HOT,
    b"\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: ",
    get(PHOTO, "Connection: close"),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5), st.data())
async def test_any_stream_in_any_pieces(stream: Sequence[bytes], data: st.DataObject) -> None:
    whole = b"".join(stream)
    borders = [len(b"".join(stream[:place])) for place in range(1, len(stream))]
    places = data.draw(
        st.lists(
            st.one_of(st.sampled_from(borders or [0]), st.integers(0, len(whole))), max_size=6
        ).map(sorted)
    )
    parts = [
        whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)
    ]
    async with both() as ways:
        await ways.same(*parts)


async def test_a_peer_that_does_not_read_is_not_written_to_again_and_again() -> None:
    async with both() as ways:
        connection = Connection(ways.hot)
        await connection.say(HOT)
        once = len(connection.transport.said)
        connection.protocol.pause_writing()
        await connection.say(HOT, HOT, HOT)
        assert ways.shortcut.taken == 1
        assert len(connection.transport.said) == 2 * once
        connection.protocol.resume_writing()
        await connection.say(get("/healthz"))
        assert len(connection.transport.said) > 4 * once
        await connection.say(HOT)
        assert ways.shortcut.taken == 2
        await connection.end()


async def test_while_the_worker_stops_every_answer_is_the_last() -> None:
    async with both() as ways:
        ways.hot.stopping = ways.cold.stopping = True
        said, taken = await ways.same(HOT)
        assert taken == 0
        assert b"Connection: close" in said


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(st.integers(0, 200_000_000), min_size=1, max_size=8).map(sorted),
    close=st.lists(st.integers(0, 3_000), max_size=8).map(sorted),
)
async def test_the_numbers_are_those_of_the_moment(
    moments: Sequence[int], close: Sequence[int]
) -> None:
    """Milliseconds from now; the photo is fresh for 25 hours, and the signature ends before."""
    async with both(KEY) as ways:
        fresh = LIFETIMES.photo
        targets = [sign(PHOTO, KEY, expires=T0 + hours * 3600) for hours in (20, 1000)]
        await ways.learn(*targets)
        near = [(fresh - 3600) * 1000 - 1500 + each for each in close]
        for milliseconds in sorted([*moments, *near]):
            ways.clock.now = T0 + milliseconds / 1000
            if milliseconds >= fresh * 1000:
                break  # it is renewed then, and whoever asks first sees another answer
            for target in targets:
                for fields in ((), ("If-None-Match: *",)):
                    said, taken = await ways.same(get(target, *fields))
                    assert taken == said.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304"))


async def test_a_signed_url_dies_on_time() -> None:
    async with both(KEY) as ways:
        target = sign(PHOTO, KEY, expires=T0 + 100)
        await ways.learn(target)
        for second in range(0, 99, 9):
            ways.clock.now = T0 + second
            said, taken = await ways.same(get(target))
            assert taken == 1
            assert int(said.partition(b"max-age=")[2].split(b"\r\n")[0]) == 100 - second
        for second in (100, 101):
            ways.clock.now = T0 + second
            said, taken = await ways.same(get(target))
            assert (said[:12], taken) == (b"HTTP/1.1 403", 0)
        said, taken = await ways.same(get(PHOTO))
        assert (said[:12], taken) == (b"HTTP/1.1 403", 0)


async def test_a_token_is_learned_like_a_number_and_shows_none() -> None:
    async with both(KEY) as ways:
        target = f"/avatar/{Tokens([KEY]).seal(MAYA)}.png?size=48"
        await ways.service.see(AvatarSpec(size=48))
        await ways.learn(target)
        said, taken = await ways.same(get(target))
        assert taken == 1
        assert NUMBER.encode() not in said


async def test_a_stale_photo_is_shown_and_asked_for_behind() -> None:
    async with both() as ways:
        ways.clock.advance(LIFETIMES.photo + 1)
        asked = len(ways.service.resolver.asked)
        said, _ = await ways.ask(get())
        assert b"\r\ncache-control: max-age=30\r\n" in said
        assert ways.shortcut.taken == 0
        assert len(ways.service.resolver.asked) == asked + 1


async def test_whoever_is_erased_is_gone_with_the_next_request() -> None:
    async with both() as ways:
        _, taken = await ways.same(get())
        assert taken == 1
        await ways.service.portraits.delete(MAYA)
        await ways.service.machine.erasures.publish(ways.service.archive.key(MAYA))
        ways.service.resolver.answers = [NoPhoto("hidden", confirmed=True)]
        said, _ = await ways.ask(get())
        assert b"\r\navatar-reason: none\r\n" in said
        assert ways.shortcut.taken == 1


async def test_another_photo_takes_the_place_of_the_first_at_once() -> None:
    async with both() as ways:
        ways.service.resolver.answers = [signed("/v/other.jpg")]
        await ways.service.avatars.refreshed(MAYA, AvatarSpec(size=48, dpr=2, shape=Shape.CIRCLE))
        said, taken = await ways.same(get())
        assert taken == 0
        assert b"other.jpg" in said
        _, taken = await ways.same(get())
        assert taken == 1


async def test_every_answer_is_counted_once() -> None:
    async with both() as ways:
        answers = ways.service.telemetry.answers
        ways.table.flush()
        answers.clear()
        for request in (HOT, get(method="HEAD"), get(PHOTO, "If-None-Match: *")):
            await ways.ask(request)
        await ways.ask(get(TARGETS["absent"]))
        await ways.ask(get(TARGETS["forced"]))
        assert not answers
        for _ in range(2):
            ways.table.flush()
            assert answers == {
                (200, "photo"): 2,
                (304, "photo"): 1,
                (200, "none"): 1,
                (200, "forced"): 1,
            }
