"""The application: `create_app` makes it of settings, its lifespan opens and closes everything."""

from __future__ import annotations

import os
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from gateway import __version__, versions
from gateway.assembly import CLOCKS, open_gateway
from gateway.errors import InvalidSettings, StoreFailed
from gateway.foundations import custom_fallback
from gateway.imaging.assets import static_path
from gateway.measures import exposed, measuring
from gateway.portraits import check_place, sweeping
from gateway.renditions import tidying
from gateway.settings import LogFormat, misspelt, revealed
from gateway.signing import Keyring, sign
from gateway.telemetry import configure_logging
from gateway.web import (
    AdminEndpoint,
    AvatarEndpoint,
    Bearer,
    Clients,
    Defaults,
    Gate,
    HookEndpoint,
    HotTable,
    Links,
    MetricsEndpoint,
    Playground,
    Served,
    build_application,
    forget,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from starlette.applications import Starlette

    from gateway.assembly import Gateway
    from gateway.settings import Settings
    from gateway.sharing import Clocks
    from gateway.telemetry import Tally, Telemetry
    from gateway.web import Example


def check(settings: Settings) -> None:
    """Raise `InvalidSettings` for what would keep a worker from starting; opens nothing."""
    versions.require()
    settings.require_upstream()
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
            _warn(settings, gateway.telemetry)
            for source in gateway.sources:
                source.resolver.introduce(until=time.monotonic() + settings.upstream_timeout)
            gateway.telemetry.started(__version__)
            served = _served(settings, gateway, clocks.wall)
            yield served
            if served.hot is not None:
                served.hot.flush()  # the last answers count too
            gateway.telemetry.stopped()

    return build_application(
        static=static_path("openapi.json").parent,
        lifespan=lifespan,
        playground=_playground(settings, examples),
        access_log=settings.access_log,
    )


def start_logging(settings: Settings) -> None:
    """Write the lines of this process as `settings` say."""
    configure_logging(
        level=settings.log_level,
        as_json=settings.log_format is LogFormat.JSON,
        secrets=settings.secrets(),
    )


def _gate(settings: Settings, clock: Callable[[], float]) -> Gate:
    keys = [key.get_secret_value() for key in settings.signing_keys]
    if not keys:
        return Gate(Keyring(keys), clock=clock)
    from gateway.signing.tokens import Tokens  # noqa: PLC0415 - cryptography takes 7 MB

    return Gate(Keyring(keys), Tokens(keys).unseal, clock=clock)


def _links(settings: Settings) -> Links:
    base = settings.public_url or ""
    if not settings.signing_keys:
        return Links(base)
    return Links(base, partial(sign, key=settings.signing_keys[0].get_secret_value()))


def bounds(settings: Settings) -> dict[str, str]:
    """What this set-up cannot promise, in words for the operator."""
    hours = f"{settings.photo_ttl / 3600:g} h"
    late = f"may show a photo that was hidden or erased here for up to GATEWAY_PHOTO_TTL ({hours})"
    if settings.valkey_url is None:
        said = f"without GATEWAY_VALKEY_URL another machine {late}, and has a budget of its own"
    elif settings.store.startswith(("file:", "memory:")):
        said = f"another machine with a store of its own shares the budget alone, and {late}"
    else:
        return {}
    return {"several machines": said}


def _defaults(settings: Settings) -> Defaults:
    return Defaults(
        size=settings.default_size,
        shape=settings.default_shape,
        fallback=settings.default_fallback,
    )


def _playground(settings: Settings, examples: Sequence[Example]) -> Playground | None:
    if not settings.playground:
        return None
    return Playground(bool(settings.signing_keys), _defaults(settings), tuple(examples))


def _served(settings: Settings, gateway: Gateway, clock: Callable[[], float]) -> Served:
    defaults = _defaults(settings)
    gate = _gate(settings, clock)
    links = _links(settings)
    admin = AdminEndpoint(
        gateway.keeper,
        gateway.documents,
        gateway.telemetry,
        token=revealed(settings.admin_token),
        gate=gate,
        links=links,
        defaults=defaults,
    )
    hot = None
    # What is answered before there is a request has no line of its own.
    if settings.hot_path and not settings.access_log:
        hot = HotTable(gateway.avatars, gateway.renditions, gateway.telemetry, clock=clock)
    avatar = AvatarEndpoint(
        gateway.avatars,
        gateway.drawings,
        gateway.documents,
        admin=admin,
        telemetry=gateway.telemetry,
        links=links,
        defaults=defaults,
        gate=gate,
        clients=Clients(settings.trusted_proxies),
        learn=forget if hot is None else hot.learn,
        clock=clock,
    )

    async def expose(accept: str) -> tuple[bytes, str]:
        if hot is not None:
            hot.flush()
        return await exposed(gateway, accept)

    metrics = MetricsEndpoint(expose, Bearer(revealed(settings.metrics_token)))
    secret = revealed(settings.webhook_secret)
    hooks = None if secret is None else HookEndpoint(gateway.listener, secret=secret)
    return Served(avatar, admin, gateway.telemetry, bounds(settings), hot, metrics, hooks)


def _warn(settings: Settings, telemetry: Telemetry) -> None:
    """Say in one line each what was set and does nothing."""
    names = settings.not_in_force()
    if names:
        telemetry.setting_ignored(", ".join(names), "not yet in force in this version")
    for name, nearest in misspelt(os.environ):
        hint = f"no such setting; did you mean {nearest}?" if nearest else "no such setting"
        telemetry.setting_ignored(name, hint)
