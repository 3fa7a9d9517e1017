"""What the wheel holds compiled."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HOOKS = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]


@pytest.mark.parametrize("pattern", HOOKS["mypyc"]["include"])
def test_everything_that_is_to_be_compiled_is_there(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


@pytest.mark.parametrize("hook", HOOKS)
def test_without_being_asked_nothing_is_compiled(hook: str) -> None:
    assert HOOKS[hook]["enable-by-default"] is False
