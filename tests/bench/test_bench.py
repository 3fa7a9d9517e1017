"""Scenes through the server's own ears: what is measured of them, and that it could fail."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import soundfile
from rich.console import Console
from typer.testing import CliRunner

from bargein.bench.call import Call
from bargein.bench.configurations import NoConfigurationError, configuration
from bargein.bench.folder import FolderError, folder_scenes, read_folder
from bargein.bench.kinds import seeded_scenes
from bargein.bench.made import BACKGROUNDS, MAKERS, made
from bargein.bench.making import make_setup
from bargein.bench.outcome import Outcome
from bargein.bench.run import Configuration, run_scenes
from bargein.bench.scene import Echo, Made, Scene, Spoken, Wanted
from bargein.bench.summary import summarize
from bargein.bench.table import COLUMNS, cells, family_tables
from bargein.bench.waves import RATE_HZ, active_db, at_level, seeded
from bargein.cli import build_app
from bargein.errors import SettingsError
from support.bench_scenes import INTERRUPTION


def outcome(scene: Scene, **settings: object) -> Outcome:
    return Call(scene, make_setup(settings)).run()


def test_a_sentence_stops_the_reply_and_is_timed_from_its_first_sample() -> None:
    found = outcome(INTERRUPTION)
    assert found.right
    assert found.void is None
    assert found.onset_s == pytest.approx(2.0, abs=0.03)
    assert found.hold_ms is not None
    assert found.confirm_ms is not None
    assert 40 <= found.hold_ms <= 200
    assert found.hold_ms < found.confirm_ms <= 600
    # Its loudspeaker was quiet from the hold on, and silent when it was confirmed.
    assert found.quiet_ms == pytest.approx(found.hold_ms, abs=1)
    assert found.silence_ms == pytest.approx(found.confirm_ms, abs=1)
    paused = Call(INTERRUPTION, make_setup({"duck_db": 0})).run()
    assert paused.silence_ms == paused.quiet_ms == pytest.approx(found.hold_ms, abs=1)


def test_a_plain_client_is_silent_when_it_is_told_of_the_speech() -> None:
    found = outcome(replace(INTERRUPTION, client="plain"))
    assert found.right
    assert found.silence_ms is not None
    assert found.confirm_ms is not None
    assert found.silence_ms <= found.confirm_ms + 1


def test_a_setting_changes_what_is_decided() -> None:
    found = outcome(INTERRUPTION, confirm_after_ms=3000, hold_after_ms=2000)
    assert not found.right
    assert found.holds == 0


def test_a_reply_that_nothing_disturbs_is_heard_without_a_gap() -> None:
    found = outcome(replace(INTERRUPTION, name="test/nothing", sound=None, wanted=Wanted.SURVIVE))
    assert found.right
    assert found.silence_heard_ms == 0
    assert found.lost_samples == found.repeated_samples == 0
    assert len(found.heard) == 1
    assert found.heard[0] == pytest.approx((0.4, 7.0), abs=0.01)


def test_an_echo_of_the_agent_comes_back_into_the_microphone() -> None:
    loud = replace(INTERRUPTION, name="test/echo", sound=None, wanted=Wanted.SURVIVE, echo=Echo("walls:0.3", 0, 150))
    found = outcome(loud)
    assert any("no interruption: echo" in noted.what for noted in found.noted)


def test_a_turn_with_a_long_pause_is_cut_off_by_a_short_window() -> None:
    scene = replace(
        INTERRUPTION,
        name="test/pauses",
        wanted=Wanted.ONE_TURN,
        sound=Spoken("adam", "my number is | four four nine two", (0.9,)),
        reply=None,
        answered=True,
        seconds=9.0,
        detection=(("silence_duration_ms", 500),),
    )
    assert outcome(scene).cut_off
    patient = outcome(replace(scene, detection=(("silence_duration_ms", 1500),)))
    assert not patient.cut_off
    assert patient.right
    assert patient.answer_ms is not None
    assert patient.answer_ms >= 1500


def test_a_telephone_is_heard_too() -> None:
    assert outcome(replace(INTERRUPTION, channel="telephone")).right


def test_the_same_scene_gives_the_same_again() -> None:
    one, other = outcome(INTERRUPTION), outcome(INTERRUPTION)
    assert one == other


S = TypeVar("S", Spoken, Made)


def sounds_by_set(scenes: list[Scene], kind: type[S]) -> dict[str, set[S]]:
    return {
        which: {scene.sound for scene in scenes if scene.set == which and isinstance(scene.sound, kind)}
        for which in ("tune", "report")
    }


def test_a_third_is_for_reporting_only_and_no_voice_is_in_both_sets() -> None:
    scenes = list(seeded_scenes(1))
    assert len({scene.name for scene in scenes}) == len(scenes)
    voices = sounds_by_set([scene for scene in scenes if scene.echo is None], Spoken)
    made = sounds_by_set(scenes, Made)
    assert not {sound.voice for sound in voices["tune"]} & {sound.voice for sound in voices["report"]}
    assert not made["tune"] & made["report"]
    for which in ("tune", "report"):
        assert len(voices[which]) > 20
        assert len(made[which]) > 20
    share = sum(scene.set == "report" for scene in scenes) / len(scenes)
    assert 0.2 < share < 0.45


def test_the_summary_counts_by_class_what_was_right() -> None:
    right = outcome(INTERRUPTION)
    wrong = replace_outcome(right, confirm_ms=None)
    (family,) = summarize("x", "tune", [right, right, wrong], 1.0).families
    assert (family.scenes, family.right) == (3, 2)
    assert family.confirm.count == 2


@pytest.mark.parametrize("width", [80, 180])
def test_every_figure_is_shown_whole_on_a_terminal_of_any_width(width: int) -> None:
    summary = summarize("default", "report", [outcome(INTERRUPTION)], 1.0)
    console = Console(width=width, record=True, file=io.StringIO())
    for table in family_tables(summary, kinds=True, width=width):
        console.print(table)
    shown = console.export_text()
    (family,) = summary.families
    assert [figure for figure in cells(family)[1:] if f" {figure} " not in shown] == []
    assert [head for head in COLUMNS if f" {head} " not in shown] == []
    assert "…" not in shown


def replace_outcome(found: Outcome, **fields: float | None) -> Outcome:
    changed = replace(found)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def test_levels_are_as_they_were_asked_for() -> None:
    sound = seeded("level").standard_normal(RATE_HZ).astype(np.float32)
    assert active_db(at_level(sound, -31.0)) == pytest.approx(-31.0, abs=0.1)


@pytest.mark.parametrize("what", [*MAKERS, *BACKGROUNDS])
def test_what_is_made_is_a_sound(what: str) -> None:
    for seed in range(12 if what in MAKERS else 2):
        sound = made(Made(what, seed, 4.0 if what in BACKGROUNDS else 0.0))
        assert np.all(np.isfinite(sound))
        assert active_db(sound) == pytest.approx(-20, abs=0.5)
        assert np.abs(sound).max() <= 2.0


def folder_of(path: Path, *entries: dict[str, object]) -> Path:
    rng = np.random.default_rng(1)
    for entry in entries:
        (path / str(entry["file"])).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path / str(entry["file"]), 0.1 * rng.standard_normal(16_000), 16_000)
    (path / "index.json").write_text(json.dumps(entries))
    return path


def test_a_folder_of_recordings_makes_scenes_by_their_kinds(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        {"kind": "cough", "file": "cough/a.wav"},
        {"kind": "rain", "file": "rain.wav"},
        {"kind": "speech", "file": "speech/a.flac", "onset": 0.1, "words": "hello there"},
        {"kind": "backchannel-mine", "file": "mm.ogg"},
        {"kind": "rir", "file": "room.wav"},
    )
    scenes = list(folder_scenes(read_folder(folder), 1))
    assert {scene.family for scene in scenes} == {
        "short sound", "background", "background, idle", "interruption >=0.45s", "turn begins", "backchannel", "echo",
        "double talk",
    }  # fmt: skip
    assert {scene.words for scene in scenes if scene.name.startswith("interruption")} == {"hello there"}
    cough = next(scene for scene in scenes if scene.kind == "cough")
    assert next(run_scenes([cough], Configuration("x"))).void is None


@pytest.mark.parametrize(
    ("index", "complaint"),
    [
        ("{", "is no JSON"),
        ('{"kind": "cough"}', "a list is wanted"),
        ("[3]", "entry 0 is no object"),
        ('[{"kind": "cough"}]', 'needs "kind" and "file"'),
        ('[{"kind": "cough", "file": "gone.wav"}]', "there is no file"),
        ('[{"kind": "cough", "file": "index.json", "onset": "x"}]', "must be seconds"),
    ],
)
def test_a_folder_that_is_not_as_it_should_be_is_refused_in_words(tmp_path: Path, index: str, complaint: str) -> None:
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(FolderError, match=complaint):
        read_folder(tmp_path)


def test_a_configuration_of_ones_own() -> None:
    mine = configuration("mine:confirm_after_ms=400;BARGEIN_GATE_MARGIN_DB=6;words=true")
    assert mine == Configuration("mine", {"confirm_after_ms": "400", "gate_margin_db": "6"}, words=True)
    with pytest.raises(NoConfigurationError, match="known are"):
        configuration("nobody")
    with pytest.raises(SettingsError, match="BARGEIN_NO_SUCH is no setting"):
        make_setup({"no_such": "1"})
    with pytest.raises(SettingsError, match=r"^BARGEIN_CONFIRM_AFTER_MS: 'soon' is not allowed"):
        make_setup({"confirm_after_ms": "soon"})


@pytest.mark.parametrize(
    ("compare", "said"),
    [
        ("", "give at least one configuration"),
        (" , ", "give at least one configuration"),
        (":vad=silero", "':vad=silero' has no name"),
        ("default,default", "two are called 'default'"),
        ("a:words=maybe", "words: 'maybe' is neither true nor false"),
        ("default, 500ms,default:vad=silero", "two are called 'default'"),
    ],
)
def test_what_nobody_can_compare_is_refused(compare: str, said: str) -> None:
    result = CliRunner().invoke(build_app("bench"), ["bench", "--compare", compare, "--only", "no such scene"])
    assert isinstance(result.exception, NoConfigurationError)
    assert said in str(result.exception)


def test_the_command_compares_and_writes_a_report(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        build_app("bench"),
        [
            "bench",
            "--compare",
            "default,500ms",
            "--set",
            "tune",
            "--only",
            "backchannel/adam",
            "--report",
            str(tmp_path),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "Side by side" in result.output
    report = json.loads((tmp_path / "bench.json").read_text())
    assert [summary["configuration"] for summary in report["summaries"]] == ["default", "500ms"]
    assert report["scenes"]["default"][0]["family"] == "backchannel"
    page = (tmp_path / "bench.html").read_text()
    assert "<svg" in page
    assert "INTERRUPTED" in page


def test_running_scenes_leaves_this_processs_logs_alone() -> None:
    scene = replace(INTERRUPTION, name="test/logs", sound=None, wanted=Wanted.SURVIVE, seconds=2.0)
    assert len(list(run_scenes([scene], Configuration("default")))) == 1
    assert logging.getLogger("anything").isEnabledFor(logging.CRITICAL)
    assert logging.root.manager.disable == logging.NOTSET
