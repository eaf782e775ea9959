"""The Starlette application: routes, what is said where there is none, and health."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route

from gateway.web.admin import MANY, PREFIX, WARM
from gateway.web.answers import HouseRules, document, problem
from gateway.web.avatar import FAULT, NOTHING_HERE
from gateway.web.files import Files
from gateway.web.hooks import HOOK
from gateway.web.journal import AccessLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from gateway.telemetry import Telemetry
    from gateway.web.admin import AdminEndpoint
    from gateway.web.answers import Answer
    from gateway.web.avatar import AvatarEndpoint
    from gateway.web.hooks import HookEndpoint
    from gateway.web.hot import HotTable
    from gateway.web.metrics import MetricsEndpoint
    from gateway.web.playground import Playground

METHODS: Final = ("GET", "HEAD")
ROBOTS: Final = "User-agent: *\nDisallow: /\n"
TEXTS: Final = {404: NOTHING_HERE, 405: "That method does nothing here."}


@dataclass(frozen=True, slots=True)
class Served:
    """What a worker opened; `bounds` say what this set-up cannot promise.

    `hot` is for a server that answers known requests itself; None if none is to do so. Without
    `hooks` nobody tells anything.
    """

    avatar: AvatarEndpoint
    admin: AdminEndpoint
    telemetry: Telemetry
    bounds: Mapping[str, str]
    hot: HotTable | None = None
    metrics: MetricsEndpoint | None = None
    hooks: HookEndpoint | None = None


def build_application(
    *,
    static: Path,
    lifespan: Callable[[], AbstractAsyncContextManager[Served]],
    playground: Playground | None = None,
    access_log: bool = False,
) -> Starlette:
    """Return the whole application; `static` is the folder of files that are served as they are.

    `lifespan` opens what serves requests, and closes it. Without `playground` there is no page.
    With `access_log`, each request is told of.
    """

    @asynccontextmanager
    async def state(_app: Starlette) -> AsyncIterator[dict[str, object]]:
        async with lifespan() as served:
            yield {"served": served, "hot": served.hot}

    files = Files(directory=static)

    async def openapi(request: Request) -> Response:
        return await files.get_response("openapi.json", request.scope)

    application = Starlette(
        routes=[
            _AvatarRoute(),
            Route(HOOK, _Hook()),
            Route("/healthz", _healthz),
            Route("/readyz", _readyz),
            Route("/metrics", _metrics),
            Route("/robots.txt", _robots),
            Route("/openapi.json", openapi),
            Mount("/static", files),
            *([] if playground is None else _pages(playground, static)),
        ],
        middleware=[*([Middleware(AccessLog)] if access_log else []), Middleware(HouseRules)],
        exception_handlers={HTTPException: _refuse, Exception: _fault},
        lifespan=state,
    )
    # A slash too many is an unknown path: nothing here ever redirects.
    application.router.redirect_slashes = False
    return application


def _pages(playground: Playground, static: Path) -> list[BaseRoute]:
    async def page(_request: Request) -> Response:
        return playground.page(static)

    async def told(_request: Request) -> Answer:
        return playground.told()

    return [Route("/", page), Route("/playground.json", told)]


async def _healthz(_request: Request) -> Answer:
    return document(200, {"status": "ok"})


async def _readyz(request: Request) -> Answer:
    served: Served = request.state.served
    worse = dict(served.telemetry.degraded)
    status = "degraded" if worse else "ok"
    return document(200, {"status": status, "degraded": worse, "bounds": dict(served.bounds)})


async def _metrics(request: Request) -> Answer:
    served: Served = request.state.served
    if served.metrics is None:
        return problem(404, NOTHING_HERE)
    return await served.metrics.answer(request.scope)


async def _robots(_request: Request) -> Response:
    return PlainTextResponse(ROBOTS, headers={"Cache-Control": "max-age=86400"})


class _AvatarRoute(BaseRoute):
    """``/avatars`` and everything below it and ``/avatar/``, whatever it holds.

    Starlette's own patterns do not match a line feed, and a contact id with one is to be refused
    like any other that is none.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match by the start of the path alone."""
        below = scope["type"] == "http" and (
            scope["path"].startswith(PREFIX) or scope["path"] in {MANY, WARM}
        )
        return (Match.FULL if below else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer whoever looks, and whoever gives orders; a contact's photo cannot be set."""
        served: Served = scope["state"]["served"]
        if scope["method"] in METHODS and scope["path"].startswith(PREFIX):
            began = time.perf_counter()
            answer = await served.avatar.answer(scope)
            served.telemetry.took(time.perf_counter() - began)
        else:
            answer = await served.admin.answer(scope, receive)
        await answer(scope, receive, send)


class _Hook:
    """Deliveries, by whatever method: what there is depends on the settings."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served: Served = scope["state"]["served"]
        hooks = served.hooks
        answer = problem(404, NOTHING_HERE) if hooks is None else await hooks.answer(scope, receive)
        await answer(scope, receive, send)


async def _fault(request: Request, error: Exception) -> Response:
    """Log a bug, and say no more than that there was one."""
    served: Served = request.state.served
    served.telemetry.bug(error)
    return _as_response(problem(500, FAULT))


async def _refuse(_request: Request, error: Exception) -> Response:
    """Turn Starlette's own refusals (no route, no such method) into problems of ours."""
    refusal = error if isinstance(error, HTTPException) else HTTPException(500)
    allowed = (refusal.headers or {}).get("Allow", "")
    methods = ", ".join(sorted(each.strip() for each in allowed.split(",")))
    more = [(b"allow", methods.encode())] if allowed else []
    detail = TEXTS.get(refusal.status_code, "That did not work.")
    answer = problem(refusal.status_code, detail, more=more)
    return _as_response(answer)


def _as_response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers = answer.headers
    return response
