"""How a place is named, and what of it is read from the environment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import obstore
import pytest
from obstore.store import AzureStore, GCSStore, S3Store

from gateway.errors import StoreFailed
from gateway.portraits import open_objects
from tests.fakes import LEON, MAYA, T0, replying, serving
from tests.portraits.places import Place, name_of, portrait_store
from tests.portraits.test_store_contract import NONE, PHOTO

if TYPE_CHECKING:
    from tests.s3 import S3Server

ENDPOINTS = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ENDPOINTS, "AWS_ALLOW_HTTP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_an_endpoint_that_says_http_is_spoken_to_in_http(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with serving(replying(status="404 Not Found")) as server:
        monkeypatch.setenv(name, server.base_url)
        objects = open_objects("s3://bucket/deep/prefix")
        with pytest.raises(FileNotFoundError):
            await obstore.get_async(objects, "v1/key")
        assert server.heads[0].startswith(b"GET /bucket/deep/prefix/v1/key HTTP/1.1\r\n")


@pytest.mark.parametrize("endpoint", ["", "https://s3.example.com"])
def test_any_other_endpoint_is_not(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    objects = open_objects("s3://bucket/prefix")
    assert isinstance(objects, S3Store)
    assert objects.client_options is None


async def test_a_passing_error_is_tried_again_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(replying(status="503 Slow Down")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.base_url)
        store = portrait_store(open_objects("s3://bucket"))
        with pytest.raises(StoreFailed):
            await store.get(MAYA)
        assert len(server.heads) == 2


def test_google_storage_is_opened_as_its_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    objects = open_objects("gs://bucket/deep/prefix")
    assert isinstance(objects, GCSStore)
    assert objects.prefix == "deep/prefix"
    assert objects.config["bucket"] == "bucket"


def test_google_credentials_that_cannot_be_read_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", "/nowhere/at/all.json")
    with pytest.raises(StoreFailed):
        open_objects("gs://bucket")


def test_azure_storage_is_opened_as_its_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreFailed):  # which account?
        open_objects("az://container/deep/prefix")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    objects = open_objects("az://container/deep/prefix")
    assert isinstance(objects, AzureStore)
    assert objects.prefix == "deep/prefix"
    assert objects.config["container_name"] == "container"


# On a real S3 server


async def test_a_bucket_that_does_not_exist_is_a_failure_and_no_empty_store(
    bucket: S3Server,
) -> None:
    assert bucket
    store = portrait_store(open_objects("s3://nobodys-bucket/prefix"))
    with pytest.raises(StoreFailed, match="bucket does not exist"):
        await store.open()


async def test_a_bucket_that_is_removed_later_is_a_failure_too(bucket: S3Server) -> None:
    bucket.make_bucket("passing")
    place = Place(lambda: open_objects("s3://passing/prefix"))
    store = place.store()
    await store.put(MAYA, PHOTO)
    for name in place.objects():
        obstore.delete(place.reach(), name)
    bucket.remove_bucket("passing")
    for call in (store.get(MAYA), store.put(LEON, NONE)):
        with pytest.raises(StoreFailed, match="bucket does not exist"):
            await call


async def test_prefixes_of_one_bucket_are_stores_of_their_own(bucket: S3Server) -> None:
    assert bucket
    one = portrait_store(open_objects("s3://portraits/one/a"))
    two = portrait_store(open_objects("s3://portraits/one/b"))
    await one.put(MAYA, PHOTO)
    assert await two.get(MAYA) is None
    assert name_of(one, MAYA) != name_of(two, MAYA)


async def test_wrong_credentials_are_a_failure(
    bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bucket
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    store = portrait_store(open_objects("s3://portraits/x"))
    with pytest.raises(StoreFailed):
        await store.get(MAYA)


async def test_a_hung_server_fails_in_time_and_then_at_once(bucket: S3Server) -> None:
    store = portrait_store(open_objects("s3://portraits/hung"), timeout=1.0)
    loop = asyncio.get_running_loop()
    for _ in range(50):
        try:
            await store.suppress(LEON, since=T0)
            break
        except StoreFailed:
            await asyncio.sleep(0.2)
    with bucket.hung():
        for _ in range(3):
            begun = loop.time()
            with pytest.raises(StoreFailed):
                await store.get(MAYA)
            assert loop.time() - begun <= 2.0
        begun = loop.time()
        for _ in range(1000):
            with pytest.raises(StoreFailed):
                await store.get(MAYA)
        assert loop.time() - begun <= 2.0
