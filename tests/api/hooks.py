"""What schemathesis is told about this API beyond its document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import schemathesis

from gateway.model import MAX_SIZE

if TYPE_CHECKING:
    from schemathesis import Case, CheckContext, DeserializationContext, HookContext, Response

PICTURES = ("image/png", "image/jpeg", "image/webp", "image/avif")
OF_HTTP = {"connection", "content-length", "content-type", "date", "transfer-encoding"}
Query = dict[str, Any]


@schemathesis.deserializer(*PICTURES)
def picture(_context: DeserializationContext, response: Response) -> str:
    """A picture is its bytes, which the document calls a binary string."""
    return response.content.decode("latin-1")


@schemathesis.deserializer(
    "text/html", "text/javascript", "text/plain", "application/openmetrics-text"
)
def text(_context: DeserializationContext, response: Response) -> str:
    return response.content.decode()


@schemathesis.hook
def map_query(_context: HookContext, query: Query | None) -> Query | None:
    """No schema can say that size × dpr has a limit; the document says it in words."""
    try:
        too_large = query is not None and int(query["size"]) * float(query["dpr"]) > MAX_SIZE
    except (KeyError, TypeError, ValueError):
        return query
    return {**query, "dpr": 1} if query and too_large else query


@schemathesis.hook
def after_call(_context: HookContext, case: Case[Any], response: Response) -> None:
    """No document can say that a refusal is empty, and so of no type, with ``fallback=404``."""
    asked = (case.query or {}).get("fallback")
    if response.status_code in {400, 403} and asked in ("404", ["404"]) and not response.content:
        response.headers["content-type"] = [PICTURES[0]]


@schemathesis.check
def every_header_is_described(
    _context: CheckContext, response: Response, case: Case[Any]
) -> bool | None:
    """What an answer carries beyond HTTP's own is told of, whatever the status."""
    described = case.operation.responses.find_by_status_code(response.status_code)
    if described is None:
        return None
    told = {name.lower() for name, _ in described.headers.items()} | OF_HTTP
    more = {name.lower() for name in response.headers} - told
    assert not more, f"not described: {', '.join(sorted(more))}"
    return None
