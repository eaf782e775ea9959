"""A window of a browser that notes everything it complains about."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

PATIENCE: Final = 15_000
DESK: Final = (1440, 900)
PHONE: Final = (390, 844)

_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  console.error(`policy: ${violatedDirective} ${blockedURI}`);
});"""
# A lazy image far below is not asked for yet.
_LOADED: Final = """() => [...document.images].every(
  (image) => image.complete || image.loading === "lazy" || !image.checkVisibility())"""
_BROKEN: Final = """() => [...document.images].filter(
  (image) => image.complete && !image.naturalWidth && image.checkVisibility())
  .map((image) => image.src)"""


class Window:
    """One page; `allowed` are parts of complaints that the test provokes."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(_VIOLATIONS)
        self.context = context
        self.page: Page = context.new_page()
        self.asked: list[str] = []
        self.allowed: list[str] = []
        self._heard: list[str] = []
        self.page.on(
            "console", lambda line: self._hear(line.type, f"{line.text} ({line.location['url']})")
        )
        self.page.on("pageerror", lambda error: self._hear("error", str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    @classmethod
    @contextmanager
    def of(
        cls,
        browser: Browser,
        size: tuple[int, int] = DESK,
        theme: Literal["light", "dark"] = "light",
        scale: float = 1,
    ) -> Iterator[Window]:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            device_scale_factor=scale,
            reduced_motion="reduce",
        )
        try:
            yield cls(context)
        finally:
            context.close()

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, but for those that were provoked."""
        return [line for line in self._heard if not any(part in line for part in self.allowed)]

    def go(self, url: str) -> None:
        self.page.goto(url)

    def see(self, name: str) -> Locator:
        """The element with this id."""
        return self.page.locator(f"#{name}")

    def settled(self) -> None:
        """Wait until an answer is shown, and every picture with it."""
        expect(self.see("badge")).to_be_visible(timeout=PATIENCE)
        expect(self.see("halves")).not_to_have_class("halves waiting", timeout=PATIENCE)
        self.page.wait_for_function(_LOADED)

    def show(self, text: str) -> None:
        """Type a contact and press Enter."""
        self.page.get_by_label("Contact", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def facts(self) -> dict[str, str]:
        """What is told about the answer."""
        rows = self.page.locator("#facts > div").all()
        return {
            row.locator("dt").inner_text(): row.locator("dd").inner_text().replace("\n", ", ")
            for row in rows
        }

    def snippet(self, form: str = "URL") -> str:
        self.page.get_by_role("tab", name=form, exact=True).click()
        return self.see("snippet").inner_text()

    def broken(self) -> list[str]:
        """Pictures that can be seen and show nothing."""
        found: list[str] = self.page.evaluate(_BROKEN)
        return found

    def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the script returns
        return self.page.evaluate(script)

    def _listen(self, line: ConsoleMessage) -> None:
        self._hear(line.type, f"{line.text} ({line.location['url']})")

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self._heard.append(text)
