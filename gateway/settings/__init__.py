"""Every setting: its name, its default, what it takes.

The only room that reads the environment. Precedence: flag, environment, ``.env``,
``/run/secrets``. Settings never travel: `gateway.app` unpacks them.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from gateway.errors import InvalidSettings
from gateway.model import MAX_SIZE, MIN_SIZE, Fallback, OriginPattern, Shape
from gateway.settings.kinds import (
    VALKEY,
    BaseUrl,
    Duration,
    Keys,
    Networks,
    Origins,
    Rate,
    Size,
    StoreUrl,
    Switch,
    different,
    matching,
    readable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

SECRETS_DIR: Final = Path("/run/secrets")


class ResolverName(StrEnum):
    """Where the URL of a picture is learned."""

    WAWP = "wawp"
    WAHA = "waha"
    EVOLUTION = "evolution"


class LogFormat(StrEnum):
    """Lines for people, or JSON for machines."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _named(name: str, default: Any, takes: str, **more: Any) -> Any:  # noqa: ANN401 - what pydantic's Field takes and gives
    """Declare the setting `name`; `takes` completes the sentence "NAME takes …"."""
    return Field(default, validation_alias=AliasChoices(name), description=takes, **more)


_A_DURATION: Final = "a duration such as 3s, 5m, 24h or 7d"
_A_URL: Final = "an address such as https://api.example.com, without credentials or query"
_ON_OFF: Final = "on or off"


