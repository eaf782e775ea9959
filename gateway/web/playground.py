"""The playground: the page at ``/``, and what it is told about its gateway."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, Response

from gateway.web.answers import document
from gateway.web.query import Defaults

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.web.answers import Answer

POLICY: Final = (
    "default-src 'none'; img-src 'self' blob:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A page that shows contacts tells no other where it was.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A contact that the page offers: its id, its name, and in a few words what it shows."""

    id: str
    name: str
    shows: str


@dataclass(frozen=True, slots=True)
class Playground:
    """What the page knows: whether URLs must be signed, what holds where they say nothing.

    It is no secret of the gateway, and holds none: no key and no token is ever in a page.
    """

    signed: bool = False
    defaults: Defaults = Defaults()  # noqa: RUF009 - frozen
    examples: tuple[Example, ...] = ()

    def page(self, static: Path) -> Response:
        """Return the page, which is a file like any other."""
        return FileResponse(static / "playground" / "index.html", headers=HEADERS)

    def told(self) -> Answer:
        """Return what the page asks for when it opens."""
        defaults = self.defaults
        return document(
            200,
            {
                "signed": self.signed,
                "defaults": {
                    "size": defaults.size,
                    "shape": defaults.shape,
                    "fallback": defaults.fallback,
                },
                "examples": [asdict(each) for each in self.examples],
            },
        )
