"""The main job over real sockets: gunicorn with two workers, a simulated Wawp and CDN."""

from __future__ import annotations

import email.utils
import io
import itertools
import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from gateway.sandbox import ACCESS_TOKEN, CAST, OWN_ID, colour_of
from tests.e2e.wire import exchange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.processes import Control, Running

MAYA = "15551234567@c.us"
HIDDEN = "15555550110@c.us"

_numbers = itertools.count(1)


@pytest.fixture
def contact(worker_id: str) -> str:
    """A number that no other test asks about; it has a photo."""
    runner = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    return f"1777{runner:02d}{next(_numbers):05d}1@c.us"


def picture(response: httpx.Response) -> Image.Image:
    image = Image.open(io.BytesIO(response.content))
    image.load()
    return image


def corner(image: Image.Image) -> tuple[int, ...]:
    pixel = image.convert("RGB").getpixel((3, 3))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


FORMATS = [
    ("png", "PNG", "image/png"),
    ("PNG", "PNG", "image/png"),
    ("jpg", "JPEG", "image/jpeg"),
    ("jpeg", "JPEG", "image/jpeg"),
    ("webp", "WEBP", "image/webp"),
    ("avif", "AVIF", "image/avif"),
]


@pytest.mark.parametrize(("extension", "name", "media_type"), FORMATS)
def test_the_extension_decides_the_format(
    client: httpx.Client, extension: str, name: str, media_type: str
) -> None:
    response = client.get(f"/avatar/{MAYA}.{extension}?size=48&dpr=1.5")
    image = picture(response)
    assert response.headers["content-type"] == media_type
    assert (image.format, image.size) == (name, (72, 72))
    assert response.headers["avatar-source"] == "photo"
    assert "vary" not in response.headers
    canonical = {"jpeg": "jpg"}.get(extension.lower(), extension.lower())
    assert response.headers["content-disposition"] == f'inline; filename="avatar.{canonical}"'


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/webp"),
        ("image/png,image/*;q=0.8", "image/png"),
        ("image/avif,image/webp;q=0.9", "image/avif"),
        ("*/*", "image/png"),
        ("text/html", "image/png"),
    ],
)
def test_without_extension_accept_decides(
    client: httpx.Client, accept: str, media_type: str
) -> None:
    response = client.get(f"/avatar/{MAYA}?size=32", headers={"Accept": accept})
    assert response.headers["content-type"] == media_type
    assert response.headers["vary"] == "Accept"


def test_it_is_the_photo_of_the_contact_asked_for(client: httpx.Client, contact: str) -> None:
    response = client.get(f"/avatar/{contact}.png?size=64")
    expected = colour_of(contact)
    seen = corner(picture(response))
    assert all(abs(a - b) <= 12 for a, b in zip(seen, expected, strict=True))


def kept(served: Running) -> int:
    """How many portraits are in the store; what is still being written has another name."""
    files = (served.log.parent / "store").rglob("*")
    return sum(1 for each in files if each.is_file() and "#" not in each.name)


def fetch_and_keep(served: Running, contact: str) -> None:
    """Have `contact` fetched by one worker, and wait until the other can read what it learned."""
    before = kept(served)
    assert httpx.get(f"{served.url}/avatar/{contact}.png").headers["avatar-source"] == "photo"
    while kept(served) == before:
        assert served.process.poll() is None


def test_all_spellings_of_a_number_are_one_contact(
    client: httpx.Client, served: Running, control: Control, contact: str
) -> None:
    fetch_and_keep(served, contact)
    digits = contact.removesuffix("@c.us")
    spellings = [
        f"{digits}@c.us", digits, f"+{digits}", f"%2B{digits}", f"00{digits}",
        f"{digits}@s.whatsapp.net", f"{digits}%40C.US", f"{digits}:12@s.whatsapp.net",
        f"+1%20({digits[1:4]})%20{digits[4:7]}-{digits[7:]}",
    ]  # fmt: skip
    tags = {client.get(f"/avatar/{each}.png?size=32").headers["etag"] for each in spellings}
    assert len(tags) == 1
    asked = [call for call in control.calls() if call["contact"] == contact]
    assert [call["kind"] for call in asked].count("picture") == 1


