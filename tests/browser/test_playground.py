"""The playground as somebody uses it, without keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from gateway.cli.url import Form, run
from gateway.errors import Reason
from gateway.sandbox import ACCESS_TOKEN, CAST
from gateway.sandbox.page import render
from gateway.settings import Settings
from tests.browser.conftest import ADMIN
from tests.processes import ROOT

if TYPE_CHECKING:
    from tests.browser.window import Window
    from tests.processes import Running

MAYA: Final = "15551234567@c.us"
HIDDEN: Final = "15555550110@c.us"
NAME: Final = "Zoë O'Neill <x> & *co*"
FORMS: Final = {
    "URL": Form.PLAIN, "HTML": Form.HTML, "Markdown": Form.MARKDOWN, "E-mail": Form.EMAIL,
}  # fmt: skip
SHOWN: Final = """() => {
  const element = document.querySelector("img, wa-avatar");
  const image = element.shadowRoot?.querySelector("img") ?? element;
  return image.complete && image.naturalWidth;
}"""
SCRIPTS: Final = sorted((ROOT / "static" / "playground").glob("*.js"))


def query(window: Window) -> str:
    return window.snippet().partition("?")[2]


def test_it_opens_with_the_first_of_the_cast(playground: Window, house: Running) -> None:
    expect(playground.see("who")).to_have_text("Maya Brooks")
    expect(playground.see("badge")).to_have_text("Photo")
    assert playground.snippet() == f"{house.url}/avatar/{MAYA}.png?size=128&dpr=2&shape=circle"
    told = playground.facts()
    assert re.fullmatch(
        r"(less than a|\d+) (second|minute)s? ago, since it was fetched", told["Age"]
    )
    assert re.fullmatch(r"1 day( 1 hour| [23] hours)?, then .*", told["Good for"])
    assert told["Cache"].startswith(("Hit", "Miss"))
    assert re.fullmatch(r"[0-9a-f]{12}", told["Version"])
    assert re.fullmatch(r"#[0-9a-f]{6}", told["Colour"])
    assert re.fullmatch(r"PNG, [\d.]+ KB, 256 × 256 pixels", told["File"])
    assert told["Browsers keep it"].startswith("for ")
    assert playground.broken() == []


def test_the_whole_cast_can_be_picked(playground: Window) -> None:
    names = playground.page.locator("#cast-list strong").all_inner_texts()
    assert names == [each.name for each in CAST]
    playground.page.get_by_role("button", name="Sunday Hikers").click()
    expect(playground.see("who")).to_have_text("Sunday Hikers")
    expect(playground.page.locator("#cast-list [aria-pressed=true]")).to_contain_text("Hikers")
    playground.settled()
    assert playground.broken() == []


def test_asking_again_is_a_hit(playground: Window) -> None:
    playground.page.get_by_role("button", name="Ask again").click()
    expect(playground.see("facts")).to_contain_text("Hit")
    playground.page.get_by_text("All headers").click()
    expect(playground.see("headers")).to_contain_text("avatar-source: photo")
    expect(playground.see("headers")).to_contain_text("cache-status: avatar-gateway; hit")


def test_a_number_is_asked_about_only_when_show_is_pressed(playground: Window) -> None:
    before = len(playground.asked)
    playground.page.get_by_label("Contact", exact=True).fill("+44 7700 900123")
    playground.page.wait_for_timeout(600)
    assert len(playground.asked) == before
    playground.page.get_by_role("button", name="Show", exact=True).click()
    expect(playground.see("who")).to_have_text("Oliver Hughes")
    # What counts is shown, in its one spelling.
    assert "447700900123@c.us" in playground.snippet()


@pytest.mark.parametrize(
    ("contact", "badge", "told"),
    [
        (HIDDEN, "Fallback · none", "Nobody can tell which"),
        ("15555550116", "Fallback · timeout", "did not answer in time"),
        ("15555550117", "Fallback · undecodable", "no picture that the gateway takes"),
        ("15555550118", "Fallback · upstream", "The API failed"),
        ("status@broadcast", "Fallback · unsupported", "No picture exists"),
    ],
)
def test_a_fallback_says_why(playground: Window, contact: str, badge: str, told: str) -> None:
    playground.show(contact)
    expect(playground.see("badge")).to_have_text(badge)
    expect(playground.see("why")).to_contain_text(told)
    expect(playground.see("status")).to_contain_text(told)
    playground.settled()
    assert playground.broken() == []


@pytest.mark.parametrize(("contact", "told"), [
    ("nonsense", "knows no such form of an id"),
    ("1", "knows no such form of an id"),
])  # fmt: skip
def test_what_is_no_contact_is_refused_in_words(
    playground: Window, contact: str, told: str
) -> None:
    playground.allowed.append("status of 400")
    playground.show(contact)
    expect(playground.see("badge")).to_have_text("Refused · invalid")
    expect(playground.see("why")).to_contain_text(told)
    expect(playground.see("code")).to_be_hidden()
    expect(playground.see("mocks")).to_be_hidden()


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "Type a contact first"), ("https://pps.whatsapp.net/v/1.jpg", "not the URL")],
)
def test_what_cannot_be_asked_is_a_problem_of_the_field(
    playground: Window, text: str, told: str
) -> None:
    before = len(playground.asked)
    playground.show(text)
    expect(playground.page.get_by_role("alert")).to_contain_text(told)
    expect(playground.see("contact")).to_have_attribute("aria-invalid", "true")
    assert len(playground.asked) == before


def test_every_option_is_in_the_url(playground: Window) -> None:
    page = playground.page
    page.get_by_label("Size", exact=True).fill("64")
    for name in ("Rounded", "3×", "WebP"):
        page.get_by_role("radio", name=name, exact=True).check()
    page.get_by_label("Without a photo").select_option("initials")
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_label("Ring", exact=True).check()
    page.get_by_label("Colour of the ring").fill("#2f80ed")
    page.get_by_label("Background", exact=True).check()
    page.get_by_label("Show the fallback").check()
    expect(playground.see("badge")).to_have_text("Fallback · forced")
    expect(playground.see("facts")).to_contain_text("192 × 192")
    expect(playground.see("facts")).to_contain_text("WEBP")
    address, _, options = playground.snippet().partition("?")
    assert address.endswith(f"/avatar/{MAYA}.webp")
    assert options == (
        "size=64&dpr=3&shape=rounded&bg=ffffff&ring=2f80ed&fallback=initials"
        "&name=Ada%20Lovelace&force=y"
    )
    playground.settled()
    assert playground.broken() == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [("JPEG", f"{MAYA}.jpg"), ("AVIF", f"{MAYA}.avif"), ("Accept", MAYA)],
)
def test_every_format_is_shown(playground: Window, kind: str, path: str) -> None:
    playground.page.get_by_role("radio", name=kind, exact=True).check()
    told = {"JPEG": "JPEG, ", "AVIF": "AVIF, ", "Accept": "WEBP, "}[kind]
    expect(playground.see("facts")).to_contain_text(told)
    assert playground.snippet().partition("?")[0].endswith(f"/avatar/{path}")
    playground.settled()
    assert playground.broken() == []


def test_no_picture_is_said_to_be_none(playground: Window) -> None:
    playground.allowed.append("status of 404")
    playground.show(HIDDEN)
    playground.page.get_by_label("Without a photo").select_option("404")
    expect(playground.see("why")).to_contain_text("No picture is sent")
    expect(playground.see("hero-light")).to_be_hidden()


def test_densities_beyond_what_is_drawn_are_not_offered(playground: Window) -> None:
    playground.page.get_by_label("Size", exact=True).fill("600")
    for name, offered in (("1×", True), ("1.5×", True), ("2×", False), ("3×", False)):
        radio = playground.page.get_by_role("radio", name=name, exact=True)
        assert radio.is_enabled() is offered
    expect(playground.see("facts")).to_contain_text("900 × 900")
    assert query(playground) == "size=600&dpr=1.5&shape=circle"


@pytest.mark.parametrize(
    ("pasted", "wanted"),
    [
        (
            f"https://faces.example.com/avatar/{MAYA}.webp?s=40&d=identicon",
            "size=40&dpr=2&shape=circle&fallback=identicon",
        ),
        (f"/avatar/{MAYA}?shape=rounded&dpr=1&ring=ABCDEF", "size=128&shape=rounded&ring=abcdef"),
        (
            '<img src="/avatar/15551234567%40c.us.jpeg?size=40&amp;dpr=3" width="40">',
            "size=40&dpr=3&shape=circle",
        ),
        # Of Gravatar's values, what they come to here.
        (f"https://faces.example.com/avatar/{MAYA}?s=4096&d=mp", "size=1024&shape=circle"),
        (f"/avatar/{MAYA}?s=big&d=retro&r=g", "size=128&dpr=2&shape=circle"),
    ],
)
def test_a_pasted_url_or_snippet_is_read(playground: Window, pasted: str, wanted: str) -> None:
    playground.page.get_by_role("tab", name="URL", exact=True).click()
    playground.show(pasted)
    expect(playground.see("snippet")).to_have_text(re.compile(rf"\?{re.escape(wanted)}$"))
    expect(playground.see("contact")).to_have_value(MAYA)


def test_a_secret_in_a_pasted_url_is_not_shown_again(playground: Window) -> None:
    playground.show(
        f"https://x.example/avatar/{MAYA}.png?access_token=hunter2&size=40&utm_id=hunter2"
    )
    expect(playground.see("snippet")).to_contain_text("size=40")
    assert "hunter2" not in playground.page.content()
    assert "hunter2" not in playground.see("contact").input_value()
    assert not any("hunter2" in url for url in playground.asked)


def test_no_secret_of_the_gateway_is_in_the_page_or_in_what_it_loads(
    window: Window, house: Running
) -> None:
    bodies: list[str] = []
    window.page.on("response", lambda found: bodies.append(str(found.headers) + repr(found.body())))
    window.go(house.url)
    window.settled()
    window.show(HIDDEN)
    window.settled()
    everything = window.page.content() + "".join(bodies)
    assert len(bodies) > 50
    for secret in (ACCESS_TOKEN, ADMIN):
        assert secret not in everything


def test_the_contact_is_kept_nowhere(playground: Window, house: Running) -> None:
    playground.show("+44 7700 900123")
    playground.settled()
    assert playground.page.url == f"{house.url}/"
    assert playground.context.cookies() == []
    assert (
        playground.run("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        == "[{},{}]"
    )


def test_a_link_may_name_the_contact(window: Window, house: Running) -> None:
    window.go(f"{house.url}/#120363043968066561%40g.us")
    expect(window.see("who")).to_have_text("Sunday Hikers")
    window.go(f"{house.url}/#{HIDDEN}")
    expect(window.see("who")).to_have_text("Sam Whitfield")
    expect(window.see("name")).to_have_value("Sam Whitfield")


def test_every_face_of_the_sandbox_leads_here(
    window: Window, house: Running, upstream: Running
) -> None:
    page = render(house.url, upstream.url)
    # Its faces are not loaded: a page that is made up has no address on this machine.
    window.allowed += ["loopback", "ERR_FAILED"]
    window.page.route("**/the-cast", lambda route: route.fulfill(body=page))
    window.go(f"{upstream.url}/the-cast")
    window.page.get_by_role("link", name="Camille Laurent").click()
    expect(window.see("who")).to_have_text("Camille Laurent")


def test_a_large_avatar_has_the_width_of_the_page(playground: Window) -> None:
    small = playground.see("hero-light").bounding_box()
    playground.page.get_by_label("Size", exact=True).fill("320")
    expect(playground.see("facts")).to_contain_text("640 × 640 pixels")
    large = playground.see("hero-light").bounding_box()
    assert small is not None
    assert large is not None
    assert (small["width"], large["width"]) == (128, 320)
    expect(playground.see("facts")).not_to_contain_text("shown smaller")
    playground.page.get_by_label("Size", exact=True).fill("512")
    expect(playground.see("facts")).to_contain_text("1024 × 1024 pixels, shown smaller")


@pytest.mark.parametrize("size", ["48", "400", "700"])
def test_the_snippets_are_the_command_lines(
    playground: Window, house: Running, capsys: pytest.CaptureFixture[str], size: str
) -> None:
    page = playground.page
    page.get_by_role("radio", name="1×", exact=True).check()
    page.get_by_label("Without a photo").select_option("initials")
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Ring", exact=True).check()
    page.get_by_label("Size", exact=True).fill(size)
    expect(playground.see("snippet")).to_contain_text(f"size={size}")
    settings = Settings.load({"GATEWAY_PUBLIC_URL": house.url}, env_file=None)
    options = {"size": size, "shape": "circle", "ring": "0f766e", "fallback": "initials"}
    for tab, form in FORMS.items():
        run(settings, MAYA, options | {"name": NAME}, opaque=False, expires="", form=form)
        assert playground.snippet(tab) == capsys.readouterr().out.rstrip("\n")


@pytest.mark.parametrize("form", ["HTML", "E-mail", "Web component"])
def test_the_snippets_work_on_a_page(playground: Window, house: Running, form: str) -> None:
    page = playground.page
    body = f"<!doctype html><title>A page</title>{playground.snippet(form)}"
    page.route("**/a-page", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{house.url}/a-page")
    page.wait_for_function(SHOWN)
    assert page.locator("img").bounding_box() == {"x": 8, "y": 8, "width": 128, "height": 128}


def test_copying(playground: Window) -> None:
    playground.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for form in ("URL", "HTML", "Markdown", "E-mail", "Web component"):
        text = playground.snippet(form)
        playground.see("copy").click()
        expect(playground.see("copy")).to_have_text("Copied")
        expect(playground.see("status")).to_have_text("Copied.")
        assert playground.run("() => navigator.clipboard.readText()") == text


def test_where_copying_is_forbidden_the_code_is_selected(playground: Window) -> None:
    playground.run("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    text = playground.snippet()
    playground.see("copy").click()
    expect(playground.see("copy")).to_have_text("Selected")
    assert playground.run("() => getSelection().toString()") == text


def test_a_gateway_that_is_gone_is_said_to_be(playground: Window) -> None:
    playground.allowed.append("Failed to load resource")
    playground.page.route("**/avatar/**", lambda route: route.abort())
    playground.show("12025550143")
    expect(playground.see("who")).to_have_text("The gateway cannot be reached.")
    expect(playground.see("code")).to_be_hidden()


def test_everything_is_done_with_the_keyboard_alone(window: Window, house: Running) -> None:
    window.go(house.url)
    window.settled()
    press = window.page.keyboard.press
    press("Tab")
    expect(window.page.get_by_role("link", name="Skip to the avatar")).to_be_focused()
    for _ in range(20):
        press("Tab")
        if window.run("() => document.activeElement.id") == "contact":
            break
    press("ControlOrMeta+a")
    window.page.keyboard.type(HIDDEN)
    press("Enter")
    expect(window.see("who")).to_have_text("Sam Whitfield")
    window.page.get_by_role("radio", name="Circle").focus()
    press("ArrowRight")
    expect(window.see("snippet")).to_contain_text("shape=rounded")
    window.page.get_by_role("tab", name="URL").focus()
    for key, form in (
        ("ArrowRight", "HTML"),
        ("End", "Web component"),
        ("Home", "URL"),
        ("ArrowLeft", "Web component"),
    ):
        press(key)
        expect(window.page.get_by_role("tab", name=form, exact=True)).to_be_focused()
        expect(window.page.get_by_role("tab", selected=True)).to_have_text(form)


def test_the_links_that_skip_lead_to_parts_of_the_page_and_ask_for_nobody(
    playground: Window,
) -> None:
    press = playground.page.keyboard.press
    for name, landed in (("avatar", "again"), ("options", "")):
        playground.page.get_by_role("link", name=f"Skip to the {name}").focus()
        press("Enter")
        press("Tab")
        assert playground.run("() => document.activeElement.id") == landed
    assert playground.run("() => document.activeElement.textContent") == "Options"
    playground.page.wait_for_timeout(600)
    assert not [url for url in playground.asked if re.search(r"/avatar/(result|options)", url)]
    expect(playground.see("who")).to_have_text("Maya Brooks")


def test_the_theme_is_the_machines_until_it_is_chosen_and_then_remembered(
    playground: Window,
) -> None:
    def colour() -> str:
        return str(playground.run("() => getComputedStyle(document.body).backgroundColor"))

    light = colour()
    playground.page.emulate_media(color_scheme="dark")
    dark = colour()
    assert dark != light
    button = playground.see("theme")
    button.click()
    assert (button.inner_text(), colour()) == ("Theme:\nLight", light)
    playground.page.reload()
    playground.settled()
    assert (button.inner_text(), colour()) == ("Theme:\nLight", light)
    button.click()
    playground.page.emulate_media(color_scheme="light")
    assert colour() == dark


def test_every_reason_is_explained() -> None:
    text = (ROOT / "static" / "playground" / "facts.js").read_text()
    assert sorted(re.findall(r'^  (\w+): "', text, re.MULTILINE)) == sorted(Reason)


def test_it_is_our_own_and_small() -> None:
    texts = [script.read_text() for script in SCRIPTS]
    for text in texts:
        assert "innerHTML" not in text
        assert "http:" not in re.sub(r"http://www\.w3\.org/2000/svg", "", text)
        assert set(re.findall(r'from "([^"]+)"', text)) <= {f"./{each.name}" for each in SCRIPTS}
    assert sum(len(text.encode()) for text in texts) < 40_000
