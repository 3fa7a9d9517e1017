"""What the command prints of a scenario, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from bargein.cli import build_app
from bargein.load.bank import BANK


def test_a_name_is_shown_as_it_is(tmp_path: Path) -> None:
    """What stands in brackets would be a style to the terminal's library."""
    script = tmp_path / "[red] alert.toml"
    script.write_text('about = "Somebody calls."\nsteps = [{ wait_s = 1 }]\n')
    out = tmp_path / "[kept]"
    command = ["test", str(script), "--url", "ws://127.0.0.1:1/", "--out", str(out)]
    shown = CliRunner().invoke(build_app("test"), command, env={"COLUMNS": "400"})
    assert shown.exit_code == 1
    assert "FAIL  [red] alert" in shown.output
    assert f"The calls are kept in {out}/" in shown.output


def test_no_call_is_kept_over_a_recording_that_a_scenario_plays(tmp_path: Path) -> None:
    recording = tmp_path / "order.wav"
    recording.write_bytes((BANK / "diana-help.wav").read_bytes())
    before = recording.read_bytes()
    script = tmp_path / "order.toml"
    script.write_text('about = "Somebody calls."\nsteps = [{ play = "order.wav" }]\n')
    command = ["test", str(script), "--url", "ws://127.0.0.1:1/", "--out", str(tmp_path / ".")]
    shown = CliRunner().invoke(build_app("test"), command, env={"COLUMNS": "400"})
    assert shown.exit_code == 2
    assert f"--out {tmp_path}: the call of order would be kept as order.wav, which order plays" in shown.output
    assert recording.read_bytes() == before
