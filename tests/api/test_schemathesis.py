"""The document of the API against running gateways: what it says happens, and nothing else does."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.processes import ROOT, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.processes import Running

HERE: Final = ROOT / "tests" / "api"
TOKEN: Final = "an-admin-token-for-schemathesis"
SECRETS: Final = {
    "GATEWAY_ADMIN_TOKEN": TOKEN,
    "GATEWAY_WEBHOOK_SECRET": "a-webhook-secret-for-schemathesis",
}
KEY: Final = "a-signing-key-for-schemathesis"
SEED: Final = 7
EXAMPLES: Final = 8


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with processes.sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


def checked(url: str, folder: Path, *arguments: str) -> str:
    """Run every check on every operation; all that was said."""
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file",
            str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json", "--checks", "all",
            "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--no-shrink",
            "--continue-on-failure", "--no-color", *arguments,
        ],
        cwd=folder,
        env=processes.environment({"SCHEMATHESIS_HOOKS": "tests.api.hooks"}),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    return done.stdout


# schemathesis leaves out the document's own route.
# Where no secret is set there are no orders and no hooks, and nothing allows them.
LOOKING: Final = [
    "--exclude-tag", "one", "--exclude-tag", "many", "--exclude-tag", "hooks",
    "--exclude-checks", "allow_header_conformance",
]  # fmt: skip
ORDERING: Final = ["-H", f"Authorization: Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("more", "arguments", "operations"),
    [
        pytest.param({}, LOOKING, 13, id="for whoever looks"),
        pytest.param(SECRETS, ORDERING, 20, id="for the operator"),
        pytest.param(SECRETS | {"GATEWAY_SIGNING_KEYS": KEY}, [], 20, id="with keys"),
    ],
)
def test_the_gateway_does_what_its_document_says(
    upstream: Running, tmp_path: Path, more: dict[str, str], arguments: list[str], operations: int
) -> None:
    settings = settings_for(
        upstream.url, "memory:", GATEWAY_DEADLINE="2s", GATEWAY_PLAYGROUND="on", **more
    )
    with processes.gateway(tmp_path, settings, workers=1) as served:
        said = checked(served.url, tmp_path, *arguments)
        tested = re.search(r"Tested:\s+(\d+)", said)
        assert tested is not None, said
        assert int(tested[1]) == operations
        assert TOKEN not in served.log.read_text()
