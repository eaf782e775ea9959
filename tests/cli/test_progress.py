"""How far a command has come, also in its next life."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.progress import Progress
from tests.fakes import LEON, MAYA

if TYPE_CHECKING:
    from pathlib import Path

BOTH = (MAYA, LEON)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def files(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def lists(tmp_path: Path) -> list[Path]:
    return [path for path in files(tmp_path) if path.name != "key"]


def test_what_is_settled_is_not_asked_for_again(tmp_path: Path) -> None:
    with Progress(BOTH, purpose="a") as progress:
        assert progress.left == [MAYA, LEON]
        progress.note(MAYA, "photo")
    with Progress(BOTH, purpose="a") as again:
        assert again.left == [LEON]
        assert again.counts() == {"photo": 1}
        again.note(LEON, "none")
        assert again.left == []
    assert lists(tmp_path) == []


def test_failures_are_asked_for_again() -> None:
    with Progress(BOTH, purpose="a") as progress:
        progress.note(MAYA, "upstream")
        assert progress.counts() == {"upstream": 1}
    with Progress(BOTH, purpose="a") as again:
        assert again.left == [MAYA, LEON]


@pytest.mark.parametrize(("contacts", "purpose"), [((MAYA,), "a"), (BOTH, "b")])
def test_another_list_or_purpose_begins_anew(contacts: tuple[object, ...], purpose: str) -> None:
    with Progress(BOTH, purpose="a") as progress:
        progress.note(MAYA, "photo")
    with Progress(contacts, purpose=purpose) as other:  # type: ignore[arg-type]
        assert MAYA in other.left


def test_the_file_holds_no_contact(tmp_path: Path) -> None:
    with Progress(BOTH, purpose="a") as progress:
        progress.note(MAYA, "photo")
        (file,) = lists(tmp_path)
        assert file.read_text() == "0 photo\n"
        assert file.stat().st_mode & 0o077 == 0
        assert "1555" not in file.name


@pytest.mark.parametrize("damage", [b"\xff\xff", b"x photo\n", b"0 \n", b"99 photo\n"])
def test_a_damaged_file_is_passed_over(tmp_path: Path, damage: bytes) -> None:
    with Progress(BOTH, purpose="a") as progress:
        progress.note(MAYA, "upstream")
    (file,) = lists(tmp_path)
    file.write_bytes(damage)
    with Progress(BOTH, purpose="a") as again:
        assert again.left == [MAYA, LEON]


def test_without_a_place_to_write_it_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    with Progress(BOTH, purpose="a") as progress:
        progress.note(MAYA, "photo")
        assert progress.left == [LEON]


def test_the_name_of_the_file_tells_nothing_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set()
    for home in ("one", "other"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / home))
        with Progress((MAYA,), purpose="a") as progress:
            progress.note(MAYA, "upstream")
        key, file = sorted(files(tmp_path / home))
        assert (key.name, len(key.read_bytes()), key.stat().st_mode & 0o077) == ("key", 32, 0)
        names.add(file.name)
    assert len(names) == 2


def test_a_damaged_key_is_replaced(tmp_path: Path) -> None:
    with Progress(BOTH, purpose="a") as progress:
        progress.note(MAYA, "photo")
    (tmp_path / "avatar-gateway" / "key").write_bytes(b"half")
    with Progress(BOTH, purpose="a") as again:
        assert again.left == [MAYA, LEON]
    with Progress(BOTH, purpose="a") as progress:
        progress.note(MAYA, "photo")
    with Progress(BOTH, purpose="a") as again:
        assert again.left == [LEON]
