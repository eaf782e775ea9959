"""The simulated CDN: judges the signature of a URL, then shows the photo."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from gateway.sandbox.minting import Refused, judge
from gateway.sandbox.scenarios import CDN, Download
from gateway.sandbox.wire import Reply
from gateway.sandbox.world import Call

if TYPE_CHECKING:
    from gateway.sandbox.gallery import Gallery
    from gateway.sandbox.minting import Photo
    from gateway.sandbox.wire import Line, Request
    from gateway.sandbox.world import World

__all__ = ["PREFIXES", "answer"]

PREFIXES: Final = ("/v/", "/m1/v/")

# The day version 1 of every photo was set; each later version is an hour younger.
_FIRST_PHOTO: Final = 1_700_000_000


async def answer(request: Request, line: Line, world: World, gallery: Gallery) -> Reply | None:
    """Answer one download, or misbehave on `line` and return None."""
    photo: Photo | None = None
    refused: Refused | None = None
    try:
        photo = judge(request.target.partition("?")[0], request.raw_query, now=world.now())
    except Refused as error:
        refused = error
    call = Call(
        "cdn",
        photo.contact if photo else None,
        refresh=False,
        path=request.path,
        query=request.query,
        headers=request.headers,
        at=world.now(),
    )
    world.record(call)
    gate = world.gates["cdn"]
    if not gate.is_open:
        await line.unless_gone(gate.passed())
    if photo is None:
        status, text = (refused.status, str(refused)) if refused else (404, "Not Found")
        return Reply(status, text.encode(), "text/plain")
    plan = world.plan("cdn", photo.contact)

    async def good() -> Reply:
        body = await gallery.picture(photo, "preview" if photo.preview else "jpeg")
        return Reply(200, body, "image/jpeg", _headers(photo))

    await line.pause(plan.delay)
    download = Download(line, plan.params, good, world, photo, gallery, request.target)
    return await CDN[plan.name](download)


def _headers(photo: Photo) -> tuple[tuple[str, str], ...]:
    changed = _FIRST_PHOTO + 3_600 * (photo.version - 1)
    return (
        ("Cache-Control", "max-age=1209600"),
        ("Last-Modified", formatdate(changed, usegmt=True)),
        ("Access-Control-Allow-Origin", "*"),
    )
