"""What the documents promise is there: commands, targets, settings, reasons, options, files."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
import typer

from gateway.cli import commands
from gateway.errors import AvatarUnavailable, GatewayError, InvalidRequest, Reason
from gateway.model import ALIASES, NAMES, ContactId, Format
from gateway.settings import Settings, name_of, table
from gateway.web.query import Defaults, Query
from tests.processes import ROOT
from tests.settings.interface import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README: Final = (ROOT / "README.md").read_text()
SETTINGS: Final = (ROOT / "docs" / "settings.md").read_text()
OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text()
FACES: Final = (ROOT / "docs" / "faces.md").read_text()
CHANGELOG: Final = (ROOT / "CHANGELOG.md").read_text()
MAKEFILE: Final = (ROOT / "Makefile").read_text()
DOCUMENTS: Final = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def rows(document: str, *heading: str) -> list[list[str]]:
    """The rows of the table whose heading starts with these cells."""
    lines = iter(document.splitlines())
    for line in lines:
        if cells(line)[: len(heading)] == list(heading):
            break
    next(lines)  # the rule below the heading
    return [cells(line) for line in itertools.takewhile(cells, lines)]


def cells(line: str) -> list[str]:
    """The cells of a table's line; none for any other."""
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


def code(cell: str) -> list[str]:
    return _CODE.findall(cell)


# ---- commands ----

COMMANDS: Final = vars(typer.main.get_command(commands))["commands"]


def options() -> set[str]:
    """Every option of every command."""
    found = {"--help", "--version"}
    for command in COMMANDS.values():
        found.update(*(parameter.opts for parameter in command.params))
    return found


def test_the_readme_lists_every_command_and_no_other() -> None:
    listed = [code(row[0])[0].split()[1] for row in rows(README, "Command", "Does")]
    assert sorted(listed) == sorted(COMMANDS)


def test_every_command_and_option_that_is_named_exists() -> None:
    document = f"{README}\n{SETTINGS}\n{OPERATIONS}"
    named = re.findall(r"avatar-gateway ([a-z]+)", document)
    assert named
    assert set(named) <= set(COMMANDS)
    flags = re.findall(r"(?<![-\w])--[a-z][a-z-]*", document)
    assert flags
    assert set(flags) <= options()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
    ci = (ROOT / ".ci" / "run").read_text()
    for document in (README, ci):
        named = re.findall(r"(?:^\s*|`)make ([a-z]+)", document, re.MULTILINE)
        assert named
        assert set(named) <= targets
    assert {"demo", "test", "setup", "check"} <= targets


def test_the_readme_tells_every_exit_code() -> None:
    [line] = [line for line in README.splitlines() if line.startswith("Exit codes:")]
    assert re.findall(r"\b\d\b", line) == ["0", "1", "2"]


def test_the_readme_is_one_page_that_names_what_a_newcomer_types() -> None:
    assert len(README.splitlines()) <= 130
    assert {"make demo", "make test", "make bench", "make proof"} <= set(
        re.findall(r"make [a-z]+", README)
    )


# ---- settings ----


def settings_table() -> Iterator[tuple[list[str], list[str]]]:
    """Of each row: its names and its defaults."""
    for names, defaults, _ in rows(SETTINGS, "Name", "Default"):
        yield code(names), [defaults] if defaults == "required" else code(defaults)


def test_the_settings_are_all_listed_and_no_other() -> None:
    listed = [name for names, _ in settings_table() for name in names]
    assert sorted(listed) == sorted(name for name, _ in table())


def test_the_settings_are_listed_with_the_right_defaults() -> None:
    fields = {name_of(field): field for field in Settings.model_fields}
    for names, told in settings_table():
        if not told or told == ["required"]:
            for name in names:
                default = Settings.model_fields[fields[name]].default
                # What is empty in the table is empty, or a name that only its upstream knows.
                assert not plain(default) or name == "WAHA_SESSION"
            continue
        assert len(told) in {1, len(names)}
        for name, text in zip(names, told * (len(names) // len(told)), strict=True):
            read = Settings.load({name: text}, env_file=None)
            field = fields[name]
            assert getattr(read, field) == Settings.model_fields[field].default, name


# ---- answers ----


def kinds_of(error: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds_of(kind)


def test_every_reason_that_is_ever_given_is_explained() -> None:
    explained = {name for row in rows(FACES, "Reason", "Means") for name in code(row[0])}
    raised = {
        str(vars(kind)["reason"])
        for root in (AvatarUnavailable, InvalidRequest)
        for kind in kinds_of(root)
        if "reason" in vars(kind)
    }
    assert explained == raised | {Reason.INTERNAL}


def test_the_readme_explains_the_options_of_a_url_and_invents_none() -> None:
    listed = [code(row[0]) for row in rows(README, "In the URL", "Values")]
    told = {names[0]: tuple(names[1:]) for names in listed if names}
    assert set(told) <= set(NAMES)
    assert {name: aliases for name, aliases in told.items() if aliases} == ALIASES
    assert {"size", "dpr", "shape", "bg", "ring", "fallback", "force"} <= set(told)
    assert "`name=" in README


def examples() -> list[str]:
    return re.findall(r"https?://[^\s\"]+/avatar/[^\s\"]+", README)


def test_the_readme_shows_examples() -> None:
    assert len(examples()) >= 3


@pytest.mark.parametrize("url", examples())
def test_every_url_in_the_readme_is_one_that_is_answered(url: str) -> None:
    parts = urlsplit(url)
    contact, _, extension = parts.path.removeprefix("/avatar/").rpartition(".")
    assert ContactId.parse(contact).can_have_photo
    query = Query.parse(parts.query)
    assert set(query.values) == {pair.partition("=")[0] for pair in parts.query.split("&")}
    query.spec(Format(extension), Defaults())


# ---- files ----


def links_of(document: Path) -> Iterator[str]:
    """The files that `document` leads to."""
    for pair in _LINK.findall(document.read_text()):
        target = "".join(pair)
        if not urlsplit(target).scheme and not target.startswith("#"):
            yield target


def places_of(document: Path) -> Iterator[str]:
    """The headings of its own that `document` leads to."""
    yield from re.findall(r"\]\(#([^)\s]+)\)", document.read_text())


def links() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for target in links_of(document):
            yield document, target


@pytest.mark.parametrize(
    ("document", "target"),
    [pytest.param(*link, id=f"{link[0].name}-{link[1]}") for link in links()],
)
def test_every_relative_link_leads_to_a_file(document: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    assert (document.parent / path).exists()
    if anchor:
        assert anchor in anchors(document.parent / path)


def test_every_link_within_a_document_leads_to_a_heading() -> None:
    assert any(list(places_of(document)) for document in DOCUMENTS)
    for document in DOCUMENTS:
        assert set(places_of(document)) <= anchors(document)


def anchors(document: Path) -> set[str]:
    """What its headings are called in links."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_changelog_begins_with_what_is_not_yet_released() -> None:
    first, *_ = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert first == "Unreleased"
    unreleased = CHANGELOG.partition("## Unreleased")[2].partition("\n## ")[0]
    assert re.search(r"^- \S", unreleased, re.MULTILINE)
