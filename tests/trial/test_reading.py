"""Scenario files: what is wrong is told with its line and field, before anybody is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.load.errors import UsageError
from bargein.trial import voice
from bargein.trial.places import line_of
from bargein.trial.playing import sounds_of
from bargein.trial.reading import find_scenarios, read_scenario, scenario_names

HEAD = 'about = "Somebody calls."\n'


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("steps", "place", "reason"),
    [
        ('{ say = "Hello" },\n"wait"', "4: steps 2", "a step is a table"),
        ('{ say = "Hello" },\n{ sya = "Hello" }', "4: steps 2, sya", "is no kind of step; did you mean say?"),
        ('{ say = "Hello", wait_s = 2 }', "3: steps 1", "a step does one thing: part say and wait_s"),
        ('\n{ answered_within_s = "soon" }', "4: steps 1, answered_within_s", "'soon' is not allowed"),
        ('{ interrupt = "No", aftr_s = 2 }', "3: steps 1, aftr_s", "is not known here; did you mean after_s?"),
        ('{ say = "Hi" },\n{ sound = "sneeze" }', "4: steps 2, sound", "'sneeze' is not allowed"),
        ('{ hears = [] }', "3: steps 1, hears", "is empty"),
        ('{ hears = "…" }', "3: steps 1, hears 1", "'…' is not allowed: no word is in it"),
        ('{ hears_not = ["no",\n" ?! "] }', "4: steps 1, hears_not 2", "' ?! ' is not allowed: no word is in it"),
        ('{ understood = "\U0001f44d" }', "3: steps 1, understood 1", "'\U0001f44d' is not allowed: no word is in it"),
        ('{ calls = "book" }', "3: steps 1, calls", "there is no [[tools]] with the name 'book'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_step_is_told_with_its_line_and_field(
    tmp_path: Path, steps: str, place: str, reason: str
) -> None:
    with pytest.raises(UsageError) as error:
        read_scenario(written(tmp_path, f"{HEAD}steps = [\n{steps},\n]\n"))
    assert f"mine.toml, line {place}: {reason}" in str(error.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("about = ", "mine.toml: not TOML: Invalid value (at end of document)"),
        (f"x = {'[' * 20_000}{']' * 20_000}", "mine.toml: not TOML: it is nested too deeply"),
        (f"x = 1{'0' * 5000}", "mine.toml: not TOML: a number in it is too long"),
        (HEAD + f"session.x = 1{'0' * 30}\nsteps = []", "line 2: session, x: is a larger number than can be sent"),
        (HEAD + "[session]\nx = 1e999", "line 3: session, x: inf is no number that can be sent"),
        (
            HEAD + "[[tools]]\nparameters.x = 2026-11-30",
            "line 3: tools 1, parameters, x: 2026-11-30 is a date or a time",
        ),
        (
            HEAD + f'server_calls = ["t"]\n[[steps]]\ncalls = "t"\narguments.order = 1{"0" * 30}',
            "line 5: steps 1, arguments, order: is a larger number than can be sent",
        ),
        (
            HEAD + 'server_calls = ["t"]\n[[steps]]\ncalls = "t"\narguments.day = 2026-11-30',
            "line 5: steps 1, arguments, day: 2026-11-30 is a date or a time: write it in quotes",
        ),
        ("steps = [{ wait_s = 1 }]", "line 1: about: is missing"),
        (HEAD, "line 1: steps: is missing"),
        (HEAD + "steps = []", "line 2: steps: is empty"),
        (HEAD + 'steps = "say"', "line 2: steps: 'say' is not allowed: give a list"),
        (HEAD + "[[steps]]\nwait_s = 1\n[[steps]]\nwait_s = 0", "line 5: steps 2, wait_s: 0 is not allowed"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError) as error:
        read_scenario(written(tmp_path, text))
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        ("at_most = -1", "line 5: tools 1, at_most: -1 is not allowed"),
        ('result = "x"', "line 5: tools 1, result: is not known here; did you mean results?"),
        ('[[tools]]\nname = "book"', "line 6: tools 2, name: there is another tool 'book'"),
    ],
)
def test_what_is_wrong_with_a_tool_is_told(tmp_path: Path, tool: str, reason: str) -> None:
    with pytest.raises(UsageError) as error:
        read_scenario(written(tmp_path, f'{HEAD}steps = [{{ wait_s = 1 }}]\n[[tools]]\nname = "book"\n{tool}\n'))
    assert reason in str(error.value)


def test_the_line_of_a_field_is_found_in_every_way_to_write_it() -> None:
    text = (
        'a = 1\nsteps = [\n  { say = """\none\ntwo""" },\n\n  # a comment: wait_s\n  { wait_s = 1 },\n]\n[t.u]\nx = 2\n'
    )
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("steps", 0, "say")) == 5
    assert line_of(text, ("steps", 1, "wait_s")) == 8
    assert line_of(text, ("t", "u", "x")) == 11
    assert line_of(text, ("t", "u", "y")) is None


def test_what_cannot_be_said_or_played_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = read_scenario(written(tmp_path, HEAD + 'steps = [\n  { wait_s = 1 },\n  { play = "gone.wav" },\n]\n'))
    with pytest.raises(UsageError, match=r"mine.toml, line 4: steps 2: .*gone.wav: No such file"):
        sounds_of(script)
    monkeypatch.setenv("PATH", "")
    script = read_scenario(written(tmp_path, HEAD + 'steps = [\n  { say = "Xylophone" },\n]\n'))
    with pytest.raises(UsageError, match=r"line 3: steps 1: 'Xylophone' cannot be said: install the program espeak-ng"):
        sounds_of(script)


@pytest.mark.parametrize("name", scenario_names())
def test_what_ships_can_be_said_without_any_program(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (script,) = find_scenarios([name])
    assert sounds_of(script)


def test_ten_scenarios_ship() -> None:
    assert len(find_scenarios([])) == 10


def test_a_folder_is_read_by_name_and_two_of_a_name_are_refused(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml"):
        written(tmp_path, HEAD + "steps = [{ wait_s = 1 }]", name)
    assert [script.name for script in find_scenarios([str(tmp_path)])] == ["a", "b"]
    (tmp_path / "inner").mkdir()
    other = written(tmp_path / "inner", HEAD + "steps = [{ wait_s = 1 }]", "a.toml")
    with pytest.raises(UsageError, match="another scenario has this name too"):
        find_scenarios([str(tmp_path), str(other)])


def test_limits_are_multiplied_and_nothing_else(tmp_path: Path) -> None:
    text = HEAD + 'steps = [{ interrupt = "No", after_s = 2 }, { silent_within_s = 1 }, { quiet_s = 3 }]'
    scenario = read_scenario(written(tmp_path, text)).with_patience(4).scenario
    assert [step.model_dump() for step in scenario.steps] == [
        {"interrupt": "No", "after_s": 2, "within_s": 40},
        {"silent_within_s": 4},
        {"quiet_s": 3},
    ]


def test_any_sentence_is_spoken_where_espeak_ng_is_installed() -> None:
    sound = voice.spoken("-s is no option, it is said", "en-gb")
    assert 1 < sound.end_s < 6
    with pytest.raises(UsageError, match="in the voice 'klingonese': espeak-ng: "):
        voice.spoken("Hello there", "klingonese")
