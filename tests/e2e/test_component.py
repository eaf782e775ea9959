"""<wa-avatar>: an image that asks again while a photo is missing for a passing reason."""

from __future__ import annotations

import html
import http.server
import io
import json
import re
import subprocess
import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from PIL import Image

from gateway.errors import Reason
from tests.processes import HOST, ROOT
from tests.test_documents import code, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.processes import Running

SCRIPT = ROOT / "static" / "wa-avatar.js"

PAGE = """<!doctype html><meta charset="utf-8"><title>faces</title>
<meta http-equiv="Content-Security-Policy" content="{policy}">
<script nonce="ours" src="{script}" defer></script>
<body>{body}
<script nonce="ours">
const heard = {{}};
addEventListener("wa-avatar", ({{target, detail}}) => {{
  (heard[target.id] ??= []).push(detail.reason ?? detail.source);
  document.body.dataset.heard = JSON.stringify(heard);
}});
const removed = document.getElementById("removed");
removed?.addEventListener("wa-avatar", () => removed.remove());
const changed = document.getElementById("changed");
changed?.addEventListener("wa-avatar", () => {{
  changed.setAttribute("contact", "changed-2");
  changed.setAttribute("size", "64");
}}, {{once: true}});
addEventListener("load", () => setTimeout(() => {{
  const state = [...document.querySelectorAll("wa-avatar")].map((face) => {{
    const image = face.shadowRoot.querySelector("img"), box = face.getBoundingClientRect();
    return [face.id, {{alt: image.alt, loading: image.loading,
      natural: image.naturalWidth, width: box.width,
      slot: getComputedStyle(face.shadowRoot.querySelector("slot")).display}}];
  }});
  document.body.dataset.state = JSON.stringify(Object.fromEntries(state));
}}, 450_000));
</script>"""

POLICY = "default-src 'none'; script-src 'nonce-ours'; img-src *; connect-src *"
"""Neither inline styles nor blobs: the element needs none."""


class Front:
    """A gateway of words: a contact's answers in order, the last for ever; notes what is asked."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = {contact: list(answers) for contact, answers in answers.items()}
        self.asked: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.body = ""
        self.url = ""

    def respond(self, target: str) -> tuple[int, dict[str, str], bytes]:
        address = urlsplit(target)
        if address.path == "/":
            text = PAGE.format(policy=POLICY, script="/static/wa-avatar.js", body=self.body)
            return 200, {"Content-Type": "text/html"}, text.encode()
        if address.path == "/static/wa-avatar.js":
            return 200, {"Content-Type": "text/javascript"}, SCRIPT.read_bytes()
        if not address.path.startswith("/avatar/"):
            return 404, {}, b""
        contact = unquote(address.path).removeprefix("/avatar/").removesuffix(".webp")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.asked[contact].append(query)
        answers = self.answers.get(contact, ["photo"])
        return self._avatar(answers.pop(0) if len(answers) > 1 else answers[0], query)

    def _avatar(self, answer: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "Avatar-Source, Avatar-Reason, Cache-Status, ETag",
            "Avatar-Source": "photo" if answer == "photo" else "fallback",
            "Cache-Control": "max-age=3600" if answer == "photo" else "max-age=10",
        }
        if answer != "photo":
            headers["Avatar-Reason"] = answer
        if query.get("fallback") == "404" and answer != "photo":
            return 404, headers, b""
        side = round(int(query["size"]) * float(query.get("dpr", "1")))
        file = io.BytesIO()
        Image.new("RGB", (side, side), "teal").save(file, "WEBP")
        return 200, headers | {"Content-Type": "image/webp"}, file.getvalue()


@contextmanager
def opened(front: Front) -> Iterator[str]:
    """Serve `front` on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = front.respond(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        front.url = f"http://{HOST}:{server.server_port}/"
        try:
            yield front.url
        finally:
            server.shutdown()
            thread.join()


class Seen:
    """The page after seven and a half minutes of its own, hurried time."""

    def __init__(self, chromium: str, url: str, profile: Path, *, density: int = 1) -> None:
        done = subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
                f"--force-device-scale-factor={density}", "--virtual-time-budget=460000",
                "--dump-dom", url,
            ],
            capture_output=True, text=True, timeout=90, check=True,
        )  # fmt: skip
        self.dom = done.stdout
        self.heard: dict[str, list[str]] = self._read("heard")
        self.state: dict[str, dict[str, object]] = self._read("state")

    def _read(self, name: str) -> Any:  # noqa: ANN401 - what the page wrote
        found = re.search(rf'data-{name}="([^"]*)"', self.dom)
        assert found is not None, self.dom
        return json.loads(html.unescape(found[1]))


Look = tuple[Front, Seen]


