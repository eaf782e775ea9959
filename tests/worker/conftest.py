from __future__ import annotations

from tests.e2e.conftest import upstream

__all__ = ["upstream"]
