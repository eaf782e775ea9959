"""How the text of a setting becomes a value: durations, sizes, rates, switches, lists.

Every reader takes what pydantic hands it, returns values that are none of its business as they
are, and raises `ValueError` for text it cannot read. The error's text never reaches anyone.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from gateway.model import OriginPattern

# As many digits as any setting needs: more would end as infinity.
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"([0-9]+)(B|KiB|MiB|GiB)")
_BYTES: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_RATE = re.compile(r"([1-9][0-9]{0,5})/(s|m|h)")
# `urlsplit` forgives white space within a host and drops line ends; a request would not.
_BASE_URL = re.compile(r"https?://[^\s\0-\x20\x7f\\/?#@]+(/[^\s\0-\x20\x7f\\?#]*)?", re.IGNORECASE)
STORE = re.compile(r"memory:|file:(///.+)?|(s3|gs|az)://[^/\s]+(/\S*)?")
VALKEY = re.compile(r"(rediss?|unix)://\S+")


def _duration(value: object) -> object:
    """Read ``30s``, ``5m``, ``24h``, ``7d`` as a positive number of seconds."""
    return seconds_of(value) if isinstance(value, str) else value


def seconds_of(text: str) -> float:
    """Read a duration as a positive number of seconds; raises `ValueError`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(text)
    return float(match[1]) * _SECONDS[match[2]]


def _size(value: object) -> object:
    """Read ``256MiB`` as bytes."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError(value)
    return int(match[1]) * _BYTES[match[2]]


def _switch(value: object) -> object:
    """Read ``on`` and ``off``, and what people write instead of them."""
    if not isinstance(value, str):
        return value
    found = {"on": True, "true": True, "yes": True, "1": True}.get(value.lower())
    if found is None and value.lower() not in {"off", "false", "no", "0"}:
        raise ValueError(value)
    return bool(found)


def _rate(value: object) -> object:
    """Read ``30/m`` as so many queries in so many seconds; ``off`` as None."""
    if not isinstance(value, str):
        return value
    return None if value == "off" else rate_of(value)


def rate_of(text: str) -> tuple[int, float]:
    """Read ``30/m`` as so many in so many seconds; `ValueError` for anything else."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return int(match[1]), float(_SECONDS[match[2]])


def items_of(value: object) -> object:
    """Split a comma-separated list; empty items are dropped."""
    if not isinstance(value, str):
        return value
    return tuple(item.strip() for item in value.split(",") if item.strip())


def keys(value: object) -> object:
    """Split a list of keys; one that holds none guards nothing, whoever wrote it."""
    items = items_of(value)
    if items == () and isinstance(value, str) and value.strip():
        raise ValueError(value)
    return items


def different(value: object) -> object:
    """Split a list in which nothing may stand twice."""
    items = items_of(value)
    if isinstance(items, tuple) and len(set(items)) < len(items):
        raise ValueError(value)
    return items


def origins(value: object) -> object:
    """Read a list of origins; at least one."""
    items = items_of(value)
    if not isinstance(items, tuple) or not items:
        raise ValueError(value)
    return tuple(i if isinstance(i, OriginPattern) else OriginPattern.parse(i) for i in items)


def networks(value: object) -> object:
    """Read a list of networks such as ``10.0.0.0/8``."""
    items = items_of(value)
    if isinstance(items, tuple):
        for item in items:
            ipaddress.ip_network(item)
    return items


def _base_url(value: object) -> object:
    """An http(s) address without credentials, query or fragment; the final slash goes."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    parts = urlsplit(text)
    # A port that is no number raises ValueError.
    if _BASE_URL.fullmatch(text) is None or not parts.hostname or parts.port == 0:
        raise ValueError(value)
    return text.rstrip("/")


def matching(pattern: re.Pattern[str]) -> BeforeValidator:
    """Accept text that matches `pattern` as a whole."""

    def check(value: object) -> object:
        if isinstance(value, str) and pattern.fullmatch(value.strip()) is None:
            raise ValueError(value)
        return value.strip() if isinstance(value, str) else value

    return BeforeValidator(check)


def readable(value: object) -> object:
    """Accept the path of a file that can be read."""
    if isinstance(value, str) and not os.access(value, os.R_OK):
        raise ValueError(value)
    return value


Duration = Annotated[float, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Switch = Annotated[bool, BeforeValidator(_switch)]
BaseUrl = Annotated[str, BeforeValidator(_base_url)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(keys)]
Items = Annotated[tuple[str, ...], NoDecode, BeforeValidator(items_of)]
Origins = Annotated[tuple[OriginPattern, ...], NoDecode, BeforeValidator(origins)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(networks)]
Rate = Annotated[tuple[int, float] | None, BeforeValidator(_rate)]
StoreUrl = Annotated[str, matching(STORE)]
