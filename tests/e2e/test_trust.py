"""Whom the gateway as a whole trusts: settings in, addresses dialled or not."""

from __future__ import annotations

import time

import pytest

from gateway.assembly import open_gateway
from gateway.errors import Blocked, Undecodable
from gateway.model import PhotoUrl
from gateway.settings import Settings
from tests.fakes import replying, serving

SESSION = b'{"status": "WORKING", "me": null}'


def soon() -> float:
    return time.monotonic() + 20


def settings_of(api: str, cdn: str) -> Settings:
    return Settings.load(
        {
            "WAWP_INSTANCE_ID": "AB12CD34EF56",
            "WAWP_ACCESS_TOKEN": "s3cret-t0ken",
            "WAWP_BASE_URL": api,
            "GATEWAY_CDN_ORIGINS": cdn,
            "GATEWAY_STORE": "memory:",
        },
        env_file=None,
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_api_may_be_private_by_name_and_by_address(host: str) -> None:
    async with serving(replying(body=SESSION)) as api:
        settings = settings_of(f"http://{host}:{api.port}", "https://*.whatsapp.net")
        async with open_gateway(settings) as gateway:
            assert (await gateway.sources[0].resolver.session(until=soon())).works


async def test_a_picture_may_be_private_by_address_alone() -> None:
    async with serving(replying(body=b"no picture")) as cdn:
        by_address, by_name = (f"http://{host}:{cdn.port}" for host in ("127.0.0.1", "localhost"))
        settings = settings_of("https://api.example", f"{by_address},{by_name}")
        async with open_gateway(settings) as gateway:
            with pytest.raises(Blocked, match="not public"):
                await gateway.origin(PhotoUrl(f"{by_name}/x.jpg"), until=soon())
            assert cdn.accepted == 0
            with pytest.raises(Undecodable):
                await gateway.origin(PhotoUrl(f"{by_address}/x.jpg"), until=soon())
        assert len(cdn.heads) == 1


async def test_the_origin_of_the_api_is_none_for_pictures() -> None:
    async with serving(replying()) as api:
        base = f"http://localhost:{api.port}"
        async with open_gateway(settings_of(base, base)) as gateway:
            with pytest.raises(Blocked, match="not public"):
                await gateway.origin(PhotoUrl(f"{base}/x.jpg"), until=soon())
        assert api.accepted == 0
