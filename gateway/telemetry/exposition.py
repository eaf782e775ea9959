"""Numbers as Prometheus reads them; its library is loaded when somebody first asks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from gateway.telemetry.metrics import METRICS, Kind, Merge
from gateway.telemetry.tally import SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client import Metric as Family

    from gateway.telemetry.metrics import Labels, Metric, Series


def exposed(
    totals: Sequence[float], asked: Mapping[Series, float], *, accept: str
) -> tuple[bytes, str]:
    """Return all metrics as text, and its media type: the format that `accept` likes best.

    `totals` are in the order of `SLOTS`; `asked` are those that all workers share.
    """
    # A tenth of a second of start-up, for what many never ask for.
    from prometheus_client import CollectorRegistry  # noqa: PLC0415
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(_Numbers(totals, asked))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """What prometheus_client collects from."""

    totals: Sequence[float]
    asked: Mapping[Series, float]

    def collect(self) -> Iterator[Family]:
        """Give one family after the other."""
        for metric in METRICS:
            if metric.merge is not Merge.ASKED:
                yield self._family(metric)
            else:
                known = [each for each in metric.series if (metric, each) in self.asked]
                if known:
                    yield _gauge(metric, [(each, self.asked[metric, each]) for each in known])

    def _family(self, metric: Metric) -> Family:
        from prometheus_client.core import (  # noqa: PLC0415 - as above
            CounterMetricFamily,
            HistogramMetricFamily,
        )

        if metric.kind is Kind.GAUGE:
            return _gauge(
                metric, [(each, self.totals[SLOTS[metric, each]]) for each in metric.series]
            )
        if metric.kind is Kind.COUNTER:
            counter = CounterMetricFamily(metric.name, metric.means, labels=metric.labels)
            for labels in metric.series:
                counter.add_metric(labels, self.totals[SLOTS[metric, labels]])
            return counter
        histogram = HistogramMetricFamily(metric.name, metric.means, labels=metric.labels)
        for labels in metric.series:
            buckets, total = self._buckets(metric, labels)
            histogram.add_metric(labels, buckets, total)
        return histogram

    def _buckets(self, metric: Metric, labels: Labels) -> tuple[list[tuple[str, float]], float]:
        slot, beyond = SLOTS[metric, labels], len(metric.buckets)
        counts = accumulate(self.totals[slot : slot + beyond + 1])
        bounds = [*map(str, metric.buckets), "+Inf"]
        return list(zip(bounds, counts, strict=True)), self.totals[slot + beyond + 1]


def _gauge(metric: Metric, values: Sequence[tuple[Labels, float]]) -> Family:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    gauge = GaugeMetricFamily(metric.name, metric.means, labels=metric.labels)
    for labels, value in values:
        gauge.add_metric(labels, value)
    return gauge
