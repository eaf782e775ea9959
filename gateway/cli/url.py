"""``url``: the address of an avatar, signed or opaque if there are keys, or a snippet with it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from gateway.errors import InvalidOption, InvalidSettings
from gateway.model import DPRS, MAX_SIZE, ContactId, Format, Shape
from gateway.settings.kinds import seconds_of
from gateway.signing import sign
from gateway.web import Defaults, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.model import AvatarSpec
    from gateway.settings import Settings

Options = dict[str, str]

_RADII: Final = {Shape.SQUARE: "0", Shape.ROUNDED: "20%", Shape.CIRCLE: "50%"}
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!<>&|~])")


class Form(StrEnum):
    """What is printed."""

    PLAIN = "plain"
    HTML = "html"
    MARKDOWN = "markdown"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class _Address:
    """Where one avatar is: `name` is an id or a token; an empty `key` signs nothing."""

    base: str
    name: str = field(repr=False)
    key: str = field(repr=False)
    end: float | None

    def url(self, options: Mapping[str, str]) -> str:
        """Return the URL that asks for `options`."""
        query = urlencode(options, quote_via=quote, safe="")
        url = f"{self.base}/avatar/{self.name}.{Format.PNG}{'?' if query else ''}{query}"
        return sign(url, self.key, expires=self.end) if self.key else url


def run(  # noqa: PLR0913 - one parameter an option of the command, and a clock
    settings: Settings,
    contact: str,
    options: Options,
    *,
    opaque: bool,
    expires: str,
    form: Form,
    clock: Callable[[], float] = time.time,
) -> None:
    """Print one line: a URL, or a snippet that shows the avatar.

    Raises `InvalidContact`, `InvalidOption` or `InvalidSettings`; nothing is asked or looked up.
    """
    if form in {Form.HTML, Form.EMAIL} and "dpr" in options:
        raise InvalidOption(f"--{form} chooses --dpr itself")
    defaults = Defaults(size=settings.default_size, shape=settings.default_shape)
    spec = Query(options).spec(Format.PNG, defaults)
    end = None if not expires else clock() + _life(expires)
    address = _address(settings, ContactId.parse(contact), opaque=opaque, end=end)
    print(_WRITERS[form](address, options, spec))


def _address(
    settings: Settings, contact: ContactId, *, opaque: bool, end: float | None
) -> _Address:
    keys = [key.get_secret_value() for key in settings.signing_keys]
    for option, given in (("--opaque", opaque), ("--expires", end is not None)):
        if given and not keys:
            raise InvalidSettings(f"{option} needs GATEWAY_SIGNING_KEYS")
    name = contact.value
    if opaque:
        from gateway.signing.tokens import Tokens  # noqa: PLC0415 - cryptography

        name = Tokens(keys).seal(contact)
    # A token needs no signature, but an end does.
    signs = keys and (not opaque or end is not None)
    return _Address(settings.public_url or "", name, keys[0] if signs else "", end)


def _life(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError:
        raise InvalidOption("--expires takes a duration such as 30m, 24h or 30d") from None


def _plain(address: _Address, options: Options, _spec: AvatarSpec) -> str:
    return address.url(options)


def _html(address: _Address, options: Options, spec: AvatarSpec) -> str:
    """An image for a page, as sharp as the screen."""
    sized = options | {"size": str(spec.size)}
    urls = {1: address.url(sized)} | {
        density: address.url(sized | {"dpr": str(density)})
        for density in (2, 3)
        if spec.size * density <= MAX_SIZE
    }
    srcset = ", ".join(f"{url} {density}x" for density, url in urls.items())
    several = {"srcset": srcset} if len(urls) > 1 else {}
    return _img(spec, {"src": urls[1], **several}, {"loading": "lazy"})


def _email(address: _Address, options: Options, spec: AvatarSpec) -> str:
    """An image for an e-mail: flat, twice as large as it is shown, told in every way there is."""
    dpr = max(dpr for dpr in DPRS if dpr <= 2 and spec.size * dpr <= MAX_SIZE)  # noqa: PLR2004 - twice
    sized = {"bg": "ffffff"} | options | {"size": str(spec.size), "dpr": f"{dpr:g}"}
    style = (
        f"display:block;width:{spec.size}px;height:{spec.size}px;border:0;outline:none;"
        f"text-decoration:none;border-radius:{_RADII[spec.shape]}"
    )
    return _img(spec, {"src": address.url(sized)}, {"border": "0", "style": style})


def _img(spec: AvatarSpec, first: Mapping[str, str], last: Mapping[str, str]) -> str:
    """An ``<img>``; the text in its place is the name that was given, and never the number."""
    side = str(spec.size)
    attributes = {**first, "width": side, "height": side, "alt": _line(spec.name), **last}
    return f"<img {' '.join(f'{name}={_quoted(text)}' for name, text in attributes.items())}>"


def _quoted(text: str) -> str:
    return f'"{escape(text)}"'


def _markdown(address: _Address, options: Options, spec: AvatarSpec) -> str:
    # Parentheses can only stand in the base, which is not signed.
    url = address.url(options).replace("(", "%28").replace(")", "%29")
    text = _MARKS.sub(r"\\\1", _line(spec.name))
    return f"![{text}]({url})"


def _line(text: str) -> str:
    return " ".join(text.split())


_WRITERS: Final[Mapping[Form, Callable[[_Address, Options, AvatarSpec], str]]] = {
    Form.PLAIN: _plain,
    Form.HTML: _html,
    Form.MARKDOWN: _markdown,
    Form.EMAIL: _email,
}
