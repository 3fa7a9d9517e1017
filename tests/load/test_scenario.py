"""Scenarios: those that ship, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.load.errors import UsageError
from bargein.load.scenario import load_scenario, scenario_names


def test_the_scenarios_that_ship() -> None:
    assert scenario_names() == ["barge-in", "churn", "mixed", "noisy", "slow-network", "talk"]
    for name in scenario_names():
        assert sum(share for _, share, _ in load_scenario(name)) == pytest.approx(1)


def test_a_mix_of_ones_own_uses_files_beside_it_first(tmp_path: Path) -> None:
    (tmp_path / "talk.toml").write_text('about = "Mine."', encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(
        'about = "Both."\n[[mix]]\nscenario = "talk"\n[[mix]]\nscenario = "churn"\nshare = 3', encoding="utf-8"
    )
    (_, share, mine), (_, _, churn) = load_scenario(str(path))
    assert share == 0.25
    assert mine.about == "Mine."
    assert churn.call.hang_up_share > 0


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("about = ", "no TOML"),
        ("", "about: Field required"),
        ('about = "x"\n[call]\nturn = [1, 2]', "call.turn: Extra inputs"),
        ('about = "x"\n[interrupt]\nshare = 2', "interrupt.share: Input should be less than or equal to 1"),
        ('about = "x"\n[call]\npause_s = [1, inf]', "call.pause_s.1: Input should be a finite number"),
        ('about = "x"\n[call]\npatience_s = nan', "call.patience_s: Input should be"),
        ('about = "x"\n[call]\npause_s = [3, 1]', "call.pause_s: .*the first number is the least"),
        ('about = "x"\n[[mix]]\nscenario = "nothing"', "'nothing'.*one of barge-in"),
    ],
)
def test_a_wrong_scenario_names_the_field(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=hint):
        load_scenario(str(path))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="one of barge-in, churn, mixed"):
        load_scenario("bargin")


@pytest.mark.parametrize("text", [f"x = {'[' * 20_000}{']' * 20_000}", f"x = 1{'0' * 5000}", "about = ", "\x00"])
def test_what_is_no_toml_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml: no TOML: ."):
        load_scenario(str(path))


@pytest.mark.parametrize("name", ["a\\u0000", "x" * 5000, ""])
def test_a_part_of_a_mix_that_can_be_no_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'about = "x"\n[[mix]]\nscenario = "{name}"\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml: mix\.0\.scenario: "):
        load_scenario(str(path))
