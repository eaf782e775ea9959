"""Requests by wrk, and what they cost the server that answers."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import machine

_SCRIPT: Final = Path(__file__).with_suffix(".lua")
_UNITS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_PERCENTILE: Final = re.compile(r"^\s+(50|99)%\s+([0-9.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_TOTAL: Final = re.compile(r"(\d+) requests in ([0-9.]+)(us|ms|s|m),")
_WRONG: Final = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: `pattern` with ``{n}`` and ``{m}``, `count` of them from `first` on, again.

    Of `many` in a row ``{n}`` is the same, and ``{m}`` differs.
    """

    pattern: str
    first: int = 0
    count: int = 1
    many: int = 1
    method: str = "GET"
    validator: str = ""


@dataclass(frozen=True, slots=True)
class Shot:
    """What came back: requests a second, milliseconds, and microseconds of CPU for each."""

    rate: float
    p50: float
    p99: float
    cpu: float
    requests: int


class Failed(Exception):
    """Answers were missing or wrong: the figures would mean nothing."""


def shoot(url: str, pid: int, question: Question, *, connections: int, seconds: int) -> Shot:
    """Ask the server at `url`, process `pid`, for so many seconds; raises `Failed`."""
    command = [
        *("wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"),
        *("-s", str(_SCRIPT), url),
    ]
    settings = {
        "PATTERN": question.pattern,
        "FIRST": str(question.first),
        "COUNT": str(question.count),
        "MANY": str(question.many),
        "METHOD": question.method,
        "VALIDATOR": question.validator,
    }
    before = machine.cpu(pid)
    done = subprocess.run(
        machine.pinned([machine.ASKING], command),
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    spent = machine.cpu(pid) - before
    return _read(done.stdout, spent)


def _read(text: str, spent: float) -> Shot:
    wrong, total = _WRONG.search(text), _TOTAL.search(text)
    if wrong is not None or total is None or not int(total[1]):
        raise Failed(wrong[0] if wrong else "no answer at all")
    requests, seconds = int(total[1]), float(total[2]) * _UNITS[total[3]] / 1000
    waits = {which: float(value) * _UNITS[unit] for which, value, unit in _PERCENTILE.findall(text)}
    return Shot(requests / seconds, waits["50"], waits["99"], 1e6 * spent / requests, requests)
