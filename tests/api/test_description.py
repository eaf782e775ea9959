"""The document of the API says all that there is, and nothing twice."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.routing import Mount, Route

from gateway.errors import Reason
from gateway.model import ALIASES, KNOWN, NAMES, ContactId, Fallback, Format, Kind, Shape
from gateway.web import Playground, build_application
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.web import Served

TEXT: Final = (ROOT / "static" / "openapi.json").read_text()
API: Final = json.loads(TEXT)
PARTS: Final = API["components"]


@asynccontextmanager
async def nothing() -> AsyncIterator[Served]:
    yield None  # type: ignore[misc]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in API["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def named(path: str, operation: dict[str, Any]) -> set[str]:
    listed = [*API["paths"][path].get("parameters", []), *operation.get("parameters", [])]
    found = [PARTS["parameters"][each["$ref"].rpartition("/")[2]] for each in listed]
    return {each["name"] for each in found if each["in"] == "query"}


def test_it_is_a_document_of_3_1_whose_operations_are_told_apart() -> None:
    assert API["openapi"].startswith("3.1.")
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names)) >= 19


def test_everything_that_is_pointed_at_exists_and_everything_is_pointed_at() -> None:
    pointed = set(re.findall(r'"\$ref": "#/components/([^"]+)"', TEXT))
    there = {
        f"{kind}/{name}" for kind in PARTS for name in PARTS[kind] if kind != "securitySchemes"
    }
    assert pointed == there


def test_every_route_is_described_and_no_other() -> None:
    application = build_application(
        static=ROOT / "static", lifespan=nothing, playground=Playground()
    )
    routes = {each.path for each in application.routes if isinstance(each, Route)}
    mounts = {f"{each.path}/{{file}}" for each in application.routes if isinstance(each, Mount)}
    avatars = {path for path in API["paths"] if path.startswith("/avatar")}
    assert set(API["paths"]) == routes | mounts | avatars


@pytest.mark.parametrize("path", ["/avatar/{contact_id}.{extension}", "/avatar/{contact_id}"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_every_parameter_that_is_known_is_described(path: str, method: str) -> None:
    told = named(path, API["paths"][path][method])
    assert told == set(KNOWN)
    assert set(NAMES) | {alias for aliases in ALIASES.values() for alias in aliases} <= told


def test_every_word_that_is_taken_or_given_is_described() -> None:
    parameters = PARTS["parameters"]
    assert set(parameters["shape"]["schema"]["enum"]) == set(Shape)
    assert set(parameters["fallback"]["schema"]["enum"]) == {*Fallback, "mp", "mm"}
    assert set(parameters["extension"]["schema"]["enum"]) == {*map(str, Format), "jpg", "jpeg"}
    assert set(PARTS["headers"]["AvatarReason"]["schema"]["enum"]) == set(Reason)
    document = PARTS["schemas"]["Document"]["properties"]
    assert set(document["kind"]["enum"]) == set(Kind)
    refusals = {Reason.INVALID, Reason.FORBIDDEN, Reason.INTERNAL}
    assert set(document["reason"]["enum"]) == (set(Reason) - refusals) | {None}


def test_what_the_pattern_of_an_id_takes_the_gateway_takes() -> None:
    pattern = re.compile(PARTS["schemas"]["ContactId"]["pattern"])
    for text in (
        "15551234567", "+15551234567", "15551234567@c.us", "15551234567@s.whatsapp.net",
        "123456789012345@lid", "120363043968066561@g.us", "491701234567-1581234048@g.us",
        "120363144038483540@newsletter", "me",
    ):  # fmt: skip
        assert pattern.search(text)
        ContactId.parse(text)
    for text in ("", "nonsense", "1", "0155512345", "1" * 17, "1@x.us", "ME"):
        assert not pattern.search(text)


def test_orders_need_the_admin_token() -> None:
    for path, method, operation in operations():
        ordering = method in {"post", "delete"}
        assert ({"admin": []} in operation.get("security", [])) is (
            ordering or path in {"/avatar/{contact_id}", "/avatar/{contact_id}.{extension}"}
        )
        if ordering:
            assert {"401", "404"} <= set(operation["responses"])
