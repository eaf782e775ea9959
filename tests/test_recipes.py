"""The cookbook and its neighbours: their code runs, their URLs are answered, their names exist."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.errors import Reason
from gateway.model import ContactId, Format
from gateway.settings import table
from gateway.signing.tokens import Tokens
from gateway.web.query import Defaults, Query
from tests.bench import summary
from tests.processes import ROOT
from tests.test_documents import COMMANDS, code, rows

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS: Final = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in (
    "cookbook", "operations", "comparison",
)}  # fmt: skip
COOKBOOK: Final = DOCS["cookbook"]
API: Final = json.loads((ROOT / "static" / "openapi.json").read_text())
MAYA: Final = "15551234567@c.us"


def blocks(language: str, document: str = COOKBOOK) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


def urls() -> list[str]:
    found = re.findall(r"https://faces\.example\.com/avatar/[^\s\"'`]+[^\s\"'`:.]", COOKBOOK)
    return sorted({unescape(url) for url in found if "{" not in url and "$" not in url})


@pytest.mark.parametrize("url", urls())
def test_every_url_is_one_that_is_answered(url: str) -> None:
    parts = urlsplit(url)
    contact, dot, extension = parts.path.removeprefix("/avatar/").rpartition(".")
    if extension not in {str(each) for each in Format}:
        contact, extension = contact + dot + extension, "png"
    assert ContactId.parse(contact).can_have_photo
    query = Query.parse(parts.query)
    assert set(query.values) == set(parse_qs(parts.query))
    query.spec(Format(extension), Defaults())


def test_there_are_urls_for_every_place() -> None:
    assert len(urls()) >= 7


def test_the_properties_for_react_are_those_of_an_image(engine: Callable[[str], str]) -> None:
    [script] = blocks("javascript")
    driver = """
      console.log(JSON.stringify([
        avatarProps("15551234567"),
        avatarProps("+1 (555) 123-4567", {size: 600, alt: "Ada", name: "A & B"}),
      ]));"""
    done = subprocess.run(
        [engine("node"), "--input-type=module"],
        input=script + driver, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    small, large = json.loads(done.stdout)
    assert (small["width"], small["height"], small["alt"]) == (48, 48, "")
    assert small["srcSet"].count(", ") == 2
    assert (large["width"], large["alt"]) == (600, "Ada")
    assert large["srcSet"] == f"{large['src']} 1x"
    for props in (small, large):
        for candidate in props["srcSet"].split(", "):
            url, density = candidate.split(" ")
            parts = urlsplit(url)
            spec = Query.parse(parts.query).spec(Format.PNG, Defaults())
            assert f"{spec.dpr:g}x" == density
            ContactId.parse(parts.path.removeprefix("/avatar/").removesuffix(".png"))


def test_the_mails_faces_are_opaque() -> None:
    [script] = [each for each in blocks("python") if "def face(" in each]
    names: dict[str, Callable[[str, str], str]] = {}
    exec(compile(script, "docs/cookbook.md", "exec"), names)  # noqa: S102 - our own document
    element = names["face"]("+1 555 123-4567", "Ada & Lovelace")
    found = re.search(r'src="([^"]+)"', element)
    assert found is not None
    parts = urlsplit(unescape(found[1]))
    token = parts.path.removeprefix("/avatar/").removesuffix(".png")
    assert Tokens(["the-first-of-GATEWAY_SIGNING_KEYS"]).unseal(token) == ContactId.parse(MAYA)
    assert "5551234567" not in element
    assert 'alt="Ada &amp; Lovelace"' in element


@pytest.mark.parametrize("document", DOCS.values(), ids=DOCS)
def test_every_setting_and_command_that_is_named_exists(document: str) -> None:
    known = {name for name, _ in table()}
    named = set(re.findall(r"\b(?:GATEWAY|WAWP|WAHA|EVOLUTION)_[A-Z_]+\b", document))
    assert {name for name in named if name not in known} == set()
    assert set(re.findall(r"avatar-gateway ([a-z]+)", document)) <= set(COMMANDS)


@pytest.mark.parametrize("document", DOCS.values(), ids=DOCS)
def test_every_route_that_is_named_exists(document: str) -> None:
    routes = {re.sub(r"\{[^}]*\}", "*", path) for path in API["paths"]}
    named = re.findall(r"`(?:GET |POST |DELETE )?(/[a-z][^\s`]*)`", document)
    for path in named:
        if path.startswith(("/run", "/etc")):
            continue
        assert re.sub(r"\{[^}]*\}", "*", path) in routes, path


@pytest.mark.parametrize("document", DOCS.values(), ids=DOCS)
def test_every_order_by_curl_is_one_of_the_api(document: str) -> None:
    orders = re.findall(r"curl -X (\w+) \"?https://faces\.example\.com([^\s\"?\\]*)", document)
    for method, path in orders:
        route = path.replace(f"/{MAYA}", "/{contact_id}")
        assert method.lower() in API["paths"][route], (method, path)
    if document is not DOCS["comparison"]:
        assert orders


def test_every_reason_of_the_operations_exists_and_the_lasting_ones_are_told() -> None:
    told = {
        name
        for row in rows(DOCS["operations"], "`Avatar-Reason` on many contacts")
        for name in code(row[0])
    }
    passing = {"timeout", "upstream", "disconnected", "budget", "busy"}
    assert passing <= told <= set(Reason)


def test_the_service_file_can_be_read() -> None:
    [text] = blocks("ini", DOCS["operations"])
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    assert unit["Service"]["ExecStart"].endswith("avatar-gateway serve")
    assert unit["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_the_peers_of_gravatar_know_the_same_words() -> None:
    told = rows(COOKBOOK, "Gravatar, Libravatar", "Here")
    [same] = [row for row in told if "d=mp" in row[0]]
    for word in code(same[0]):
        query = Query.parse(f"d={word.removeprefix('d=')}").spec(Format.PNG, Defaults())
        assert str(query.fallback) in {word.removeprefix("d="), "silhouette"}


def test_the_comparison_has_the_figures_of_the_benchmarks() -> None:
    results = json.loads((ROOT / "docs" / "benchmarks.json").read_text())
    shown = DOCS["comparison"].partition(summary.BEGIN)[2].partition(summary.END)[0]
    assert shown.strip() == summary.table(results).strip(), "python -m tests.bench.summary"
    assert "](benchmarks.md)" in DOCS["comparison"]
