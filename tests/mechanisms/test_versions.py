"""Libraries with known holes are refused before anything starts."""

from __future__ import annotations

import pytest

from gateway import versions
from gateway.errors import InvalidSettings

RIGHT = {"pillow": "13.0.0", "starlette": "1.10.0", "gunicorn": "27.0.1"}


def test_what_is_installed_here_is_new_enough() -> None:
    versions.require()


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("pillow", "14.1"),
        ("pillow", "13.0rc1"),
        ("starlette", "2.0.0"),
        ("gunicorn", "100.0"),
    ],
)
def test_newer_is_fine(name: str, version: str) -> None:
    versions.require((RIGHT | {name: version}).__getitem__)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("pillow", "12.9.9"),
        ("pillow", "9.5"),
        ("starlette", "1.9.12"),
        ("starlette", "0.50.0"),
        ("gunicorn", "26.2"),
        ("gunicorn", "unknown"),
        ("gunicorn", ""),
    ],
)
def test_older_is_refused_in_one_line_that_names_it(name: str, version: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"^{name} {version} is installed; .+ needed$"):
        versions.require((RIGHT | {name: version}).__getitem__)
