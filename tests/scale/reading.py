"""What the tables and plots take from the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWS: Final = ("1 million views", "10 million views", "100 million views")
STANDS: Final = ("fresh", "waited for", "stale", "not yet known: a fallback", "none, unconfirmed")
CROWDS: Final = (
    "10,000 contacts",
    "10 million views",
    "100,000 contacts",
    "100,000 contacts, 120 a minute",
    "1,000,000 contacts",
)
HIT: Final = "200 of 10,000 bodies, 1 worker, 32 connections"
CROWDED: Final = "200, 1 worker, 32 connections"
SIDES: Final = (48, 96, 128, 256)
OURS: Final = "avatar-gateway"
_MILLION: Final = 1_000_000
_SECONDS: Final = 86_400


def fleets_of(results: dict[str, Any], name: str, day: int = 2) -> list[dict[str, Any]]:
    """What the fleets of a pass saw on that day."""
    found: list[dict[str, Any]] = results["passes"][name]["days"][day - 1]["fleets"]
    return found


def staleness(
    results: dict[str, Any],
) -> Iterator[tuple[str, dict[str, Any], tuple[float, ...]]]:
    """Each crowd's days, and how many of the views were shown what, in the order of `STANDS`."""
    for name in CROWDS:
        for day in results["passes"][name]["days"]:
            # Who looks late in the evening may see the face on the next day: a view or two.
            missing = max(day["missing"], 0.0)
            shares = (day["fresh"], day["waited"], day["stale"], missing, day["unsure"])
            yield crowd(results, name), day, shares


def crowd(results: dict[str, Any], name: str) -> str:
    """Name a pass by its contacts and the rate."""
    found = results["passes"][name]
    return f"{found['contacts']:,} at {found['rate']:.0f}/m"


def cores(fleet: dict[str, Any], day: dict[str, Any], measured: dict[str, Any]) -> float:
    """Cores that are busy all day: hits, pictures drawn, and contacts asked about."""
    micro: float = (
        day["views"] * cpu(measured, "hits", HIT)
        + fleet["drawn"] * cpu(measured, "renditions")
        + day["questions"] * cpu(measured, "cold")
    )
    return micro / _MILLION / _SECONDS


def cpu(measured: dict[str, Any], part: str, case: str = "", server: str = OURS) -> float:
    """Microseconds of CPU, as ``benchmarks.json`` had them."""
    for row in measured[part]:
        if row["server"] == server and (not case or row["case"] == case):
            return float(row["cpu"])
    raise KeyError(case)


def ours(measured: dict[str, Any]) -> dict[str, Any]:
    """What is taken from ``benchmarks.json``: it is kept, since that may be measured anew."""
    wanted = (
        each
        for each in measured["formats"]
        if each["format"] in {"png", "webp"} and each["side"] in SIDES
    )
    found: dict[str, Any] = {"formats": list(wanted)}
    for part in ("hits", "renditions", "cold"):
        found[part] = [each for each in measured[part] if each["server"].startswith(OURS)]
    return found
