"""Where everything is built: settings are unpacked here and travel no further."""

from __future__ import annotations

import os
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway import versions
from gateway.avatars import Avatars
from gateway.budget import Backoffs
from gateway.errors import InvalidSettings, StoreFailed, Undecodable
from gateway.imaging.artist import Artist
from gateway.imaging.assets import static_path
from gateway.imaging.cleaning import clean
from gateway.imaging.header import HeaderCheck
from gateway.imaging.studio import Studio
from gateway.inquiry import Inquiry
from gateway.origin import Origin
from gateway.outbound import (
    AddressGuard,
    Dialer,
    Names,
    Outbound,
    Transport,
    system_lookup,
    tls_context,
)
from gateway.portraits import (
    Lifetimes,
    PortraitStore,
    Sweeper,
    check_place,
    open_objects,
    sweeping,
)
from gateway.quarantine.keeper import Quarantine
from gateway.question import Upstream
from gateway.renditions import Renditions
from gateway.resolver import Wawp
from gateway.settings import LogFormat, misspelt
from gateway.signing import Keyring
from gateway.signing.tokens import Tokens
from gateway.telemetry import Telemetry, configure_logging
from gateway.web import AvatarEndpoint, Defaults, Gate, Served, build_application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.applications import Starlette

    from gateway.imaging.artist import Plan
    from gateway.portraits import Objects
    from gateway.settings import Settings

STORE_TIMEOUT: Final = 1.0
"""Seconds that one call to the portrait store may take before it counts as a miss."""

RENDER_QUEUE: Final = 256
"""Pictures that may wait to be made; one more is refused as busy."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What is built from settings, open and ready."""

    avatars: Avatars[Plan]
    portraits: PortraitStore
    sweeper: Sweeper
    resolver: Wawp
    origin: Origin
    quarantine: Quarantine
    telemetry: Telemetry


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, clock: Callable[[], float] = time.time
) -> AsyncIterator[Gateway]:
    """Build and open everything behind the edge; closed in the opposite order.

    `clock` gives Unix seconds. Raises `InvalidSettings` for what only shows when it is opened.
    """
    settings.require_upstream()
    custom = _custom_fallback(settings.fallback_image)
    objects = _objects(settings)
    portraits = _portraits(settings, objects)
    telemetry = Telemetry(pseudonym=lambda contact: portraits.digest(contact).hex()[:12])
    sweeper = Sweeper(
        objects,
        retention=settings.store_retention,
        erase=portraits.erase,
        telemetry=telemetry,
        clock=clock,
    )
    renditions = Renditions(capacity=settings.cache_size, clock=clock)
    async with AsyncExitStack() as stack:
        try:
            await portraits.open()
        except StoreFailed as failure:
            telemetry.store_failed(str(failure))
        studio = await stack.enter_async_context(Studio(threads=_cores(), queue=RENDER_QUEUE))
        quarantine = await stack.enter_async_context(Quarantine())
        api, cdn = [await stack.enter_async_context(outbound) for outbound in _outbounds(settings)]
        artist = Artist(studio, custom=custom)
        resolver = Wawp(
            api,
            base_url=settings.wawp_base_url,
            credentials=(
                settings.wawp_instance_id,
                settings.wawp_access_token.get_secret_value(),
            ),
            clock=clock,
        )
        stack.push_async_callback(resolver.aclose)
        origin = Origin(cdn, allowed=settings.cdn_origins, inspect=HeaderCheck)
        inquiry = Inquiry(
            Upstream(resolver, origin, quarantine.develop, timeout=settings.upstream_timeout),
            portraits,
            backoffs=Backoffs(first=settings.error_ttl, clock=clock),
            telemetry=telemetry,
            publish=renditions.stand,
            clock=clock,
        )
        stack.push_async_callback(inquiry.aclose)
        avatars = Avatars(
            renditions,
            inquiry,
            artist,
            seed=portraits.digest,
            deadline=settings.deadline,
            clock=clock,
        )
        stack.push_async_callback(avatars.aclose)
        yield Gateway(avatars, portraits, sweeper, resolver, origin, quarantine, telemetry)