def test_one_question_serves_all_sizes_formats_and_workers(
    served: Running, control: Control, contact: str
) -> None:
    before = control.counts()
    fetch_and_keep(served, contact)
    for size, extension in itertools.product((24, 48, 96, 320), ("png", "webp", "jpg")):
        # A new connection each time, so that both workers get their share.
        response = httpx.get(f"{served.url}/avatar/{contact}.{extension}?size={size}")
        assert response.headers["avatar-source"] == "photo"
        assert picture(response).size == (size, size)
    after = control.counts()
    assert after["picture"] - before.get("picture", 0) == 1
    assert after["cdn"] - before.get("cdn", 0) == 1


def test_headers_of_a_photo(client: httpx.Client, contact: str) -> None:
    first = client.get(f"/avatar/{contact}.png")
    again = client.get(f"/avatar/{contact}.png")
    assert first.headers["cache-status"] == "avatar-gateway; fwd=miss"
    found = dict(again.headers)
    life = found.pop("cache-control")
    assert life.endswith(", stale-while-revalidate=600, stale-if-error=3600")
    assert 3240 <= int(life.removeprefix("max-age=").partition(",")[0]) <= 3600
    status, _, ttl = found.pop("cache-status").rpartition("=")
    assert status == "avatar-gateway; hit; ttl"
    assert 25 * 3600 - 60 <= int(ttl) <= 27.5 * 3600
    changed = email.utils.parsedate_to_datetime(found.pop("last-modified"))
    assert changed <= email.utils.parsedate_to_datetime(found.pop("date"))
    assert found.pop("etag") == first.headers["etag"]
    assert found == {
        "content-type": "image/png",
        "content-length": str(len(again.content)),
        "content-disposition": 'inline; filename="avatar.png"',
        "avatar-source": "photo",
        "server": "avatar-gateway",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "Avatar-Source, Avatar-Reason, Cache-Status, ETag",
        "cross-origin-resource-policy": "cross-origin",
        "timing-allow-origin": "*",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex, noimageindex, noarchive",
    }


def test_a_known_etag_gets_304_without_a_body(client: httpx.Client) -> None:
    first = client.get(f"/avatar/{MAYA}.png?size=40")
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = client.get(f"/avatar/{MAYA}.png?size=40", headers={"If-None-Match": given})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"] == first.headers["cache-control"]
        assert "content-type" not in answer.headers
    since = {"If-Modified-Since": first.headers["last-modified"]}
    assert client.get(f"/avatar/{MAYA}.png?size=40", headers=since).status_code == 304
    both = since | {"If-None-Match": '"other"'}
    assert client.get(f"/avatar/{MAYA}.png?size=40", headers=both).status_code == 200


@pytest.mark.parametrize("target", [f"{MAYA}.png?size=33", f"{HIDDEN}.webp", "nonsense.png"])
def test_head_is_get_without_the_body(client: httpx.Client, served: Running, target: str) -> None:
    client.get(f"/avatar/{target}")
    get, head = client.get(f"/avatar/{target}"), client.head(f"/avatar/{target}")
    assert head.content == b""
    assert head.status_code == get.status_code
    varying = {"date", "cache-status"}
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in get.headers.items() if k not in varying
    }
    assert "no-body" not in served.log.read_text()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Sam Whitfield", "none"),
        ("Hana Sato", "none"),
        ("Luca Romano", "none"),
        ("Ines Duarte", "none"),
        ("Tomas Novak", "none"),
        ("Rosa Vega", "undecodable"),
        ("Dmitri Orlov", "upstream"),
    ],
)
def test_who_has_no_photo_is_shown_as_a_silhouette(
    client: httpx.Client, name: str, reason: str
) -> None:
    contact = next(each.id for each in CAST if each.name == name)
    response = client.get(f"/avatar/{contact}.png?size=80")
    assert response.status_code == 200
    assert picture(response).size == (80, 80)
    assert response.headers["avatar-source"] == "fallback"
    assert response.headers["avatar-reason"] == reason
    assert "last-modified" not in response.headers


