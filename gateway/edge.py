"""The edge, built: what answers requests, of settings and of what is open behind it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.measures import exposed
from gateway.settings import revealed
from gateway.signing import Keyring, sign
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
    forget,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.assembly import Gateway
    from gateway.settings import Settings
    from gateway.web import Example


def served_of(settings: Settings, gateway: Gateway, clock: Callable[[], float]) -> Served:
    """Build all endpoints; `clock` gives Unix seconds."""
    defaults, gate, links = _defaults(settings), _gate(settings, clock), _links(settings)
    admin = AdminEndpoint(
        gateway.keeper,
        gateway.documents,
        gateway.telemetry,
        token=revealed(settings.admin_token),
        gate=gate,
        links=links,
        defaults=defaults,
    )
    hot = _hot(settings, gateway, clock)
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
    return Served(
        avatar,
        admin,
        gateway.telemetry,
        bounds(settings),
        hot,
        _metrics(settings, gateway, hot),
        _hooks(settings, gateway),
    )


def playground_of(settings: Settings, examples: Sequence[Example]) -> Playground | None:
    """Build the playground with its `examples`; None where it is off."""
    if not settings.playground:
        return None
    return Playground(bool(settings.signing_keys), _defaults(settings), tuple(examples))


def bounds(settings: Settings) -> dict[str, str]:
    """What this set-up cannot promise, in words for the operator."""
    hours = f"{settings.photo_ttl / 3600:g} h"
    late = f"may show a photo that was hidden or erased here for up to GATEWAY_PHOTO_TTL ({hours})"
    found = {}
    if settings.store == "memory:":
        found["several workers"] = (
            f"a store in memory is one worker's own: another {late}, and one suppressed for good"
        )
    if settings.valkey_url is None:
        found["several machines"] = (
            f"without GATEWAY_VALKEY_URL another machine {late}, and has a budget of its own"
        )
    elif settings.store.startswith(("file:", "memory:")):
        found["several machines"] = (
            f"another machine with a store of its own shares the budget alone, and {late}"
        )
    return found


def _defaults(settings: Settings) -> Defaults:
    return Defaults(
        size=settings.default_size,
        shape=settings.default_shape,
        fallback=settings.default_fallback,
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


def _hot(settings: Settings, gateway: Gateway, clock: Callable[[], float]) -> HotTable | None:
    # What is answered before there is a request has no line of its own.
    if not settings.hot_path or settings.access_log:
        return None
    return HotTable(gateway.avatars, gateway.renditions, gateway.telemetry, clock=clock)


def _metrics(settings: Settings, gateway: Gateway, hot: HotTable | None) -> MetricsEndpoint:
    async def expose(accept: str) -> tuple[bytes, str]:
        if hot is not None:
            hot.flush()
        return await exposed(gateway, accept)

    return MetricsEndpoint(expose, Bearer(revealed(settings.metrics_token)))


def _hooks(settings: Settings, gateway: Gateway) -> HookEndpoint | None:
    secret = revealed(settings.webhook_secret)
    return None if secret is None else HookEndpoint(gateway.listener, secret=secret)
