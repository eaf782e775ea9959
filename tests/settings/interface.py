"""Every setting as the interface promises it: its default, and another value that it takes."""

from __future__ import annotations

from typing import Final

from gateway.model import Fallback, OriginPattern, Shape
from gateway.settings import LogFormat, LogLevel, ResolverName

HOUR: Final = 3600.0
DAY: Final = 86_400.0
SECRET: Final = "marked-secret"

DEFAULTS: Final[dict[str, object]] = {
    "WAWP_INSTANCE_ID": "",
    "WAWP_ACCESS_TOKEN": "",
    "WAWP_BASE_URL": "https://api.wawp.net",
    "GATEWAY_RESOLVER": (ResolverName.WAWP,),
    "WAHA_BASE_URL": None,
    "WAHA_API_KEY": None,
    "WAHA_SESSION": "default",
    "EVOLUTION_BASE_URL": None,
    "EVOLUTION_API_KEY": None,
    "EVOLUTION_INSTANCE": "",
    "GATEWAY_CDN_ORIGINS": (OriginPattern("https", "*.whatsapp.net", 443),),
    "GATEWAY_DEADLINE": 3.0,
    "GATEWAY_UPSTREAM_TIMEOUT": 15.0,
    "GATEWAY_UPSTREAM_RATE": (30, 60.0),
    "GATEWAY_PHOTO_TTL": 25 * HOUR,
    "GATEWAY_NONE_TTL": 25 * HOUR,
    "GATEWAY_CONFIRM_DELAY": 60.0,
    "GATEWAY_ERROR_TTL": 60.0,
    "GATEWAY_STALE_TTL": 48 * HOUR,
    "GATEWAY_STORE_RETENTION": 7 * DAY,
    "GATEWAY_CACHE_SIZE": 64 * 2**20,
    "GATEWAY_STORE": "file:",
    "GATEWAY_VALKEY_URL": None,
    "GATEWAY_SIGNING_KEYS": (),
    "GATEWAY_ADMIN_TOKEN": None,
    "GATEWAY_WEBHOOK_SECRET": None,
    "GATEWAY_METRICS_TOKEN": None,
    "GATEWAY_FALLBACK_IMAGE": None,
    "GATEWAY_DEFAULT_SIZE": 128,
    "GATEWAY_DEFAULT_SHAPE": Shape.SQUARE,
    "GATEWAY_DEFAULT_FALLBACK": Fallback.SILHOUETTE,
    "GATEWAY_TRUSTED_PROXIES": (),
    "GATEWAY_HOT_PATH": True,
    "GATEWAY_PLAYGROUND": False,
    "GATEWAY_PUBLIC_URL": None,
    "GATEWAY_HTTP_PROXY": None,
    "GATEWAY_ACCESS_LOG": False,
    "GATEWAY_LOG_FORMAT": LogFormat.TEXT,
    "GATEWAY_LOG_LEVEL": LogLevel.INFO,
}

GIVEN: Final[dict[str, str]] = {
    "WAWP_INSTANCE_ID": "AB12CD34EF56",
    "WAWP_ACCESS_TOKEN": SECRET,
    "WAWP_BASE_URL": "http://wawp.internal:8080/base",
    "GATEWAY_RESOLVER": "wawp,waha,evolution",
    "WAHA_BASE_URL": "http://waha:3000",
    "WAHA_API_KEY": SECRET,
    "WAHA_SESSION": "office",
    "EVOLUTION_BASE_URL": "https://evolution.example",
    "EVOLUTION_API_KEY": SECRET,
    "EVOLUTION_INSTANCE": "main",
    "GATEWAY_CDN_ORIGINS": "https://*.whatsapp.net,http://127.0.0.1:9000",
    "GATEWAY_DEADLINE": "2s",
    "GATEWAY_UPSTREAM_TIMEOUT": "20s",
    "GATEWAY_UPSTREAM_RATE": "20/m",
    "GATEWAY_PHOTO_TTL": "26h",
    "GATEWAY_NONE_TTL": "27h",
    "GATEWAY_CONFIRM_DELAY": "30s",
    "GATEWAY_ERROR_TTL": "2m",
    "GATEWAY_STALE_TTL": "3d",
    "GATEWAY_STORE_RETENTION": "5d",
    "GATEWAY_CACHE_SIZE": "256MiB",
    "GATEWAY_STORE": "s3://bucket/prefix",
    "GATEWAY_VALKEY_URL": f"redis://:{SECRET}@valkey:6379/0",
    "GATEWAY_SIGNING_KEYS": f"{SECRET}-1,{SECRET}-2",
    "GATEWAY_ADMIN_TOKEN": SECRET,
    "GATEWAY_WEBHOOK_SECRET": SECRET,
    "GATEWAY_METRICS_TOKEN": SECRET,
    "GATEWAY_FALLBACK_IMAGE": __file__,
    "GATEWAY_DEFAULT_SIZE": "64",
    "GATEWAY_DEFAULT_SHAPE": "circle",
    "GATEWAY_DEFAULT_FALLBACK": "initials",
    "GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
    "GATEWAY_HOT_PATH": "off",
    "GATEWAY_PLAYGROUND": "on",
    "GATEWAY_PUBLIC_URL": "https://faces.example.com",
    "GATEWAY_HTTP_PROXY": "http://user:pass@proxy.example:3128",
    "GATEWAY_ACCESS_LOG": "on",
    "GATEWAY_LOG_FORMAT": "json",
    "GATEWAY_LOG_LEVEL": "debug",
}


def plain(found: object) -> object:
    """A secret as the text it hides, so that it can be compared."""
    if isinstance(found, tuple):
        return tuple(plain(item) for item in found)
    reveal = getattr(found, "get_secret_value", None)
    return reveal() if reveal else found
