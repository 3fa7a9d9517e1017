"""``bargein test`` against agents on real sockets: a right one passes, a broken one fails for what is broken."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import wave
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support.realtime_agent import Fault, serving

TALKED_OVER = """
about = "Somebody talks over a story."
steps = [
    { say = "Tell me a long story, please" },
    { answered_within_s = 3 },
    { interrupt = "Hold on, who are you?", after_s = 0.5 },
    { silent_within_s = 1 },
]
"""
ASKED = """
about = "Somebody asks, and waits."
steps = [
    { say = "Tell me about yourself" },
    { answered_within_s = 3 },
    { listen = true },
    { quiet_s = 1 },
]
"""
TOOL = """
about = "Somebody asks for the time."
steps = [
    { say = "What time is it?" },
    { calls = "get_time" },
    { hears = "half past two" },
    { listen = true },
]
[[tools]]
name = "get_time"
results = ["half past two"]
at_most = 1
"""
COUGH = """
about = "Somebody coughs."
steps = [
    { say = "Tell me a long story, please" },
    { sound = "cough", after_s = 0.5 },
    { goes_on_s = 1 },
]
"""
SCENARIOS = {"talked-over": TALKED_OVER, "asked": ASKED, "tool": TOOL, "cough": COUGH}


async def run_scenarios(folder: Path, url: str, *names: str) -> tuple[int | None, str, dict[str, str]]:
    """Run the command; its exit code, its words on one line, and the reason of each scenario that failed."""
    for name in names:
        (folder / f"{name}.toml").write_text(SCENARIOS[name], encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein", "test", *(f"{name}.toml" for name in names), "--url", url,
        "--at-once", "4", "--patience", "5", "--junit", "results.xml",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    failed = {
        case.attrib["name"]: failure.attrib["message"]
        for case in ET.parse(folder / "results.xml").iter("testcase")
        if (failure := case.find("failure")) is not None
    }
    return process.returncode, " ".join(said.decode().split()), failed


async def test_a_right_agent_passes_everything_and_its_calls_are_kept(tmp_path: Path) -> None:
    async with serving() as agent:
        code, said, failed = await run_scenarios(tmp_path, agent.url, *SCENARIOS)
    assert failed == {}, said
    assert code == 0
    assert "4 passed, 0 failed" in said
    for name in SCENARIOS:
        with wave.open(str(tmp_path / "bargein-test" / f"{name}.wav")) as file:
            assert file.getnchannels() == 2
            assert file.getnframes() > 24_000
        lines = (tmp_path / "bargein-test" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert {"sent", "received"} == {json.loads(line)["direction"] for line in lines}
    outputs = [event["item"] for event in agent.received if event["type"] == "conversation.item.create"]
    assert [item["output"] for item in outputs] == ["half past two"]


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        (
            Fault.IGNORES_INTERRUPTIONS,
            {"talked-over": r"still speaking .* The server did not notice the interruption"},
        ),
        (Fault.GOES_ON_SENDING, {"talked-over": r"noticed it after \d+ ms .* but went on to send sound of the reply"}),
        (
            Fault.ANSWERS_TWICE,
            {
                "asked": r"answered 2 times, 1 allowed \(answers_per_turn\): “Here is .*” and then “As I said",
                "talked-over": r"answered 2 times",
                "cough": r"answered 2 times",
            },
        ),
        (Fault.CALLS_TWICE, {"tool": r"get_time was called 2 times, 1 allowed \(at_most\): get_time\({}\) and"}),
        (Fault.COUGH_SHY, {"cough": r"the reply was cut \d+ ms after the sound: it was taken for an interruption"}),
    ],
)
async def test_a_broken_agent_fails_for_what_is_broken_and_for_nothing_else(
    fault: Fault, reasons: dict[str, str], tmp_path: Path
) -> None:
    # Longer than the limit until silence, which is five times as long here.
    async with serving(fault, reply_s=12.0 if fault is Fault.IGNORES_INTERRUPTIONS else 4.0) as agent:
        code, said, failed = await run_scenarios(tmp_path, agent.url, *SCENARIOS)
    assert code == 1
    assert failed.keys() == reasons.keys(), said
    for name, reason in reasons.items():
        assert re.search(reason, failed[name])
        assert f"FAIL {name}" in said


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.MUTE, "the turn was taken (input_audio_buffer.committed), but no response was created"),
        (Fault.FAILS, "a response failed: The model is out of order."),
        (Fault.HANGS_UP, "the server ended the call: 1011 out of order"),
    ],
)
async def test_a_failure_says_what_a_person_can_act_on(fault: Fault, reason: str, tmp_path: Path) -> None:
    async with serving(fault) as agent:
        code, said, failed = await run_scenarios(tmp_path, agent.url, "asked")
    assert code == 1
    assert reason in failed["asked"]
    assert "asked.toml, line" in said


async def test_where_nobody_listens_no_call_comes_about(tmp_path: Path) -> None:
    code, said, failed = await run_scenarios(tmp_path, "ws://127.0.0.1:9/v1/realtime", "asked")
    assert code == 1
    assert failed == {}
    (error,) = ET.parse(tmp_path / "results.xml").iter("error")
    assert "cannot connect" in error.attrib["message"]
    assert "FAIL asked" in said
