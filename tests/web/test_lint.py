"""Answers that no upstream and no client can be made to bring about, before a strict reader."""

from __future__ import annotations

import pytest

from gateway.errors import Reason
from tests.fakes import T0, FakeAvatars
from tests.lint import Request, Response, complaints
from tests.web.test_application import Edge, fallback, photo

URL = "/avatar/15551234567@c.us.png"
DATE = ("date", "Mon, 21 Sep 2026 14:13:20 GMT")


async def complained_of(edge: Edge, request: Request) -> tuple[int, list[str]]:
    answer = await edge.ask(request.target, request.method)
    fields = list(({"date": DATE[1]} | answer.headers).items())  # the server adds it
    response = Response(answer.status, fields, answer.body)
    # The bodies of the fakes are words, not pictures.
    return answer.status, [
        each
        for each in complaints(request, response, now=T0)
        if "CONTENT_TYPE_MISMATCH" not in each
    ]


@pytest.mark.parametrize("target", [URL, f"{URL}?fallback=404", "/avatar/15551234567.json"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_fault_of_ours_is_told_in_good_form(target: str, method: str) -> None:
    edge = Edge(FakeAvatars(ValueError("a bug")))
    edge.documents.fault = ValueError("a bug")
    assert await complained_of(edge, Request(target, method)) == (500, [])


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_is_told_in_good_form(reason: Reason, *, settled: bool) -> None:
    edge = Edge(FakeAvatars(fallback(reason, settled=settled)))
    for target in (URL, "/avatar/15551234567@c.us", f"{URL}?fallback=404"):
        for method in ("GET", "HEAD"):
            assert await complained_of(edge, Request(target, method)) == (200, [])


async def test_a_photo_is_told_in_good_form() -> None:
    assert await complained_of(Edge(FakeAvatars(photo())), Request(URL)) == (200, [])
