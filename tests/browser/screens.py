"""Draws ``docs/playground.png``: ``python -m tests.browser.screens``.

The playground of a demo as it opens, on a desktop in light and on a phone in dark.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

from tests import processes
from tests.browser.window import Window
from tests.processes import ROOT, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGET: Final = ROOT / "docs" / "playground.png"
PORT: Final = 8000  # stands in the picture, as in the README
HEIGHT: Final = 840
DESK: Final = (1280, HEIGHT)
PHONE: Final = (390, HEIGHT)
SCALE: Final = 1.25
GAP: Final = 30
CORNER: Final = 20


def shot(
    browser: Browser, url: str, size: tuple[int, int], theme: Literal["light", "dark"], top: str
) -> Image.Image:
    """The page in a window of `size`, with the element `top` on top, and rounded corners."""
    with Window.of(browser, size, theme, SCALE) as window:
        window.go(url)
        window.settled()
        window.see("again").click()
        window.settled()
        window.run(f"() => scrollTo(0, document.querySelector('{top}').offsetTop - 16)")
        window.page.wait_for_timeout(500)
        picture = Image.open(io.BytesIO(window.page.screenshot())).convert("RGBA")
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *(n - 1 for n in picture.size)), CORNER, 255)
    picture.putalpha(mask)
    return picture


def main() -> None:
    """Start a demo, look at it, and write the picture."""
    arguments = ["demo", "--port", str(PORT), "--sandbox-port", str(free_port())]
    with (
        tempfile.TemporaryDirectory() as folder,
        processes.running(arguments, Path(folder), port=PORT) as demo,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        desk = shot(browser, demo.url, DESK, "light", "header")
        phone = shot(browser, demo.url, PHONE, "dark", "#options")
        browser.close()
    whole = Image.new("RGBA", (desk.width + GAP + phone.width, desk.height))
    whole.paste(desk, (0, 0))
    whole.paste(phone, (desk.width + GAP, 0))
    whole.save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
