"""Where portraits are kept: a directory, memory, S3, GCS or Azure, all behind obstore.

The object store that `open_objects` returns is the one protocol of all places. A file write of
obstore goes to a temporary name and is renamed, an object write is atomic by nature: a reader
sees the old portrait or the new one, never half of either.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, from_url

from gateway.errors import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obstore.store import ClientConfig, ObjectStore, RetryConfig

Objects: TypeAlias = "ObjectStore"
"""What `open_objects` returns, for those who only hand it on."""

# One more try for a passing error; ten of them, as obstore has it, would outlast every viewer.
_RETRY: Final[RetryConfig] = {
    "max_retries": 1,
    "backoff": {
        "init_backoff": timedelta(milliseconds=50),
        "max_backoff": timedelta(milliseconds=200),
        "base": 2,
    },
}
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
# What S3 and GCS, and what Azure say of a bucket that is not there.
_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound")


def default_directory() -> Path:
    """Where photos are kept when nothing else is said: the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "avatar-gateway"


def directory_of(url: str) -> Path | None:
    """The directory of a ``file:`` store, made if missing; None for every other store.

    Raises `StoreFailed`.
    """
    if not url.startswith("file:"):
        return None
    with translated():
        return _directory(url)


def check_place(url: str) -> None:
    """Raise `StoreFailed` if `url` names a directory that cannot be made or written."""
    if url.startswith("file:"):
        with translated():
            if not os.access(_directory(url), os.W_OK | os.X_OK):
                raise StoreFailed("the directory cannot be written")


def open_objects(url: str, environment: Mapping[str, str] = os.environ) -> ObjectStore:
    """Open ``memory:``, ``file:``, ``file:///path``, ``s3://…``, ``gs://…`` or ``az://…``.

    A directory is made if missing, for its owner only. obstore reads ``AWS_*``, ``GOOGLE_*`` and
    ``AZURE_*`` from the environment itself; plain http is spoken only to an S3 endpoint that
    says so in `environment`. Raises `StoreFailed` in one line.
    """
    with translated():
        if url == "memory:":
            return MemoryStore()
        if url.startswith("file:"):
            return LocalStore(_directory(url))
        plain = url.startswith("s3:") and _endpoint(environment).startswith("http://")
        # Options that are given replace those of the environment, so none are without need.
        options: ClientConfig | None = {"allow_http": True} if plain else None
        return from_url(url, client_options=options, retry_config=_RETRY)


@contextmanager
def translated() -> Iterator[None]:
    """The wall: whatever obstore, the file system or the clock raises becomes `StoreFailed`."""
    try:
        yield
    except (BaseError, OSError, ValueError, NotImplementedError) as error:
        # The class says enough; the text may hold paths, buckets and credentials.
        raise StoreFailed(f"the portrait store failed ({type(error).__name__})") from None


@contextmanager
def absent_unless_lost() -> Iterator[None]:
    """Let `FileNotFoundError` pass as one object's absence, unless the whole bucket is gone.

    obstore raises the same for both, and only the server's text tells them apart.
    """
    try:
        yield
    except FileNotFoundError as error:
        if any(code in str(error) for code in _NO_BUCKET):
            raise StoreFailed("the portrait store's bucket does not exist") from None
        raise


def _directory(url: str) -> Path:
    """The directory of a ``file:`` store, made for its owner only if missing."""
    path = Path(unquote(url.removeprefix("file://"))) if url != "file:" else default_directory()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _endpoint(environment: Mapping[str, str]) -> str:
    """The S3 endpoint that the operator named; empty for Amazon's own."""
    return next((environment[name] for name in _ENDPOINTS if environment.get(name)), "")
