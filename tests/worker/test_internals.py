"""A gunicorn that has changed is noticed, whatever has changed."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from gateway.worker import WORKER, changes
from gateway.worker.internals import SIGNATURES, TEXTS
from tests import processes
from tests.processes import ROOT, settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import Running

NAMES = [*SIGNATURES, *TEXTS]

MODULE = '''
def plain(a, b=1):
    """Add."""
    # a comment
    return a + b


class Some:
    def method(self):
        return [
            1,
        ]

    other = plain
'''


def test_this_gunicorn_is_the_one_the_worker_was_made_for() -> None:
    assert changes() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_gone_is_noticed(name: str) -> None:
    def load(module: str) -> object:
        if module == name.partition(":")[0]:
            return SimpleNamespace()
        return importlib.import_module(module)

    assert name in changes(load=load)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_is_another_one_is_noticed(name: str) -> None:
    def other(anything: object) -> object:
        return anything

    first, *more = name.partition(":")[2].split(".")
    found: object = other
    for part in reversed([first, *more]):
        found = SimpleNamespace(**{part: found})
    assert name in changes(load=lambda _: found)


def test_a_module_that_is_gone_is_noticed() -> None:
    assert changes({"gunicorn.nowhere:name": "()"}, {}) == ["gunicorn.nowhere:name"]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# a comment", "# another one", True),
        ("return a + b", "return a - b", False),
        ("b=1", "b=2", False),
        ("            1,\n", "            2,\n", False),
        ("    other = plain", "    other = None", True),
    ],
)
def test_comments_may_change_and_code_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, *, same: bool
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    stem = f"made_{abs(hash((old, new)))}"
    for version, text in (("before", MODULE), ("after", MODULE.replace(old, new))):
        (tmp_path / f"{stem}_{version}.py").write_text(text)
    names = ["plain", "Some.method"]

    def prints(version: str) -> list[str]:
        """Learn the fingerprints as `changes` sees them, by having it compare two modules."""
        module = importlib.import_module(f"{stem}_{version}")
        return [fingerprint(module, name) for name in names]

    assert (prints("before") == prints("after")) is same


def fingerprint(module: object, name: str) -> str:
    from gateway.worker.internals import _fingerprint  # noqa: PLC0415 - the one private name

    for part in name.split("."):
        module = getattr(module, part)
    return _fingerprint(module)


def test_what_is_no_function_counts_as_changed() -> None:
    assert changes({"sys:path": "()"}, {"sys:path": "x", "sys:exit": "x"}) == [
        "sys:path",
        "sys:path",
        "sys:exit",
    ]


def test_looking_imports_nothing_that_might_not_be_there() -> None:
    """If gunicorn's asgi worker were gone, ours could still say so."""
    script = "import sys, gateway.worker; print(sorted(m for m in sys.modules if 'gunicorn' in m))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    module, _, name = WORKER.rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def test_another_gunicorn_serves_with_its_own_worker_and_says_so(
    upstream: Running, tmp_path: Path
) -> None:
    changed = tmp_path / "sitecustomize.py"
    changed.write_text(
        "import gunicorn.asgi.protocol as p\n"
        "close = p.ASGIProtocol._close_transport\n"
        "p.ASGIProtocol._close_transport = lambda self: close(self)\n"
    )
    settings = settings_for(upstream.url, "memory:", PYTHONPATH=f"{tmp_path}:{ROOT}")
    with processes.gateway(tmp_path, settings, workers=1) as served:
        assert served.stop() == 0
    lines = [each for each in served.log.read_text().splitlines() if "own serves" in each]
    assert len(lines) == 1
    assert "gunicorn.asgi.protocol:ASGIProtocol._close_transport" in lines[0]
