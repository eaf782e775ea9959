"""avatar-gateway: one image URL for a WhatsApp contact that always works."""

from __future__ import annotations

__version__ = "0.1.0"
