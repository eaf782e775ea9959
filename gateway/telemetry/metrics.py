"""Every metric: its name, what it means, its labels. Public, so that alerts can rely on them.

Label sets are closed and all series exist from the start: no contact, host or text of anybody ever
becomes a label, and a rate over what has not happened yet is zero and not nothing.
`docs/metrics.md` says the same; a test compares them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from gateway.errors import Reason
from gateway.model import Format

PREFIX: Final = "avatar_gateway_"

Labels = tuple[str, ...]
Series = tuple["Metric", Labels]
"""A metric, and the values of its labels."""


class Kind(StrEnum):
    """What Prometheus calls the type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(Enum):
    """How the numbers of several workers become one."""

    SUM = "sum"
    MAX = "max"
    ASKED = "asked"
    """All workers share it: whoever answers asks, and exposes nothing if nobody knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A family of series; `series` are the values of `labels` that occur."""

    name: str
    kind: Kind
    means: str
    labels: tuple[str, ...] = ()
    series: tuple[Labels, ...] = ((),)
    buckets: tuple[float, ...] = ()
    merge: Merge = Merge.SUM


class Look(StrEnum):
    """How the answer to a viewer was found."""

    HOT = "hot"
    HIT = "hit"
    STALE = "stale"
    MISS = "miss"
    COLLAPSED = "collapsed"


class Cause(StrEnum):
    """Why a contact was erased."""

    HIDDEN = "hidden"
    ORDER = "order"
    SUPPRESSION = "suppression"
    RETENTION = "retention"


RESOLVERS: Final = ("wawp", "waha", "evolution")
WORKS: Final = ("photo", "fallback")
PURPOSES: Final = ("viewer", "renewal", "warming", "refresh")
PARTS: Final = (
    "store", "retention", "valkey",
    "sharing runtime", "sharing budget", "sharing backoffs", "sharing leases", "sharing erasures",
)  # fmt: skip

_REFUSALS: Final = {Reason.INVALID: "400", Reason.FORBIDDEN: "403"}
_FAILURES: Final = tuple(
    str(reason)
    for reason in Reason
    if reason not in {Reason.INVALID, Reason.FORBIDDEN, Reason.FORCED, Reason.UNSUPPORTED}
)


def _answers() -> tuple[Labels, ...]:
    found: list[Labels] = [("200", "photo", ""), ("304", "photo", "")]
    for reason in Reason:
        statuses = [_REFUSALS[reason]] if reason in _REFUSALS else ["200", "304", "404"]
        if reason is Reason.INTERNAL:
            statuses.append("500")
        found += [(status, "fallback", str(reason)) for status in statuses]
    return tuple(found)


def _each(*values: tuple[str, ...]) -> tuple[Labels, ...]:
    return tuple(itertools.product(*values))


def _counter(
    name: str, means: str, labels: tuple[str, ...] = (), series: tuple[Labels, ...] = ((),)
) -> Metric:
    return Metric(f"{PREFIX}{name}_total", Kind.COUNTER, means, labels, series)


def _gauge(
    name: str,
    means: str,
    labels: tuple[str, ...] = (),
    series: tuple[Labels, ...] = ((),),
    *,
    merge: Merge = Merge.SUM,
) -> Metric:
    return Metric(f"{PREFIX}{name}", Kind.GAUGE, means, labels, series, merge=merge)


def _seconds(
    name: str,
    means: str,
    buckets: tuple[float, ...],
    labels: tuple[str, ...] = (),
    series: tuple[Labels, ...] = ((),),
) -> Metric:
    return Metric(f"{PREFIX}{name}_seconds", Kind.HISTOGRAM, means, labels, series, buckets)


_QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_CALLS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0)
_VIEWS: Final = (0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0)
_AGES: Final = (1.0, 60.0, 600.0, 3600.0, 6 * 3600.0, 86_400.0)

# ---- what viewers get ----

ANSWERS: Final = _counter(
    "answers", "Answers about avatars, by status, by what was shown and why it was no photo",
    ("status", "source", "reason"), _answers(),
)  # fmt: skip
LOOKS: Final = _counter(
    "looks", "Avatars by how they were found: hot, hit and stale from memory, miss and collapsed "
    "after waiting for a run of their own or of somebody else",
    ("result",), _each(tuple(Look)),
)  # fmt: skip
PICTURES: Final = _counter(
    "pictures", "Pictures sent by format, hot ones left out", ("format",), _each(tuple(Format))
)
ANSWER_SECONDS: Final = _seconds(
    "answer", "Time until an answer about an avatar was ready, hot ones left out", _VIEWS
)
NEWCOMERS: Final = _counter(
    "newcomers_refused", "Views of unknown contacts that strangers asked too many of: not looked up"
)
BUGS: Final = _counter("bugs", "Faults of the gateway's own; each is in the log")

# ---- what is held ready ----

CACHE_BYTES: Final = _gauge("cache_bytes", "Bytes of renditions in memory, bodies and overhead")
CACHE_ENTRIES: Final = _gauge("cache_entries", "Contacts and drawn fallbacks held in memory")
EVICTIONS: Final = _counter("cache_evictions", "Entries pushed out of memory for want of room")
EVICTION_AGE: Final = _seconds(
    "cache_eviction_age", "How long an entry that was pushed out had been held", _AGES
)

