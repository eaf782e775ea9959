"""``fetch``: one avatar into a file, on the same way as a request."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.app import check
from gateway.assembly import open_gateway
from gateway.errors import InvalidOption, InvalidSettings
from gateway.model import AvatarSpec, ContactId, Fallback, Format
from gateway.telemetry import configure_logging
from gateway.web import Defaults, Query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import Avatar
    from gateway.settings import Settings

STDOUT = Path("-")


def run(settings: Settings, contact: str, output: Path, options: Mapping[str, str]) -> int:
    """Write the avatar of `contact`; 0 for a photo, 1 for a fallback.

    Raises `InvalidContact`, `InvalidOption` or `InvalidSettings`, before anything is asked.
    """
    check(settings)
    who = ContactId.parse(contact)
    spec = Query(options).spec(_format(output), _defaults(settings))
    configure_logging(level="error", as_json=False)
    os.umask(0o077)  # portraits are for this user alone
    avatar = asyncio.run(_get(settings, who, spec))
    reason = avatar.standing.reason
    if avatar.rendition is not None:
        _write(output, avatar.rendition.body)
    said = "photo" if reason is None else f"no photo: {reason}"
    where = "" if avatar.rendition is None or output == STDOUT else f", written to {output}"
    print(f"{said}, {spec.canvas.pixels} px{where}", file=sys.stderr)
    return 0 if reason is None else 1


async def _get(settings: Settings, contact: ContactId, spec: AvatarSpec) -> Avatar:
    async with open_gateway(settings) as gateway:
        return await gateway.avatars.get(contact, spec)


def _format(output: Path) -> Format:
    """The format that the file's extension names; PNG for stdout."""
    extension = output.suffix.lower().removeprefix(".").replace("jpeg", "jpg")
    if output == STDOUT:
        return Format.PNG
    if extension not in set(Format):
        raise InvalidOption("--output takes a file that ends in .png, .jpg, .webp or .avif, or -")
    return Format(extension)


def _defaults(settings: Settings) -> Defaults:
    fallback = settings.default_fallback
    return Defaults(
        size=settings.default_size,
        shape=settings.default_shape,
        fallback=Fallback.SILHOUETTE if fallback is Fallback.NOT_FOUND else fallback,
    )


def _write(output: Path, body: bytes) -> None:
    try:
        if output == STDOUT:
            # A writer of its own, so that a full disk shows here and not when Python ends.
            with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stdout:
                stdout.write(body)
        else:
            output.write_bytes(body)
    except OSError as error:
        raise InvalidSettings(f"--output cannot be written: {error.strerror}") from None
