"""What holds for all tests: engines that are missing, and what a skip means in CI."""

from __future__ import annotations

import os
import resource
import shutil
from typing import TYPE_CHECKING

# Hypothesis loads this in the middle of a test, where pytest's parsing of it is interrupted by
# hypothesis's own callbacks, which Python 3.11 does not always survive.
import hypothesis.internal.conjecture.optimiser  # noqa: F401
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _many_sockets() -> None:
    """Allow the thousand connections that some tests open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@pytest.fixture(scope="session", autouse=True)
def _meeting_place(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Let workers that the tests start meet where nobody else does, and nothing stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        yield


@pytest.fixture(scope="session")
def engine() -> Callable[[str], str]:
    """Return the path of a program that is not ours; a test that needs a missing one is skipped."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not on this machine")
        return path

    return find


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true a skip is a failure: nothing may be called green that did not run."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {item.nodeid}: {call.excinfo}"
    return report