class Settings(BaseSettings):
    """All settings, checked; read them with `load`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    wawp_instance_id: str = _named(
        "WAWP_INSTANCE_ID", "", "the id of your Wawp instance, letters and digits",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
    )  # fmt: skip
    wawp_access_token: SecretStr = _named(
        "WAWP_ACCESS_TOKEN", SecretStr(""), "the access token of your Wawp account"
    )
    wawp_base_url: BaseUrl = _named("WAWP_BASE_URL", "https://api.wawp.net", _A_URL)
    resolver: Annotated[tuple[ResolverName, ...], NoDecode, BeforeValidator(different)] = _named(
        "GATEWAY_RESOLVER", (ResolverName.WAWP,),
        "wawp, waha, evolution, or several of them, each once",
        min_length=1,
    )  # fmt: skip
    waha_base_url: BaseUrl | None = _named("WAHA_BASE_URL", None, _A_URL)
    waha_api_key: SecretStr | None = _named("WAHA_API_KEY", None, "WAHA's API key")
    waha_session: str = _named("WAHA_SESSION", "default", "the name of a WAHA session")
    evolution_base_url: BaseUrl | None = _named("EVOLUTION_BASE_URL", None, _A_URL)
    evolution_api_key: SecretStr | None = _named("EVOLUTION_API_KEY", None, "the API key")
    evolution_instance: str = _named("EVOLUTION_INSTANCE", "", "the name of an instance")
    cdn_origins: Origins = _named(
        "GATEWAY_CDN_ORIGINS", (OriginPattern("https", "*.whatsapp.net", 443),),
        "origins such as https://*.whatsapp.net, separated by commas",
    )  # fmt: skip
    deadline: Duration = _named("GATEWAY_DEADLINE", 3.0, _A_DURATION)
    upstream_timeout: Duration = _named("GATEWAY_UPSTREAM_TIMEOUT", 15.0, _A_DURATION)
    upstream_rate: Rate = _named(
        "GATEWAY_UPSTREAM_RATE", (30, 60.0), "a rate such as 1/s, 30/m or 600/h, or off"
    )
    photo_ttl: Duration = _named("GATEWAY_PHOTO_TTL", 25 * 3600.0, _A_DURATION)
    none_ttl: Duration = _named("GATEWAY_NONE_TTL", 25 * 3600.0, _A_DURATION)
    confirm_delay: Duration = _named("GATEWAY_CONFIRM_DELAY", 60.0, _A_DURATION)
    error_ttl: Duration = _named("GATEWAY_ERROR_TTL", 60.0, _A_DURATION)
    stale_ttl: Duration = _named("GATEWAY_STALE_TTL", 48 * 3600.0, _A_DURATION)
    store_retention: Duration = _named("GATEWAY_STORE_RETENTION", 7 * 86400.0, _A_DURATION)
    cache_size: Size = _named(
        "GATEWAY_CACHE_SIZE", 64 * 2**20, "a size such as 64MiB or 1GiB", ge=2**20
    )
    store: StoreUrl = _named(
        "GATEWAY_STORE", "file:",
        "memory:, file:, file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
    )  # fmt: skip
    valkey_url: Annotated[SecretStr | None, matching(VALKEY)] = _named(
        "GATEWAY_VALKEY_URL", None, "an address such as redis://127.0.0.1:6379/0"
    )
    signing_keys: Keys = _named("GATEWAY_SIGNING_KEYS", (), "keys, separated by commas")
    admin_token: SecretStr | None = _named("GATEWAY_ADMIN_TOKEN", None, "a secret text")
    webhook_secret: SecretStr | None = _named("GATEWAY_WEBHOOK_SECRET", None, "a secret text")
    metrics_token: SecretStr | None = _named("GATEWAY_METRICS_TOKEN", None, "a secret text")
    fallback_image: Annotated[Path | None, BeforeValidator(readable)] = _named(
        "GATEWAY_FALLBACK_IMAGE", None, "the path of a picture that can be read"
    )
    default_size: int = _named(
        "GATEWAY_DEFAULT_SIZE", 128, f"a number from {MIN_SIZE} to {MAX_SIZE}",
        ge=MIN_SIZE, le=MAX_SIZE,
    )  # fmt: skip
    default_shape: Shape = _named(
        "GATEWAY_DEFAULT_SHAPE", Shape.SQUARE, "square, circle or rounded"
    )
    default_fallback: Fallback = _named(
        "GATEWAY_DEFAULT_FALLBACK", Fallback.SILHOUETTE,
        "silhouette, initials, identicon, blank or 404",
    )  # fmt: skip
    trusted_proxies: Networks = _named(
        "GATEWAY_TRUSTED_PROXIES", (), "networks such as 10.0.0.0/8, separated by commas"
    )
    hot_path: Switch = _named("GATEWAY_HOT_PATH", True, _ON_OFF)  # noqa: FBT003 - a default, named by the setting
    playground: Switch = _named("GATEWAY_PLAYGROUND", False, _ON_OFF)  # noqa: FBT003 - as above
    public_url: BaseUrl | None = _named("GATEWAY_PUBLIC_URL", None, _A_URL)
    http_proxy: Annotated[SecretStr | None, matching(re.compile(r"https?://\S+"))] = _named(
        "GATEWAY_HTTP_PROXY", None, "the address of a proxy such as http://proxy.example.com:3128"
    )
    access_log: Switch = _named("GATEWAY_ACCESS_LOG", False, _ON_OFF)  # noqa: FBT003 - as above
    log_format: LogFormat = _named("GATEWAY_LOG_FORMAT", LogFormat.TEXT, "text or json")
    log_level: LogLevel = _named(
        "GATEWAY_LOG_LEVEL", LogLevel.INFO, "debug, info, warning or error"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        """Refuse what is no text in UTF-8, as an environment may hold it."""
        if isinstance(value, str) and not value.isascii():
            value.encode()
        return value

    @classmethod
    def load(
        cls,
        overrides: Mapping[str, object] | None = None,
        *,
        env_file: str | None = ".env",
        secrets_dir: Path = SECRETS_DIR,
    ) -> Self:
        """Read and check everything; `overrides` (by setting name) win over all sources.

        `env_file` None leaves out ``.env`` and `secrets_dir`, as a demo must.

        Raises `InvalidSettings` with one line that names each wrong setting and what it takes,
        never its value.
        """
        secrets = secrets_dir if env_file and secrets_dir.is_dir() else None
        given: dict[str, Any] = dict(overrides or {})
        try:
            return cls(_env_file=env_file, _secrets_dir=secrets, **given)
        except ValidationError as error:
            names = dict.fromkeys(str(entry["loc"][0]) for entry in error.errors())
            raise InvalidSettings("; ".join(f"{n} takes {_takes(n)}" for n in names)) from None
        except (OSError, UnicodeDecodeError, SettingsError):
            raise InvalidSettings(".env or a file of /run/secrets cannot be read") from None

    def require_upstream(self) -> None:
        """Raise `InvalidSettings` unless each API that is named can be asked."""
        missing = [
            name_of(field)
            for resolver in self.resolver
            for field in _NEEDED[resolver]
            if not getattr(self, field)
        ]
        if missing:
            raise InvalidSettings(f"{' and '.join(missing)} must be set; see the README")

    def secrets(self) -> list[str]:
        """Every secret that was given, for striking it out of log lines."""
        given = (getattr(self, name) for name in type(self).model_fields)
        items = (
            each for value in given for each in (value if isinstance(value, tuple) else (value,))
        )
        return [each.get_secret_value() for each in items if isinstance(each, SecretStr)]

    def unguarded_on(self, host: str) -> bool:
        """Whether anybody out there may ask for any number, if `host` is where it is served.

        Only names and addresses of this machine alone are trusted, and no name is looked up.
        """
        return not (self.signing_keys or _is_loopback(host))


# WAHA can be run without a key, for those who reach it alone.
_NEEDED: Final = {
    ResolverName.WAWP: ("wawp_instance_id", "wawp_access_token"),
    ResolverName.WAHA: ("waha_base_url",),
    ResolverName.EVOLUTION: ("evolution_base_url", "evolution_api_key", "evolution_instance"),
}


def name_of(field: str) -> str:
    """The public name of the field, such as ``GATEWAY_DEADLINE``."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else field


def table() -> list[tuple[str, FieldInfo]]:
    """Every setting's public name with its field, in order."""
    return [(name_of(field), info) for field, info in Settings.model_fields.items()]


def revealed(secret: SecretStr | None) -> str | None:
    """The text that `secret` hides."""
    return None if secret is None else secret.get_secret_value()


def misspelt(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names in `environment` that look like ours and are none, each with the nearest of ours."""
    known = {name for name, _ in table()}
    return [
        (name, (difflib.get_close_matches(name, known, n=1) or [""])[0])
        for name in environment
        if name.startswith("GATEWAY_") and name not in known
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _takes(name: str) -> str:
    return next(
        (info.description or "" for known, info in table() if known == name), "another value"
    )
