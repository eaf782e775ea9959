"""``url``: one line, that the gateway answers and a browser understands."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.cli.url import Form, run
from gateway.errors import InvalidContact, InvalidOption, InvalidSettings
from gateway.model import ContactId
from gateway.settings import Settings
from gateway.signing import Claim, Keyring
from gateway.signing.tokens import Tokens
from tests.fakes import T0, Clock

if TYPE_CHECKING:
    from collections.abc import Callable

KEY: Final = "test-signing-key-0001"
BASE: Final = "https://faces.example.com"
NUMBER: Final = "15551234567"
ID: Final = f"{NUMBER}@c.us"
TOKEN: Final = Tokens([KEY]).seal(ContactId.parse(ID))
DAY: Final = 86_400


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command and return its one line."""

    def of(
        contact: str = NUMBER,
        *,
        form: Form = Form.PLAIN,
        opaque: bool = False,
        expires: str = "",
        given: dict[str, str] | None = None,
        **options: str,
    ) -> str:
        settings = Settings.load(given or {}, env_file=None)
        run(
            settings, contact, options, opaque=opaque, expires=expires, form=form, clock=Clock()
        )  # fmt: skip
        captured = capsys.readouterr()
        assert captured.err == ""
        assert captured.out.count("\n") == 1
        assert captured.out.endswith("\n")
        return captured.out[:-1]

    return of


KEYED: Final = {"GATEWAY_SIGNING_KEYS": f"{KEY},an-older-signing-key", "GATEWAY_PUBLIC_URL": BASE}


def asked(url: str) -> dict[str, str]:
    """The query of `url`."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def verified(url: str) -> Claim:
    parts = urlsplit(url)
    rest = parts.path.rpartition("/avatar/")[2]
    claim = Claim.of(f"/avatar/{rest}".encode(), parts.query.encode())
    Keyring([KEY]).verify(claim, now=T0)
    return claim


class Images(HTMLParser):
    """The images of a snippet; anything else in it is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "img"
        assert len(dict(attrs)) == len(attrs)
        self.found.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        raise AssertionError(data)


def image(text: str) -> dict[str, str]:
    [found] = Images(text).found
    return {name: value or "" for name, value in found.items()}


# ---- a URL ----


@pytest.mark.parametrize(
    ("contact", "options", "url"),
    [
        (NUMBER, {}, f"/avatar/{ID}.png"),
        ("+1 (555) 123-4567", {}, f"/avatar/{ID}.png"),
        ("120363043968066561@g.us", {}, "/avatar/120363043968066561@g.us.png"),
        ("me", {"size": "48", "dpr": "1.5"}, "/avatar/me.png?size=48&dpr=1.5"),
        (NUMBER, {"shape": "circle", "bg": "FFFFFF", "ring": "112233"},
         f"/avatar/{ID}.png?shape=circle&bg=FFFFFF&ring=112233"),
        (NUMBER, {"fallback": "initials", "name": "Zoë & Co"},
         f"/avatar/{ID}.png?fallback=initials&name=Zo%C3%AB%20%26%20Co"),
    ],
)  # fmt: skip
def test_without_keys_it_is_a_plain_path_or_url(
    printed: Callable[..., str], contact: str, options: dict[str, str], url: str
) -> None:
    assert printed(contact, **options) == url
    based = {"GATEWAY_PUBLIC_URL": f"{BASE}/faces/"}
    assert printed(contact, given=based, **options) == f"{BASE}/faces{url}"


def test_with_keys_it_is_signed_by_the_first(printed: Callable[..., str]) -> None:
    url = printed(given=KEYED, size="48", shape="circle")
    assert url.startswith(f"{BASE}/avatar/{ID}.png?size=48&shape=circle&sig=")
    assert verified(url).end > 1e300


def test_it_ends_when_it_is_told_to(printed: Callable[..., str]) -> None:
    url = printed(given=KEYED, expires="30d")
    assert asked(url)["exp"] == f"{T0 + 30 * DAY:.0f}"
    assert verified(url).end == T0 + 30 * DAY


def test_an_opaque_url_shows_no_number_and_needs_no_signature(printed: Callable[..., str]) -> None:
    assert printed(given=KEYED, opaque=True) == f"{BASE}/avatar/{TOKEN}.png"
    url = printed(given=KEYED, opaque=True, size="48")
    assert url == f"{BASE}/avatar/{TOKEN}.png?size=48"


def test_an_opaque_url_that_ends_is_signed(printed: Callable[..., str]) -> None:
    url = printed(given=KEYED, opaque=True, expires="1h")
    assert urlsplit(url).path == f"/avatar/{TOKEN}.png"
    assert verified(url).end == T0 + 3600


# ---- snippets ----


def test_a_page_gets_a_picture_for_every_screen(printed: Callable[..., str]) -> None:
    shown = image(printed(given=KEYED, form=Form.HTML, size="48", shape="circle"))
    assert list(shown) == ["src", "srcset", "width", "height", "alt", "loading"]
    assert (shown["width"], shown["height"]) == ("48", "48")
    assert (shown["alt"], shown["loading"]) == ("", "lazy")
    candidates = [tuple(each.split(" ")) for each in shown["srcset"].split(", ")]
    assert [density for _, density in candidates] == ["1x", "2x", "3x"]
    assert [asked(url).get("dpr", "1") for url, _ in candidates] == ["1", "2", "3"]
    assert shown["src"] == candidates[0][0]
    for url, _ in candidates:
        verified(url)
        assert asked(url)["size"] == "48"


