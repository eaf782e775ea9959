from __future__ import annotations

import pytest

# What the stage asserts is told as fully as what a test does.
pytest.register_assert_rewrite("tests.faults.stage")
