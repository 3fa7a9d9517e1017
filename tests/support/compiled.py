"""Tests that a compiled Bargein cannot be given."""

from __future__ import annotations

import pytest

from bargein.build import is_compiled

interpreted_only = pytest.mark.skipif(
    is_compiled(),
    reason="gives a class of ours a defect, which compiled ones do not take; `make test` runs it interpreted",
)
