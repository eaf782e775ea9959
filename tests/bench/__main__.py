"""``make bench``: measure everything, write the table, the JSON and the plot.

python -m tests.bench [--rounds 5] [--seconds 1] [--only hits,cold] [--out docs]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvloop

from tests.bench import (
    cold,
    company,
    footprint,
    goals,
    hits,
    machine,
    outbound,
    pictures,
    plot,
    quality,
    renditions,
    report,
    servers,
    summary,
)
from tests.bench.rounds import Notes
from tests.bench.wrk import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDED: Final = ("wrk", "nginx", "taskset")
_PICTURES: Final = 300
_ABOUT: Final = ("date", "machine", "missing", "goals")


def main() -> None:
    """Measure what is wanted, and say on the way what is done."""
    wanted = _arguments()
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        sys.exit(f"make bench needs {', '.join(absent)}")
    os.sched_setaffinity(0, {machine.ASKING})
    about = machine.description()  # before this run is itself the load
    notes, results = Notes(), _earlier(wanted)
    results |= {"note": wanted.note} if wanted.note else {}
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        shown = pictures.write(folder / "pictures", _PICTURES)
        with servers.upstream(folder, shown) as api:
            for name, part in _parts(folder, api, shown, notes, wanted).items():
                if not wanted.only or name in wanted.only:
                    began = time.monotonic()
                    try:
                        results |= part()
                    except Failed as failure:
                        notes.missing(f"the part “{name}”", failure)
                    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
                    _write(results, about, notes, wanted.out)
    for goal in goals.judge(results):
        print(f"{'met ' if goal.met else 'NOT '} {goal.name}: {goal.goal}: {goal.measured}")


def _earlier(wanted: argparse.Namespace) -> dict[str, Any]:
    """What an earlier run has found, if this one is for some parts only."""
    found = wanted.out / "benchmarks.json"
    if not wanted.only or not found.exists():
        return {}
    earlier: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return {name: value for name, value in earlier.items() if name not in _ABOUT}


def _write(results: dict[str, Any], about: dict[str, str], notes: Notes, folder: Path) -> None:
    """Write what is known by now: a run that is broken off leaves its figures."""
    told = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": about,
        "missing": notes.reasons,
        "goals": [goal.told() for goal in goals.judge(results)],
        **results,
    }
    report.write(told, folder)
    summary.write(told, folder)
    plot.draw(told, folder)


def _parts(
    folder: Path, api: servers.Server, shown: Path, notes: Notes, wanted: argparse.Namespace
) -> dict[str, Callable[[], dict[str, Any]]]:
    rounds, seconds = wanted.rounds, wanted.seconds
    originals = pictures.originals()

    def told(rows: list[Any]) -> list[Any]:
        return [row.told() for row in rows]

    def part_cold() -> dict[str, Any]:
        rows = cold.measure(folder, api, rounds=rounds, seconds=2 * seconds, notes=notes)
        p50, p99 = cold.waits(folder, api)
        economy = cold.economy(folder, api).told()
        return {"cold": told(rows), "waits": {"p50": p50, "p99": p99}, "economy": economy}

    return {
        "formats": lambda: {"formats": told(quality.measure(originals))},
        "libraries": lambda: {
            "libraries": told(
                renditions.measure_libraries(folder, originals, turns=rounds, notes=notes)
            )
        },
        "renditions": lambda: {
            "renditions": told(
                renditions.measure_servers(
                    folder, api, shown, rounds=rounds, seconds=seconds, notes=notes
                )
            )
        },
        "cold": part_cold,
        "hits": lambda: {
            "hits": told(
                hits.measure(folder, api, shown, rounds=rounds, seconds=seconds, notes=notes)
            )
        },
        "company": lambda: {
            "company": told(company.measure(folder, api, rounds=rounds, seconds=3 * seconds))
        },
        "outbound": lambda: {"outbound": uvloop.run(outbound.ours_at((1, 32)))},
        "footprint": lambda: {"footprint": footprint.measure(folder, api).told()},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--only", type=lambda text: set(text.split(",")), default=set())
    parser.add_argument("--note", default="", help="what the reader has to know of this run")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
