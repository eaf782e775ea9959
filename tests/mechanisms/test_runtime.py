"""Where the workers of one machine meet."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SharingFailed
from gateway.runtime import open_runtime

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of this user's runtime files."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_a_store_holds_it_below_run(tmp_path: Path) -> None:
    path = open_runtime(tmp_path, namespace="a")
    assert path.parent == tmp_path / "run"
    assert (mode(path), mode(path.parent)) == (0o700, 0o700)
    assert list(path.iterdir()) == []


def test_every_worker_of_one_instance_gets_the_same_and_no_other(tmp_path: Path) -> None:
    assert open_runtime(tmp_path, namespace="a") == open_runtime(tmp_path, namespace="a")
    assert open_runtime(tmp_path, namespace="a") != open_runtime(tmp_path, namespace="b")


def test_its_name_tells_nothing(base: Path) -> None:
    path = open_runtime(None, namespace="wawp|https://api.wawp.net|SECRET")
    assert path.parent == base
    assert "SECRET" not in str(path)
    assert mode(path) == 0o700


@pytest.mark.parametrize("runtime", ["", "relative/place"])
def test_without_a_runtime_directory_it_lies_with_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert open_runtime(None, namespace="a").parent == tmp_path


def test_one_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    path = open_runtime(tmp_path, namespace="a")
    path.chmod(0o777)
    open_runtime(tmp_path, namespace="a")
    assert mode(path) == 0o700


def refused(store: Path | None) -> str:
    with pytest.raises(SharingFailed) as caught:
        open_runtime(store, namespace="a")
    return str(caught.value)


@pytest.mark.parametrize("planted", ["link", "dangling link", "file"])
def test_what_somebody_planted_is_refused(base: Path, planted: str) -> None:
    path = open_runtime(None, namespace="a")
    path.rmdir()
    if planted == "file":
        path.touch()
    else:
        path.symlink_to(base if planted == "link" else base / "missing")
    assert str(base) not in refused(None)


def test_a_link_in_the_place_of_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "run").symlink_to(tmp_path / "elsewhere")
    refused(tmp_path / "store")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_one_that_belongs_to_somebody_else_is_refused(base: Path) -> None:
    path = open_runtime(None, namespace="a")
    os.chown(path, 12345, 12345)
    assert "another user" in refused(None)
    assert path.parent == base


def test_a_store_that_is_missing_or_no_directory_is_refused(tmp_path: Path) -> None:
    assert "FileNotFoundError" in refused(tmp_path / "missing")
    (tmp_path / "file").touch()
    assert "NotADirectoryError" in refused(tmp_path / "file")


def test_what_earlier_boots_left_is_removed_after_a_month(tmp_path: Path) -> None:
    path = open_runtime(tmp_path, namespace="a")
    old, young = path.parent / ("0" * 16), path.parent / ("1" * 16)
    for folder, days in ((old, 31), (young, 29), (path, 31)):
        folder.mkdir(exist_ok=True)
        (folder / "budget.db").touch()
        then = time.time() - days * 86_400
        os.utime(folder, (then, then))
    assert open_runtime(tmp_path, namespace="a") == path
    assert not old.exists()
    assert young.exists()
    assert (path / "budget.db").exists()
    assert time.time() - path.stat().st_mtime < 3600
