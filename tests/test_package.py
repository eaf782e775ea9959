"""The wheel that is installed elsewhere holds all that runs, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parent.parent


def _files(folder: str, *, skip: Iterable[str] = ("__pycache__",)) -> set[str]:
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if not set(skip) & set(path.parts)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    script = f"import hatchling.build as b; b.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_code_and_the_files_it_serves(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == _files("gateway") | {f"gateway/{name}" for name in _files("static")}


def test_the_wheel_carries_every_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        licences = {
            name.partition(".dist-info/licenses/")[2]
            for name in archive.namelist()
            if ".dist-info/licenses/" in name
        }
    assert licences == {"LICENSE", "static/fonts/OFL.txt"}


def test_the_gateway_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = (
        "import gateway, pathlib, gateway.imaging.assets as i;"
        "print(pathlib.Path(gateway.__file__).parent.parent);"
        "print(i.static_path('openapi.json').read_text()[:1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [str(tmp_path), "{"]
