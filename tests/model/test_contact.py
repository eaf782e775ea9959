"""Contact ids: every accepted form has one canonical spelling, everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import InvalidContact, InvalidRequest
from gateway.model import MAX_ID_LENGTH, ContactId, Kind

MAYA = "15551234567@c.us"

ACCEPTED = [
    ("15551234567", MAYA, Kind.PERSON),
    ("+1 (555) 123-4567", MAYA, Kind.PERSON),
    ("1.555.123.4567", MAYA, Kind.PERSON),
    ("0015551234567", MAYA, Kind.PERSON),
    ("+0015551234567", MAYA, Kind.PERSON),
    ("%2B1%20%28555%29%20123-4567", MAYA, Kind.PERSON),
    ("  15551234567  ", MAYA, Kind.PERSON),
    ("%2015551234567%20", MAYA, Kind.PERSON),
    ("%31%35%35%35%31%32%33%34%35%36%37", MAYA, Kind.PERSON),
    (MAYA, MAYA, Kind.PERSON),
    ("15551234567@C.US", MAYA, Kind.PERSON),
    ("15551234567%40c.us", MAYA, Kind.PERSON),
    ("15551234567@s.whatsapp.net", MAYA, Kind.PERSON),
    ("15551234567@S.WhatsApp.Net", MAYA, Kind.PERSON),
    ("15551234567:12@s.whatsapp.net", MAYA, Kind.PERSON),
    ("15551234567:12@c.us", MAYA, Kind.PERSON),
    ("15551234567.1:12@s.whatsapp.net", MAYA, Kind.PERSON),
    ("15551234567_1@s.whatsapp.net", MAYA, Kind.PERSON),
    ("1234567", "1234567@c.us", Kind.PERSON),
    ("123456789012345", "123456789012345@c.us", Kind.PERSON),
    ("123456789012345@lid", "123456789012345@lid", Kind.PERSON),
    ("123456789012345:7@lid", "123456789012345@lid", Kind.PERSON),
    ("12345@LID", "12345@lid", Kind.PERSON),
    ("01234567890123456789@lid", "01234567890123456789@lid", Kind.PERSON),
    ("120363043968066561@g.us", "120363043968066561@g.us", Kind.GROUP),
    ("491701234567-1581234048@g.us", "491701234567-1581234048@g.us", Kind.GROUP),
    ("123456@G.us", "123456@g.us", Kind.GROUP),
    ("120363012345678901@newsletter", "120363012345678901@newsletter", Kind.CHANNEL),
    ("status@broadcast", "status@broadcast", Kind.CHANNEL),
    ("15551234567@broadcast", "15551234567@broadcast", Kind.CHANNEL),
    ("0@c.us", "0@c.us", Kind.PERSON),
    ("0@s.whatsapp.net", "0@c.us", Kind.PERSON),
    ("me", "me", Kind.PERSON),
]

HOSTILE = [
    "", " ", "%20", "%", "%zz", "%4", "15551234567%", "15551234567%4", "15551234567%g0",
    "abc", "+", "()", "-.-", "@", "@c.us", "15551234567@", "15551234567@evil.example",
    "15551234567@c.us@c.us", "15551234567@@c.us", "15551234567@c.us.evil.example",
    "123456", "1234567890123456", "0123456789", "000155512345678",
    "15551234567\r\n", "15551234567\r\nX-Injected: 1", "15551234567%0d%0aX-Injected:%201",
    "15551234567\x00", "15551234567%00", "15551234567@c.us%00", "\x1b[31m15551234567",
    "15551234567%1b", "15551234567\t", "15551234567\x7f", "15551234567%7f",
    "15551234567\u2028", "15551234567%E2%80%A8", "\uff11\uff15\uff15\uff15\uff11\uff12\uff13\uff14",
    "%EF%BC%91%EF%BC%95%EF%BC%95%EF%BC%95", "\u0661\u0665\u0665\u0665\u0661\u0662\u0663",
    "\u00b2" * 8, "15551234567\ud800", "%ff%fe", "15551234567\u00a0",
    "..%2f..%2fetc%2fpasswd", "../../etc/passwd", "..%252f..%252fetc", "15551234567%252540c.us",
    "15551234567%2540c.us", "15551234567%252f", "15551234567/", "15551234567\\", "15551234567?x=1",
    "15551234567#", "15551234567;", "15551234567,15551234568", "'15551234567'", "<15551234567>",
    "1" * 4096, "%31" * 4096, "+" * 4096 + "15551234567", " " * 4096, "1" * 65 + "@lid",
    "~AAAA", "ME TOO", "me@c.us", "status", "x@broadcast", "status@c.us",
    "1234@lid", "1" * 21 + "@lid", "abc@lid", "1234@g.us", "1" * 25 + "@g.us",
    "12345-12345678@g.us", "12345-123456789012@g.us", "1234-123456789@g.us", "-123456789@g.us",
    "123456789@newsletter", "1" * 25 + "@newsletter", "15551234567:@c.us",
    "15551234567:123456@c.us", "15551234567.@c.us", "015551234567@c.us", "00@c.us",
    "+15551234567@c.us ;", "123456 7@g.us", "１２３４５６７@c.us",  # noqa: RUF001 - full-width digits
]  # fmt: skip


@pytest.mark.parametrize(("text", "canonical", "kind"), ACCEPTED)
def test_every_form_has_one_canonical_spelling_and_a_kind(
    text: str, canonical: str, kind: Kind
) -> None:
    contact = ContactId.parse(text)
    assert (contact.value, contact.kind) == (canonical, kind)


@pytest.mark.parametrize("text", HOSTILE)
def test_anything_else_is_refused_without_an_echo(text: str) -> None:
    with pytest.raises(InvalidContact) as refusal:
        ContactId.parse(text)
    assert isinstance(refusal.value, InvalidRequest)
    assert str(refusal.value) == "the contact id has none of the accepted forms"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("status@broadcast", False),
        ("15551234567@broadcast", False),
        ("0@c.us", False),
        ("0@s.whatsapp.net", False),
        ("15551234567", True),
        ("10000000@c.us", True),
        ("120363043968066561@g.us", True),
        ("120363012345678901@newsletter", True),
        ("123456789012345@lid", True),
        ("me", True),
    ],
)
def test_nobody_is_asked_about_broadcasts_and_service_accounts(text: str, *, asked: bool) -> None:
    assert ContactId.parse(text).can_have_photo is asked


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("15551234567", True),
        ("15551234567:3@s.whatsapp.net", True),
        ("0@c.us", False),
        ("me", False),
        ("123456789012345@lid", False),
        ("123456@g.us", False),
        ("15551234567@broadcast", False),
    ],
)
def test_only_a_number_that_a_person_answers_is_a_phone(text: str, *, phone: bool) -> None:
    contact = ContactId.parse(text)
    assert contact.is_phone is phone
    assert contact.is_me is (text == "me")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5511987654321", "551187654321"),  # Brazil's ninth digit
        ("5215512345678", "525512345678"),  # Mexico's mobile prefix
        ("5491123456789", "541123456789"),  # Argentina's mobile prefix
        ("15551234567", "15551234567:4@s.whatsapp.net"),
    ],
)
def test_variants_of_one_number_are_one_phone(one: str, other: str) -> None:
    left, right = ContactId.parse(one), ContactId.parse(other)
    assert left.same_phone(right)
    assert right.same_phone(left)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("15551234567", "15551234568"),
        ("5511987654321", "551187654322"),
        ("5511987654321", "552187654321"),  # another area
        ("5511887654321", "551187654321"),  # not a nine
        ("55119876543210", "551176543210"),
        ("5215512345678", "5215512345679"),
        ("5225512345678", "525512345678"),
        ("5491123456789", "5411234567890"),
        ("4911987654321", "491187654321"),  # nine digits mean nothing elsewhere
        ("1521234567890", "121234567890"),
        ("15551234567", "15551234567@lid"),
        ("15551234567", "15551234567@g.us"),
        ("15551234567", "me"),
    ],
)
def test_other_numbers_are_never_one_phone(one: str, other: str) -> None:
    left, right = ContactId.parse(one), ContactId.parse(other)
    assert not left.same_phone(right)
    assert not right.same_phone(left)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@example("%" * 200)
@example("\ud800")
@example("15551234567@" + "\u0130")
def test_parsing_refuses_in_one_way_only(text: str) -> None:
    try:
        contact = ContactId.parse(text)
    except InvalidContact:
        return
    assert contact.value.isascii()
    assert len(contact.value) <= MAX_ID_LENGTH


IDS = st.one_of(
    st.from_regex(r"(00|\+)?[1-9][0-9 ().-]{6,20}", fullmatch=True),
    st.from_regex(r"[0-9]{1,24}([._][0-9]{1,3})?(:[0-9]{1,5})?@(c\.us|lid|g\.us)", fullmatch=True),
    st.from_regex(r"[0-9]{5,16}-[0-9]{9,11}@g\.us", fullmatch=True),
    st.from_regex(r"[0-9]{10,24}@(newsletter|broadcast|s\.whatsapp\.net)", fullmatch=True),
)


@given(IDS)
def test_a_canonical_id_is_its_own_canonical_id(text: str) -> None:
    try:
        contact = ContactId.parse(text)
    except InvalidContact:
        return
    assert ContactId.parse(contact.value) == contact


@given(IDS)
def test_a_repr_tells_no_number(text: str) -> None:
    try:
        contact = ContactId.parse(text)
    except InvalidContact:
        return
    assert not any(sign.isdigit() for sign in f"{contact!r}{contact}")


@pytest.mark.parametrize(
    ("number", "other"),
    [
        ("5511987654321", "551187654321"),
        ("551187654321", "5511987654321"),
        ("5215512345678", "525512345678"),
        ("525512345678", "5215512345678"),
        ("5491123456789", "541123456789"),
        ("541123456789", "5491123456789"),
    ],
)
def test_a_number_that_networks_spell_in_two_ways_has_a_variant(number: str, other: str) -> None:
    contact, variant = ContactId.parse(number), ContactId.parse(other)
    assert contact.variant == variant
    assert contact.same_phone(variant)


@pytest.mark.parametrize(
    "number",
    ["15551234567", "551133334444", "me", "123456789012345@lid", "551187654321@g.us", "0@c.us"],
)
def test_any_other_id_has_none(number: str) -> None:
    assert ContactId.parse(number).variant is None
