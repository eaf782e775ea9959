"""Signatures: what is signed, in which spelling, and whose signature counts."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Final
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import Forbidden, InvalidRequest
from gateway.model import ALIASES, NAMES
from gateway.signing import Claim, Keyring, sign
from gateway.signing.keyring import signature
from tests.fakes import T0
from tests.processes import ROOT

KEY: Final = "test-signing-key-0001"
OTHER: Final = "test-signing-key-0002"
TARGET: Final = "/avatar/15551234567%40c.us.png?dpr=2&exp=1800000000&shape=circle&size=48"
SIGNATURE: Final = "MRLpERM95khLZZmTgbYP_g"
BEFORE: Final = 1_799_999_999.9


def claim_of(target: str | bytes) -> Claim:
    path, _, query = (target if isinstance(target, bytes) else target.encode()).partition(b"?")
    return Claim.of(path, query)


def passes(target: str | bytes, *keys: str, now: float = BEFORE) -> bool:
    try:
        Keyring(keys or (KEY,)).verify(claim_of(target), now=now)
    except Forbidden:
        return False
    return True


def message(target: str | bytes) -> str:
    return claim_of(target).message.decode()


# ---- the vector of the interface ----


def test_the_vector_is_signed_and_verified() -> None:
    assert message(TARGET) == TARGET
    unsigned = TARGET.replace("&exp=1800000000", "")
    signed = sign(unsigned, KEY, expires=1_800_000_000)
    assert signed == f"{unsigned}&exp=1800000000&sig={SIGNATURE}"
    assert passes(signed)
    assert passes(f"{TARGET}&sig={SIGNATURE}")


# ---- the message ----

MESSAGES: list[tuple[str | bytes, str]] = [
    ("/avatar/15551234567", "/avatar/15551234567"),
    ("/avatar/15551234567.png?", "/avatar/15551234567.png"),
    ("/avatar/15551234567@c.us.png", "/avatar/15551234567%40c.us.png"),
    ("/avatar/%31555%31234567%40c%2eus%2Epng", "/avatar/15551234567%40c.us.png"),
    ("/avatar/+1 (555).png", "/avatar/%2B1%20%28555%29.png"),
    ("/avatar/%2b1%20%28555%29.png", "/avatar/%2B1%20%28555%29.png"),
    ("/avatar/a%2525.png", "/avatar/a%2525.png"),
    ("/avatar/a%zz%4.png", "/avatar/a%25zz%254.png"),
    ("/avatar/~AQ-_.png", "/avatar/~AQ-_.png"),
    ("/avatar/%7EAQ-_.png", "/avatar/~AQ-_.png"),
    ("/avatar/a%2Fb", "/avatar/a%2Fb"),
    ("/avatar/a/refresh", "/avatar/a/refresh"),
    ("/avatar/a//b/", "/avatar/a//b/"),
    ("/avatar/a.json?size=64", "/avatar/a.json?size=64"),
    (b"/avatar/\xff\xc3\xa9", "/avatar/%FF%C3%A9"),
    ("/avatar/a?size=48&dpr=2", "/avatar/a?dpr=2&size=48"),
    ("/avatar/a?s=48&d=mp&f=y&default=x", "/avatar/a?d=mp&default=x&f=y&s=48"),
    ("/avatar/a?name=Ada+Lovelace", "/avatar/a?name=Ada%20Lovelace"),
    ("/avatar/a?name=Ada%20Lovelace", "/avatar/a?name=Ada%20Lovelace"),
    ("/avatar/a?name=Ada%2BLovelace", "/avatar/a?name=Ada%2BLovelace"),
    ("/avatar/a?name=Zoë", "/avatar/a?name=Zo%C3%AB"),
    ("/avatar/a?name=a=b;c", "/avatar/a?name=a%3Db%3Bc"),
    ("/avatar/a?name", "/avatar/a?name="),
    ("/avatar/a?%6eame=x&s%69ze=1", "/avatar/a?name=x&size=1"),
    ("/avatar/a?&&size=1&", "/avatar/a?size=1"),
    ("/avatar/a?utm_source=mail&size=1&fbclid=x", "/avatar/a?size=1"),
    ("/avatar/a?SIZE=1&Sig=x&r=pg", "/avatar/a"),
    ("/avatar/a?sig=x", "/avatar/a"),
    ("/avatar/a?size=2&size=1", "/avatar/a?size=1&size=2"),
]


@pytest.mark.parametrize(("target", "expected"), MESSAGES)
def test_every_spelling_has_one_message(target: str | bytes, expected: str) -> None:
    assert message(target) == expected
    assert message(expected) == expected


def test_every_name_of_an_option_is_signed_but_the_signature() -> None:
    names = {*NAMES, *(alias for aliases in ALIASES.values() for alias in aliases)} - {"sig"}
    for name in names:
        assert message(f"/avatar/a?{name}=1") == f"/avatar/a?{name}=1"


texts = st.text(max_size=12)
options = st.dictionaries(st.sampled_from([n for n in NAMES if n not in {"exp", "sig"}]), texts)
strangers = st.dictionaries(
    st.sampled_from(["utm_source", "mc_eid", "fbclid", "r", "_", ""]), texts, max_size=3
)


@st.composite
def spelt(draw: st.DrawFn, text: str, *, space: str = "%20") -> str:
    """Any spelling of `text` in a URL."""
    found = []
    for byte in text.encode():
        character = chr(byte)
        plain = character.isascii() and (character.isalnum() or character in "-._~")
        if plain and draw(st.booleans()):
            found.append(character)
        elif character == " " and draw(st.booleans()):
            found.append(space)
        else:
            escaped = f"%{byte:02X}"
            found.append(escaped.lower() if draw(st.booleans()) else escaped)
    return "".join(found)


@given(st.data(), texts.filter(lambda text: "/" not in text), options, strangers)
def test_a_signature_outlives_every_respelling_and_every_tracker(
    data: st.DataObject, contact: str, wanted: dict[str, str], added: dict[str, str]
) -> None:
    assume(contact)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items())
    signed = sign(f"https://faces.example.com/avatar/{quote(contact)}?{query}", KEY)
    given_with_it = signed.rpartition("sig=")[2]
    pairs = [
        f"{data.draw(spelt(name))}={data.draw(spelt(value, space='+'))}"
        for name, value in (wanted | added).items()
    ]
    respelt = data.draw(st.permutations([*pairs, f"sig={given_with_it}"]))
    assert passes(f"/avatar/{data.draw(spelt(contact))}?{'&'.join(respelt)}")


@given(options, options, texts, texts)
def test_what_means_something_else_has_another_message(
    wanted: dict[str, str], other: dict[str, str], contact: str, another: str
) -> None:
    def message_of(contact: str, wanted: dict[str, str]) -> str:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items())
        return message(f"/avatar/{quote(contact, safe='')}?{query}")

    same = (contact, wanted) == (another, other)
    assert (message_of(contact, wanted) == message_of(another, other)) is same


# ---- the signature ----

REFUSED: dict[str, str] = {
    "none": "",
    "empty": "&sig=",
    "no value": "&sig",
    "too short": f"&sig={SIGNATURE[:-1]}",
    "too long": f"&sig={SIGNATURE}A",
    "padded": f"&sig={SIGNATURE}==",
    "padded and encoded": f"&sig={SIGNATURE}%3D%3D",
    "another spelling of the same bytes": f"&sig={SIGNATURE[:-1]}h",
    "the other alphabet": f"&sig={SIGNATURE.replace('_', '/')}",
    "a character percent-encoded": f"&sig={SIGNATURE.replace('M', '%4D', 1)}",
    "a space before it": f"&sig=+{SIGNATURE}",
    "a line end after it": f"&sig={SIGNATURE}%0A",
    "other case": f"&sig={SIGNATURE.swapcase()}",
    "twice the same": f"&sig={SIGNATURE}&sig={SIGNATURE}",
    "a wrong one first": f"&sig=x&sig={SIGNATURE}",
    "a wrong one after it": f"&sig={SIGNATURE}&sig=x",
    "a second one under an encoded name": f"&sig={SIGNATURE}&%73ig=x",
    "a second one without a value": f"&sig={SIGNATURE}&sig",
    "not ASCII": "&sig=" + "é" * 11,
    "an option added": f"&ring=ff0000&sig={SIGNATURE}",
    "an option given twice": f"&size=48&sig={SIGNATURE}",
    "an alias added": f"&s=48&sig={SIGNATURE}",
    "an end given twice": f"&exp=1800000000&sig={SIGNATURE}",
    "an end put off": f"&exp=1900000000&sig={SIGNATURE}",
}


@pytest.mark.parametrize("added", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_signature_is_refused(added: str) -> None:
    assert not passes(TARGET + added)


CHANGED = [
    TARGET.replace("15551234567", "15551234568"),
    TARGET.replace(".png", ".webp"),
    TARGET.replace(".png", ""),
    TARGET.replace(".png", ".json"),
    TARGET.replace("size=48", "size=49"),
    TARGET.replace("size=48", "s=48"),
    TARGET.replace("&size=48", ""),
    TARGET.replace("exp=1800000000", "exp=1800000001"),
    TARGET.replace("exp=1800000000", "exp=01800000000"),
    TARGET.replace("exp=1800000000&", ""),
    TARGET.replace("/avatar/", "/avatar//"),
    TARGET.replace("%40", "%2540"),
]


@pytest.mark.parametrize("target", CHANGED)
def test_a_signature_holds_for_one_message_only(target: str) -> None:
    assert not passes(f"{target}&sig={SIGNATURE}")


def test_every_refusal_reads_the_same() -> None:
    texts = set()
    for added in REFUSED.values():
        with pytest.raises(InvalidRequest) as caught:
            Keyring([KEY]).verify(claim_of(TARGET + added), now=BEFORE)
        texts.add(str(caught.value))
    assert len(texts) == 1


# ---- the end ----


@pytest.mark.parametrize(
    ("end", "now", "good"),
    [
        ("1800000000", 1_799_999_999.999, True),
        ("1800000000", 1_800_000_000.0, False),
        ("1800000000", 1_900_000_000.0, False),
        ("01800000000", T0, True),
        ("%31800000000", T0, True),
        ("0", T0, False),
        ("9" * 400, T0, True),
        ("9" * 5000, T0, True),
    ],
)
def test_a_url_is_good_until_its_end(end: str, now: float, *, good: bool) -> None:
    target = f"/avatar/a?exp={end}"
    without = sign(target.partition("?")[0], KEY).rpartition("=")[2]
    assert not passes(f"{target}&sig={without}", now=now)
    assert passes(by_hand(target), now=now) is good


@pytest.mark.parametrize(
    "end",
    ["", "-1", "+1800000000", "1800000000.0", "1.8e9", "18_0", "inf", "nan", "0x1", "%201800000000",
     "1800000000%20", "1800000000%00", "\uff11\uff18" + "0" * 8, "never", "\u00b2"],
)  # fmt: skip
def test_an_end_that_is_no_plain_number_has_passed(end: str) -> None:
    assert not passes(by_hand(f"/avatar/a?exp={end}"), now=T0)


def test_an_end_given_twice_has_passed() -> None:
    assert not passes(by_hand("/avatar/a?exp=1800000000&exp=1800000000"), now=T0)


def test_a_url_without_an_end_is_good_for_ever() -> None:
    signed = sign("/avatar/a", KEY)
    assert passes(signed, now=1e12)
    assert claim_of(signed).end == math.inf


def by_hand(target: str) -> str:
    """`target` as the holder of the key could sign it, whatever its ``exp`` is worth."""
    return f"{target}&sig={signature(claim_of(target).message, KEY.encode()).decode()}"


# ---- keys ----


def test_all_keys_verify_and_none_else() -> None:
    signed = sign(TARGET, KEY)
    assert passes(signed, KEY)
    assert passes(signed, OTHER, KEY)
    assert passes(signed, KEY, OTHER)
    assert not passes(signed, OTHER)
    assert not passes(signed, KEY + " ")


def test_without_keys_nothing_verifies() -> None:
    assert not Keyring()
    assert Keyring([KEY])
    with pytest.raises(Forbidden):
        Keyring().verify(claim_of(sign(TARGET, KEY)), now=BEFORE)


def test_a_key_is_its_utf_8_bytes() -> None:
    assert passes(sign(TARGET, "schlüssel"), "schlüssel", now=T0)


# ---- what a web application calls ----


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("/avatar/a.png", "/avatar/a.png?sig="),
        ("/avatar/a.png?", "/avatar/a.png?sig="),
        ("https://h.example/avatar/a.png?size=1", "https://h.example/avatar/a.png?size=1&sig="),
        ("https://h.example/faces/avatar/a.png", "https://h.example/faces/avatar/a.png?sig="),
        ("https://h.example/avatar/avatar/a.png", "https://h.example/avatar/avatar/a.png?sig="),
        ("/avatar/a.png?size=1#face", "/avatar/a.png?size=1&sig="),
        (
            "/avatar/a.png?sig=old&size=1&exp=1900000000&s%69g=x",
            "/avatar/a.png?size=1&exp=1900000000&sig=",
        ),
        ("/avatar/Zoë?name=Zoë", "/avatar/Zoë?name=Zoë&sig="),
    ],
)
def test_a_url_stays_as_it_is_and_gains_a_signature(url: str, signed: str) -> None:
    found = sign(url, KEY)
    assert found.startswith(signed)
    assert found.endswith("#face") is url.endswith("#face")
    parts = urlsplit(found)
    assert passes(f"/avatar/{parts.path.rpartition('/avatar/')[2]}?{parts.query}")


def test_signing_anew_replaces_what_was_there() -> None:
    once = sign(TARGET, KEY, expires=BEFORE)
    assert sign(once, OTHER, expires=T0) == sign(TARGET, OTHER, expires=T0)
    assert sign(once, KEY) == once
    assert sign(TARGET, KEY) == f"{TARGET}&sig={SIGNATURE}"


@pytest.mark.parametrize(
    "url", ["", "/", "/avatar/", "/avatar", "https://h/a.png", "/a?x=/avatar/b"]
)
def test_what_leads_to_no_avatar_cannot_be_signed(url: str) -> None:
    with pytest.raises(ValueError, match="no avatar"):
        sign(url, KEY)


def test_an_empty_key_is_none() -> None:
    with pytest.raises(ValueError, match="empty key"):
        Keyring(["key", ""])


def test_an_empty_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="empty key"):
        sign(TARGET, "")


def test_signing_needs_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; before = set(sys.modules); from gateway.signing import sign;"
        "print(sign('/avatar/15551234567.png', 'key'));"
        "ours = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(ours - sys.stdlib_module_names - {'gateway'}));"
        "print(*sorted(name for name in sys.modules if name.count('.') == 1"
        " and name.startswith('gateway.')))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    url, foreign, rooms = done.stdout.splitlines()
    assert passes(url, "key")
    assert foreign == ""
    assert rooms.split() == ["gateway.errors", "gateway.model", "gateway.signing"]
