"""Settings: where they come from, what they take, and what is said of those that are wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from gateway.errors import InvalidSettings
from gateway.model import Fallback, OriginPattern, Shape
from gateway.settings import LogFormat, LogLevel, ResolverName, Settings, misspelt, name_of, table
from tests.processes import environment
from tests.settings.interface import DAY, DEFAULTS, GIVEN, HOUR, SECRET, plain

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Sources:
    """The three places that settings are read from, all of them empty."""

    patch: pytest.MonkeyPatch
    env_file: Path
    secrets: Path

    def load(self, **flags: object) -> Settings:
        return Settings.load(flags, env_file=str(self.env_file), secrets_dir=self.secrets)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    ours = set(os.environ) - set(environment())
    for name in ours:
        monkeypatch.delenv(name)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    return Sources(monkeypatch, tmp_path / "env", secrets)


def value(sources: Sources, name: str, text: str) -> object:
    """What becomes of `text` as the setting `name`."""
    [field] = [field for field in Settings.model_fields if name_of(field) == name]
    return getattr(sources.load(**{name: text}), field)


# ---- all of them, as the interface names them ----


def test_every_setting_has_the_default_that_the_interface_promises(sources: Sources) -> None:
    settings = sources.load()
    assert {name_of(f): plain(getattr(settings, f)) for f in Settings.model_fields} == DEFAULTS
    assert [name for name, _ in table()] == list(DEFAULTS)


def test_every_setting_is_accepted_from_the_environment(sources: Sources) -> None:
    for name, text in GIVEN.items():
        sources.patch.setenv(name, text)
    settings = sources.load()
    changed = {
        name_of(field)
        for field in Settings.model_fields
        if plain(getattr(settings, field)) != DEFAULTS[name_of(field)]
    }
    assert changed == GIVEN.keys() == DEFAULTS.keys()


def test_an_empty_variable_is_none_at_all(sources: Sources) -> None:
    for name in GIVEN:
        sources.patch.setenv(name, "")
    assert sources.load() == Settings.load({}, env_file=None)


# ---- precedence ----


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_secrets(
    sources: Sources,
) -> None:
    (sources.secrets / "GATEWAY_DEADLINE").write_text("1s")
    assert sources.load().deadline == 1.0
    sources.env_file.write_text("GATEWAY_DEADLINE=2s\n")
    assert sources.load().deadline == 2.0
    sources.patch.setenv("GATEWAY_DEADLINE", "3m")
    assert sources.load().deadline == 180.0
    assert sources.load(GATEWAY_DEADLINE="4h").deadline == 4 * HOUR


def test_a_demo_reads_neither_the_file_nor_the_secrets(
    sources: Sources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("GATEWAY_DEADLINE=2s\n")
    (sources.secrets / "GATEWAY_ERROR_TTL").write_text("5m")
    assert Settings.load(secrets_dir=sources.secrets).deadline == 2.0
    settings = Settings.load(env_file=None, secrets_dir=sources.secrets)
    assert (settings.deadline, settings.error_ttl) == (3.0, 60.0)


def test_without_a_folder_of_secrets_there_are_none(sources: Sources) -> None:
    sources.secrets.rmdir()
    assert sources.load().deadline == 3.0


def test_a_secret_from_a_file_loses_the_line_end_that_editors_add(sources: Sources) -> None:
    (sources.secrets / "WAWP_ACCESS_TOKEN").write_text(f"{SECRET}\n")
    assert sources.load().wawp_access_token.get_secret_value() == SECRET


def test_names_that_are_not_ours_are_left_alone(sources: Sources) -> None:
    sources.env_file.write_text("DATABASE_URL=x\nGATEWAY_DEADLINE=2s\n")
    (sources.secrets / "other").write_text("x")
    assert sources.load().deadline == 2.0


@pytest.mark.parametrize("place", ["env_file", "secrets"])
def test_a_source_that_cannot_be_read_is_one_line(sources: Sources, place: str) -> None:
    file = sources.env_file if place == "env_file" else sources.secrets / "GATEWAY_DEADLINE"
    file.write_bytes(b"GATEWAY_DEADLINE=\xff\xfe\n")
    with pytest.raises(InvalidSettings, match=r"^\.env or a file of /run/secrets cannot be read$"):
        sources.load()


# ---- every kind of value ----

READ: list[tuple[str, str, object]] = [
    ("GATEWAY_DEADLINE", "250ms", 0.25),
    ("GATEWAY_DEADLINE", "30s", 30.0),
    ("GATEWAY_DEADLINE", "1.5s", 1.5),
    ("GATEWAY_DEADLINE", " 5m ", 300.0),
    ("GATEWAY_PHOTO_TTL", "24h", DAY),
    ("GATEWAY_PHOTO_TTL", "7d", 7 * DAY),
    ("GATEWAY_CACHE_SIZE", "1048576B", 2**20),
    ("GATEWAY_CACHE_SIZE", "1024KiB", 2**20),
    ("GATEWAY_CACHE_SIZE", "256MiB", 2**28),
    ("GATEWAY_CACHE_SIZE", " 1GiB ", 2**30),
    ("GATEWAY_UPSTREAM_RATE", "1/s", (1, 1.0)),
    ("GATEWAY_UPSTREAM_RATE", "30/m", (30, 60.0)),
    ("GATEWAY_UPSTREAM_RATE", "36/h", (36, 3600.0)),
    ("GATEWAY_UPSTREAM_RATE", "off", None),
    *(("GATEWAY_HOT_PATH", text, True) for text in ("on", "ON", "true", "yes", "1")),
    *(("GATEWAY_HOT_PATH", text, False) for text in ("off", "Off", "false", "no", "0")),
    ("GATEWAY_RESOLVER", "waha", (ResolverName.WAHA,)),
    ("GATEWAY_RESOLVER", " wawp , evolution,", (ResolverName.WAWP, ResolverName.EVOLUTION)),
    (
        "GATEWAY_CDN_ORIGINS",
        "http://127.0.0.1:9000, https://[::1]/",
        (OriginPattern("http", "127.0.0.1", 9000), OriginPattern("https", "[::1]", 443)),
    ),
    ("GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")),
    ("WAWP_BASE_URL", " https://api.example.com/ ", "https://api.example.com"),
    ("WAWP_BASE_URL", "HTTP://wawp:8080/base/", "HTTP://wawp:8080/base"),
    ("WAWP_BASE_URL", "http://[::1]:8080", "http://[::1]:8080"),
    *(
        ("GATEWAY_STORE", text, text)
        for text in (
            "memory:", "file:", "file:///var/lib/faces", "s3://bucket", "s3://bucket/a/b",
            "gs://bucket/prefix", "az://container/prefix",
        )
    ),
    ("GATEWAY_DEFAULT_SIZE", "16", 16),
    ("GATEWAY_DEFAULT_SIZE", "1024", 1024),
    *(("GATEWAY_DEFAULT_SHAPE", str(shape), shape) for shape in Shape),
    *(("GATEWAY_DEFAULT_FALLBACK", str(fallback), fallback) for fallback in Fallback),
    *(("GATEWAY_LOG_LEVEL", str(level), level) for level in LogLevel),
    *(("GATEWAY_LOG_FORMAT", str(form), form) for form in LogFormat),
    ("WAWP_INSTANCE_ID", "AB12CD34EF56", "AB12CD34EF56"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ)
def test_a_value_is_read_as_it_is_meant(
    sources: Sources, name: str, text: str, expected: object
) -> None:
    assert value(sources, name, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "redis://127.0.0.1:6379/0", "rediss://:pass@host:6380/1",
        "unix:///run/valkey.sock", "redis://[::1]",
    ],
)  # fmt: skip
def test_a_valkey_address_is_kept_as_a_secret(sources: Sources, text: str) -> None:
    found = value(sources, "GATEWAY_VALKEY_URL", text)
    assert plain(found) == text
    assert text not in str(found) + repr(found)


def test_keys_are_a_list_in_their_order(sources: Sources) -> None:
    found = value(sources, "GATEWAY_SIGNING_KEYS", "newest, older ,oldest")
    assert plain(found) == ("newest", "older", "oldest")


def test_a_value_that_is_one_already_is_taken_as_it_is(sources: Sources) -> None:
    given: dict[str, object] = {
        "GATEWAY_DEADLINE": 2.5,
        "GATEWAY_CACHE_SIZE": 2**20,
        "GATEWAY_UPSTREAM_RATE": None,
        "GATEWAY_HOT_PATH": False,
        "GATEWAY_RESOLVER": (ResolverName.WAHA,),
        "GATEWAY_CDN_ORIGINS": (OriginPattern("http", "127.0.0.1", 9000),),
        "WAHA_BASE_URL": None,
        "GATEWAY_FALLBACK_IMAGE": None,
    }
    settings = sources.load(**given)
    found = {name_of(field): getattr(settings, field) for field in Settings.model_fields}
    assert {name: found[name] for name in given} == given


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("GATEWAY_DEADLINE", [1]),
        ("GATEWAY_CDN_ORIGINS", 7),
        ("GATEWAY_CDN_ORIGINS", ()),
        ("GATEWAY_TRUSTED_PROXIES", 7),
        ("WAWP_BASE_URL", 7),
        ("GATEWAY_STORE", 7),
    ],
)
def test_a_value_of_another_kind_is_refused_like_a_wrong_text(
    sources: Sources, name: str, wrong: object
) -> None:
    with pytest.raises(InvalidSettings, match=f"^{name} takes "):
        sources.load(**{name: wrong})


REFUSED: dict[str, list[str]] = {
    "GATEWAY_DEADLINE": [
        "0s", "0.0s", "-1s", "3", "3 s", "s", "3sec", "3S", "1h30m", "1e3s", "inf", "nan",
        "\u0663s", "1,5s", "9999999999s", "s3",
    ],
    "GATEWAY_CACHE_SIZE": [
        "0B", "1B", "1023KiB", "64", "64MB", "64M", "64 MiB", "-64MiB", "1.5GiB", "mib",
    ],
    "GATEWAY_UPSTREAM_RATE": ["0/m", "30", "30/d", "-1/s", "1.5/s", "30 / m", "on", "none", "/m"],
    "GATEWAY_HOT_PATH": ["maybe", "2", "o n", "enabled"],
    "GATEWAY_RESOLVER": ["other", "wawp,other", ",", "wawp waha", "wawp,waha,wawp"],
    "GATEWAY_CDN_ORIGINS": [
        ",", "pps.whatsapp.net", "ftp://pps.whatsapp.net", "https://*", "https://*.*.net",
        "https://user@pps.whatsapp.net", "https://pps.whatsapp.net/path", "https://host:0",
        "https://host:99999", "https://pps.whatsapp.net,nonsense", "https://a b",
    ],
    "GATEWAY_SIGNING_KEYS": [" , ", ","],
    "GATEWAY_TRUSTED_PROXIES": ["10.0.0.0/33", "10.0.0.1/8", "proxy.example", "10.0.0.0/8;::1"],
    "WAWP_BASE_URL": [
        "api.wawp.net", "ftp://api.wawp.net", "https://", "https://user:pass@host",
        "https://host?x=1", "https://host#x", "https://host:0", "https://host:port",
        "https://ho st", "https://host/a b", "https://host\nX: y",
    ],
    "GATEWAY_PUBLIC_URL": ["faces.example.com", "https://user@faces.example.com"],
    "GATEWAY_STORE": [
        "memory", "file://relative", "file:/one/slash", "s3:", "s3://", "http://host/x",
        "/var/lib/faces", "s3://buck et",
    ],
    "GATEWAY_VALKEY_URL": ["valkey://host", "redis:", "127.0.0.1:6379", "redis://a b", "http://h"],
    "GATEWAY_HTTP_PROXY": ["proxy:3128", "socks5://proxy:1080", "http://a b"],
    "GATEWAY_FALLBACK_IMAGE": ["/nowhere/at/all.png"],
    "GATEWAY_DEFAULT_SIZE": ["15", "1025", "0", "-1", "big", "12.5", "1e2"],
    "GATEWAY_DEFAULT_SHAPE": ["star", "Circle", "square,circle"],
    "GATEWAY_DEFAULT_FALLBACK": ["mp", "https://example.com/x.png", "405"],
    "GATEWAY_LOG_FORMAT": ["xml", "JSON"],
    "GATEWAY_LOG_LEVEL": ["trace", "DEBUG", "10"],
    "WAWP_INSTANCE_ID": ["with space", "a/b", "x" * 65, "\u00e4"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, text) for name, texts in REFUSED.items() for text in texts),
        *((name, "in-no-utf-8-\udcff") for name in GIVEN),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it_and_what_it_takes(
    sources: Sources, name: str, text: str
) -> None:
    sources.patch.setenv(name, text)
    with pytest.raises(InvalidSettings) as caught:
        sources.load()
    line = str(caught.value)
    takes = next(info.description for known, info in table() if known == name)
    assert line == f"{name} takes {takes}"
    assert "\n" not in line


def test_all_that_is_wrong_is_named_in_one_line(sources: Sources) -> None:
    sources.env_file.write_text("GATEWAY_LOG_LEVEL=loud\n")
    sources.patch.setenv("GATEWAY_DEADLINE", "soon")
    with pytest.raises(InvalidSettings) as caught:
        sources.load(GATEWAY_DEFAULT_SIZE="7")
    assert str(caught.value).count(" takes ") == 3
    for name in ("GATEWAY_LOG_LEVEL", "GATEWAY_DEADLINE", "GATEWAY_DEFAULT_SIZE"):
        assert f"{name} takes " in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- secrets ----

SECRETS: Final = tuple(name for name, text in GIVEN.items() if SECRET in text)


def test_no_secret_shows_in_any_form_of_the_settings(sources: Sources) -> None:
    settings = sources.load(**GIVEN)
    shown = f"{settings} {settings!r} {settings.model_dump_json()} {settings.model_dump()}"
    assert SECRET not in shown
    assert "user:pass" not in shown
    assert len(SECRETS) == 8


@pytest.mark.parametrize("name", ["GATEWAY_VALKEY_URL", "GATEWAY_HTTP_PROXY", "WAWP_BASE_URL"])
def test_a_wrong_value_is_never_repeated(sources: Sources, name: str) -> None:
    sources.patch.setenv(name, f"nonsense {SECRET}")
    with pytest.raises(InvalidSettings) as caught:
        sources.load()
    error = caught.value
    assert SECRET not in str(error) + repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


# ---- names ----


def test_a_misspelt_name_is_told_with_the_nearest_of_ours() -> None:
    given = {
        "GATEWAY_DEADLIN": "2s",
        "GATEWAY_QQQQQQQQQQQQQQQQQQ": "1",
        "GATEWAY_DEADLINE": "2s",
        "DATABASE_URL": "x",
        "WAWP_TOKEN": "x",
    }
    assert misspelt(given) == [
        ("GATEWAY_DEADLIN", "GATEWAY_DEADLINE"),
        ("GATEWAY_QQQQQQQQQQQQQQQQQQ", ""),
    ]


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("127.0.0.1", True),
        ("127.8.7.6", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("0.0.0.0", False),  # noqa: S104 - one of those that must not be trusted
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("192.0.2.7", False),
        ("fe80::1%eth0", False),
        ("faces.example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("127.1", False),
    ],
)
def test_without_keys_only_this_machine_may_ask(
    sources: Sources, host: str, *, trusted: bool
) -> None:
    assert sources.load().unguarded_on(host) is not trusted
    assert not sources.load(GATEWAY_SIGNING_KEYS="key").unguarded_on(host)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "WAWP_INSTANCE_ID and WAWP_ACCESS_TOKEN must be set; see the README"),
        ({"WAWP_INSTANCE_ID": "AB12"}, "WAWP_ACCESS_TOKEN must be set; see the README"),
        ({"WAWP_ACCESS_TOKEN": SECRET}, "WAWP_INSTANCE_ID must be set; see the README"),
        ({"GATEWAY_RESOLVER": "waha"}, "WAHA_BASE_URL must be set; see the README"),
        (
            {"GATEWAY_RESOLVER": "evolution", "EVOLUTION_API_KEY": SECRET},
            "EVOLUTION_BASE_URL and EVOLUTION_INSTANCE must be set; see the README",
        ),
        (
            {"GATEWAY_RESOLVER": "waha,wawp", "WAWP_INSTANCE_ID": "AB12"},
            "WAHA_BASE_URL and WAWP_ACCESS_TOKEN must be set; see the README",
        ),
    ],
)
def test_a_gateway_without_an_upstream_says_what_is_missing(
    sources: Sources, given: dict[str, str], line: str
) -> None:
    settings = sources.load(**given)
    with pytest.raises(InvalidSettings) as caught:
        settings.require_upstream()
    assert str(caught.value) == line


def test_a_gateway_with_an_account_may_ask(sources: Sources) -> None:
    sources.load(WAWP_INSTANCE_ID="AB12", WAWP_ACCESS_TOKEN=SECRET).require_upstream()


@pytest.mark.parametrize("named", ["waha", "evolution", "wawp,waha,evolution", "evolution , waha"])
def test_any_of_them_may_be_asked_in_any_order(sources: Sources, named: str) -> None:
    sources.load(**GIVEN | {"GATEWAY_RESOLVER": named}).require_upstream()


def test_settings_cannot_be_changed_once_they_are_read(sources: Sources) -> None:
    settings, field = sources.load(), "deadline"
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, field, 9.0)
