"""Programs that tests need and that are no Python packages."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

HOW_TO_GET = {
    "chromium": "apt-get install chromium, brew install --cask google-chrome, or playwright install chromium",
    "espeak-ng": "apt-get install espeak-ng, or brew install espeak-ng",
    "node": "apt-get install nodejs, brew install node, or make node",
    "npm": "apt-get install npm, brew install node, or make node",
    "prometheus": "apt-get install prometheus, or brew install prometheus",
    "promtool": "apt-get install prometheus, or brew install prometheus",
    "sox": "apt-get install sox, or brew install sox",
}


def require_program(name: str) -> str:
    """The path of a program. Without it the test is skipped, saying how to get it; with ``CI`` set it fails."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed: {HOW_TO_GET.get(name, 'put it on the PATH')}")
    return path


def missing(words: str) -> NoReturn:
    """Skip the test for want of something, in words that a person can act on; with ``CI`` set it fails."""
    if os.environ.get("CI"):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)
