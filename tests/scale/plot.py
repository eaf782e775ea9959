"""Four plots of the figures: questions, hits, staleness, and what the store is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.scale.chart import Axis, bars, lines
from tests.scale.reading import STANDS, VIEWS, fleets_of, staleness

if TYPE_CHECKING:
    from pathlib import Path

_MACHINES: Final = Axis("machines", (1, 2, 5, 10, 20, 50))


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write ``scaling-calls.svg`` and its like."""
    for name, picture in {
        "calls": _calls(results),
        "hits": _hits(results),
        "staleness": _staleness(results),
        "store": _store(results),
    }.items():
        (folder / f"scaling-{name}.svg").write_text(picture, encoding="utf-8")


def _calls(results: dict[str, Any]) -> str:
    found = results["passes"]
    together = found["10 million views"]["days"][0]["questions"]
    apart = [(1.0, float(together))] + [
        (float(each["copies"]), float(each["copies"] * each["days"][0]["questions"]))
        for each in found.values()
        if each["copies"] > 1
    ]
    return lines(
        "Questions to the API on the first day: 10 million views of 40,000 contacts",
        _MACHINES,
        Axis("questions", (10_000, 100_000, 1_000_000, 10_000_000)),
        {"with Valkey": [(x, together) for x in _MACHINES.marks], "each by itself": apart},
    )


def _hits(results: dict[str, Any]) -> str:
    return lines(
        "Answered from a worker's memory on the second day, 4 workers a machine, 64 MiB each",
        _MACHINES,
        Axis("hit ratio", (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), log=False),
        _by_machines(results, "memory"),
    )


def _store(results: dict[str, Any]) -> str:
    return lines(
        "Portraits looked up on the second day, in Valkey or the store",
        _MACHINES,
        Axis("look-ups", (100_000, 1_000_000, 10_000_000, 100_000_000)),
        _by_machines(results, "reads"),
    )


def _by_machines(results: dict[str, Any], what: str) -> dict[str, list[tuple[float, float]]]:
    return {
        name: [(each["machines"], each[what]) for each in fleets_of(results, name)]
        for name in VIEWS
    }


def _staleness(results: dict[str, Any]) -> str:
    rows = {f"{name}, day {day['day']}": shares for name, day, shares in staleness(results)}
    return bars("What 10 million views a day are shown", STANDS, rows)