@pytest.mark.parametrize("name", ["Amara Diallo", "Finn Gallagher", "Mei Tanaka", "Jonas Weber"])
def test_odd_photos_are_photos(client: httpx.Client, name: str) -> None:
    contact = next(each.id for each in CAST if each.name == name)
    response = client.get(f"/avatar/{contact}.png?size=200")
    assert response.headers["avatar-source"] == "photo"
    assert picture(response).size == (200, 200)


def test_the_own_picture_comes_through_the_profile(client: httpx.Client, control: Control) -> None:
    own = [
        client.get(f"/avatar/{each}.png").headers["etag"]
        for each in ("me", OWN_ID, "+" + OWN_ID.removesuffix("@c.us"))
    ]
    assert len(set(own)) == 1
    asked = [call for call in control.calls() if call["contact"] == OWN_ID]
    assert "picture" not in {call["kind"] for call in asked}


@pytest.mark.parametrize("target", ["status@broadcast", "12345@broadcast", "0@c.us"])
def test_nobody_is_asked_about_broadcasts(
    client: httpx.Client, control: Control, target: str
) -> None:
    before = control.counts()
    response = client.get(f"/avatar/{target}.png")
    assert response.headers["avatar-reason"] == "unsupported"
    assert response.headers["cache-control"] == "max-age=900"
    assert control.counts() == before


@pytest.mark.parametrize(
    ("target", "size"),
    [
        ("nonsense.png", 128),
        ("nonsense.png?size=64", 64),
        (f"{MAYA}.png?size=15", 16),
        (f"{MAYA}.png?size=4000", 1024),
        (f"{MAYA}.png?size=abc", 128),
        (f"{MAYA}.png?size=600&dpr=2", 600),
        (f"{MAYA}.png?shape=star", 128),
        (f"{MAYA}.png?size=32&size=32", 32),
        ("..%2f..%2fetc%2fpasswd.png", 128),
        ("15551234567%0d%0aSet-Cookie:x.png", 128),
        ("%EF%BC%91%EF%BC%95551234567.png", 128),
        ("9" * 3000 + ".png", 128),
    ],
)
def test_what_is_no_contact_or_option_is_refused_with_a_face(
    client: httpx.Client, control: Control, target: str, size: int
) -> None:
    before = control.counts()
    response = client.get(f"/avatar/{target}")
    assert response.status_code == 400
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["avatar-reason"] == "invalid"
    assert picture(response).size == (size, size)
    assert control.counts() == before
    problem = client.get(f"/avatar/{target}", headers={"Accept": "application/json"})
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == 400
    assert "passwd" not in problem.text


def test_no_fallback_wanted_is_an_empty_404(client: httpx.Client) -> None:
    for target, status in ((HIDDEN, 404), ("nonsense", 400)):
        response = client.get(f"/avatar/{target}.png?fallback=404")
        assert (response.status_code, response.content) == (status, b"")
        assert "content-type" not in response.headers
        assert response.headers["content-length"] == "0"
    assert client.get(f"/avatar/{MAYA}.png?d=404").status_code == 200


def test_force_shows_the_fallback_and_asks_nobody(
    client: httpx.Client, control: Control, contact: str
) -> None:
    before = control.counts()
    response = client.get(f"/avatar/{contact}.png?force=y&d=identicon")
    assert response.headers["avatar-reason"] == "forced"
    assert control.counts() == before


