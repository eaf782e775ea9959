"""The scenarios of the simulated CDN: a table of names, each a small function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.sandbox.minting import BAD_HASH, BAD_TIMESTAMP, EXPIRED, TAMPERED
from gateway.sandbox.pictures import STYLES
from gateway.sandbox.scenarios import faults
from gateway.sandbox.scenarios.exchange import as_json, fixed
from gateway.sandbox.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.sandbox.scenarios.exchange import Download

    Scenario = Callable[[Download], Awaitable[Reply | None]]

__all__ = ["CDN"]

_SVG: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="640">'
    b"<script>alert(1)</script><rect width='640' height='640' fill='red'/></svg>"
)
_PAGE: Final = b"<!doctype html><title>Sorry</title><h1>Sorry, something went wrong.</h1>"

# Answers that depend on nothing.
FIXED: Final[dict[str, Reply]] = {
    "expired": Reply(403, EXPIRED.encode(), "text/plain"),
    "tampered": Reply(403, TAMPERED.encode(), "text/plain"),
    "bad_timestamp": Reply(403, BAD_TIMESTAMP.encode(), "text/plain"),
    "bad_hash": Reply(403, BAD_HASH.encode(), "text/plain"),
    "unauthorized": Reply(401, b"Unauthorized", "text/plain"),
    "not_found": Reply(404, b"Not Found", "text/plain"),
    "gone": Reply(410, b"Gone", "text/plain"),
    "server_error": Reply(500, b"Internal Server Error", "text/plain"),
    "unavailable": Reply(503, b"Service Unavailable", "text/plain"),
    "html": Reply(200, _PAGE, "text/html; charset=utf-8"),
    "json": as_json(200, {"error": {"message": "Unsupported get request", "code": 100}}),
    "svg": Reply(200, _SVG, "image/svg+xml"),
    "text_as_jpeg": Reply(200, b"This is no picture.\n" * 50, "image/jpeg"),
    "no_content_204": Reply(204, b"", "image/jpeg"),
    "redirect_private": Reply(
        302, b"", "text/plain", (("Location", "http://169.254.169.254/latest/meta-data/"),)
    ),
    "redirect_other_host": Reply(
        301, b"", "text/plain", (("Location", "https://pictures.example/face.jpg"),)
    ),
}

# Pictures that are odd but must be taken, and pictures that must be refused: style and type.
ODD: Final[dict[str, tuple[str, str]]] = {
    "preview": ("preview", "image/jpeg"),
    "wrong_type": ("jpeg", "text/html"),
    "cmyk": ("cmyk", "image/jpeg"),
    "exif_rotated": ("exif_rotated", "image/jpeg"),
    "one_by_one": ("one_by_one", "image/jpeg"),
    "one_by_2000": ("one_by_2000", "image/jpeg"),
    "png_16bit": ("png_16bit", "image/png"),
    "png_alpha": ("png_alpha", "image/png"),
    "palette_alpha": ("palette_alpha", "image/png"),
    "webp": ("webp", "image/webp"),
    "gif_animated": ("gif_animated", "image/gif"),
    "broken_icc": ("broken_icc", "image/jpeg"),
    "grayscale": ("grayscale", "image/jpeg"),
    "pixel_bomb": ("pixel_bomb", "image/png"),
    "scan_bomb": ("scan_bomb", "image/jpeg"),
    "corrupt": ("corrupt", "image/jpeg"),
    "truncated": ("truncated", "image/jpeg"),
    "big_20mb": ("big_20mb", "image/jpeg"),
}


async def jpeg(x: Download) -> Reply:
    """The photo as its URL promises it: 640 pixels, or 96 for a preview."""
    return await x.good()


async def too_many_requests(x: Download) -> Reply:
    """429; `retry_after`, if given, is the header's value, word for word."""
    value = x.params.get("retry_after")
    headers = (("Retry-After", str(value)),) if value is not None else ()
    return Reply(429, b"Too Many Requests", "text/plain", headers)


async def partial_206(x: Download) -> Reply:
    """The first half of the photo, honestly called partial."""
    whole = await x.good()
    half = whole.body[: len(whole.body) // 2]
    span = ("Content-Range", f"bytes 0-{len(half) - 1}/{len(whole.body)}")
    return Reply(206, half, "image/jpeg", (*whole.headers, span))


async def redirect_loop(x: Download) -> Reply:
    """A redirect to the URL itself."""
    return Reply(302, b"", "text/plain", (("Location", x.target),))


def _odd(style: str, content_type: str) -> Scenario:
    async def answer(x: Download) -> Reply:
        good = await x.good()
        body = await x.gallery.picture(x.photo, style)
        return Reply(200, body, content_type, good.headers)

    answer.__doc__ = STYLES[style].__doc__
    return answer


CDN: Final[dict[str, Scenario]] = {
    **{name: fixed(reply) for name, reply in FIXED.items()},
    **{name: _odd(*kind) for name, kind in ODD.items()},
    "jpeg": jpeg,
    "too_many_requests": too_many_requests,
    "partial_206": partial_206,
    "redirect_loop": redirect_loop,
    "slow": faults.slow,
    "hang": faults.hang,
    "reply": faults.reply,
    "reset": faults.reset,
    "reset_midway": faults.reset_midway,
    "cut": faults.cut,
    "stall": faults.stall,
    "empty": faults.empty,
    "wrong_length_short": faults.wrong_length_short,
    "wrong_length_long": faults.wrong_length_long,
    "lying_huge_length": faults.lying_huge_length,
    "slow_headers": faults.drip_headers,
    "slow_body": faults.drip_body,
    "garbage_status": faults.garbage_status,
    "huge_headers_200kb": faults.huge_headers,
    "endless": faults.endless,
    "gzip_encoded": faults.gzip_encoded,
    "gzip_bomb": faults.gzip_bomb,
}
