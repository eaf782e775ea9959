"""The page at ``/``, what it is told, and the headers of files."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.cli.examples import read, write
from gateway.errors import InvalidSettings
from gateway.model import Fallback, Shape
from gateway.settings import Settings
from gateway.web import Defaults, Example, Playground, build_application
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.web import Served

STATIC: Final = ROOT / "static"
SOMEBODY: Final = Example("15551234567@c.us", "Maya", "A photo")
POLICY: Final = (
    "default-src 'none'; img-src 'self' blob:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@asynccontextmanager
async def nothing() -> AsyncIterator[Served]:
    """The pages need nothing that is opened."""
    yield None  # type: ignore[misc]


def client(playground: Playground | None) -> TestClient:
    return TestClient(build_application(static=STATIC, lifespan=nothing, playground=playground))


def test_the_page_is_a_file_that_runs_nothing_but_our_own_scripts() -> None:
    answer = client(Playground()).get("/")
    assert (answer.status_code, answer.content) == (
        200, (STATIC / "playground" / "index.html").read_bytes(),
    )  # fmt: skip
    headers = dict(answer.headers)
    for changing in ("last-modified", "etag", "content-length", "accept-ranges"):
        headers.pop(changing)
    assert headers == {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex",
        "server": "avatar-gateway",
        "x-content-type-options": "nosniff",
    }


def test_the_page_needs_no_exception_from_its_policy() -> None:
    text = (STATIC / "playground" / "index.html").read_text()
    for inline in ("<style", "style=", "onclick", "onload", "javascript:", "http:", "https:"):
        assert inline not in text
    assert text.count("<script") == text.count('<script type="module" src=') == 1


@pytest.mark.parametrize("path", ["/", "/playground.json"])
def test_without_it_there_is_no_such_page(path: str) -> None:
    answer = client(None).get(path)
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is nothing here.")


@pytest.mark.parametrize("path", ["/", "/playground.json"])
def test_the_page_takes_no_other_method(path: str) -> None:
    opened = client(Playground())
    assert opened.head(path).content == b""
    refused = opened.post(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_the_page_is_told_what_holds_here() -> None:
    defaults = Defaults(64, Shape.CIRCLE, Fallback.INITIALS)
    answer = client(Playground(True, defaults, (SOMEBODY,))).get("/playground.json")  # noqa: FBT003 - signed
    assert answer.json() == {
        "signed": True,
        "defaults": {"size": 64, "shape": "circle", "fallback": "initials"},
        "examples": [{"id": "15551234567@c.us", "name": "Maya", "shows": "A photo"}],
    }
    assert answer.headers["cache-control"] == "no-store"
    assert client(Playground()).get("/playground.json").json() == {
        "signed": False,
        "defaults": {"size": 128, "shape": "square", "fallback": "silhouette"},
        "examples": [],
    }


@pytest.mark.parametrize(("given", "status", "signed"), [
    ({}, 404, None),
    ({"GATEWAY_PLAYGROUND": "off"}, 404, None),
    ({"GATEWAY_PLAYGROUND": "on"}, 200, False),
    ({"GATEWAY_PLAYGROUND": "on", "GATEWAY_SIGNING_KEYS": "a-key"}, 200, True),
])  # fmt: skip
async def test_the_setting_opens_it_and_the_keys_are_not_told(
    given: dict[str, str], status: int, *, signed: bool | None
) -> None:
    account = {
        "WAWP_INSTANCE_ID": "ABC",
        "WAWP_ACCESS_TOKEN": "a-token",
        "GATEWAY_STORE": "memory:",
    }
    app = create_app(Settings.load(account | given, env_file=None), examples=[SOMEBODY])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://faces.example.com") as asked:
        assert (await asked.get("/")).status_code == status
        told = await asked.get("/playground.json")
    assert told.status_code == status
    assert told.json().get("signed") is signed
    assert "a-key" not in told.text
    assert "a-token" not in told.text


@pytest.mark.parametrize(("path", "media"), [
    ("/static/wa-avatar.js", "text/javascript; charset=utf-8"),
    ("/static/silhouettes/person.svg", "image/svg+xml"),
    ("/static/fonts/noto-sans-semibold.woff2", "font/woff2"),
    ("/openapi.json", "application/json"),
])  # fmt: skip
def test_files_are_for_pages_of_any_origin_and_last_an_hour(path: str, media: str) -> None:
    answer = client(None).get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "max-age=3600, stale-while-revalidate=86400"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; frame-ancestors 'none'; sandbox"
    )


@pytest.mark.parametrize("path", ["app.js", "style.css", "index.html", "icon.svg"])
def test_the_playgrounds_own_files_are_of_one_version(path: str) -> None:
    opened = client(Playground())
    answer = opened.get(f"/static/playground/{path}")
    assert answer.headers["cache-control"] == "no-cache"
    again = opened.get(
        f"/static/playground/{path}", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


def test_examples_pass_from_the_demo_to_its_gateway(tmp_path: Path) -> None:
    file = tmp_path / "examples.json"
    write(file, [SOMEBODY, Example("me", "Zoë", "")])
    assert read(file) == (SOMEBODY, Example("me", "Zoë", ""))


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"id": "1"}]', "5", "\udcff"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "examples.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InvalidSettings, match=r"^--examples takes a file"):
        read(file)
    with pytest.raises(InvalidSettings):
        read(tmp_path / "missing.json")