def test_other_methods_and_paths(client: httpx.Client) -> None:
    for method in ("POST", "PUT", "PATCH", "OPTIONS"):
        refused = client.request(method, f"/avatar/{MAYA}.png")
        assert refused.status_code == 405
        assert refused.headers["allow"] == "GET, HEAD"
    for path in ("/", "/avatar", "/avatar/", f"/avatar/{MAYA}/x.png", "/healthz/", "/static/no"):
        unknown = client.get(path)
        assert unknown.status_code == 404
        assert unknown.headers["content-type"] == "application/problem+json"
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ok"
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_a_hanging_upstream_costs_a_viewer_the_deadline_and_no_more(
    client: httpx.Client, control: Control, contact: str
) -> None:
    control.set(contact, api="hang")
    began = time.monotonic()
    response = client.get(f"/avatar/{contact}.png?size=50")
    assert time.monotonic() - began < 2 * 3.2
    assert response.headers["avatar-reason"] == "timeout"
    assert response.headers["cache-status"] == "avatar-gateway; fwd=miss; detail=timeout"
    assert picture(response).size == (50, 50)
    life = response.headers["cache-control"].removeprefix("max-age=")
    assert 10 <= int(life) <= 20


def test_old_clients_and_odd_requests(served: Running) -> None:
    head = exchange(served.url, f"GET /avatar/{MAYA}.png HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    assert head.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))
    two = exchange(
        served.url,
        f"GET /avatar/{MAYA}.png?size=20 HTTP/1.1\r\nHost: x\r\n\r\n"
        f"HEAD /avatar/{MAYA}.png?size=20 HTTP/1.1\r\n"
        f"Host: x\r\nConnection: close\r\n\r\n".encode(),
    )
    assert two.count(b"HTTP/1.1 200 OK") == 2
    assert two.count(b"\x89PNG") == 1


def test_the_upstream_learns_nothing_of_the_viewer(
    client: httpx.Client, control: Control, contact: str
) -> None:
    mine = {
        "Cookie": "session=marked-cookie",
        "Referer": "https://crm.example/marked-page",
        "X-Forwarded-For": "203.0.113.77",
        "User-Agent": "marked-browser",
    }
    client.get(f"/avatar/{contact}.png", headers=mine)
    allowed = {"host", "accept", "accept-encoding", "connection", "user-agent"}
    for call in control.calls():
        headers = call["headers"]
        assert isinstance(headers, dict)
        assert {name.lower() for name in headers} <= allowed
        assert "marked" not in str(headers)


def test_no_log_line_holds_a_number_a_token_or_a_signed_url(
    client: httpx.Client, served: Running, control: Control, contact: str
) -> None:
    control.set(contact, cdn="html")
    client.get(f"/avatar/{contact}.png")
    client.get("/avatar/15550009999@c.us.png?size=1")
    log = served.log.read_text()
    assert "run.failed" in log
    for secret in (ACCESS_TOKEN, contact.removesuffix("@c.us"), "oh=01_", "15550009999", "/v/t61"):
        assert secret not in log


@pytest.mark.parametrize("shape", ["square", "circle", "rounded"])
@pytest.mark.parametrize("target", [MAYA, HIDDEN])
def test_served_pngs_hold_pixels_and_nothing_else(
    client: httpx.Client,
    engine: Callable[[str], str],
    tmp_path: Path,
    target: str,
    shape: str,
) -> None:
    file = tmp_path / "served.png"
    file.write_bytes(client.get(f"/avatar/{target}.png?size=64&shape={shape}").content)
    checked = subprocess.run(
        [engine("pngcheck"), "-v", str(file)], capture_output=True, text=True, check=True
    )
    chunks = {
        line.split()[1] for line in checked.stdout.splitlines() if line.startswith("  chunk ")
    }
    assert chunks <= {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"}


@pytest.mark.parametrize("extension", ["jpg", "webp", "avif"])
def test_served_pictures_hold_no_metadata(
    client: httpx.Client, engine: Callable[[str], str], tmp_path: Path, extension: str
) -> None:
    turned = next(each.id for each in CAST if each.name == "Jonas Weber")
    file = tmp_path / f"served.{extension}"
    file.write_bytes(client.get(f"/avatar/{turned}.{extension}").content)
    told = subprocess.run(
        [engine("exiftool"), "-EXIF:all", "-XMP:all", "-ICC_Profile:all", "-IPTC:all", str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == ""
