"""One picture of what counts: CPU of a hit and of a rendition, as bars."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WIDTH: Final = 760
_LEFT: Final = 250
_BAR: Final = 18
_STEP: Final = 26
_OURS: Final = "#128c7e"
_OTHERS: Final = "#a8b3bd"
_HIT: Final = "200, 1 worker, 32 connections"


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write ``benchmarks.svg``."""
    charts = [
        ("A hit: µs of CPU", _bars(_of_case(results.get("hits", []), _HIT), "server", "cpu")),
        (
            "A 96 px PNG, the library alone: ms of CPU",
            _bars(results.get("libraries", []), "name", "ms"),
        ),
        ("A cold avatar: ms of CPU", _bars(results.get("cold", []), "server", "cpu", 1000)),
    ]
    parts: list[str] = []
    top = 10
    for title, bars in charts:
        if bars:
            parts.append(_text(10, top + 18, title, "font-weight='600'"))
            parts += _chart(bars, top + 32)
            top += 32 + _STEP * len(bars) + 16
    (folder / "benchmarks.svg").write_text(
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {top}' width='{_WIDTH}' "
        f"height='{top}' font-family='system-ui, sans-serif' font-size='13'>"
        f"<rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>\n",
        encoding="utf-8",
    )


def _of_case(rows: list[dict[str, Any]], case: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["case"] == case]


def _bars(
    rows: list[dict[str, Any]], name: str, value: str, unit: float = 1
) -> list[tuple[str, float]]:
    bars = [(str(row[name]), float(row[value]) / unit) for row in rows]
    return sorted(bars, key=lambda bar: bar[1])


def _chart(bars: list[tuple[str, float]], top: int) -> Iterable[str]:
    longest = max(value for _, value in bars) or 1.0
    room = _WIDTH - _LEFT - 70
    for place, (name, value) in enumerate(bars):
        y = top + place * _STEP
        width = max(room * value / longest, 2)
        fill = _OURS if name.startswith("avatar-gateway") else _OTHERS
        yield _text(_LEFT - 8, y + 13, name, "text-anchor='end'")
        yield (
            f"<rect x='{_LEFT}' y='{y}' width='{width:.1f}' height='{_BAR}' rx='3' fill='{fill}'/>"
        )
        yield _text(_LEFT + width + 6, y + 13, f"{value:.3g}", "fill='#444'")


def _text(x: float, y: float, text: str, more: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' {more}>{escape(text)}</text>"
