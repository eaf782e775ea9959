"""The scenarios of the simulated Wawp API: a table of names, each a small function."""

from __future__ import annotations

import html
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from gateway.sandbox.scenarios import faults
from gateway.sandbox.scenarios.answers import API_ANSWERS, TOO_MANY
from gateway.sandbox.scenarios.exchange import as_json, fixed
from gateway.sandbox.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.sandbox.scenarios.exchange import Question

    Scenario = Callable[[Question], Awaitable[Reply | None]]

__all__ = ["API", "api_scenario", "not_found_reply"]


def not_found_reply(contact: str, message: str = "No profile picture for") -> Reply:
    """A 404 that is about the contact and nothing else."""
    text = f"{message} {contact}"
    return as_json(404, {"id": contact, "code": "not_found", "message": text, "status": 404})


async def photo(x: Question) -> Reply:
    """A URL if the contact shows a photo (Wawp's cache and `refresh` apply), else 404."""
    return await x.good()


async def preview(x: Question) -> Reply:
    """A URL of the 96 pixel preview."""
    url = x.world.url(x.contact, refresh=x.refresh, preview=True)
    return x.answer(url) if url else not_found_reply(x.contact)


async def warm(x: Question) -> Reply:
    """The URL that was signed `age` (82,800) seconds ago, always the same until a refresh."""
    if not x.refresh and not x.world.remembers(x.contact):
        x.world.remember(x.contact, x.world.mint(x.contact, age=x.number("age", 82_800.0)))
    return await _remembered(x)


async def stale_url(x: Question) -> Reply:
    """A URL that expired an hour ago, until a refresh."""
    if not x.refresh and not x.world.remembers(x.contact):
        age = x.world.url_life + 3_600.0
        x.world.remember(x.contact, x.world.mint(x.contact, age=age))
    return await _remembered(x)


async def transient_null(x: Question) -> Reply:
    """A null URL until a refresh, then the photo."""
    if not x.refresh and not x.world.remembers(x.contact):
        return x.answer(None)
    return await _remembered(x)


async def not_found(x: Question) -> Reply:
    """404, and the body names the contact."""
    return not_found_reply(x.contact)


async def url_null(x: Question) -> Reply:
    """200 with a null URL."""
    return x.answer(None)


async def url_empty(x: Question) -> Reply:
    """200 with an empty URL."""
    return x.answer("")


async def url_missing(x: Question) -> Reply:
    """200 without a URL."""
    return as_json(200, {"id": x.contact})


async def profile_picture_url_null(x: Question) -> Reply:
    """What a self-hosted engine answers when there is no photo."""
    del x
    return as_json(200, {"profilePictureURL": None})


async def profile_picture_url(x: Question) -> Reply:
    """What a self-hosted engine answers when there is a photo."""
    return as_json(200, {"profilePictureURL": x.world.url(x.contact, refresh=x.refresh)})


async def id_missing(x: Question) -> Reply:
    """The photo's URL without saying whose it is."""
    return as_json(200, {"url": x.world.url(x.contact, refresh=x.refresh)})


async def other_contact_id(x: Question) -> Reply:
    """A photo said to be of another phone number, `id` (15557770123@c.us)."""
    other = x.text("id", "15557770123@c.us")
    return x.answer(x.world.url(other, refresh=x.refresh), about=other)


async def url_escaped(x: Question) -> Reply:
    """A good URL in which each & became &amp;."""
    return x.answer(html.escape(x.world.url(x.contact, refresh=x.refresh) or ""))


async def scan_qr_after_wait(x: Question) -> Reply:
    """422 because the phone is not linked, after `wait` (5) seconds."""
    await x.line.pause(x.number("wait", 5.0))
    status = x.world.session_status
    return as_json(
        422,
        {
            "error": "Session status is not as expected. Try again later or restart the session",
            "status": "SCAN_QR_CODE" if status == "WORKING" else status,
            "expected": ["WORKING"],
        },
    )


async def too_many_requests(x: Question) -> Reply:
    """429; `retry_after`, if given, is the header's value, word for word."""
    value = x.params.get("retry_after")
    return as_json(429, TOO_MANY, *([("Retry-After", str(value))] if value is not None else []))


async def too_many_requests_seconds(x: Question) -> Reply:
    """429, to come again in `seconds` (30)."""
    return as_json(429, TOO_MANY, ("Retry-After", str(x.count("seconds", 30))))


async def too_many_requests_date(x: Question) -> Reply:
    """429, to come again at an HTTP date `seconds` (30) from now."""
    date = formatdate(x.world.now() + x.number("seconds", 30.0), usegmt=True)
    return as_json(429, TOO_MANY, ("Retry-After", date))


async def too_many_requests_absurd(x: Question) -> Reply:
    """429, to come again in some billion years."""
    del x
    return as_json(429, TOO_MANY, ("Retry-After", "99999999999999999999"))


async def deeply_nested(x: Question) -> Reply:
    """`depth` (20,000) lists inside each other."""
    depth = x.count("depth", 20_000)
    return Reply(200, b"[" * depth + b"]" * depth)


async def huge_30mb(x: Question) -> Reply:
    """Valid JSON of `megabytes` (30)."""
    padding = b"x" * (x.count("megabytes", 30) * 1_000_000)
    return Reply(200, b'{"padding": "' + padding + b'", "url": ""}')


async def redirect_loop(x: Question) -> Reply:
    """A redirect to this very route."""
    del x
    return Reply(307, b"", headers=(("Location", "/v2/contacts/profile-picture"),))


async def _remembered(x: Question) -> Reply:
    """The cached URL however old it is, or a new one that is then cached."""
    url = x.world.url(x.contact, refresh=True) if x.refresh else x.world.cached(x.contact)
    return x.answer(url) if url else not_found_reply(x.contact)


def _hostile(url: str) -> Scenario:
    async def answer(x: Question) -> Reply:
        return x.answer(url)

    return answer


API: Final[dict[str, Scenario]] = {
    **{name: fixed(reply) for name, reply in API_ANSWERS.items()},
    **{
        function.__name__: function
        for function in (
            photo,
            preview,
            warm,
            stale_url,
            transient_null,
            not_found,
            url_null,
            url_empty,
            url_missing,
            profile_picture_url_null,
            profile_picture_url,
            id_missing,
            other_contact_id,
            url_escaped,
            scan_qr_after_wait,
            too_many_requests,
            too_many_requests_seconds,
            too_many_requests_date,
            too_many_requests_absurd,
            deeply_nested,
            huge_30mb,
            redirect_loop,
        )
    },
    "slow": faults.slow,
    "hang": faults.hang,
    "reply": faults.reply,
    "reset": faults.reset,
    "reset_midway": faults.reset_midway,
    "cut_body": faults.cut,
    "stall": faults.stall,
    "wrong_length": faults.wrong_length_short,
    "wrong_length_short": faults.wrong_length_short,
    "wrong_length_long": faults.wrong_length_long,
    "lying_huge_length": faults.lying_huge_length,
    "drip_headers": faults.drip_headers,
    "drip_body": faults.drip_body,
    "garbage_status": faults.garbage_status,
    "huge_headers_200kb": faults.huge_headers,
    "endless": faults.endless,
    "gzip_despite_identity": faults.gzip_encoded,
    "gzip_bomb": faults.gzip_bomb,
}


def api_scenario(name: str) -> Scenario:
    """The scenario of a name, or of `url:` and any text as the answer's URL; else `KeyError`."""
    if name.startswith("url:"):
        return _hostile(name.removeprefix("url:"))
    return API[name]