@pytest.fixture(scope="module")
def look(engine: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Look:
    """One page with an element for every case."""
    front = Front(
        late=["timeout", "photo"],
        later=["budget", "budget", "disconnected", "photo"],
        never=["upstream"],
        hidden=["none"],
        missing=["none"],
        removed=["busy"],
    )
    plain = ("photo", "late", "later", "never", "hidden", "removed", "changed")
    front.body = "".join(f'<wa-avatar id="{name}" contact="{name}"></wa-avatar>' for name in plain)
    front.body += """
        <wa-avatar id="missing" contact="missing" fallback="404"><b>AL</b></wa-avatar>
        <wa-avatar id="options" contact="+1 (555) 123-4567" size="64" shape="rounded"
            name="Ada &amp; Bob" ring="#2f80ed" bg="ffffff"></wa-avatar>
        <wa-avatar id="large" contact="large" size="800" alt="A face" name="Ada"
            fallback="identicon"></wa-avatar>
        <wa-avatar id="nobody"></wa-avatar>"""
    with opened(front) as url:
        profile = tmp_path_factory.mktemp("chromium")
        return front, Seen(engine("chromium"), url, profile, density=2)


def test_a_photo_is_fetched_once_in_the_density_of_the_screen(look: Look) -> None:
    front, seen = look
    assert front.asked["photo"] == [{"size": "48", "dpr": "2", "shape": "circle"}]
    assert seen.heard["photo"] == ["photo"]
    shown = {"alt": "", "loading": "lazy", "natural": 48, "width": 48, "slot": "none"}
    assert seen.state["photo"] == shown


@pytest.mark.parametrize(
    ("contact", "heard", "asked"),
    [
        ("late", ["timeout", "photo"], ["", "1"]),
        ("later", ["budget", "photo"], ["", "1", "2", "3"]),
        ("never", ["upstream"], ["", "1", "2", "3"]),
        ("hidden", ["none"], [""]),
        ("removed", ["busy"], [""]),
    ],
)
def test_asks_again_while_the_reason_is_a_passing_one(
    look: Look, contact: str, heard: list[str], asked: list[str]
) -> None:
    front, seen = look
    assert seen.heard[contact] == heard
    assert [query.get("asked", "") for query in front.asked[contact]] == asked


def test_what_stands_inside_shows_where_there_is_no_picture(look: Look) -> None:
    front, seen = look
    assert seen.heard["missing"] == ["none"]
    assert seen.state["missing"]["slot"] != "none"
    assert front.asked["missing"][0]["fallback"] == "404"
    assert seen.state["nobody"]["slot"] != "none"
    assert seen.state["nobody"]["width"] == 48


def test_attributes_are_options_of_the_url(look: Look) -> None:
    front, seen = look
    assert front.asked["+1 (555) 123-4567"] == [
        {"size": "64", "dpr": "2", "shape": "rounded", "fallback": "initials"}
        | {"name": "Ada & Bob", "ring": "2f80ed", "bg": "ffffff"}
    ]
    assert seen.state["options"]["alt"] == "Ada & Bob"
    # No density beyond what the gateway draws, and no name where none is drawn.
    assert front.asked["large"] == [{"size": "800", "shape": "circle", "fallback": "identicon"}]
    assert seen.state["large"]["alt"] == "A face"


def test_changed_attributes_begin_anew_once(look: Look) -> None:
    front, seen = look
    assert len(front.asked["changed"]) == 1
    assert [query["size"] for query in front.asked["changed-2"]] == ["64"]
    assert seen.state["changed"]["width"] == 64


def test_pictures_are_left_to_the_browsers_lazy_loading(look: Look) -> None:
    # A browser that only dumps its page loads all of them, so all that can be seen is the wish.
    _, seen = look
    assert {state["loading"] for state in seen.state.values()} == {"lazy"}


def test_the_real_gateway_tells_it_all_across_origins(
    served: Running, engine: Callable[[str], str], tmp_path: Path
) -> None:
    front = Front()
    front.body = "".join(
        f'<wa-avatar id="{name}" contact="{contact}" base="{served.url}"></wa-avatar>'
        for name, contact in (("photo", "15551234567@c.us"), ("hidden", "15555550110@c.us"))
    )
    with opened(front) as url:
        seen = Seen(engine("chromium"), url, tmp_path / "profile")
    assert seen.heard == {"photo": ["photo"], "hidden": ["none"]}


def test_the_document_tells_every_attribute() -> None:
    document = (ROOT / "docs" / "faces.md").read_text()
    told = [name for row in rows(document, "Attribute", "Means") for name in code(row[0])]
    [observed] = re.findall(r"observedAttributes = \[(.*), \.\.\.OPTIONS\]", SCRIPT.read_text())
    [options] = re.findall(r"OPTIONS = \[(.*)\]", SCRIPT.read_text())
    assert sorted(told) == sorted(re.findall(r"\w+", f"{observed} {options}"))


def test_the_document_tells_the_passing_reasons() -> None:
    document = (ROOT / "docs" / "faces.md").read_text()
    [told] = re.findall(r"passing reason\s+\((.*?)\)", document, re.DOTALL)
    [passing] = re.findall(r"PASSING = new Set\(\[(.*)\]\)", SCRIPT.read_text())
    assert code(told) == re.findall(r"\w+", passing)
    assert set(code(told)) <= set(Reason)


def test_it_is_small_and_depends_on_nothing() -> None:
    text = SCRIPT.read_text()
    assert len(text.encode()) < 10_000
    assert "import " not in text
    assert "http" not in re.sub(r"//.*", "", text)
