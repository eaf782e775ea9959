"""Opaque tokens: one for a contact and a key, telling nothing, and nobody else's."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Forbidden
from gateway.model import ContactId
from gateway.signing.tokens import FILLED, Tokens
from tests.fakes import LEON, MAYA

if TYPE_CHECKING:
    from collections.abc import Callable

KEY: Final = "test-signing-key-0001"
OTHER: Final = "test-signing-key-0002"
TOKEN: Final = "~AbUdUOByoylxCgHLGlrgLiyYeoQVjnrttLz9IyYTSX-ZL1D-Lu3ZBKN9xaMa3_zISlsOwqTRLXpS"
"""Maya's under `KEY`: one that has been given out must be good for as long as its key."""

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

LONGEST = [
    "123456789012345@c.us", "12345678901234567890@lid", "1234567890123456-12345678901@g.us",
    "123456789012345678901234@g.us", "123456789012345678901234@newsletter",
    "123456789012345678901234@broadcast", "status@broadcast", "0@c.us", "me", "1234567@c.us",
]  # fmt: skip


def digits(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most)


contacts: st.SearchStrategy[ContactId] = st.one_of(
    digits(6, 14).map(lambda text: f"1{text}@c.us"),
    digits(5, 20).map("{}@lid".format),
    digits(5, 24).map("{}@g.us".format),
    digits(10, 24).map("{}@newsletter".format),
    digits(1, 24).map("{}@broadcast".format),
    st.sampled_from(LONGEST),
).map(ContactId.parse)


def opens(token: str, *keys: str) -> ContactId | None:
    try:
        return Tokens(keys or (KEY,)).unseal(token)
    except Forbidden:
        return None


def handmade(filled: bytes, *, version: bytes = b"\x01", name: bytes | None = None) -> str:
    """A token as the holder of `KEY` could make it, after the words of the document."""
    key = KEY.encode()
    named = name or hmac.digest(key, b"avatar-gateway: name of a key, version 1", "sha256")[:4]
    cipher = AESSIV(hmac.digest(key, b"avatar-gateway: seal an id, version 1", hashlib.sha512))
    header = version + named
    return "~" + base64.urlsafe_b64encode(header + cipher.encrypt(filled, [header])).decode()


def test_a_token_that_has_been_given_out_stays_good() -> None:
    assert Tokens([KEY]).seal(MAYA) == TOKEN
    assert opens(TOKEN) == MAYA
    assert handmade(MAYA.value.encode().ljust(FILLED, b"\0")) == TOKEN


@given(contacts)
def test_every_contact_has_one_token_and_the_way_back(contact: ContactId) -> None:
    token = Tokens([KEY]).seal(contact)
    assert token == Tokens([KEY, OTHER]).seal(contact)
    assert opens(token) == contact
    assert len(token) == len(TOKEN)
    user = contact.value.partition("@")[0]
    assert user not in token or len(user) < 6  # what is short stands in any text by chance


def test_all_spellings_of_a_contact_have_one_token() -> None:
    spellings = ["+1 (555) 123-4567", "0015551234567", "15551234567:12@s.whatsapp.net"]
    assert {Tokens([KEY]).seal(ContactId.parse(text)) for text in spellings} == {TOKEN}


def test_a_token_does_not_tell_what_kind_of_id_is_behind_it() -> None:
    tokens = [Tokens([KEY]).seal(ContactId.parse(text)) for text in LONGEST]
    assert {len(token) for token in tokens} == {len(TOKEN)}
    assert {token[:7] for token in tokens} == {TOKEN[:7]}
    assert len({token[8:] for token in tokens}) == len(LONGEST)


def test_keys_rotate() -> None:
    old = Tokens([OTHER]).seal(MAYA)
    assert old != TOKEN
    assert opens(old, KEY, OTHER) == opens(TOKEN, KEY, OTHER) == MAYA
    assert opens(old, KEY) is None
    assert opens(TOKEN, OTHER) is None
    assert opens(TOKEN, KEY, KEY) == MAYA


def test_without_keys_no_token_opens() -> None:
    with pytest.raises(Forbidden):
        Tokens().unseal(TOKEN)


@pytest.mark.parametrize("position", range(1, 77))
def test_a_token_with_any_character_changed_is_nobodys(position: int) -> None:
    for character in ALPHABET.replace(TOKEN[position], ""):
        assert opens(TOKEN[:position] + character + TOKEN[position + 1 :]) is None


SPELLINGS: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "the mark alone": lambda _: "~",
    "without the mark": lambda token: token[1:],
    "two marks": lambda token: "~" + token,
    "the mark encoded": lambda token: "%7E" + token[1:],
    "a character encoded": lambda token: token[:-1] + f"%{ord(token[-1]):02X}",
    "shorter": lambda token: token[:-1],
    "shorter by a group": lambda token: token[:-4],
    "longer": lambda token: token + "A",
    "longer by a group": lambda token: token + "AAAA",
    "padded": lambda token: token + "==",
    "twice": lambda token: token + token[1:],
    "other case": str.swapcase,
    "a line end after it": lambda token: token + "\n",
    "white space in it": lambda token: token[:10] + " " + token[11:],
    "the other alphabet": lambda token: token[:10] + "+" + token[11:],
    "a letter that only looks alike": lambda token: token[:10] + "\u0410" + token[11:],
    "not ASCII": lambda token: token[:10] + "\xe9" + token[11:],
    "very long": lambda token: token * 50,
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_token_has_no_other_spelling(spell: Callable[[str], str]) -> None:
    assert opens(spell(TOKEN)) is None


@pytest.mark.parametrize(
    "token",
    [
        handmade(MAYA.value.encode().ljust(FILLED, b"\0"), version=b"\x02"),
        handmade(MAYA.value.encode().ljust(FILLED, b"\0"), name=b"\0\0\0\0"),
        handmade(b"15551234567".ljust(FILLED, b"\0")),
        handmade(b"15551234567:1@s.whatsapp.net".ljust(FILLED, b"\0")),
        handmade(b" me".ljust(FILLED, b"\0")),
        handmade(b"me\0x".ljust(FILLED, b"\0")),
        handmade(b"m%65".ljust(FILLED, b"\0")),
        handmade(b"\xff" * FILLED),
        handmade(b"\0" * FILLED),
        handmade(b"me"),
    ],
    ids=["another version", "another key's name", "a bare number", "a device", "white space",
         "text after the end", "an escape", "no text", "nothing", "not filled up"],
)  # fmt: skip
def test_what_the_key_sealed_otherwise_is_refused_too(token: str) -> None:
    assert opens(token) is None


@given(st.text(), st.text(ALPHABET, min_size=76, max_size=76))
def test_no_text_is_a_token_by_chance(text: str, alike: str) -> None:
    assert opens(text) is None
    assert opens("~" + alike) is None


def test_a_token_shares_nothing_with_that_of_another_contact() -> None:
    assert Tokens([KEY]).seal(LEON)[8:30] != TOKEN[8:30]
    assert opens(TOKEN[:30] + Tokens([KEY]).seal(LEON)[30:]) is None