# ---- runs: questions about a contact ----

RUNS: Final = _counter("runs", "Runs begun, by whom they are for", ("purpose",), _each(PURPOSES))
JOINS: Final = _counter("run_joins", "Questions that joined a run under way in their worker")
SPARED: Final = _counter("runs_spared", "Runs that found another worker's answer and asked nobody")
OVERTIME: Final = _counter("runs_overtime", "Runs that had nothing to say within GATEWAY_DEADLINE")
RUN_WAIT: Final = _seconds("run_wait", "Time that runs waited for their turn to ask", _CALLS)
RUN_SECONDS: Final = _seconds("run", "Time until runs had something to say", _CALLS)
FAILURES: Final = _counter(
    "run_failures", "Questions that brought no photo and began a back-off, by reason",
    ("reason",), _each(_FAILURES),
)  # fmt: skip
LEFT_ALONE: Final = _counter(
    "runs_left_alone", "Runs that asked nobody, since the upstream or the budget wants it so",
    ("reason",), _each(_FAILURES),
)  # fmt: skip
CONFIRMATIONS: Final = _gauge(
    "confirmations_waiting", "Contacts whose first none waits to be settled"
)

# ---- the upstream ----

QUERIES: Final = _counter(
    "upstream_queries", "Picture queries to the API by what they came to",
    ("resolver", "outcome"), _each(RESOLVERS, ("photo", *_FAILURES)),
)  # fmt: skip
QUERY_SECONDS: Final = _seconds(
    "upstream_query", "Time that picture queries took", _CALLS, ("resolver",), _each(RESOLVERS)
)
REFUSED: Final = _counter("upstream_refused", "Queries whose credentials the API did not take")
DOWNLOADS: Final = _counter(
    "downloads", "Downloads from the CDN by what they came to",
    ("outcome",), _each(("photo", *_FAILURES)),
)  # fmt: skip
DOWNLOAD_SECONDS: Final = _seconds("download", "Time that downloads took", _CALLS)
BUDGET_LEFT: Final = _gauge(
    "budget_left", "Queries that could be put now; absent without a rate",
    ("resolver",), _each(RESOLVERS), merge=Merge.ASKED,
)  # fmt: skip
IN_FLIGHT: Final = _gauge(
    "queries_in_flight", "Queries that wait for the API, of all workers",
    ("resolver",), _each(RESOLVERS), merge=Merge.ASKED,
)  # fmt: skip
BREAKER: Final = _gauge(
    "breaker_open", "Whether the breaker keeps queries back",
    ("resolver",), _each(RESOLVERS), merge=Merge.ASKED,
)  # fmt: skip
PAUSE: Final = _gauge(
    "upstream_pause_seconds", "Seconds for which the API wants to be left alone",
    ("resolver",), _each(RESOLVERS), merge=Merge.ASKED,
)  # fmt: skip
WAITING: Final = _gauge(
    "budget_waiting", "Contacts that wait for a query, over all workers",
    ("resolver",), _each(RESOLVERS),
)  # fmt: skip

# ---- pictures ----

DECODES: Final = _counter(
    "decodes", "Pictures that were given to the quarantine by what they came to",
    ("outcome",), _each(("photo", "undecodable", "busy")),
)  # fmt: skip
DECODE_SECONDS: Final = _seconds("decode", "Time until a first picture, waiting included", _QUICK)
DECODES_WAITING: Final = _gauge("decodes_waiting", "Pictures that wait for the quarantine")
RENDER_SECONDS: Final = _seconds(
    "render", "Time that making pictures took", _QUICK, ("work",), _each(WORKS)
)
RENDER_WAIT: Final = _seconds(
    "render_wait", "Time that pictures waited to be made", _QUICK, ("work",), _each(WORKS)
)
RENDERS_REFUSED: Final = _counter(
    "renders_refused", "Pictures that were not made: the queue was full", ("work",), _each(WORKS)
)
RENDERS_WAITING: Final = _gauge(
    "renders_waiting", "Pictures that are being made or wait for it", ("work",), _each(WORKS)
)

# ---- what is kept, and forgotten ----

STORE_FAILURES: Final = _counter("store_failures", "Calls that the portrait store failed")
VALKEY_FAILURES: Final = _counter("valkey_failures", "Calls that Valkey failed")
DEGRADED: Final = _gauge(
    "degraded", "Parts that do not work now, as /readyz names them",
    ("part",), _each(PARTS), merge=Merge.MAX,
)  # fmt: skip
ERASURES: Final = _counter(
    "erasures", "Contacts whose copies were erased everywhere, by cause",
    ("cause",), _each(tuple(Cause)),
)  # fmt: skip

# ---- processes ----

WORKERS: Final = _gauge("workers", "Workers that serve")
WORKERS_STARTED: Final = _counter("workers_started", "Workers that were started")
WORKERS_LOST: Final = _counter("workers_lost", "Workers that ended without having closed")
MEMORY: Final = _gauge("memory_bytes", "Resident memory of all workers, shared pages counted twice")
UNCOUNTED: Final = _counter("uncounted", "Numbers that no series is declared for: a bug")

METRICS: Final[tuple[Metric, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
"""All of them, in the order of this file."""
