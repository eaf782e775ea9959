"""Files that a process holds."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from gateway.flocks import hold, is_at, let_go, wait_for
from tests.processes import open_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def held(path: Path) -> int:
    lock = hold(path)
    assert lock is not None
    return lock


def test_one_holds_a_file_at_a_time(path: Path) -> None:
    lock = held(path)
    assert hold(path) is None
    let_go(lock, path)
    let_go(held(path), path)


def test_a_file_that_is_let_go_is_gone(path: Path) -> None:
    let_go(held(path), path)
    assert not path.exists()


def test_a_file_that_took_the_name_meanwhile_is_left_alone(path: Path) -> None:
    lock = held(path)
    path.unlink()
    other = held(path)
    let_go(lock, path)
    assert is_at(other, path)
    assert hold(path) is None
    let_go(other, path)


def test_a_child_that_is_executed_holds_nothing(path: Path) -> None:
    lock = held(path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        os.close(lock)
        let_go(held(path), path)
        assert child.stdin is not None
        child.stdin.write(b"\n")


def test_whoever_waits_gets_the_file_when_it_is_let_go(path: Path) -> None:
    lock = held(path)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait_for, path)
        let_go(lock, path)
        got = waiting.result(20)
    assert is_at(got, path)
    let_go(got, path)


def test_whoever_removes_the_file_leaves_no_two_holders(path: Path) -> None:
    """Threads that take and remove it as fast as they can never hold it together."""
    inside: list[int] = []
    most = 0

    def take_often(_: int) -> None:
        nonlocal most
        for _ in range(2000):
            lock = hold(path)
            if lock is not None:
                inside.append(lock)
                most = max(most, len(inside))
                inside.remove(lock)
                let_go(lock, path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take_often, range(4)))
    assert most == 1


@pytest.mark.parametrize("take", [hold, wait_for])
def test_a_link_is_not_followed(tmp_path: Path, take: object) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert callable(take)
    with pytest.raises(OSError, match="link"):
        take(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_failures_leave_no_descriptor_open(tmp_path: Path) -> None:
    files = open_files()
    lock = held(tmp_path / "a")
    for _ in range(20):
        assert hold(tmp_path / "a") is None
        with pytest.raises(FileNotFoundError):
            hold(tmp_path / "missing" / "a")
    let_go(lock, tmp_path / "a")
    assert open_files() == files
