"""The faults that ``make mutants`` puts in: code moves on, and a fault that applies nowhere guards nothing."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from support.stock_clients import REPOSITORY

MUTANTS: list[dict[str, Any]] = tomllib.loads((REPOSITORY / "scripts" / "mutants.toml").read_text(encoding="utf-8"))[
    "mutant"
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["name"])
def test_a_fault_applies_in_one_place_and_has_tests(mutant: dict[str, Any]) -> None:
    text = (REPOSITORY / "server" / "bargein" / mutant["file"]).read_text(encoding="utf-8")
    assert text.count(mutant["before"]) == 1
    assert mutant["before"] != mutant["after"]
    assert all((REPOSITORY / test.partition("::")[0]).exists() for test in mutant["tests"])