def check(settings: Settings) -> None:
    """Raise `InvalidSettings` for what would keep a worker from starting; opens nothing."""
    versions.require()
    settings.require_upstream()
    _custom_fallback(settings.fallback_image)
    try:
        check_place(settings.store)
    except StoreFailed as failure:
        raise InvalidSettings(f"GATEWAY_STORE cannot be used: {failure}") from None


def create_app(settings: Settings, *, clock: Callable[[], float] = time.time) -> Starlette:
    """Return the ASGI application; everything is opened by its lifespan and closed with it.

    Raises `InvalidSettings` if the settings name no upstream that can be asked.
    """
    settings.require_upstream()
    start_logging(settings)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[Served]:
        async with open_gateway(settings, clock=clock) as gateway, sweeping(gateway.sweeper):
            _warn(settings, gateway.telemetry)
            gateway.resolver.introduce(until=time.monotonic() + settings.upstream_timeout)
            endpoint = AvatarEndpoint(
                gateway.avatars,
                gateway.telemetry,
                defaults=Defaults(
                    size=settings.default_size,
                    shape=settings.default_shape,
                    fallback=settings.default_fallback,
                ),
                gate=_gate(settings, clock),
                clock=clock,
            )
            yield Served(endpoint, gateway.telemetry)

    return build_application(static=static_path("openapi.json").parent, lifespan=lifespan)


def start_logging(settings: Settings) -> None:
    """Write the lines of this process as `settings` say."""
    configure_logging(
        level=settings.log_level,
        as_json=settings.log_format is LogFormat.JSON,
        secrets=settings.secrets(),
    )


def _gate(settings: Settings, clock: Callable[[], float]) -> Gate:
    keys = [key.get_secret_value() for key in settings.signing_keys]
    return Gate(Keyring(keys), Tokens(keys).unseal, clock=clock)


def _objects(settings: Settings) -> Objects:
    try:
        return open_objects(settings.store)
    except StoreFailed as failure:
        raise InvalidSettings(f"GATEWAY_STORE cannot be opened: {failure}") from None


def _portraits(settings: Settings, objects: Objects) -> PortraitStore:
    """Know contacts by keys that keep resolvers, API origins and instances apart."""
    namespace = f"wawp|{settings.wawp_base_url}|{settings.wawp_instance_id}"
    in_memory = settings.store == "memory:"
    return PortraitStore(
        objects,
        namespace=namespace,
        lifetimes=Lifetimes(
            photo=settings.photo_ttl,
            none=settings.none_ttl,
            stale=settings.stale_ttl,
            confirm=settings.confirm_delay,
        ),
        timeout=STORE_TIMEOUT,
        capacity=settings.cache_size if in_memory else None,
    )


def _outbounds(settings: Settings) -> list[Outbound]:
    """One way out to the API and one to the CDN: a CDN that hangs holds up no question.

    Neither trusts what the operator named for the other.
    """
    names, tls = Names(system_lookup()), tls_context()
    return [
        Outbound(Transport(Dialer(names, guard, tls)))
        for guard in (
            AddressGuard.trusting(settings.wawp_base_url),
            AddressGuard.for_origins(settings.cdn_origins),
        )
    ]


def _custom_fallback(path: Path | None) -> bytes | None:
    """Read and clean the operator's own fallback, so that a bad one stops the start."""
    if path is None:
        return None
    try:
        return clean(path.read_bytes())
    except (OSError, Undecodable):
        raise InvalidSettings(
            "GATEWAY_FALLBACK_IMAGE takes a PNG, JPEG, WebP or GIF of at most 2 MiB"
        ) from None


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _warn(settings: Settings, telemetry: Telemetry) -> None:
    """Say in one line each what was set and does nothing."""
    names = settings.not_in_force()
    if names:
        telemetry.setting_ignored(", ".join(names), "not yet in force in this version")
    for name, nearest in misspelt(os.environ):
        hint = f"no such setting; did you mean {nearest}?" if nearest else "no such setting"
        telemetry.setting_ignored(name, hint)