@pytest.mark.parametrize(
    ("size", "densities"), [("341", 3), ("342", 2), ("512", 2), ("513", 0), ("1024", 0)]
)
def test_a_page_gets_no_picture_that_would_be_refused(
    printed: Callable[..., str], size: str, densities: int
) -> None:
    shown = image(printed(form=Form.HTML, size=size))
    assert len(shown.get("srcset", "").split(",")) == max(1, densities)
    assert ("srcset" in shown) is (densities > 0)


def test_an_email_gets_one_flat_picture_of_a_told_size(printed: Callable[..., str]) -> None:
    shown = image(printed(given=KEYED, form=Form.EMAIL, size="48", shape="circle"))
    assert list(shown) == ["src", "width", "height", "alt", "border", "style"]
    assert (shown["width"], shown["height"], shown["border"]) == ("48", "48", "0")
    assert {"width:48px", "height:48px", "border-radius:50%"} <= set(shown["style"].split(";"))
    verified(shown["src"])
    wanted = {"bg": "ffffff", "shape": "circle", "size": "48", "dpr": "2"}
    assert {name: asked(shown["src"]).get(name) for name in wanted} == wanted


@pytest.mark.parametrize(("size", "dpr"), [("512", "2"), ("513", "1.5"), ("700", "1")])
def test_an_email_gets_as_sharp_a_picture_as_there_is(
    printed: Callable[..., str], size: str, dpr: str
) -> None:
    url = image(printed(form=Form.EMAIL, size=size, bg="000000"))["src"]
    assert (asked(url)["dpr"], asked(url)["bg"]) == (dpr, "000000")


def test_snippets_are_as_large_as_the_gateways_pictures(printed: Callable[..., str]) -> None:
    given = {"GATEWAY_DEFAULT_SIZE": "96", "GATEWAY_DEFAULT_SHAPE": "rounded"}
    for form in (Form.HTML, Form.EMAIL):
        shown = image(printed(given=given, form=form))
        assert (shown["width"], asked(shown["src"])["size"]) == ("96", "96")
    assert "border-radius:20%" in shown["style"]


def test_markdown_is_an_image_too(printed: Callable[..., str]) -> None:
    text = printed(given=KEYED, form=Form.MARKDOWN, size="48", dpr="2")
    assert text.startswith(f"![]({BASE}/avatar/{ID}.png?size=48&dpr=2&sig=")
    assert text.endswith(")")
    verified(text[4:-1])
    odd = {"GATEWAY_PUBLIC_URL": "https://h.example/a(b)"}
    assert (
        printed(given=odd, form=Form.MARKDOWN) == f"![](https://h.example/a%28b%29/avatar/{ID}.png)"
    )


HOSTILE = "\"><script>x</script>' onerror=x [a](b) \\ `c` *d* \r\n&amp;"


@pytest.mark.parametrize("form", [Form.HTML, Form.EMAIL])
def test_a_name_stands_in_place_of_the_picture_and_breaks_nothing(
    printed: Callable[..., str], form: Form
) -> None:
    shown = image(printed(form=form, name=HOSTILE, fallback="initials"))
    assert shown["alt"] == " ".join(HOSTILE.split())
    assert asked(shown["src"])["name"] == HOSTILE


def test_a_name_breaks_no_markdown(printed: Callable[..., str]) -> None:
    text = printed(form=Form.MARKDOWN, name=HOSTILE)
    alt, _, url = text.rpartition("](")
    plain = alt.removeprefix("![")
    for mark in "[]()<>`*&_":
        assert plain.count(mark) == plain.count(f"\\{mark}")
    assert asked(url[:-1])["name"] == HOSTILE
    assert not set(url[:-1]) & set("()<> \"'")


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("opaque", [True, False])
def test_no_text_in_place_of_a_picture_shows_the_number(
    printed: Callable[..., str], form: Form, *, opaque: bool
) -> None:
    text = printed(given=KEYED, form=form, opaque=opaque)
    if opaque:
        assert NUMBER not in text
    if form in {Form.HTML, Form.EMAIL}:
        assert image(text)["alt"] == ""


# ---- what is refused ----


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"opaque": True}, "--opaque needs GATEWAY_SIGNING_KEYS"),
        ({"expires": "30d"}, "--expires needs GATEWAY_SIGNING_KEYS"),
        ({"expires": "soon", "given": KEYED}, "--expires takes a duration such as 30m, 24h or 30d"),
        ({"expires": "0d", "given": KEYED}, "--expires takes a duration such as 30m, 24h or 30d"),
        ({"expires": "-1d", "given": KEYED}, "--expires takes a duration such as 30m, 24h or 30d"),
        ({"contact": "nonsense"}, "the contact id has none of the accepted forms"),
        ({"size": "9"}, "size takes a whole number from 16 to 1024"),
        ({"size": "1024", "dpr": "2"}, "size times dpr is at most 1024"),
        ({"fallback": "star"}, "fallback takes silhouette, initials, identicon, blank, 404"),
        ({"dpr": "2", "form": Form.HTML}, "--html chooses --dpr itself"),
        ({"dpr": "2", "form": Form.EMAIL}, "--email chooses --dpr itself"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    printed: Callable[..., str], wanted: dict[str, object], line: str
) -> None:
    with pytest.raises((InvalidContact, InvalidOption, InvalidSettings)) as caught:
        printed(**wanted)
    assert str(caught.value) == line
