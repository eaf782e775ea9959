"""The application: `create_app` makes it of settings, its lifespan opens and closes everything."""

from __future__ import annotations

import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from gateway import __version__, versions
from gateway.assembly import CLOCKS, open_gateway
from gateway.edge import playground_of, served_of
from gateway.errors import InvalidSettings, StoreFailed
from gateway.foundations import custom_fallback, proxy_of
from gateway.imaging.assets import static_path
from gateway.measures import measuring
from gateway.portraits import check_place, sweeping
from gateway.renditions import tidying
from gateway.settings import LogFormat, misspelt
from gateway.telemetry import configure_logging
from gateway.web import build_application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.applications import Starlette

    from gateway.settings import Settings
    from gateway.sharing import Clocks
    from gateway.telemetry import Tally, Telemetry
    from gateway.web import Example, Served


def check(settings: Settings) -> None:
    """Raise `InvalidSettings` for what would keep a worker from starting; opens nothing."""
    versions.require()
    settings.require_upstream()
    proxy_of(settings)
    custom_fallback(settings.fallback_image)
    try:
        check_place(settings.store)
    except StoreFailed as failure:
        raise InvalidSettings(f"GATEWAY_STORE cannot be used: {failure}") from None


def create_app(
    settings: Settings,
    *,
    workers: int = 1,
    clocks: Clocks = CLOCKS,
    examples: Sequence[Example] = (),
    tally: Tally | None = None,
) -> Starlette:
    """Return the ASGI application; everything is opened by its lifespan and closed with it.

    `workers` is how many processes of this machine do the same, `examples` are the contacts that
    the playground offers, `tally` is where this process counts. Raises `InvalidSettings` if the
    settings name no upstream that can be asked.
    """
    settings.require_upstream()
    start_logging(settings)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[Served]:
        async with (
            open_gateway(settings, workers=workers, clocks=clocks, tally=tally) as gateway,
            sweeping(gateway.sweeper),
            tidying(gateway.renditions),
            measuring(gateway),
        ):
            _warn(gateway.telemetry)
            for source in gateway.sources:
                source.resolver.introduce(until=time.monotonic() + settings.upstream_timeout)
            gateway.telemetry.started(__version__)
            served = served_of(settings, gateway, clocks.wall)
            yield served
            if served.hot is not None:
                served.hot.flush()  # the last answers count too
            gateway.telemetry.stopped()

    return build_application(
        static=static_path("openapi.json").parent,
        lifespan=lifespan,
        playground=playground_of(settings, examples),
        access_log=settings.access_log,
    )


def start_logging(settings: Settings) -> None:
    """Write the lines of this process as `settings` say."""
    configure_logging(
        level=settings.log_level,
        as_json=settings.log_format is LogFormat.JSON,
        secrets=settings.secrets(),
    )


def _warn(telemetry: Telemetry) -> None:
    """Say in one line each what was set and does nothing."""
    for name, nearest in misspelt(os.environ):
        hint = f"no such setting; did you mean {nearest}?" if nearest else "no such setting"
        telemetry.setting_ignored(name, hint)
