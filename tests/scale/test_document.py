"""docs/scaling.md tells the figures of docs/scaling.json, all of them and no others."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.processes import ROOT
from tests.scale import plot
from tests.scale.chart import Axis, short
from tests.scale.edge import LIFE, reaching
from tests.scale.report import filled
from tests.scale.scenarios import scenarios
from tests.scale.tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

DOCS: Final = ROOT / "docs"
TEXT: Final = (DOCS / "scaling.md").read_text(encoding="utf-8")
PLOTS: Final = sorted(DOCS.glob("scaling-*.svg"))
FIGURES: Final[dict[str, Any]] = json.loads((DOCS / "scaling.json").read_text(encoding="utf-8"))


def test_the_tables_are_the_figures() -> None:
    assert filled(TEXT, FIGURES) == TEXT


def test_every_table_is_shown() -> None:
    assert sorted(re.findall(r"<!-- table: (\w+) -->", TEXT)) == sorted(TABLES)


def test_the_plots_are_the_figures(tmp_path: Path) -> None:
    plot.draw(FIGURES, tmp_path)
    assert PLOTS
    for each in PLOTS:
        assert (tmp_path / each.name).read_text() == each.read_text()
        assert each.name in TEXT


def test_every_scenario_was_simulated() -> None:
    formats = FIGURES["benchmarks"]["formats"]
    assert set(FIGURES["passes"]) == {each.name for each in scenarios(formats)}


@pytest.mark.parametrize("name", FIGURES["passes"])
def test_no_day_has_more_questions_than_the_rate_and_every_view_is_accounted_for(name: str) -> None:
    found = FIGURES["passes"][name]
    for day in found["days"]:
        assert day["busiest"] <= found["rate"]
        assert day["questions"] <= found["rate"] * 24 * 60
        shares = (day["fresh"], day["stale"], day["unsure"], day["waited"], day["missing"])
        assert sum(shares) == pytest.approx(1)
        assert day["age_99"] <= 48.1


def test_a_cache_in_front_lets_less_through_the_more_often_a_picture_is_seen() -> None:
    once_a_life = int(86_400 / LIFE)
    assert reaching(once_a_life, 1, 1) == pytest.approx(0.5, abs=0.02)
    assert reaching(10**6, 100, 1) < reaching(10**5, 100, 1) < reaching(10**5, 100, 4)
    assert reaching(10**6, 100, 1) < reaching(10**6, 100, 1, nodes=10)


def test_marks_are_short() -> None:
    assert [short(each) for each in (1, 50, 10_000, 2_500_000)] == ["1", "50", "10k", "2.5M"]
    assert Axis("", (0.4, 1)).named(0.4) == "40 %"
