"""Who is let in, and that nobody learns anything by being refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.errors import Forbidden, Reason
from gateway.model import AvatarSpec, ContactId
from gateway.signing import Keyring, sign
from gateway.signing.tokens import Tokens
from gateway.web import Gate
from gateway.web.target import Target
from tests.fakes import LEON, MAYA, T0, Clock, FakeAvatars, FakeResolver, House, opened
from tests.web.test_application import COMMON, FACE, NUMBER, Edge, fallback, photo

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from gateway.model import Avatar
    from gateway.web.access import Access

KEY: Final = "test-signing-key-0001"
OLD: Final = "test-signing-key-0000"
STRANGE: Final = "test-signing-key-9999"
HOUR: Final = 3600
URL: Final = f"/avatar/{NUMBER}@c.us.png?size=48"
TOKEN: Final = Tokens([KEY]).seal(MAYA)
TEXT: Final = "the signature or token is missing, wrong or expired"


def gate(*keys: str) -> Gate:
    return Gate(Keyring(keys), Tokens(keys).unseal, clock=Clock())


def guarded(avatar: Avatar | None = None, *keys: str) -> tuple[Edge, FakeAvatars]:
    service = FakeAvatars(avatar or photo())
    return Edge(service, gate=gate(*(keys or (KEY, OLD)))), service


def access(target: str, *keys: str) -> Access:
    path, _, query = target.encode().partition(b"?")
    scope: Scope = {"raw_path": path, "query_string": query, "headers": []}
    read = Target.of(scope)
    assert read is not None
    return gate(*keys).judge(scope, read)


def later(seconds: float) -> float:
    return T0 + seconds


# ---- with keys ----

LET_IN: dict[str, str] = {
    "signed": sign(URL, KEY),
    "signed by an older key": sign(URL, OLD),
    "signed for an hour": sign(URL, KEY, expires=later(HOUR)),
    "spelt otherwise": sign(URL, KEY).replace("@", "%40").replace("1555", "%31555"),
    "in another order": "{0}?sig={2}&{1}".format(
        *URL.partition("?")[::2], sign(URL, KEY).rpartition("=")[2]
    ),
    "with what a tracker added": sign(URL, KEY) + "&utm_source=mail&fbclid=x",
    "opaque": f"/avatar/{TOKEN}.png?size=48",
    "opaque, by an older key": f"/avatar/{Tokens([OLD]).seal(MAYA)}.png?size=48",
    "opaque and signed": sign(f"/avatar/{TOKEN}.png?size=48", KEY, expires=later(HOUR)),
}


@pytest.mark.parametrize("target", LET_IN.values(), ids=LET_IN.keys())
async def test_a_signed_or_opaque_url_is_answered(target: str) -> None:
    edge, service = guarded()
    answer = await edge.ask(target)
    assert (answer.status, answer.body) == (200, b"the photo")
    assert service.asked == [(MAYA, AvatarSpec(size=48))]


FORBIDDEN: dict[str, str] = {
    "not signed": URL,
    "another's number": sign(URL, KEY).replace(NUMBER, LEON.value.partition("@")[0]),
    "no contact at all": "/avatar/nonsense.png?size=48",
    "a contact that has no picture": "/avatar/status@broadcast.png?size=48",
    "a group": "/avatar/120363043968066561@g.us.png?size=48",
    "signed by a stranger": sign(URL, STRANGE),
    "signed for something else": sign(URL, KEY) + "&shape=circle",
    "ended": sign(URL, KEY, expires=later(-1)),
    "ending now": sign(URL, KEY, expires=T0),
    "an end that is no number": URL + "&exp=never&sig=" + "A" * 22,
    "an end without a signature": URL + f"&exp={int(later(HOUR))}",
    "two signatures": sign(URL, KEY) + "&sig=x",
    "an empty signature": URL + "&sig=",
    "an option out of range": URL + "&dpr=9",
    "an option given twice": URL + "&shape=circle&shape=circle",
    "refresh": URL + "&refresh=true",
    "force": URL + "&force=y",
    "a token of a stranger": f"/avatar/{Tokens([STRANGE]).seal(MAYA)}.png?size=48",
    "a token changed": f"/avatar/{TOKEN[:-1]}x.png?size=48",
    "a token shortened": f"/avatar/{TOKEN[:-1]}.png?size=48",
    "no token behind the mark": "/avatar/~.png?size=48",
    "a token spelt otherwise": f"/avatar/%7E{TOKEN[1:]}.png?size=48",
    "a token spelt otherwise, signed": sign(f"/avatar/%7e{TOKEN[1:]}.png?size=48", KEY),
    "a broken token, signed": sign(f"/avatar/{TOKEN[:-1]}x.png?size=48", KEY),
    "a token, its signature changed": sign(f"/avatar/{TOKEN}.png?size=48", KEY) + "x",
    "a token, its signature ended": sign(f"/avatar/{TOKEN}.png?size=48", KEY, expires=T0),
    "a token, only its signature taken off": f"/avatar/{TOKEN}.png?size=48&exp=1",
}


@pytest.mark.parametrize("target", FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_everybody_else_gets_one_and_the_same_refusal(target: str) -> None:
    edge, service = guarded()
    answer = await edge.ask(target)
    assert (answer.status, answer.body) == (403, FACE)
    assert answer.headers == COMMON | {
        "content-type": "image/png",
        "content-length": str(len(FACE)),
        "content-disposition": 'inline; filename="avatar.png"',
        "cache-control": "no-store",
        "avatar-source": "fallback",
        "avatar-reason": "forbidden",
    }
    for_programs = await edge.ask(target, accept="application/json")
    assert for_programs.json == {"status": 403, "title": "Forbidden", "detail": TEXT}
    nothing = await edge.ask(f"{target}&fallback=404")
    assert (nothing.status, nothing.body) == (403, b"")
    assert service.asked == []
    assert service.stood_in == [AvatarSpec(size=48)]
    assert edge.telemetry.answers == {(403, "forbidden"): 3}
    assert edge.telemetry.bugs == 0


async def test_whoever_is_let_in_is_told_what_is_wrong() -> None:
    edge, service = guarded()
    for target in ("/avatar/nonsense.png", f"/avatar/{NUMBER}.png?size=9", f"{URL}&size=48"):
        answer = await edge.ask(sign(target, KEY))
        assert (answer.status, answer.headers["avatar-reason"]) == (400, "invalid")
    assert service.asked == []


async def test_a_refusal_is_the_same_whatever_is_known_of_the_contact() -> None:
    targets = [
        f"/avatar/{contact.value}.png?size=48{more}"
        for contact in (MAYA, LEON)
        for more in ("", "&sig=" + "A" * 22, "&refresh=true")
    ]
    async with opened(House(FakeResolver(RuntimeError("nobody is asked")))) as house:
        known = Edge(house.avatars, gate=gate(KEY))
        await house.portraits.suppress(LEON, since=T0)
        reads = house.portraits.reads
        refusals = [await known.ask(target) for target in targets]
        assert house.portraits.reads == reads
        assert house.resolver.asked == []
    assert all(refusal == refusals[0] for refusal in refusals)
    assert refusals[0].status == 403


async def test_head_is_refused_as_get_is() -> None:
    edge, _ = guarded()
    answers = [await edge.ask(URL, method) for method in ("GET", "HEAD")]
    assert answers[0].headers == answers[1].headers
    assert (answers[1].status, answers[1].body) == (403, b"")


# ---- without keys ----


@pytest.mark.parametrize("more", ["", "&sig=x", "&sig=x&sig=y", "&exp=1", "&exp=never&sig="])
async def test_without_keys_everybody_is_let_in(more: str) -> None:
    edge = Edge(service := FakeAvatars(photo()))
    answer = await edge.ask(URL + more)
    twice = more.count("sig=") > 1
    assert answer.status == (400 if twice else 200)
    assert "max-age=3240" in answer.headers["cache-control"] or twice
    assert len(service.asked) == (0 if twice else 1)


@pytest.mark.parametrize("token", [TOKEN, "~", "~marked", "%7Emarked", "~" + "a" * 4096])
async def test_without_keys_no_token_is_good(token: str) -> None:
    edge = Edge(service := FakeAvatars(photo()))
    answer = await edge.ask(f"/avatar/{token}.png")
    assert (answer.status, answer.headers["avatar-reason"]) == (403, Reason.FORBIDDEN)
    assert "marked" not in str(answer)
    assert service.asked == []


# ---- what somebody is let in for ----


@pytest.mark.parametrize(
    ("target", "keys", "signed", "end"),
    [
        (URL, (), False, math.inf),
        (sign(URL, KEY), (), False, math.inf),
        (sign(URL, KEY), (KEY,), True, math.inf),
        (sign(URL, KEY, expires=later(9)), (KEY,), True, later(9)),
        (f"/avatar/{TOKEN}", (KEY,), False, math.inf),
        (f"/avatar/{TOKEN}?refresh=true", (KEY,), False, math.inf),
        (sign(f"/avatar/{TOKEN}?refresh=true", KEY), (KEY,), True, math.inf),
        (sign(f"/avatar/{TOKEN}", KEY, expires=later(9)), (KEY,), True, later(9)),
    ],
)
def test_it_is_known_who_signed_and_until_when(
    target: str, keys: tuple[str, ...], end: float, *, signed: bool
) -> None:
    found = access(target, *keys)
    assert (found.signed, found.end) == (signed, end)
    assert found.contact() == MAYA


def test_whoever_named_a_token_knows_the_contact_by_it_alone() -> None:
    assert access(f"/avatar/{TOKEN}.png", KEY).name_of(MAYA) == TOKEN
    assert access(f"/avatar/+{NUMBER}").name_of(MAYA) == MAYA.value
    for found in (access(f"/avatar/{TOKEN}", KEY), access(URL)):
        assert NUMBER not in repr(found)
        assert TOKEN not in repr(found)


# ---- how long an answer lives ----


@pytest.mark.parametrize(
    ("avatar", "left", "life"),
    [
        (photo, 60, "max-age=60"),
        (photo, 9 * HOUR, "max-age=3240, stale-while-revalidate=600, stale-if-error=3600"),
        (lambda: fallback(Reason.NONE, settled=True), 60, "max-age=60"),
        (lambda: fallback(Reason.NONE), 5, "max-age=5"),
    ],
)
async def test_no_answer_outlives_its_url(
    avatar: Callable[[], Avatar], left: float, life: str
) -> None:
    edge, _ = guarded(avatar())
    target = sign(URL, KEY, expires=later(left))
    whole = await edge.ask(target)
    assert (whole.status, whole.headers["cache-control"]) == (200, life)
    unchanged = await edge.ask(target, if_none_match=whole.headers["etag"])
    assert (unchanged.status, unchanged.headers["cache-control"]) == (304, life)


async def test_a_version_does_not_lengthen_the_life_of_a_url() -> None:
    edge, _ = guarded()
    target = sign(f"{URL}&v=0123456789ab", KEY, expires=later(60))
    assert (await edge.ask(target)).headers["cache-control"] == "max-age=60"


# ---- what a token hides ----


async def test_nothing_in_an_answer_depends_on_the_number_behind_a_token() -> None:
    # Not even what spreads the lives of answers, which differs from number to number.
    answers = []
    for number in range(15551230000, 15551230020):
        contact = ContactId.parse(str(number))
        anybody = Gate(Keyring([KEY]), {TOKEN: contact}.__getitem__, clock=Clock())
        edge = Edge(FakeAvatars(fallback(Reason.TIMEOUT)), gate=anybody)
        answers.append(await edge.ask(f"/avatar/{TOKEN}.png"))
    assert all(answer == answers[0] for answer in answers)


async def test_a_token_is_answered_as_the_number_would_be_but_for_its_life() -> None:
    edge, _ = guarded()
    by_token = await edge.ask(f"/avatar/{TOKEN}.png?size=48")
    by_number = await edge.ask(sign(URL, KEY))
    differing = {"cache-control"}
    assert {k: v for k, v in by_token.headers.items() if k not in differing} == {
        k: v for k, v in by_number.headers.items() if k not in differing
    }
    assert by_token.body == by_number.body


# ---- any text at all ----

_texts = st.binary(max_size=60) | st.text("0123456789@.~%+/=&_-ACgsxp", max_size=60).map(str.encode)


@given(_texts, _texts | st.lists(_texts, max_size=4).map(lambda some: b"&sig=".join((b"", *some))))
@example(b"~", b"")
@example(TOKEN.encode() + b"%00", b"")
@example(b"x", b"exp=" + b"9" * 5_000 + b"&sig=" + b"A" * 22)
def test_no_url_that_nobody_made_is_let_in_whatever_it_is(path: bytes, query: bytes) -> None:
    scope: Scope = {"raw_path": b"/avatar/" + path, "query_string": query, "headers": []}
    target = Target.of(scope)
    assume(target is not None and target.text != TOKEN)
    assert target is not None
    with pytest.raises(Forbidden) as refused:
        gate(KEY).judge(scope, target)
    assert str(refused.value) == str(Forbidden())
