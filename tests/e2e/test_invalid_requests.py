"""gunicorn's own collection of invalid requests, against the gateway as it is configured.

Each is sent twice: as it is, and with the Host it mostly lacks, lest it be refused for that alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import sources
from tests.e2e.wire import answers, exchange

if TYPE_CHECKING:
    from tests.processes import Running

SOUND_HERE = {
    "006": "its line is too long for a limit of 4094 bytes, not for ours",
    "010": "its field is too long for a limit of 10 bytes, not for ours",
    "011": "it has too many fields for a limit of 2",
    "012": "its field is too long for a limit of 98 bytes",
    "019": "its forwarded fields contradict each other, and nobody here reads them",
    "040": "a field with an underscore is dropped here, and not refused",
    "chunked_07": "as above: only Transfer-Encoding frames the body",
    "rfc9112_chunked_missing_final_crlf_01": "nothing is wrong with it but that it does not end",
    "limit_header_default_01": "its field is too long for gunicorn's limit when there is none",
}
"""Refused by gunicorn under settings of the probe's own, or for its end; else a sound request."""

HOSTLESS = re.compile(rb"^([^\r\n]* HTTP/1\.1\r\n)(?!Host:|.*\r\nHost:)", re.DOTALL)


@pytest.fixture(scope="session")
def probes() -> dict[str, bytes]:
    folder = sources.unpacked("gunicorn") / "tests" / "requests" / "invalid"
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {
        name.removesuffix(".http"): spelt_out(content)
        for name, content in found.items()
        if name.endswith(".http")
    }


def spelt_out(text: bytes) -> bytes:
    """Turn the escapes of a probe into the bytes they stand for; its own line ends are none."""
    escapes = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}

    def one(match: re.Match[bytes]) -> bytes:
        if match[1].startswith(b"x"):
            return bytes.fromhex(match[1][1:].decode())
        return escapes[match[1]]

    return re.sub(rb"\\(x[0-9A-Fa-f]{2}|[rnt0])", one, text.replace(b"\n", b""))


def test_no_invalid_request_reaches_the_application(
    served: Running, probes: dict[str, bytes]
) -> None:
    assert len(probes) >= 81
    wrong = []
    for name, probe in probes.items():
        for sent in {probe, HOSTLESS.sub(rb"\1Host: x\r\n", probe)}:
            received = answers(exchange(served.url, sent, half_close=True))
            refused = len(received) <= 1 and not any(each.body for each in received)
            if not refused and name not in SOUND_HERE:
                wrong.append((name, received))
            assert all(400 <= each.status < 600 for each in received), name
    assert [name for name, _ in wrong] == []


@pytest.mark.parametrize("name", SOUND_HERE)
def test_what_is_sound_here_is_answered_as_any_request(
    served: Running, probes: dict[str, bytes], name: str
) -> None:
    sent = HOSTLESS.sub(rb"\1Host: x\r\n", probes[name])
    found = [each.status for each in answers(exchange(served.url, sent, half_close=True))]
    ended = name != "rfc9112_chunked_missing_final_crlf_01"
    assert found in ([404], [431]) or (found == [] and not ended), SOUND_HERE[name]
