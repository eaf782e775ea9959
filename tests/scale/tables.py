"""Each table of the document, from the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.bench.report import grid, rounded
from tests.scale.edge import reaching
from tests.scale.reading import (
    CROWDED,
    CROWDS,
    HIT,
    OURS,
    STANDS,
    VIEWS,
    cores,
    cpu,
    crowd,
    fleets_of,
    staleness,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Table = Callable[[dict[str, Any], dict[str, Any]], Iterable[str]]

_MILLION: Final = 1_000_000
_HIDDEN: Final = 0.1
_NODES: Final = (1, 10)


def _capacity(_results: dict[str, Any], measured: dict[str, Any]) -> Iterator[str]:
    cases = (
        ("a hit of one URL that many ask for", cpu(measured, "hits", CROWDED)),
        ("a hit among 10,000 URLs", cpu(measured, "hits", HIT)),
        (
            "the same with `GATEWAY_HOT_PATH=off`",
            cpu(measured, "hits", CROWDED, f"{OURS}, GATEWAY_HOT_PATH=off"),
        ),
        ("a picture of 96 px drawn from the store", cpu(measured, "renditions")),
        ("a contact asked about, fetched, decoded, stored", cpu(measured, "cold")),
    )
    yield from grid(
        ("Answer", "CPU µs", "A core does, a second"),
        ((name, f"{cpu:,.0f}", rounded(_MILLION / cpu)) for name, cpu in cases),
    )


def _memory(results: dict[str, Any], measured: dict[str, Any]) -> Iterator[str]:
    kept = results["memory"]
    photo, none = kept["photo"], kept["none"]
    stored = (1 - _HIDDEN) * photo + _HIDDEN * none
    rows = [
        ("the store: a photo", photo, photo),
        ("the store: who has none", none, none),
        ("the store: ten contacts, nine with a photo", 10 * stored, stored),
    ]
    beside = kept["entry"] + kept["rendition"] + kept["line"]
    for kind in ("png", "webp"):
        for each in measured["formats"]:
            if each["format"] == kind:
                size = each["size"] + beside
                rows.append((f"a worker: one picture, {each['side']} px {kind}", size, size))
    yield from grid(
        ("Where", "Bytes", "GB for a million contacts"),
        ((name, f"{size:,.0f}", f"{each / 1000:,.1f}") for name, size, each in rows),
    )


def _machines(results: dict[str, Any], measured: dict[str, Any]) -> Iterator[str]:
    rows = []
    for name in VIEWS:
        first, second = results["passes"][name]["days"]
        rows += [
            (
                name,
                each["machines"],
                f"{first['questions']:,}",
                f"{second['questions']:,}",
                *_of_fleet(results, each),
                f"{cores(each, second, measured):.2f}",
            )
            for each in second["fleets"]
        ]
    yield from grid(
        ("A day", "Machines", "Questions, day 1", "Day 2", *_FLEET, "Cores, on the average"), rows
    )


_FLEET: Final = ("From memory", "Drawn", "Looked up", "GB read")


def _of_fleet(results: dict[str, Any], fleet: dict[str, Any]) -> tuple[str, ...]:
    read = fleet["drawn"] * results["memory"]["photo"] / 1e9
    return (
        _share(fleet["memory"]),
        rounded(fleet["drawn"]),
        rounded(fleet["reads"]),
        rounded(read),
    )


def _staleness(results: dict[str, Any], _measured: dict[str, Any]) -> Iterator[str]:
    yield from grid(
        ("Contacts", "Day", "Questions", "In a minute", *STANDS, "Age, median", "99 %"),
        (
            (
                crowd,
                day["day"],
                f"{day['questions']:,}",
                day["busiest"],
                *map(_share, shares),
                f"{day['age_median']:.1f} h",
                f"{day['age_99']:.1f} h",
            )
            for crowd, day, shares in staleness(results)
        ),
    )


def _crowds(results: dict[str, Any], measured: dict[str, Any]) -> Iterator[str]:
    rows = []
    for name in CROWDS:
        day = results["passes"][name]["days"][1]
        [five] = [each for each in day["fleets"] if each["machines"] == 5]
        busy = f"{cores(five, day, measured):.2f}"
        rows.append((crowd(results, name), f"{day['faces']:,}", *_of_fleet(results, five), busy))
    yield from grid(("Contacts", "Known", *_FLEET, "Cores, on the average"), rows)


def _varied(results: dict[str, Any], measured: dict[str, Any]) -> Iterator[str]:
    name = "pictures, workers, memory"
    day = results["passes"][name]["days"][1]
    rows = (
        (
            ", ".join(str(side) for side, _ in each["bodies"]),
            f"{sum(size for _, size in each['bodies']) / len(each['bodies']) / 1000:.1f}",
            each["workers"],
            f"{each['cache']:.0f}",
            *_of_fleet(results, each),
            f"{cores(each, day, measured):.2f}",
        )
        for each in fleets_of(results, name)
    )
    yield from grid(
        ("Pixels", "KB each", "Workers", "MiB each", *_FLEET, "Cores, on the average"), rows
    )


def _apart(results: dict[str, Any], _measured: dict[str, Any]) -> Iterator[str]:
    together = results["passes"]["10 million views"]["days"]
    rows = [("1", *_calls(together, 1))]
    rows += [
        (str(each["copies"]), *_calls(each["days"], each["copies"]))
        for each in results["passes"].values()
        if each["copies"] > 1
    ]
    yield from grid(("Machines apart", "Questions, day 1", "Day 2", "In a minute"), rows)


def _calls(days: list[dict[str, Any]], copies: int) -> tuple[str, ...]:
    first, second = days
    return (
        f"{first['questions'] * copies:,}",
        f"{second['questions'] * copies:,}",
        f"{max(first['busiest'], second['busiest']) * copies:,}",
    )


def _edge(results: dict[str, Any], _measured: dict[str, Any]) -> Iterator[str]:
    rows = []
    for name in VIEWS:
        found = results["passes"][name]
        urls = len(fleets_of(results, name)[0]["bodies"])
        let = [reaching(found["views"], found["contacts"], urls, nodes=each) for each in _NODES]
        rows.append((name, *map(_share, let), *(rounded(found["views"] * each) for each in let)))
    yield from grid(
        ("A day", "Past one cache", "Past ten", "Views left by one", "Left by ten"), rows
    )


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


TABLES: Final[dict[str, Table]] = {
    "capacity": _capacity,
    "memory": _memory,
    "machines": _machines,
    "staleness": _staleness,
    "contacts": _crowds,
    "varied": _varied,
    "apart": _apart,
    "edge": _edge,
}
