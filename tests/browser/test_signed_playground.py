"""The playground of a gateway with keys: it shows what was signed, and signs nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from gateway.model import ContactId
from gateway.signing import sign
from gateway.signing.tokens import Tokens
from tests.browser.conftest import KEY

if TYPE_CHECKING:
    from tests.browser.window import Window
    from tests.processes import Running

MAYA: Final = "15551234567@c.us"
NUMBER: Final = "15551234567"
TOKEN: Final = Tokens([KEY]).seal(ContactId.parse(MAYA))


@pytest.fixture
def signed(window: Window, signed_house: Running) -> Window:
    window.go(signed_house.url)
    expect(window.see("contact-help")).to_contain_text("signed URLs and tokens")
    return window


def test_nobody_is_shown_and_nobody_offered_until_something_is_pasted(signed: Window) -> None:
    expect(signed.see("who")).to_have_text("Nobody yet")
    expect(signed.see("cast")).to_be_hidden()
    assert not any("/avatar/" in url for url in signed.asked)


def test_a_number_is_not_even_asked_about(signed: Window) -> None:
    signed.show(NUMBER)
    expect(signed.page.get_by_role("alert")).to_contain_text("signed URLs and tokens only")
    assert not any("/avatar/" in url for url in signed.asked)


@pytest.mark.parametrize("pasted", [TOKEN, f"https://faces.example.com/avatar/{TOKEN}.png?size=64"])
def test_a_token_takes_every_option_and_shows_no_number(
    signed: Window, signed_house: Running, pasted: str
) -> None:
    signed.show(pasted)
    expect(signed.see("badge")).to_have_text("Photo")
    expect(signed.see("who")).to_have_text("Somebody behind a token")
    signed.page.get_by_label("Size", exact=True).fill("40")
    signed.page.get_by_role("radio", name="Square").check()
    expect(signed.see("facts")).to_contain_text("80 × 80")
    expect(signed.see("gallery")).to_be_visible()
    assert signed.snippet() == f"{signed_house.url}/avatar/{TOKEN}.png?size=40&dpr=2"
    signed.settled()
    assert signed.broken() == []
    assert NUMBER not in signed.page.content()


def test_a_signed_url_is_used_word_for_word(signed: Window, signed_house: Running) -> None:
    url = sign(f"{signed_house.url}/avatar/{MAYA}.png?size=80&shape=circle", KEY)
    signed.show(f"{url}&utm_source=mail")
    expect(signed.see("badge")).to_have_text("Photo")
    expect(signed.see("facts")).to_contain_text("80 × 80")
    expect(signed.see("size")).to_be_disabled()
    expect(signed.see("pinned-help")).to_be_visible()
    expect(signed.see("gallery")).to_be_hidden()
    assert signed.snippet() == url
    assert 'width="80" height="80"' in signed.snippet("HTML")
    assert "border-radius:50%" in signed.snippet("E-mail")
    expect(signed.page.get_by_role("tab", name="Web component")).to_be_hidden()
    signed.settled()
    assert signed.broken() == []


def test_a_signed_document_brings_signed_pictures_for_every_screen(
    signed: Window, signed_house: Running
) -> None:
    signed.show(sign(f"{signed_house.url}/avatar/{MAYA}.json?size=48", KEY))
    expect(signed.see("badge")).to_have_text("Photo")
    expect(signed.see("facts")).to_contain_text("Version")
    html = signed.snippet("HTML")
    assert html.count("sig=") == 4  # src, and three of srcset
    assert html.count(signed_house.url) == 4
    signed.settled()
    assert signed.broken() == []


@pytest.mark.parametrize("extension", ["png", "json"])
@pytest.mark.parametrize("wrong", ["expired", "changed"])
def test_what_is_not_signed_well_is_refused(
    signed: Window, signed_house: Running, extension: str, wrong: str
) -> None:
    signed.allowed.append("status of 403")
    url = f"{signed_house.url}/avatar/{MAYA}.{extension}"
    good = sign(url, KEY, expires=time.time() - 60 if wrong == "expired" else None)
    signed.show(good if wrong == "expired" else f"{good[:-3]}AAA")
    refused = signed.page.get_by_role("region", name="The avatar")
    expect(refused).to_contain_text("Refused")
    expect(refused).to_contain_text("no longer good")
    expect(signed.see("code")).to_be_hidden()


def test_options_are_free_again_after_a_signed_url(signed: Window, signed_house: Running) -> None:
    signed.show(sign(f"{signed_house.url}/avatar/{MAYA}.png?size=80", KEY))
    expect(signed.see("size")).to_be_disabled()
    signed.show(TOKEN)
    expect(signed.see("size")).to_be_enabled()
    expect(signed.see("gallery")).to_be_visible()


def test_what_there_is_no_snippet_of_gives_way_to_the_url(
    signed: Window, signed_house: Running
) -> None:
    signed.show(TOKEN)
    expect(signed.see("badge")).to_have_text("Photo")
    assert "<wa-avatar" in signed.snippet("Web component")
    url = sign(f"{signed_house.url}/avatar/{MAYA}.png?size=80", KEY)
    signed.show(url)
    expect(signed.see("snippet")).to_have_text(url)
    expect(signed.page.get_by_role("tab", selected=True)).to_have_text("URL")
    expect(signed.see("copy")).to_be_enabled()


def test_no_key_is_in_the_page_or_in_what_it_loads(signed: Window) -> None:
    bodies: list[str] = []
    signed.page.on("response", lambda found: bodies.append(str(found.headers) + repr(found.body())))
    signed.show(TOKEN)
    signed.settled()
    assert len(bodies) > 10
    assert KEY not in signed.page.content() + "".join(bodies)


def test_where_there_are_no_keys_a_signature_is_left_out(window: Window, house: Running) -> None:
    window.go(house.url)
    window.settled()
    window.show(sign(f"{house.url}/avatar/447700900123@c.us.png?size=80", KEY))
    expect(window.see("who")).to_have_text("Oliver Hughes")
    assert "sig=" not in window.snippet()
    expect(window.see("size")).to_be_enabled()
