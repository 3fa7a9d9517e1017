"""A test that hangs is a failure that says where, and costs no other test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.stock_clients import REPOSITORY

HANGS = """
import asyncio, threading

async def test_hangs_on_the_loop():
    await asyncio.Event().wait()

def test_hangs_in_a_lock():
    threading.Event().wait()

def test_is_well():
    pass
"""


def test_a_hang_fails_with_its_trace_and_the_others_run(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGS, encoding="utf-8")
    options = ["-c", str(REPOSITORY / "pyproject.toml"), "-p", "no:cacheprovider", "--numprocesses", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--timeout", "1", str(tmp_path / "test_hanging.py")],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "2 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("Timeout (>1.0s) from pytest-timeout") >= 2
    assert "selectors.py" in done.stdout
    assert re.search(r"^> +threading.Event\(\).wait\(\)$", done.stdout, re.MULTILINE)


def test_every_test_has_a_limit(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > 0
