"""Lines and stacked bars as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH: Final = 760
COLOURS: Final = ("#128c7e", "#e0803a", "#4a6fa5", "#b0413e", "#7a7f87")

_LEFT: Final = 90
_RIGHT: Final = 170
_TOP: Final = 50
_PLOT: Final = 240
_BAR: Final = 26
_NAME: Final = 210
_LINE: Final = 15


@dataclass(frozen=True, slots=True)
class Axis:
    """What is told along one side, and which values are marked; `log` spreads them evenly."""

    title: str
    marks: tuple[float, ...]
    log: bool = True

    def named(self, mark: float) -> str:
        """What is written at a mark; where all are shares, in per cent."""
        return f"{100 * mark:.0f} %" if self.marks[-1] <= 1 else short(mark)

    def place(self, value: float) -> float:
        """Where `value` lies between the first mark and the last, 0–1."""
        first, last = self.marks[0], self.marks[-1]
        if self.log:
            return math.log(max(value, first) / first) / math.log(last / first)
        return (value - first) / (last - first)


def lines(
    title: str, across: Axis, up: Axis, series: Mapping[str, Sequence[tuple[float, float]]]
) -> str:
    """Draw a line for each of `series`, named at its end."""
    room = WIDTH - _LEFT - _RIGHT
    parts = [text(10, 24, title, "font-weight='600'")]
    for mark in up.marks:
        y = _TOP + _PLOT * (1 - up.place(mark))
        parts.append(f"<path d='M{_LEFT} {y:.1f}h{room}' stroke='#e3e6e9'/>")
        parts.append(text(_LEFT - 8, y + 4, up.named(mark), "text-anchor='end' fill='#444'"))
    for mark in across.marks:
        x = _LEFT + room * across.place(mark)
        parts.append(text(x, _TOP + _PLOT + 20, short(mark), "text-anchor='middle' fill='#444'"))
    parts.append(text(_LEFT + room, _TOP + _PLOT + 40, across.title, "text-anchor='end'"))
    parts.append(text(10, _TOP - 6, up.title, "fill='#444'"))
    ends: list[tuple[float, str, str]] = []
    for colour, (name, points) in zip(COLOURS, series.items(), strict=False):
        spots = [
            (_LEFT + room * across.place(x), _TOP + _PLOT * (1 - up.place(y))) for x, y in points
        ]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f"<polyline points='{way}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>" for x, y in spots]
        ends.append((spots[-1][1] + 4, name, colour))
    parts += _names(ends)
    return sheet(parts, _TOP + _PLOT + 54)


def _names(ends: list[tuple[float, str, str]]) -> Iterator[str]:
    """Write the names of lines where they end, none upon another."""
    below = -math.inf
    for y, name, colour in sorted(ends):
        below = max(y, below + _LINE)
        yield text(WIDTH - _RIGHT + 8, below, name, f"fill='{colour}'")


def bars(title: str, names: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    """Draw a bar for each row, of shares (0–1) that are named above."""
    return sheet(
        [text(10, 24, title, "font-weight='600'"), *_rows(names, rows)], 70 + _BAR * len(rows)
    )


def _rows(names: Sequence[str], rows: Mapping[str, Sequence[float]]) -> Iterator[str]:
    x = 10.0
    for colour, name in zip(COLOURS, names, strict=False):
        yield f"<rect x='{x}' y='36' width='12' height='12' rx='2' fill='{colour}'/>"
        yield text(x + 18, 47, name, "fill='#444'")
        x += 40 + 7 * len(name)
    room = WIDTH - _NAME - 20
    for place, (name, shares) in enumerate(rows.items()):
        y, x = 60 + place * _BAR, float(_NAME)
        yield text(_NAME - 8, y + 13, name, "text-anchor='end'")
        for colour, share in zip(COLOURS, shares, strict=False):
            wide = room * share
            yield f"<rect x='{x:.1f}' y='{y}' width='{wide:.1f}' height='18' fill='{colour}'/>"
            x += wide


def sheet(parts: Sequence[str], height: int) -> str:
    """Put `parts` onto white."""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' "
        f"height='{height}' font-family='system-ui, sans-serif' font-size='13'>"
        f"<rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>\n"
    )


def text(x: float, y: float, words: str, more: str) -> str:
    """Write `words`."""
    return f"<text x='{x:.1f}' y='{y:.1f}' {more}>{escape(words)}</text>"


def short(value: float) -> str:
    """A number as a mark has it: 1k, 2.5M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
