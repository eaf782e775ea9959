"""Settings as values: what everything is built from, before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.budget import Rate
from gateway.errors import InvalidSettings, StoreFailed, Undecodable
from gateway.outbound import (
    AddressGuard,
    Dialer,
    Names,
    Outbound,
    Proxy,
    ProxyDialer,
    Transport,
    system_lookup,
    tls_context,
)
from gateway.portraits import Lifetimes, PortraitStore, directory_of, open_objects
from gateway.sharing import Place, Terms
from gateway.sources import namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.settings import Settings

STORE_TIMEOUT: Final = 1.0
"""Seconds that one call to the portrait store may take before it counts as a miss."""


def custom_fallback(path: Path | None) -> bytes | None:
    """Read and clean the operator's own fallback; raises `InvalidSettings` for a bad one."""
    if path is None:
        return None
    from gateway.imaging.cleaning import clean  # noqa: PLC0415 - Pillow, which few workers need

    try:
        return clean(path.read_bytes())
    except (OSError, Undecodable):
        raise InvalidSettings(
            "GATEWAY_FALLBACK_IMAGE takes a PNG, JPEG, WebP or GIF of at most 2 MiB"
        ) from None


def portraits_of(settings: Settings) -> PortraitStore:
    """Name the store of portraits; raises `InvalidSettings` for one that is none."""
    try:
        objects = open_objects(settings.store)
    except StoreFailed as failure:
        raise InvalidSettings(f"GATEWAY_STORE cannot be opened: {failure}") from None
    return PortraitStore(
        objects,
        namespace=namespace_of(settings),
        lifetimes=Lifetimes(
            photo=settings.photo_ttl,
            none=settings.none_ttl,
            stale=settings.stale_ttl,
            confirm=settings.confirm_delay,
        ),
        timeout=STORE_TIMEOUT,
        capacity=settings.cache_size if settings.store == "memory:" else None,
    )


def place_of(settings: Settings) -> Place:
    """Say where workers meet; raises `InvalidSettings` for a directory that cannot be made."""
    try:
        directory = directory_of(settings.store)
    except StoreFailed as failure:
        raise InvalidSettings(f"GATEWAY_STORE cannot be opened: {failure}") from None
    valkey = settings.valkey_url
    return Place(
        directory,
        settings.store,
        namespace_of(settings),
        None if valkey is None else valkey.get_secret_value(),
    )


def terms_of(settings: Settings, workers: int) -> Terms:
    """Say how the upstream is treated by so many `workers`."""
    rate = None if settings.upstream_rate is None else Rate(*settings.upstream_rate)
    return Terms(rate, workers, young=settings.deadline, timeout=settings.upstream_timeout)


def hourly_of(settings: Settings, workers: int) -> float | None:
    """What the upstream bears in an hour, for each of `workers`."""
    rate = terms_of(settings, workers).rate
    return None if rate is None else 3600 / rate.pace / workers


def proxy_of(settings: Settings) -> Proxy | None:
    """Name the proxy that leads out; raises `InvalidSettings` for an address that is none."""
    if settings.http_proxy is None:
        return None
    try:
        return Proxy.of(settings.http_proxy.get_secret_value())
    except ValueError:
        raise InvalidSettings("GATEWAY_HTTP_PROXY takes the address of a proxy") from None


def ways_out(proxy: Proxy | None) -> Callable[[AddressGuard], Outbound]:
    """Make ways out: one to each API and one to the CDN, so that none that hangs holds up another.

    None trusts what the operator named for another. Over https, all lead through `proxy`, if there
    is one.
    """
    names, tls = Names(system_lookup()), tls_context()

    def way_out(guard: AddressGuard) -> Outbound:
        direct = Dialer(names, guard, tls)
        if proxy is None:
            return Outbound(Transport(direct))
        dial = Dialer(names, AddressGuard([proxy.endpoint]), tls)
        return Outbound(
            Transport(ProxyDialer(proxy, dial=dial, direct=direct, guard=guard, tls=tls))
        )

    return way_out
