"""What happens in the gateway, as numbers: one method for each thing that is worth counting."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from gateway.model import Path
from gateway.telemetry import metrics as m
from gateway.telemetry.exposition import exposed
from gateway.telemetry.metrics import Look
from gateway.telemetry.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.errors import Reason
    from gateway.model import Avatar
    from gateway.telemetry.metrics import Cause, Metric, Series

_LOOKS: Final = {Path.HIT: Look.HIT, Path.MISS: Look.MISS, Path.COLLAPSED: Look.COLLAPSED}
_TEXTS: Final = {status: str(status) for status in (200, 304, 400, 403, 404, 500)}


class Counts:
    """Counts into `tally`; runs that take longer than `deadline` seconds are overtime."""

    def __init__(self, tally: Tally | None = None, *, deadline: float = math.inf) -> None:
        self.tally = Tally() if tally is None else tally
        self._deadline = deadline
        self.answers: Counter[tuple[int, str]] = Counter()

    # ---- viewers ----

    def answered(self, status: int, reason: Reason | None, *, times: int = 1) -> None:
        """Count answers by status and reason (``photo`` where there is one)."""
        if not times:
            return
        self.answers[status, reason or "photo"] += times
        source, why = ("photo", "") if reason is None else ("fallback", reason)
        self.tally.add(m.ANSWERS, _TEXTS.get(status, ""), source, why, by=times)

    def looked(self, avatar: Avatar, *, now: float) -> None:
        """Count how an avatar was found, and its format; `now` is in Unix seconds."""
        look = _LOOKS[avatar.path]
        if look is Look.HIT and avatar.standing.fresh_until <= now:
            look = Look.STALE
        self.tally.add(m.LOOKS, look)
        if avatar.rendition is not None:
            self.tally.add(m.PICTURES, avatar.rendition.format)

    def hot(self, times: int) -> None:
        """Count answers that were given before there was a request."""
        self.tally.add(m.LOOKS, Look.HOT, by=times)

    def took(self, seconds: float) -> None:
        """Note how long an answer took."""
        self.tally.observe(m.ANSWER_SECONDS, seconds)

    # ---- runs ----

    def run_begun(self, purpose: str) -> None:
        """Count a run by whom it is for: one of `metrics.PURPOSES`."""
        self.tally.add(m.RUNS, purpose)

    def run_joined(self) -> None:
        """Count a question that another one will answer."""
        self.tally.add(m.JOINS)

    def run_spared(self) -> None:
        """Count a run that found the answer when its turn came."""
        self.tally.add(m.SPARED)

    def run_waited(self, seconds: float) -> None:
        """Note how long a run waited for its turn."""
        self.tally.observe(m.RUN_WAIT, seconds)

    def run_told(self, seconds: float) -> None:
        """Note how long a run took until it had something to say."""
        self.tally.observe(m.RUN_SECONDS, seconds)
        if seconds > self._deadline:
            self.tally.add(m.OVERTIME)

    def left_alone(self, reason: Reason) -> None:
        """Count a run that was not to ask."""
        self.tally.add(m.LEFT_ALONE, reason)

    # ---- the upstream, pictures, copies ----

    def queried(self, resolver: str, outcome: str, seconds: float) -> None:
        """Note a query: ``photo``, or the reason why there is none."""
        self.tally.add(m.QUERIES, resolver, outcome)
        self.tally.observe(m.QUERY_SECONDS, seconds, resolver)

    def downloaded(self, outcome: str, seconds: float) -> None:
        """Note a download, in the same words."""
        self.tally.add(m.DOWNLOADS, outcome)
        self.tally.observe(m.DOWNLOAD_SECONDS, seconds)

    def decoded(self, outcome: str, seconds: float) -> None:
        """Note what became of a picture in the quarantine."""
        self.tally.add(m.DECODES, outcome)
        self.tally.observe(m.DECODE_SECONDS, seconds)

    def rendered(self, work: str, *, waited: float, took: float) -> None:
        """Note a picture that was made; `work` is one of `metrics.WORKS`."""
        self.tally.observe(m.RENDER_WAIT, waited, work)
        self.tally.observe(m.RENDER_SECONDS, took, work)

    def render_refused(self, work: str) -> None:
        """Count a picture that was not made."""
        self.tally.add(m.RENDERS_REFUSED, work)

    def pushed_out(self, age: float) -> None:
        """Note that an entry held for `age` seconds had to make room."""
        self.tally.add(m.EVICTIONS)
        self.tally.observe(m.EVICTION_AGE, age)

    def erased(self, cause: Cause) -> None:
        """Count a contact whose copies were erased."""
        self.tally.add(m.ERASURES, cause)

    # ---- this process, and all of them ----

    def serving(self, *, yes: bool) -> None:
        """Say that this worker serves, or that it has closed."""
        if yes:
            self.tally.add(m.WORKERS_STARTED)
        self.tally.set(m.WORKERS, to=float(yes))

    def measure(self, values: Iterable[tuple[Metric, tuple[str, ...], float]]) -> None:
        """Say how things stand in this worker now."""
        for metric, labels, value in values:
            self.tally.set(metric, *labels, to=value)

    def exposed(self, asked: Mapping[Series, float], *, accept: str) -> tuple[bytes, str]:
        """Return the numbers of all workers as text, and its media type."""
        return exposed(self.tally.totals(), asked, accept=accept)
