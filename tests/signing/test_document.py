"""The document on signing: its code runs, and makes what the gateway takes."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import ContactId
from gateway.signing import Claim, Keyring, sign
from gateway.signing.keyring import signature
from gateway.signing.tokens import Tokens
from tests.fakes import T0
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT: Final = (ROOT / "docs" / "signing.md").read_text()
KEY: Final = "test-signing-key-0001"
BASE: Final = "https://faces.example.com"

CASES: list[tuple[str, dict[str, object], str]] = [
    ("15551234567@c.us", {"size": 48, "shape": "circle", "dpr": 2, "exp": 1800000000}, KEY),
    ("15551234567@c.us", {}, KEY),
    ("15551234567", {"exp": 1_900_000_000}, KEY),
    ("+1 (555) 123-4567", {"name": "Zoë O'Neill (she/her) + co! *~-._", "ring": ""}, KEY),
    ("120363043968066561@g.us", {"name": "a=b&c;d%20 \u6f22 \U0001f600"}, "schlüssel"),
    ("me", {"s": 64, "d": "mp", "default": "x", "size": 1}, "k" * 200),
]  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def verify(url: str, key: str) -> None:
    path, _, query = url.removeprefix(BASE).partition("?")
    Keyring([key]).verify(Claim.of(path.encode(), query.encode()), now=T0)


def test_the_vector_in_the_document_holds() -> None:
    found = re.search(r"key `([^`]+)`, message\s+`([^`]+)`, signature `([^`]+)`", TEXT)
    assert found is not None
    key, message, expected = found.groups()
    assert signature(message.encode(), key.encode()).decode() == expected
    verify(f"{BASE}{message}&sig={expected}", key)


def python_signer() -> Callable[[str, str, dict[str, object], str], str]:
    [code] = [block for block in blocks("python") if "def avatar_url" in block]
    names: dict[str, Callable[[str, str, dict[str, object], str], str]] = {}
    exec(compile(code, "docs/signing.md", "exec"), names)  # noqa: S102 - our own document
    return names["avatar_url"]


@pytest.mark.parametrize(("contact", "options", "key"), CASES)
def test_the_lines_of_python_sign_as_the_package_does(
    contact: str, options: dict[str, object], key: str
) -> None:
    url = python_signer()(BASE, contact, options, key)
    verify(url, key)
    assert sign(url, key) == url


@given(st.text(), st.text(min_size=1).filter(lambda name: "/" not in name))
def test_the_lines_of_python_sign_every_name(contact: str, name: str) -> None:
    try:
        contact.encode(), name.encode()
    except UnicodeEncodeError:  # half a character is in no URL
        return
    verify(python_signer()(BASE, contact, {"name": name}, KEY), KEY)


def test_the_javascript_signs_as_the_package_does(engine: Callable[[str], str]) -> None:
    [code] = blocks("javascript")
    driver = f"""
        const cases = {json.dumps(CASES)};
        const urls = cases.map(([contact, options, key]) =>
          avatarUrl({json.dumps(BASE)}, contact, options, key));
        console.log(JSON.stringify(urls));
    """
    done = subprocess.run(
        [engine("node"), "--input-type=module"],
        input=code + driver,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    urls: list[str] = json.loads(done.stdout)
    assert urls == [python_signer()(BASE, *case) for case in CASES]
    for url, (_, _, key) in zip(urls, CASES, strict=True):
        verify(url, key)
    assert urls[0].endswith("sig=MRLpERM95khLZZmTgbYP_g")


def test_every_other_block_of_python_runs() -> None:
    seen = 0
    for block in blocks("python"):
        names: dict[str, object] = {}
        exec(compile(block, "docs/signing.md", "exec"), names)  # noqa: S102 - our own document
        if "def avatar_url" not in block:
            url = str(names["url"])
            seen += 1
            if "/~" in url:
                token = url.removeprefix(f"{BASE}/avatar/").partition(".")[0]
                assert Tokens(["key"]).unseal(token) == ContactId.parse("15551234567")
            else:
                verify(url, "key")
    assert seen == 2


def test_the_document_shows_how_a_token_begins() -> None:
    token = Tokens([KEY]).seal(ContactId.parse("15551234567"))
    found = re.search(r"/avatar/(~\w+)….png", TEXT)
    assert found is not None
    assert token.startswith(found[1])
