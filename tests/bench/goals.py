"""The goals, each with what was measured beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS: Final = "avatar-gateway"


@dataclass(frozen=True, slots=True)
class Goal:
    """`met` says whether all that the goal asks was measured so."""

    name: str
    goal: str
    measured: str
    met: bool

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"name": self.name, "goal": self.goal, "measured": self.measured, "met": self.met}


def judge(results: dict[str, Any]) -> list[Goal]:
    """Judge what `results` hold, as JSON has them; a part that was left out has no goal."""
    parts: dict[str, Callable[[Any], Iterator[Goal]]] = {
        "hits": _hits,
        "company": _company,
        "libraries": _libraries,
        "cold": _cold,
        "waits": _waits,
        "outbound": _outbound,
        "footprint": _footprint,
        "economy": _economy,
    }
    return [goal for part, of in parts.items() if part in results for goal in of(results[part])]


def _hits(rows: list[dict[str, Any]]) -> Iterator[Goal]:
    own = {row["case"]: row for row in rows if row["server"] == OURS}
    single = {case: row for case, row in own.items() if "1 worker," in case}
    for title, bound, cases in (
        ("P1 hits", 1.1, [case for case in single if not case.startswith("304")]),
        ("P1 304", 1.0, [case for case in single if case.startswith("304")]),
        ("P1 two workers", 1.1, [case for case in own if "2 workers" in case]),
    ):
        # By CPU: it is what a core can do, also while other programs want the same core.
        ratios = [own[case]["cpu_ratio"] for case in cases]
        said = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        yield Goal(title, f"≥ {bound} × nginx per core", f"{said} ×", min(ratios) >= bound)
    tails = [row["p99_ratio"] for case, row in single.items() if case.startswith("200, ")]
    said = ", ".join(f"{ratio:.2f}" for ratio in tails)
    yield Goal("P1 p99", "≤ 1.2 × nginx at 32 and 256 connections", f"{said} ×", max(tails) <= 1.2)


def _company(rows: list[dict[str, Any]]) -> Iterator[Goal]:
    ratio = next(row["p99_ratio"] for row in rows if "cold" in row["beside"])
    yield Goal("P2", "hit p99 beside 20 cold avatars/s ≤ 1.1 ×", f"{ratio:.2f} ×", ratio <= 1.1)


def _libraries(rows: list[dict[str, Any]]) -> Iterator[Goal]:
    own = next(row for row in rows if row["name"] == OURS)
    said = f"{own['ms']:.2f} ms, {own['psnr']:.1f} dB"
    met = own["ms"] <= 2.5 and own["psnr"] >= 37
    yield Goal("P3", "96 px PNG in ≤ 2.5 ms of CPU at ≥ 37 dB", said, met)
    for name, bound in (("sharp", 1.8), ("libvips", 2.8)):
        for row in rows:
            if row["name"] == name:
                ratio = row["ratio"]
                yield Goal(f"P3 {name}", f"≥ {bound} ×", f"{ratio:.1f} ×", ratio >= bound)


def _cold(rows: list[dict[str, Any]]) -> Iterator[Goal]:
    own = next(row for row in rows if row["server"] == OURS)
    for name, bound in (("thumbor", 1.0), ("nginx image_filter (JPEG)", 1.4), ("ipx", 1.4)):
        for row in rows:
            if row["server"] == name:
                ratio = 1 / row["cpu_ratio"]
                said = f"{ratio:.2f} × ({own['cpu'] / 1000:.1f} ms of CPU)"
                yield Goal(f"P4 {name}", f"≥ {bound} ×", said, ratio >= bound)


def _waits(found: dict[str, float]) -> Iterator[Goal]:
    p50, p99 = found["p50"], found["p99"]
    said = f"{p50:.1f} and {p99:.1f} ms"
    yield Goal("P5", "adds ≤ 15 ms median, ≤ 40 ms p99", said, p50 <= 15 and p99 <= 40)


def _outbound(found: dict[str, float]) -> Iterator[Goal]:
    said = ", ".join(f"{ms:.2f} ms at {connections}" for connections, ms in found.items())
    met = max(found.values()) <= 0.4
    yield Goal("P6", "outbound request ≤ 0.4 ms of CPU at 1 and at 32 connections", said, met)


def _footprint(found: dict[str, float]) -> Iterator[Goal]:
    first = found["master"] + found["worker"]
    for what, said, value, bound in (
        ("start to first byte ≤ 0.6 s", "{:.2f} s", found["start"], 0.6),
        ("master and one worker ≤ 60 MB", "{:.0f} MB", first, 60),
        ("each further worker ≤ 30 MB", "{:.0f} MB", found["further"], 30),
        ("the quarantine's child ≤ 30 MB", "{:.0f} MB", found["quarantine"], 30),
        ("the child that draws, as much", "{:.0f} MB", found["darkroom"], 30),
        ("≤ 500 B beside the body of an avatar", "{:.0f} B", found["avatar"], 500),
    ):
        yield Goal("P7", what, said.format(value), value <= bound)


def _economy(found: dict[str, float]) -> Iterator[Goal]:
    said = f"{found['api']:.2f} questions, {found['cdn']:.2f} downloads"
    what = "1.00 upstream calls for a contact over sizes, workers, a restart"
    yield Goal("P8", what, said, found["api"] <= 1.0 and found["cdn"] <= 1.0)
