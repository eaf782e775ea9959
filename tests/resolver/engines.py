"""The three APIs as a contract suite needs them: how each is opened, asked, and how it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx

from gateway.outbound import Outbound
from gateway.resolver import Evolution, Resolver, Waha, Wawp
from tests.fakes import Clock, FakeApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BASE: Final = "https://api.example"
KEY: Final = "s3cret-t0ken"
INSTANCE: Final = "AB12CD34EF56"
OWN: Final = "15550100042@c.us"
URL: Final = "https://pps.whatsapp.net/v/maya.jpg?oh=01_x&oe=66BC702E"

Handler: TypeAlias = "Callable[[httpx.Request], Any]"


class Engine(ABC):
    """One API: its paths, its answers when all is well, and what it says when all is not."""

    name: str
    picture: str
    session: str
    refreshes = True
    own: str

    @abstractmethod
    def resolver(self, outbound: Outbound, clock: Clock) -> Resolver:
        """The resolver under test."""

    @abstractmethod
    def photo(self, url: object, about: str | None = None) -> httpx.Response:
        """The picture of `about` is at `url`."""

    @abstractmethod
    def state(self, *, linked: bool) -> httpx.Response:
        """The session's state."""

    @abstractmethod
    def asked(self, request: httpx.Request) -> dict[str, object]:
        """What a request for a picture says, but for credentials."""

    @abstractmethod
    def words(self, contact: str, *, refresh: bool) -> dict[str, object]:
        """What a request for this contact's picture has to say."""

    @abstractmethod
    def keys(self, request: httpx.Request) -> list[str]:
        """The credentials that a request carries, where this API looks for them."""

    credentials: tuple[str, ...] = (KEY,)

    def api(self) -> FakeApi:
        """An API where all is well."""
        return (
            FakeApi()
            .on(self.session, self.state(linked=True))
            .on(self.picture, self.photo(URL))
            .on(self.own, self.photo(URL))
        )

    @asynccontextmanager
    async def asking(self, api: Handler, clock: Clock | None = None) -> AsyncIterator[Resolver]:
        async with Outbound(transport=httpx.MockTransport(api)) as outbound:
            resolver = self.resolver(outbound, clock or Clock())
            try:
                yield resolver
            finally:
                await resolver.aclose()


class WawpEngine(Engine):
    name = "wawp"
    picture = "/v2/contacts/profile-picture"
    session = "/v2/session/info"
    own = "/v2/profile/me"
    credentials: tuple[str, ...] = (INSTANCE, KEY)

    def resolver(self, outbound: Outbound, clock: Clock) -> Resolver:
        return Wawp(outbound, base_url=BASE, credentials=(INSTANCE, KEY), clock=clock)

    def photo(self, url: object, about: str | None = None) -> httpx.Response:
        return httpx.Response(200, json={"url": url} | ({"id": about} if about else {}))

    def state(self, *, linked: bool) -> httpx.Response:
        status, me = ("WORKING", {"id": OWN}) if linked else ("SCAN_QR_CODE", None)
        return httpx.Response(200, json={"name": "default", "status": status, "me": me})

    def asked(self, request: httpx.Request) -> dict[str, object]:
        query = dict(request.url.params)
        return {name: query[name] for name in query if name not in {"instance_id", "access_token"}}

    def words(self, contact: str, *, refresh: bool) -> dict[str, object]:
        return {"contactId": contact, "refresh": "true" if refresh else "false"}

    def keys(self, request: httpx.Request) -> list[str]:
        query = request.url.params
        return [query.get("instance_id", ""), query.get("access_token", "")]


class WahaEngine(WawpEngine):
    name = "waha"
    picture = "/api/contacts/profile-picture"
    session = "/api/sessions/my office"
    own = "/api/my office/profile"
    credentials = (KEY,)

    def resolver(self, outbound: Outbound, clock: Clock) -> Resolver:
        return Waha(outbound, base_url=BASE, key=KEY, session="my office", clock=clock)

    def photo(self, url: object, about: str | None = None) -> httpx.Response:
        named = {"id": about} if about else {}
        return httpx.Response(200, json={"profilePictureURL": url} | named)

    def asked(self, request: httpx.Request) -> dict[str, object]:
        return dict(request.url.params)

    def words(self, contact: str, *, refresh: bool) -> dict[str, object]:
        return super().words(contact, refresh=refresh) | {"session": "my office"}

    def keys(self, request: httpx.Request) -> list[str]:
        return request.headers.get_list("x-api-key")


class EvolutionEngine(Engine):
    name = "evolution"
    picture = "/chat/fetchProfilePictureUrl/main/1"
    session = "/instance/fetchInstances"
    own = picture
    refreshes = False

    def resolver(self, outbound: Outbound, clock: Clock) -> Resolver:
        return Evolution(outbound, base_url=BASE, key=KEY, instance="main/1", clock=clock)

    def photo(self, url: object, about: str | None = None) -> httpx.Response:
        named = {"wuid": about.replace("@c.us", "@s.whatsapp.net")} if about else {}
        return httpx.Response(200, json={"profilePictureUrl": url} | named)

    def state(self, *, linked: bool) -> httpx.Response:
        state = "open" if linked else "close"
        owner = OWN.replace("@c.us", "@s.whatsapp.net")
        mine = {"name": "main/1", "connectionStatus": state, "ownerJid": owner if linked else None}
        return httpx.Response(200, json=[{"name": "other", "connectionStatus": "open"}, mine])

    def asked(self, request: httpx.Request) -> dict[str, object]:
        assert request.method == "POST"
        document: dict[str, object] = httpx.Response(200, content=request.content).json()
        return document

    def words(self, contact: str, *, refresh: bool) -> dict[str, object]:
        del refresh
        return {"number": contact.removesuffix("@c.us")}

    def keys(self, request: httpx.Request) -> list[str]:
        return request.headers.get_list("apikey")


ENGINES: Final = (WawpEngine(), WahaEngine(), EvolutionEngine())
