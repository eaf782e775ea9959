"""A proxy on the way out: it is asked to lead to the upstream, and may fail as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import InvalidSettings, Reason
from gateway.foundations import proxy_of
from gateway.sandbox import Sandbox
from gateway.settings import Settings
from tests.fakes import serving
from tests.faults.stage import behind, staged
from tests.outbound.wire import saying

if TYPE_CHECKING:
    import asyncio

pytestmark = pytest.mark.anyio

API = "https://api.wawp.example"


async def test_the_upstream_is_asked_through_the_proxy() -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(refusal)) as proxy:
        address = f"http://clerk:marked-password@127.0.0.1:{proxy.port}"
        async with staged(behind(API, GATEWAY_HTTP_PROXY=address)) as stage:
            view = await stage.see()
            await stage.runs_end()
            stage.assert_unsaid("marked-password", "clerk")
            assert "the proxy refused to lead there (status 403)" in stage.written
        assert view.reason is Reason.UPSTREAM
        await proxy.deserted()
    assert {head.split(b"\r\n")[0] for head in proxy.heads} == {
        b"CONNECT api.wawp.example:443 HTTP/1.1"
    }


async def test_an_upstream_in_ones_own_network_is_asked_directly() -> None:
    async def nobody(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    async with Sandbox() as sandbox, serving(nobody) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        async with staged(behind(sandbox.base_url, GATEWAY_HTTP_PROXY=address)) as stage:
            assert (await stage.see()).reason is None
            await stage.runs_end()
    assert proxy.accepted == 0


def test_an_address_of_a_proxy_that_is_none_is_one_line_without_it() -> None:
    settings = Settings.load(behind(API, GATEWAY_HTTP_PROXY="http://u:secret@a:b"), env_file=None)
    with pytest.raises(InvalidSettings, match="GATEWAY_HTTP_PROXY takes") as refusal:
        proxy_of(settings)
    assert "secret" not in str(refusal.value)
