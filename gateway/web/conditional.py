"""Conditional requests (RFC 9110 §13), as far as a picture knows them."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.model import Rendition, Standing

_TAG = re.compile(r'\s*(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*')


def not_modified(
    rendition: Rendition, standing: Standing, *, if_none_match: str, if_modified_since: str
) -> bool:
    """Whether the client already holds this; empty texts mean that a header was not sent.

    ``If-None-Match`` comes first and makes the other one void; it compares weakly. Only a photo
    has a date.
    """
    if if_none_match:
        if if_none_match.strip() == "*":
            return True
        tags = (_TAG.fullmatch(item) for item in if_none_match.split(","))
        return any(match is not None and match[1] == rendition.etag for match in tags)
    if if_modified_since and standing.since is not None:
        try:
            when = parsedate_to_datetime(if_modified_since)
            if when.tzinfo is None:  # asctime, the oldest form, is in UTC too
                when = when.replace(tzinfo=UTC)
            return int(standing.since) <= when.timestamp()
        except (ValueError, OverflowError):
            return False
    return False
