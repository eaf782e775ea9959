"""``make scale``: simulate everything, write the figures, the document's tables and the plots.

python -m tests.scale [--only 'NAME;NAME'] [--most 200000] [--draw] [--docs docs]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

from tests.bench import machine
from tests.scale import memory, plot, report
from tests.scale.reading import ours
from tests.scale.scenarios import scenarios
from tests.scale.simulation import MOST

FIGURES: Final = "scaling.json"
BENCHMARKS: Final = "benchmarks.json"


def main() -> None:
    """Simulate what is wanted, and write after each pass: one that is broken off leaves its own."""
    wanted = _arguments()
    measured = json.loads((wanted.docs / BENCHMARKS).read_text(encoding="utf-8"))
    found = wanted.docs / FIGURES
    results: dict[str, Any] = {"passes": {}}
    if (wanted.only or wanted.draw) and found.exists():
        results = json.loads(found.read_text(encoding="utf-8"))
    results["benchmarks"] = ours(measured)
    if not wanted.draw:
        results |= {"date": time.strftime("%Y-%m-%d", time.gmtime()), "most": wanted.most}
        results |= {"machine": machine.description(), "memory": memory.measure()}
    everything = list(scenarios(measured["formats"]))
    for scenario in everything:
        if wanted.draw or (wanted.only and scenario.name not in wanted.only):
            continue
        began = time.monotonic()
        results["passes"][scenario.name] = scenario.pass_by(most=wanted.most)
        print(f"{scenario.name}: {time.monotonic() - began:.0f} s", flush=True)
        _save(results, found)
    _save(results, found)
    if all(scenario.name in results["passes"] for scenario in everything):
        report.write(results, wanted.docs)
        plot.draw(results, wanted.docs)


def _save(results: dict[str, Any], place: Path) -> None:
    text = json.dumps(results, indent=1, ensure_ascii=False)
    place.write_text(text + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scale")
    parser.add_argument("--only", type=lambda text: set(text.split(";")), default=set())
    parser.add_argument("--most", type=int, default=MOST, help="views a watched worker has a day")
    parser.add_argument("--draw", action="store_true", help="simulate nothing, write the documents")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
