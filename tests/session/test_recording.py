"""A live call is written down, and what is replayed of it is decided as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_type_hints

import pytest
from typer.testing import CliRunner

from bargein.build import is_compiled
from bargein.cli import build_app
from bargein.cli.replay import policy_kinds
from bargein.core.config import CorePolicy
from bargein.recording import read_call
from support.model import Model
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.server import running_server
from support.sounds import cough, pcm16, speech

STOP = pcm16(speech("wait, stop, I have another question"))
STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
TOOL = {"type": "function", "name": "book", "parameters": {"type": "object"}}


async def talk(caller: RealtimeClient) -> None:
    """A refused hold, an interruption, items, a format of the caller's, a refusal."""
    await caller.send({"type": "session.update", "session": {"type": "realtime", "tools": [TOOL]}})
    await caller.send({"type": "conversation.item.delete", "item_id": "nothing"})
    async with caller.microphone() as microphone:
        await caller.say_text("count")
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 600)
        await microphone.say(pcm16(cough(200, 1)))
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 1500)
        await microphone.say(STOP)
        await caller.wait_for("response.done")
        await caller.wait_for("response.done")


def replayed(path: Path, *options: str) -> list[dict[str, object]]:
    result = CliRunner().invoke(build_app("replay"), ["replay", str(path), "--json", *options])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


async def record(folder: Path, model: Model, subprotocols: tuple[str, ...] = ()) -> RealtimeClient:
    model.will(model.hang_after(STORY), model.hang_after("yes"))
    async with running_server(model.url, record_dir=folder) as server:
        url = server.realtime_url + ("?decisions=1" if subprotocols else "")
        async with connect(url, subprotocols=subprotocols) as caller:
            await talk(caller)
    assert server.recorder is not None
    assert server.recorder.flush(30)
    return caller


def recording_in(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


async def test_a_recorded_call_is_decided_again_as_it_was(model: Model, tmp_path: Path) -> None:
    caller = await record(tmp_path, model, BARGEIN_SUBPROTOCOLS)
    told = [
        {name: value for name, value in event.items() if name not in {"type", "event_id", "seq"}}
        for event in caller.events
        if event["type"] == "bargein.decision"
    ]
    path = recording_in(tmp_path)
    again = replayed(path, "--rules")
    assert {record["what"] for record in again} >= {"interruption", "hold ended", "turn ended", "refused"}
    decided = [
        {name: value for name, value in record.items() if name != "at_s"}
        for record in again
        if record["what"] != "refused"
    ]
    assert len(told) > 20
    assert decided[: len(told)] == told
    leaving = [str(record["why"]) for record in decided[len(told) :]]
    assert leaving == ["agent: idle, stop"]
    assert read_call(path).ended == "the call was over"
    assert [record["why"] for record in again if record["what"] == "refused"] == [
        error["error"]["message"] for error in caller.errors
    ]


async def test_another_policy_would_have_decided_otherwise(model: Model, tmp_path: Path) -> None:
    await record(tmp_path, model)
    path = recording_in(tmp_path)
    assert "interruption" in {record["what"] for record in replayed(path)}
    deaf = ("--policy", "gate_margin_speaking_db=90")
    assert "interruption" not in {record["what"] for record in replayed(path, *deaf)}


@pytest.mark.parametrize("policy", ["duck_db=18.5", "duck_db=none", "text_model=small", "confirm_judged_ms=none"])
async def test_a_policy_is_of_the_kind_that_the_server_has(model: Model, tmp_path: Path, policy: str) -> None:
    await record(tmp_path, model)
    assert replayed(recording_in(tmp_path), "--policy", policy)


@pytest.mark.skipif(is_compiled(), reason="a compiled class has lost its annotations: `make test` runs it interpreted")
def test_what_a_policy_may_be_is_known_as_it_is_written() -> None:
    assert policy_kinds() == get_type_hints(CorePolicy)


async def test_a_call_is_not_written_down_unless_asked(model: Model) -> None:
    async with running_server(model.url) as server, connect(server.realtime_url) as caller:
        await caller.wait_for("session.created")
    assert server.recorder is None


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(build_app("replay"), ["replay", *arguments])
    return result.exit_code, result.stdout, result.stderr


async def test_decisions_are_printed_for_a_person(model: Model, tmp_path: Path) -> None:
    await record(tmp_path, model)
    code, printed, _ = run(str(recording_in(tmp_path)))
    assert code == 0
    first, *lines, last = printed.splitlines()
    assert first.startswith("sess_")
    assert first.endswith("the call was over")
    assert any("interruption" in line and "confirmed" in line and "onset_ms=" in line for line in lines)
    assert "events; " in last
    assert "interruption 1" in last


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: No such file"),
        ([__file__], "is no recording of a call"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(arguments: list[str], said: str) -> None:
    code, _, complaint = run(*arguments)
    assert code == 2
    assert said in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("confirm_after_ms", "give NAME=VALUE, with one of"),
        ("nothing=1", "give NAME=VALUE, with one of"),
        ("confirm_after_ms=soon", "--policy confirm_after_ms: 'soon' is not allowed"),
        ("weighs=1", "--policy weighs: '1' is neither true nor false"),
        ("transcripts=later", "--policy transcripts: 'later' is not allowed: give paced or early"),
        ("short_utterance=", "--policy short_utterance: '' is not allowed: give interrupt, ignore or judge"),
        ("confirm_after_ms=400.5", "--policy confirm_after_ms: '400.5' is not allowed: give a whole number"),
        ("duck_db=loud", "--policy duck_db: 'loud' is not allowed: give a number from 0 to 1000000000, or none"),
        ("history_transcription=x", "--policy history_transcription: cannot be given here"),
    ],
)
async def test_a_policy_that_is_none_is_refused_in_a_line(model: Model, tmp_path: Path, policy: str, said: str) -> None:
    await record(tmp_path, model)
    code, _, complaint = run(str(recording_in(tmp_path)), "--policy", policy)
    assert code == 2
    assert said in complaint
    assert complaint.count("\n") == 1
