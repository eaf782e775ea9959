from __future__ import annotations

import pytest

from gateway.sandbox.minting import Photo, Refused, judge, mint

NOW = 1_800_000_000.0
PHOTOS = [
    Photo("15551234567@c.us"),
    Photo("15551234567@c.us", 999_999),
    Photo("15551234567@c.us", 2, preview=True),
    Photo("100000@lid"),
    Photo("491701234567-1581234048@g.us"),
    Photo("120363043968066561@g.us", 7),
    Photo("120363144038483540@newsletter", 3),
]


def _judge(url: str, now: float = NOW) -> Photo:
    path, _, query = url.partition("?")
    return judge(path, query, now=now)


@pytest.mark.parametrize("photo", PHOTOS, ids=str)
def test_a_url_leads_back_to_its_photo(photo: Photo) -> None:
    url = mint(photo, expires=NOW + 60)
    assert _judge(url) == photo
    assert photo.contact.partition("@")[0] not in url


def test_the_path_is_the_photo_and_oe_the_expiry() -> None:
    one = mint(Photo("15551234567@c.us"), expires=NOW + 60)
    two = mint(Photo("15551234567@c.us"), expires=NOW + 61)
    three = mint(Photo("15551234567@c.us", 2), expires=NOW + 60)
    assert one.partition("?")[0] == two.partition("?")[0] != three.partition("?")[0]
    assert f"&oe={int(NOW + 60):08X}&" in one
    assert one.partition("&oh=")[2][:20] != two.partition("&oh=")[2][:20]


@pytest.mark.parametrize("photo", PHOTOS, ids=str)
def test_every_edit_is_noticed(photo: Photo) -> None:
    url = mint(photo, expires=NOW + 60)
    for place, character in enumerate(url):
        if character not in "/?&=":
            edited = url[:place] + ("0" if character != "0" else "1") + url[place + 1 :]
            with pytest.raises(Refused):
                _judge(edited)


@pytest.mark.parametrize(
    ("old", "new", "status", "text"),
    [
        ("", "", 403, "URL signature expired"),
        ("oe=", "oe=Z", 403, "Bad URL timestamp"),
        ("&oe=", "&xe=", 403, "Bad URL timestamp"),
        ("oh=01_", "oh=02_", 403, "Bad URL hash"),
        ("oh=", "xh=", 403, "Bad URL hash"),
        ("_nc_cat=111", "_nc_cat=112", 403, "URL signature mismatch"),
        ("ccb=11-4&", "ccb=11-4&stp=x&", 403, "URL signature mismatch"),
    ],
)
def test_refusals_use_the_cdns_words(old: str, new: str, status: int, text: str) -> None:
    url = (
        mint(Photo("15551234567@c.us"), expires=NOW).replace(old, new)
        if old
        else mint(Photo("15551234567@c.us"), expires=NOW)
    )
    with pytest.raises(Refused, match=f"^{text}$") as refused:
        _judge(url)
    assert refused.value.status == status


@pytest.mark.parametrize("path", ["/v/other.jpg", "/m1/v/t24/An8x", "/m1/v/t24/An8_w", "/v/"])
def test_a_signed_path_that_shows_nothing_is_404(path: str) -> None:
    # Signed by the same rule, so only the path is at fault.
    from gateway.sandbox import minting  # noqa: PLC0415  (only this test looks inside)

    tail = f"oe={int(NOW + 60):08X}"
    oh = minting._oh(path, "ccb=11-4", tail)  # noqa: SLF001
    with pytest.raises(Refused, match="Not Found") as refused:
        judge(path, f"ccb=11-4&oh={oh}&{tail}", now=NOW)
    assert refused.value.status == 404
