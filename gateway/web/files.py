"""Files that are served as they are, for pages of any origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response

SHARED: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    # A drawing or a page that is opened by itself runs and loads nothing.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
"""What lets another origin use a file, under COEP too, and keeps it from being more than that."""

LASTING: Final = "max-age=3600, stale-while-revalidate=86400"
CHECKED: Final = "no-cache"
"""May be kept, and is asked about each time: what must fit together is never of two versions."""

_TOGETHER: Final = "playground"


class Files(StaticFiles):
    """Static files with `SHARED`; those of the playground are checked at each use."""

    def file_response(self, full_path: Any, *arguments: Any, **more: Any) -> Response:  # noqa: ANN401 - Starlette's own signature
        """Return the file, or 304; with the headers that all files have."""
        response = super().file_response(full_path, *arguments, **more)
        parts = str(full_path).replace("\\", "/").split("/")
        life = CHECKED if _TOGETHER in parts[-2:-1] else LASTING
        response.headers.update(SHARED | {"Cache-Control": life})
        return response
