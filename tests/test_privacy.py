"""What the document for data protection officers promises is what the settings say and do."""

from __future__ import annotations

import json
import re
from typing import Final

from gateway.archive import HOT
from gateway.fleet.backoffs import KEEP
from gateway.newcomers import BURST, MOST_ADMITTED, MOST_NETWORKS, SHARE
from gateway.question import CACHE_LIFE
from gateway.renditions import DRAWN_SHARE, MAX_PER_CONTACT
from gateway.settings import Settings, table
from gateway.web.headers import MAX_AGE, VERSIONED
from tests.processes import ROOT

TEXT: Final = (ROOT / "docs" / "privacy.md").read_text()
SECURITY: Final = (ROOT / "SECURITY.md").read_text()
HOUR: Final = 3600
SETTINGS: Final = Settings.load({}, env_file=None)


def default(field: str) -> float:
    value = Settings.model_fields[field].default
    assert isinstance(value, float)
    return value


def test_the_fifty_one_hours_are_what_they_are_made_of() -> None:
    told = re.findall(r"^\| (.+?) \| \*{0,2}([0-9]+)\*{0,2} \|$", TEXT, re.MULTILINE)
    hours = [int(number) for _, number in told]
    downstream = 2 * MAX_AGE / HOUR  # fresh, and stale while there are errors
    assert hours[:3] == [CACHE_LIFE / HOUR, default("photo_ttl") / HOUR, downstream]
    assert hours[3] == sum(hours[:3]) == 51
    assert "two and a half hours" in TEXT
    assert default("photo_ttl") * 0.1 == 2.5 * HOUR
    assert f"{24 + default('stale_ttl') / HOUR + downstream:.0f} hours, and no more" in TEXT
    assert VERSIONED == 24 * HOUR


def test_the_lifetimes_are_the_defaults() -> None:
    assert (default("store_retention"), "**seven days**" in TEXT) == (7 * 24 * HOUR, True)
    assert default("stale_ttl") == 48 * HOUR
    assert (default("none_ttl"), "believed for 25 hours" in TEXT) == (25 * HOUR, True)
    assert (HOT, KEEP) == (HOUR, 24 * HOUR)
    assert f"at most {BURST} contacts" in re.sub(r"\s+", " ", TEXT)
    assert (SHARE, MOST_NETWORKS, MOST_ADMITTED) == (0.5, 10_000, 10_000)
    assert (MAX_PER_CONTACT, DRAWN_SHARE) == (16, 0.25)


def test_every_setting_event_and_route_that_is_named_exists() -> None:
    named = set(re.findall(r"\b(?:GATEWAY|WAWP)_[A-Z_]+", TEXT + SECURITY))
    assert named <= {name for name, _ in table()}
    paths = json.loads((ROOT / "static" / "openapi.json").read_text())["paths"]
    for method, path in re.findall(r"`(GET|POST|DELETE) (/[^`?]*)", TEXT):
        [known] = [each for each in paths if re.sub(r"\{\w+\}", "{contact}", each) == path]
        assert method.lower() in paths[known]
