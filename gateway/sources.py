"""The APIs that are asked, in order: each with a way out and a budget of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.outbound import AddressGuard, Outbound
from gateway.resolver import Evolution, Resolver, Waha, Wawp
from gateway.settings import ResolverName
from gateway.sharing import open_budget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.budget import Budget
    from gateway.settings import Settings
    from gateway.sharing import Clocks, Place, Terms
    from gateway.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Source:
    """One account of one API: its `name` in ``GATEWAY_RESOLVER``, where it is, who asks it."""

    name: ResolverName
    host: str
    resolver: Resolver
    budget: Budget


def namespace_of(settings: Settings, name: ResolverName | None = None) -> str:
    """What keeps resolvers, API origins and instances apart.

    Without a name it is the first one's: what is known of contacts is filed under that, whichever
    API has told it.
    """
    name = name or settings.resolver[0]
    return f"{name}|{_base_url(settings, name)}|{_instance(settings, name)}"


@asynccontextmanager
async def open_sources(  # noqa: PLR0913 - three parts of what is shared, a way out, two witnesses
    settings: Settings,
    way_out: Callable[[AddressGuard], Outbound],
    budget: Budget,
    *,
    place: Place,
    terms: Terms,
    telemetry: Telemetry,
    clocks: Clocks,
) -> AsyncIterator[tuple[Source, ...]]:
    """Open them all; `budget` is the first one's, and lies at `place` with all else of it."""
    async with AsyncExitStack() as stack:
        sources: list[Source] = []
        for name in settings.resolver:
            url = _base_url(settings, name)
            outbound = await stack.enter_async_context(way_out(AddressGuard.trusting(url)))
            resolver = _resolver(settings, name, outbound, clocks)
            stack.push_async_callback(resolver.aclose)
            own = budget
            if sources:
                where = replace(place, namespace=namespace_of(settings, name))
                own = await stack.enter_async_context(
                    open_budget(where, terms, telemetry=telemetry, clocks=clocks)
                )
            sources.append(Source(name, urlsplit(url).netloc, resolver, own))
        yield tuple(sources)


def _resolver(
    settings: Settings, name: ResolverName, outbound: Outbound, clocks: Clocks
) -> Resolver:
    url, instance, clock = _base_url(settings, name), _instance(settings, name), clocks.wall
    match name:
        case ResolverName.WAHA:
            key = settings.waha_api_key
            text = "" if key is None else key.get_secret_value()
            return Waha(outbound, base_url=url, key=text, session=instance, clock=clock)
        case ResolverName.EVOLUTION:
            key = settings.evolution_api_key
            text = "" if key is None else key.get_secret_value()
            return Evolution(outbound, base_url=url, key=text, instance=instance, clock=clock)
        case ResolverName.WAWP:
            token = settings.wawp_access_token.get_secret_value()
            return Wawp(outbound, base_url=url, credentials=(instance, token), clock=clock)


def _base_url(settings: Settings, name: ResolverName) -> str:
    match name:
        case ResolverName.WAHA:
            return settings.waha_base_url or ""
        case ResolverName.EVOLUTION:
            return settings.evolution_base_url or ""
        case ResolverName.WAWP:
            return settings.wawp_base_url


def _instance(settings: Settings, name: ResolverName) -> str:
    match name:
        case ResolverName.WAHA:
            return settings.waha_session
        case ResolverName.EVOLUTION:
            return settings.evolution_instance
        case ResolverName.WAWP:
            return settings.wawp_instance_id
