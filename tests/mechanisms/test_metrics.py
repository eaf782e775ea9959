"""What is counted: names that stay, closed label sets, and numbers that survive workers."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families

from gateway.budget import Priority
from gateway.errors import Reason
from gateway.imaging.studio import Studio
from gateway.model import Avatar, Format, Path, Rendition, Standing
from gateway.telemetry import Board, Tally, Telemetry
from gateway.telemetry import metrics as m
from gateway.telemetry.exposition import exposed
from gateway.telemetry.metrics import METRICS, PURPOSES, WORKS, Kind, Merge
from tests.fakes import T0
from tests.scrapes import Scrape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.telemetry.metrics import Metric, Series

NAMES = """
answers_total looks_total pictures_total answer_seconds newcomers_refused_total bugs_total
cache_bytes cache_entries cache_evictions_total cache_eviction_age_seconds
runs_total run_joins_total runs_spared_total runs_overtime_total run_wait_seconds run_seconds
run_failures_total runs_left_alone_total confirmations_waiting
upstream_queries_total upstream_query_seconds upstream_refused_total
downloads_total download_seconds
budget_left queries_in_flight breaker_open upstream_pause_seconds budget_waiting
decodes_total decode_seconds decodes_waiting
render_seconds render_wait_seconds renders_refused_total renders_waiting
store_failures_total valkey_failures_total degraded erasures_total
workers workers_started_total workers_lost_total memory_bytes uncounted_total
"""

LABELS = {
    "status", "source", "reason", "result", "format", "purpose", "resolver", "outcome", "work",
    "part", "cause",
}  # fmt: skip


def scraped(tally: Tally, asked: Mapping[Series, float] | None = None) -> Scrape:
    text, media_type = exposed(tally.totals(), asked or {}, accept="")
    assert media_type.startswith("text/plain")
    return Scrape(text.decode())


def test_the_names_of_metrics_are_public_and_stay() -> None:
    assert [metric.name for metric in METRICS] == [f"avatar_gateway_{n}" for n in NAMES.split()]
    assert {label for metric in METRICS for label in metric.labels} == LABELS


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_and_described_as_prometheus_wants_it(metric: Metric) -> None:
    assert re.fullmatch(r"avatar_gateway(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.means
    assert not metric.means.endswith(".")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert len(set(metric.series)) == len(metric.series) <= 64
    assert all(len(series) == len(metric.labels) for series in metric.series)


def test_all_series_exist_from_the_start_and_are_zero() -> None:
    seen = scraped(Tally())
    for metric in METRICS:
        for labels in metric.series:
            named = dict(zip(metric.labels, labels, strict=True))
            if metric.merge is Merge.ASKED:
                assert metric.name not in seen.names
            elif metric.kind is Kind.HISTOGRAM:
                assert seen.value(f"{metric.name}_count", **named) == 0
                assert seen.value(f"{metric.name}_sum", **named) == 0
            else:
                assert seen.value(metric.name, **named) == 0


def test_every_value_that_occurs_has_a_series() -> None:
    telemetry = Telemetry(pseudonym=str)
    for reason in Reason:
        telemetry.answered(200 if reason is not Reason.INVALID else 400, reason)
        telemetry.left_alone(reason)
    telemetry.answered(304, None)
    for path in Path:
        for fmt in Format:
            avatar = Avatar(Rendition(b"", fmt, ""), Standing(T0, T0), path)
            telemetry.looked(avatar, now=T0)
    assert {p.name.lower() for p in Priority} < set(PURPOSES)
    assert set(Studio(lines=1, queue=1).waiting) == set(WORKS)
    seen = scraped(telemetry.tally)
    # Some reasons are refusals, and what is forced or unsupported is never asked about.
    assert seen.value(m.UNCOUNTED.name) == 5
    assert seen.total(m.LOOKS.name) == len(Path) * len(Format)


def test_what_no_series_is_declared_for_is_counted_as_that() -> None:
    telemetry = Telemetry(pseudonym=str)
    telemetry.answered(418, None)
    telemetry.run_begun("fun")
    assert scraped(telemetry.tally).value(m.UNCOUNTED.name) == 2


def test_a_hit_past_its_time_is_stale() -> None:
    telemetry = Telemetry(pseudonym=str)
    avatar = Avatar(None, Standing(T0, T0 + 60), Path.HIT)
    telemetry.looked(avatar, now=T0 - 1)
    telemetry.looked(avatar, now=T0)
    telemetry.hot(7)
    seen = scraped(telemetry.tally)
    found = {each: seen.value(m.LOOKS.name, result=each) for each in m.Look}
    assert found == {"hit": 1, "stale": 1, "hot": 7, "miss": 0, "collapsed": 0}
    assert seen.total(m.PICTURES.name) == 0


def test_many_answers_are_counted_at_once() -> None:
    telemetry = Telemetry(pseudonym=str)
    telemetry.answered(200, None, times=1000)
    telemetry.answered(304, None, times=0)
    seen = scraped(telemetry.tally)
    assert seen.value(m.ANSWERS.name, status="200", source="photo", reason="") == 1000
    assert seen.total(m.ANSWERS.name) == 1000
    assert dict(telemetry.answers) == {(200, "photo"): 1000}


def test_a_run_is_overtime_when_no_viewer_could_wait_for_it() -> None:
    telemetry = Telemetry(pseudonym=str, deadline=3.0)
    for seconds in (0.1, 3.0, 3.5):
        telemetry.run_told(seconds)
    seen = scraped(telemetry.tally)
    assert seen.value(m.OVERTIME.name) == 1
    assert seen.value(f"{m.RUN_SECONDS.name}_count") == 3
    assert seen.value(f"{m.RUN_SECONDS.name}_sum") == pytest.approx(6.6)
    assert seen.value(f"{m.RUN_SECONDS.name}_bucket", le="3.0") == 2


def test_a_part_is_degraded_until_it_works() -> None:
    telemetry = Telemetry(pseudonym=str)
    telemetry.store_failed("it hangs")
    telemetry.sharing("leases", "it hangs")
    seen = scraped(telemetry.tally)
    assert seen.value(m.DEGRADED.name, part="store") == 1
    assert seen.value(m.DEGRADED.name, part="sharing leases") == 1
    telemetry.store_works()
    telemetry.sharing("leases", None)
    assert scraped(telemetry.tally).total(m.DEGRADED.name) == 0


def test_what_all_share_is_told_by_who_asked() -> None:
    seen = scraped(Tally(), {(m.BUDGET_LEFT, ("wawp",)): 29.0, (m.BREAKER, ("waha",)): 1.0})
    assert seen.value(m.BUDGET_LEFT.name, resolver="wawp") == 29
    assert seen.value(m.BREAKER.name, resolver="waha") == 1
    assert seen.total(m.BUDGET_LEFT.name) == 29
    assert m.PAUSE.name not in seen.names


def test_openmetrics_is_spoken_to_who_wants_it() -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    text, media_type = exposed(Tally().totals(), {}, accept=accept)
    assert media_type.startswith("application/openmetrics-text")
    found = parse_openmetrics(text.decode())  # type: ignore[no-untyped-call] # the library's
    assert "avatar_gateway_answers" in {family.name for family in found}


def test_plain_text_can_be_read_by_prometheus() -> None:
    text, _ = exposed(Tally().totals(), {}, accept="*/*")
    kinds = {family.name: family.type for family in text_string_to_metric_families(text.decode())}
    assert kinds["avatar_gateway_answers"] == "counter"
    assert kinds["avatar_gateway_run_seconds"] == "histogram"


# ---- the board ----


def test_the_numbers_of_all_workers_add_up() -> None:
    board = Board(3)
    first, second = Tally(board, board.take() or 0), Tally(board, board.take() or 0)
    first.add(m.BUGS)
    second.add(m.BUGS, by=2)
    first.set(m.CACHE_BYTES, to=10)
    second.set(m.CACHE_BYTES, to=5)
    first.set(m.DEGRADED, "store", to=1)
    second.set(m.DEGRADED, "store", to=1)
    for tally in (first, second):
        seen = scraped(tally)
        assert seen.value(m.BUGS.name) == 3
        assert seen.value(m.CACHE_BYTES.name) == 15
        assert seen.value(m.DEGRADED.name, part="store") == 1


def test_the_counts_of_the_dead_stay_and_their_gauges_go() -> None:
    board = Board(2)
    row = board.take()
    assert row is not None
    worker = Telemetry(pseudonym=str, tally=Tally(board, row))
    worker.serving(yes=True)
    worker.bug(ValueError())
    worker.took(0.1)
    worker.measure([(m.CACHE_BYTES, (), 7.0)])
    assert board.give_back(row)
    own = Tally(board)
    seen = scraped(own)
    assert seen.value(m.BUGS.name) == 1
    assert seen.value(f"{m.ANSWER_SECONDS.name}_count") == 1
    assert (seen.value(m.CACHE_BYTES.name), seen.value(m.WORKERS.name)) == (0, 0)
    assert board.take() == row
    successor = Tally(board, row)
    successor.add(m.BUGS)
    assert scraped(own).value(m.BUGS.name) == 2


def test_a_worker_that_has_closed_is_not_lost() -> None:
    board = Board(2)
    row = board.take()
    assert row is not None
    worker = Telemetry(pseudonym=str, tally=Tally(board, row))
    worker.serving(yes=True)
    worker.serving(yes=False)
    assert not board.give_back(row)


def test_there_are_rows_for_so_many_workers_and_no_more() -> None:
    board = Board(3)
    taken = [board.take() for _ in range(3)]
    assert taken == [1, 2, None]
    board.give_back(2)
    assert board.take() == 2


def test_a_process_that_was_forked_earlier_sees_who_came_later() -> None:
    board = Board(3)
    board.take()
    read, write = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover - another process
        os.read(read, 1)
        seen = scraped(Tally(board, 1)).value(m.BUGS.name)
        os._exit(int(seen))
    Tally(board, board.take() or 0).add(m.BUGS, by=5)
    os.write(write, b"x")
    _, status = os.waitpid(child, 0)
    os.close(read)
    os.close(write)
    assert os.waitstatus_to_exitcode(status) == 5
