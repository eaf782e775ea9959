"""What a browser shows: every class of answer is an image, on a page with COEP too."""

from __future__ import annotations

import html
import http.server
import json
import re
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.processes import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.processes import Running

MAYA = "15551234567@c.us"

CLASSES = {
    "photo": f"{MAYA}.png?size=48&dpr=2&shape=circle",
    "jpeg": f"{MAYA}.jpg",
    "webp": f"{MAYA}.webp",
    "avif": f"{MAYA}.avif",
    "negotiated": MAYA,
    "hidden": "15555550110@c.us.png",
    "initials": "15555550110@c.us.png?fallback=initials&name=Ada+Lovelace",
    "identicon": "15555550110@c.us.png?fallback=identicon",
    "blank": "15555550110@c.us.png?fallback=blank",
    "channel": "status@broadcast.webp",
    "refused": "nonsense.png?size=64",
    "missing": "15555550110@c.us.png?fallback=404",
}

PAGE = """<!doctype html><meta charset="utf-8"><title>faces</title>{images}
<script>
addEventListener("load", () => {{
  const sizes = Object.fromEntries(
    [...document.images].map(image => [image.id, image.naturalWidth]));
  document.body.dataset.sizes = JSON.stringify(sizes);
}});
</script>"""


@contextmanager
def page(text: str, headers: dict[str, str]) -> Iterator[str]:
    """Serve one page on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(200)
            for name, value in {"Content-Type": "text/html", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((HOST, free_port()), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def shown(chromium: str, url: str, profile: Path) -> dict[str, int]:
    """Open `url` and return the natural width of each image by its id."""
    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={profile}", "--virtual-time-budget=10000",
            "--dump-dom", url,
        ],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    found = re.search(r'data-sizes="([^"]*)"', done.stdout)
    assert found is not None, done.stdout
    sizes: dict[str, int] = json.loads(html.unescape(found[1]))
    return sizes


def test_a_browser_shows_every_class_of_answer_even_under_coep(
    served: Running, engine: Callable[[str], str], tmp_path: Path
) -> None:
    images = "".join(
        f'<img id="{name}" src="{served.url}/avatar/{html.escape(target)}">'
        for name, target in CLASSES.items()
    )
    isolated = {
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    with page(PAGE.format(images=images), isolated) as url:
        sizes = shown(engine("chromium"), url, tmp_path / "profile")
    expected = dict.fromkeys(CLASSES, 128) | {"photo": 96, "refused": 64, "missing": 0}
    assert sizes == expected
