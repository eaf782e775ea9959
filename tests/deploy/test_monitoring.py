"""The document, the dashboard and the alerts name metrics that there are, and rules that fire."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.telemetry import Event
from gateway.telemetry.logs import SERVER_EVENT
from gateway.telemetry.metrics import METRICS, PREFIX, Kind
from tests.processes import ROOT
from tests.test_documents import code, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.telemetry.metrics import Metric

DOCUMENT: Final = (ROOT / "docs" / "metrics.md").read_text()
DASHBOARD: Final = json.loads((ROOT / "deploy" / "grafana.json").read_text())
ALERTS: Final = ROOT / "deploy" / "alerts.yml"
RULES: Final = [
    rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
]

_SELECTOR = re.compile(rf"({PREFIX}[a-z_]+)(?:{{([^}}]*)}})?")
_MATCHER = re.compile(r"([a-z]+)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")


def samples(metric: Metric) -> set[str]:
    """The names under which Prometheus keeps `metric`."""
    if metric.kind is not Kind.HISTOGRAM:
        return {metric.name}
    return {f"{metric.name}_{each}" for each in ("bucket", "sum", "count")}


NAMES: Final = {name: metric for metric in METRICS for name in samples(metric)}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for rule in RULES:
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


# ---- the document ----


def told(metric: Metric) -> list[str]:
    """The row of `metric` in the document."""
    values = [
        dict.fromkeys(labels[n] for labels in metric.series) for n in range(len(metric.labels))
    ]
    labels = " · ".join(
        f"`{label}`: " + ", ".join(f"`{value}`" for value in found if value)
        for label, found in zip(metric.labels, values, strict=True)
    )
    return [f"`{metric.name}`", str(metric.kind), labels, metric.means]


def test_the_document_tells_every_metric_as_it_is() -> None:
    assert rows(DOCUMENT, "Metric", "Type") == [told(metric) for metric in METRICS]


def test_the_document_tells_every_line_and_what_to_do() -> None:
    listed = [name for row in rows(DOCUMENT, "Event", "Level") for name in code(row[0])]
    assert sorted(listed) == sorted([*Event, SERVER_EVENT])
    assert all(row[2] for row in rows(DOCUMENT, "Event", "Level"))


# ---- what is built on the names ----


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_expression_names_metrics_and_labels_that_there_are(expression: str) -> None:
    found = _SELECTOR.findall(expression)
    assert found
    for name, selector in found:
        assert name in NAMES, name
        metric = NAMES[name]
        for label, operator, value in _MATCHER.findall(selector):
            if label == "job":
                continue
            known = {series[metric.labels.index(label)] for series in metric.series}
            pattern = value if operator in {"=~", "!~"} else re.escape(value)
            assert [each for each in known if re.fullmatch(pattern, each)], (label, value)
            if operator == "=~" and re.fullmatch(r"[a-z|]+", value):
                assert set(value.split("|")) <= known


def test_counters_are_seen_as_rates_and_gauges_are_not() -> None:
    for expression in expressions():
        for name, metric in NAMES.items():
            for at in re.finditer(rf"\b{name}\b(?:{{[^}}]*}})?(\[)?", expression):
                before = expression[: at.start()]
                rated = re.search(r"(?:rate|increase)\($", before) is not None
                assert rated == (metric.kind is not Kind.GAUGE), (name, expression)


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for name, _ in _SELECTOR.findall(json.dumps(DASHBOARD).replace('\\"', '"'))}
    unshown = {metric.name for metric in METRICS if not samples(metric) & shown}
    assert unshown == set()


def test_the_panels_of_the_dashboard_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells
        assert max(x for x, _ in cells) < 24
        taken |= cells
    identities = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identities)) == len(identities)
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 10
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "description"}


# ---- the rules, by Prometheus itself ----

J: Final = 'job="a", instance="1"'
FIRING: Final[dict[str, list[tuple[str, str]]]] = {
    "AvatarGatewayDown": [(f"avatar_gateway_workers{{{J}}}", "0x120")],
    "AvatarGatewayWorkersDie": [(f"avatar_gateway_workers_lost_total{{{J}}}", "0+1x120")],
    "AvatarGatewayBugs": [(f"avatar_gateway_bugs_total{{{J}}}", "0+1x120")],
    "AvatarGatewayCredentialsRefused": [
        (f"avatar_gateway_upstream_refused_total{{{J}}}", "0+1x120")
    ],
    "AvatarGatewayBreakerOpen": [(f"avatar_gateway_breaker_open{{{J}}}", "1x120")],
    "AvatarGatewayDisconnected": [
        (f'avatar_gateway_upstream_queries_total{{{J}, outcome="disconnected"}}', "0+6x120"),
        (f'avatar_gateway_upstream_queries_total{{{J}, outcome="photo"}}', "0+1x120"),
    ],
    "AvatarGatewayPaused": [(f"avatar_gateway_upstream_pause_seconds{{{J}}}", "60x120")],
    "AvatarGatewayBudgetShort": [(f"avatar_gateway_budget_waiting{{{J}}}", "2000x120")],
    "AvatarGatewayFewPhotos": [
        (f'avatar_gateway_answers_total{{{J}, reason="timeout"}}', "0+60x120"),
        (f'avatar_gateway_answers_total{{{J}, reason=""}}', "0+100x120"),
    ],
    "AvatarGatewayBusy": [
        (f'avatar_gateway_renders_refused_total{{{J}, work="photo"}}', "0+5x120"),
        (f'avatar_gateway_answers_total{{{J}, reason="busy"}}', "0+5x120"),
    ],
    "AvatarGatewayDegraded": [(f'avatar_gateway_degraded{{{J}, part="store"}}', "1x120")],
    "AvatarGatewayRetention": [(f'avatar_gateway_degraded{{{J}, part="retention"}}', "1x900")],
    "AvatarGatewayCacheSmall": [
        (f"avatar_gateway_cache_evictions_total{{{J}}}", "0+600x240"),
        (f'avatar_gateway_cache_eviction_age_seconds_bucket{{{J}, le="60.0"}}', "0+600x240"),
        (f'avatar_gateway_cache_eviction_age_seconds_bucket{{{J}, le="+Inf"}}', "0+600x240"),
    ],
}


def firing(folder: Path, *, healthy: bool) -> Path:
    """A test for Prometheus: with these series each alert fires, and with still ones none."""
    tests = []
    for alert, series in FIRING.items():
        steps = max(int(values.partition("x")[2]) for _, values in series)
        still = "1" if alert == "AvatarGatewayDown" else "0"
        tests.append(
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": f"{still}x{steps}" if healthy else values}
                    for name, values in series
                ],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) > 0',
                        "eval_time": f"{steps}m",
                        "exp_samples": [] if healthy else [{"labels": "{}", "value": 1}],
                    }
                ],
            }
        )
    path = folder / f"alerts-{healthy}.yml"
    path.write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests})
    )
    return path


def test_there_is_a_case_for_every_alert() -> None:
    assert set(FIRING) == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("healthy", [False, True])
def test_each_alert_fires_when_it_should_and_only_then(
    engine: Callable[[str], str], tmp_path: Path, *, healthy: bool
) -> None:
    program = engine("promtool")
    checked = subprocess.run(
        [program, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    done = subprocess.run(
        [program, "test", "rules", str(firing(tmp_path, healthy=healthy))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
