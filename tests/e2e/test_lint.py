"""Every class of answer before two strict readers of the standards: no complaint, no warning."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from tests import processes
from tests.e2e.wire import exchange
from tests.lint import EXEMPT, Request, Response, complaints
from tests.processes import settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.processes import Running

TOKEN: Final = "an-admin-token"
ADMIN: Final = (("Authorization", f"Bearer {TOKEN}"), ("Content-Type", "application/json"))
PHOTO: Final = "/avatar/15551234567@c.us"
HIDDEN, UNSET, FAILING = (
    "/avatar/15555550110@c.us", "/avatar/15555550111@c.us", "/avatar/15555550118@c.us"
)  # fmt: skip
OTHER: Final = "/avatar/447700900123@c.us"
FILE: Final = "/static/wa-avatar.js"
NAMES: Final = b'["15551234567", "15555550110@c.us"]'


def asks(target: str, **fields: str) -> Request:
    given = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return Request(target, fields=given)


def orders(target: str, method: str = "POST", body: bytes = b"") -> Request:
    return Request(target, method, ADMIN, body)


# What is asked, and the status of the answer. The order is that of the table: some need others.
CLASSES: Final[dict[str, tuple[Request, int]]] = {
    "photo, fetched": (asks(f"{PHOTO}.png"), 200),
    "photo, held": (asks(f"{PHOTO}.png"), 200),
    "photo, JPEG": (asks(f"{PHOTO}.jpg"), 200),
    "photo, WebP": (asks(f"{PHOTO}.webp"), 200),
    "photo, AVIF": (asks(f"{PHOTO}.avif"), 200),
    "photo, negotiated": (asks(PHOTO, Accept="image/webp,*/*;q=0.8"), 200),
    "photo, a part asked for": (asks(f"{PHOTO}.png", Range="bytes=0-99"), 200),
    "photo, any tag": (asks(f"{PHOTO}.png", If_None_Match="*"), 304),
    "photo, not since": (
        asks(f"{PHOTO}.png", If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT"),
        304,
    ),
    "photo, changed": (asks(f"{PHOTO}.png", If_None_Match='"other"'), 200),
    "document": (asks(f"{PHOTO}.json"), 200),
    "document of a fallback": (asks(f"{HIDDEN}.json"), 200),
    "none, settled": (asks(f"{HIDDEN}.png"), 200),
    "none, not settled": (asks(f"{UNSET}.png"), 200),
    "none, held": (asks(f"{HIDDEN}.png"), 200),
    "fallback for an error": (asks(f"{FAILING}.png"), 200),
    "fallback, not modified": (asks(f"{HIDDEN}.png", If_None_Match="*"), 304),
    "unsupported": (asks("/avatar/status@broadcast.png"), 200),
    "forced": (asks(f"{PHOTO}.png?force=y&fallback=identicon"), 200),
    "no fallback wanted": (asks(f"{HIDDEN}.png?fallback=404"), 404),
    "invalid option": (asks(f"{PHOTO}.png?size=5"), 400),
    "invalid, for JSON": (asks(f"{PHOTO}.png?size=5", Accept="application/json"), 400),
    "invalid, without a face": (asks(f"{PHOTO}.png?size=5&fallback=404"), 400),
    "invalid contact": (asks("/avatar/nobody.png"), 400),
    "method": (Request(f"{PHOTO}.png", "PUT"), 405),
    "options": (Request(f"{PHOTO}.png", "OPTIONS"), 405),
    "listed": (orders("/avatars", body=NAMES), 200),
    "list that is none": (orders("/avatars", body=b"{}"), 400),
    "list that is too long": (orders("/avatars", body=b'["1"' + b' ,"1"' * 250_000), 413),
    "warmed": (orders("/avatars/warm", body=NAMES), 202),
    "refreshed": (orders(f"{OTHER}/refresh"), 200),
    "refreshed again": (orders(f"{OTHER}/refresh"), 429),
    "erased": (orders(OTHER, "DELETE"), 204),
    "erased by a stranger": (Request(OTHER, "DELETE"), 401),
    "wrong method for a list": (asks("/avatars"), 405),
    "healthz": (asks("/healthz"), 200),
    "readyz": (asks("/readyz"), 200),
    "robots": (asks("/robots.txt"), 200),
    "openapi": (asks("/openapi.json"), 200),
    "openapi, not modified": (asks("/openapi.json", If_None_Match="*"), 304),
    "file": (asks(FILE), 200),
    "file, not modified": (asks(FILE, If_None_Match="*"), 304),
    "part of a file": (asks(FILE, Range="bytes=0-99"), 206),
    "no part of a file": (asks(FILE, Range="bytes=99999999-"), 416),
    "font": (asks("/static/fonts/noto-sans-semibold.woff2"), 200),
    "licence": (asks("/static/fonts/OFL.txt"), 200),
    "drawing": (asks("/static/silhouettes/person.svg"), 200),
    "no file": (asks("/static/nothing"), 404),
    "nothing": (asks("/nothing"), 404),
    "wrong method": (Request("/healthz", "POST"), 405),
    "metrics": (asks("/metrics"), 200),
    "no playground": (asks("/"), 404),
    "no Host": (asks("/", Host="two"), 400),
    "a field too long": (asks("/", X="x" * 9000), 431),
    "a target too long": (asks("/" + "x" * 9000), 414),
    "an expectation": (asks("/healthz", Transfer_Encoding="cow"), 501),
}


@pytest.fixture(scope="module")
def house(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("linted")
    settings = settings_for(upstream.url, folder / "store", GATEWAY_ADMIN_TOKEN=TOKEN)
    with processes.gateway(folder, settings, workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def look(house: Running) -> Callable[[Request], Response]:
    return looking_at(house)


def looking_at(served: Running) -> Callable[[Request], Response]:
    def one(request: Request) -> Response:
        return Response.of(exchange(served.url, request.raw(urlsplit(served.url).netloc)))

    return one


@pytest.fixture(scope="module")
def answers(look: Callable[[Request], Response]) -> dict[str, Response]:
    return {name: look(request) for name, (request, _) in CLASSES.items()}


@pytest.mark.parametrize("name", CLASSES)
def test_an_answer_gives_nobody_cause_for_complaint(
    answers: dict[str, Response], name: str
) -> None:
    request, status = CLASSES[name]
    assert answers[name].status == status
    assert complaints(request, answers[name]) == []


HEADS: Final = [name for name, (request, _) in CLASSES.items() if request.method == "GET"]


@pytest.mark.parametrize("name", HEADS)
def test_neither_does_its_head_alone(
    answers: dict[str, Response], look: Callable[[Request], Response], name: str
) -> None:
    request, status = replace(CLASSES[name][0], method="HEAD"), CLASSES[name][1]
    answer = look(request)
    assert (answer.status, answer.body) == (status, b"")
    assert complaints(request, answer) == []
    whole = {key for key, _ in answers[name].fields}
    assert {key for key, _ in answer.fields} == whole


@pytest.mark.parametrize("name", ["photo, held", "none, held", "photo, negotiated"])
def test_a_validator_that_was_given_is_taken_back(
    answers: dict[str, Response], look: Callable[[Request], Response], name: str
) -> None:
    known = answers[name]
    asked = CLASSES[name][0]
    request = replace(asked, fields=(*asked.fields, ("If-None-Match", known.get("etag"))))
    answer = look(request)
    assert answer.status == 304
    assert complaints(request, answer) == []


def test_neither_does_a_photo_with_its_version_or_a_stale_one(
    upstream: Running, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stale")
    settings = settings_for(upstream.url, folder / "store", GATEWAY_PHOTO_TTL="2s")
    with processes.gateway(folder, settings, workers=1) as served:
        look = looking_at(served)
        document = look(asks(f"{PHOTO}.json"))
        request = asks(f"{PHOTO}.png?v={json.loads(document.body)['version']}")
        seen: dict[str, Response] = {}
        limit = time.monotonic() + 20
        while "max-age=30" not in seen and time.monotonic() < limit:
            answer = look(request)
            seen[answer.get("cache-control")] = answer
        assert set(seen) == {"max-age=86400, immutable", "max-age=30"}
        for answer in seen.values():
            assert complaints(request, answer) == []


def test_neither_does_a_refusal_for_want_of_a_signature(
    upstream: Running, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("signed")
    settings = settings_for(upstream.url, "memory:", GATEWAY_SIGNING_KEYS="test-signing-key-0001")
    with processes.gateway(folder, settings, workers=1) as served:
        look = looking_at(served)
        for request in (asks(f"{PHOTO}.png"), asks(f"{PHOTO}.json"), asks(f"{PHOTO}?d=404")):
            answer = look(request)
            assert answer.status == 403
            assert complaints(request, answer) == []


# ---- redbot, which asks for more than once: validators, negotiation, parts ----

LOOKED_AT: Final = (
    "photo, held", "photo, JPEG", "photo, negotiated", "document", "none, held", "unsupported",
    "no fallback wanted", "invalid option", "healthz", "robots", "openapi", "file", "nothing",
)  # fmt: skip


@pytest.mark.parametrize("name", LOOKED_AT)
def test_redbot_has_nothing_to_say(house: Running, answers: dict[str, Response], name: str) -> None:
    assert answers[name]
    request, status = CLASSES[name]
    report = redbot(f"{house.url}{request.target}")
    assert report["response"]["status"] == status
    notes = report["_red_messages"]
    notes += [each for note in notes for each in note.get("subnotes", [])]
    assert notes, "nothing was looked at"
    found = {note["note_id"] for note in notes if note["level"] in {"BAD", "WARN"}}
    assert {note for note in found if (str(status), note) not in EXEMPT} == set()


def redbot(url: str) -> dict[str, Any]:
    """What redbot finds at `url`; its exit status says nothing."""
    command = [sys.executable, "-m", "redbot.cli", "--output-format", "har", url]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    entry: dict[str, Any] = json.loads(told.stdout)["log"]["entries"][0]
    return entry
