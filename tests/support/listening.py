"""Tests in which the demo model must understand speech."""

from __future__ import annotations

import pytest

from bargein.demo.engines import PACKAGES, installed

needs_listening = pytest.mark.skipif(
    not installed(),
    reason=f"none of {', '.join(PACKAGES)} has a wheel for this machine: the demo understands text only",
)
"""Not skipped on Linux (x86-64), macOS and Windows with any Python that the server runs on."""
