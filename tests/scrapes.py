"""What `/metrics` says, read as Prometheus reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """All samples of one scrape."""

    def __init__(self, text: str) -> None:
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    @property
    def names(self) -> set[str]:
        """The names of all samples."""
        return {name for name, _ in self._samples}

    def value(self, name: str, **labels: str) -> float:
        """The one sample with exactly these labels."""
        return self._samples[name, frozenset(labels.items())]

    def total(self, name: str) -> float:
        """The sum of all samples of this name."""
        return sum(value for (each, _), value in self._samples.items() if each == name)

    def counters(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All that may only grow."""
        growing = ("_total", "_count", "_sum", "_bucket")
        return {key: value for key, value in self._samples.items() if key[0].endswith(growing)}
