"""Every server event that any test received, checked against the SDK's own models (``validate_events.py``)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

VALIDATOR = Path(__file__).with_name("validate_events.py")
ALLOWED_EXTRAS = Path(__file__).parents[1] / "wire" / "allowed_extras.json"


def validate(python: Path, *files: Path) -> dict[str, Any]:
    done = subprocess.run(
        [str(python), str(VALIDATOR), str(ALLOWED_EXTRAS), *map(str, files)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in {0, 1}, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(report["problems"])
    return report


GOOD: dict[str, Any] = {
    "type": "input_audio_buffer.speech_started", "event_id": "event_1", "audio_start_ms": 120, "item_id": "item_1"
}  # fmt: skip


OUTPUT_ITEM: dict[str, Any] = {
    "type": "response.output_item.done",
    "event_id": "event_1",
    "response_id": "resp_1",
    "output_index": 0,
    "item": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "words": "Hello"}]},
}


def updated(rate_hz: int) -> dict[str, Any]:
    audio = {"input": {"format": {"type": "audio/pcm", "rate": rate_hz}}}
    return {"type": "session.updated", "event_id": "event_1", "session": {"type": "realtime", "audio": audio}}


NO_EVENT_ID = {name: value for name, value in GOOD.items() if name != "event_id"}
CASES: list[tuple[str, list[dict[str, Any]], str]] = [
    ("ga", [GOOD], ""),
    ("bargein.v1", [GOOD | {"seq": 4}], ""),
    ("bargein.v1", [{"type": "bargein.hold", "event_id": "event_1", "seq": 4}], ""),
    ("ga", [updated(16_000)], ""),
    ("ga", [GOOD | {"seq": 4}], "input_audio_buffer.speech_started.seq: the SDK knows no such field"),
    ("ga", [GOOD | {"type": "bargein.hold"}], "bargein.hold: the SDK knows no such event"),
    ("ga", [GOOD | {"audio_start_ms": 120.0}], "audio_start_ms: 120.0 must be an integer"),
    ("ga", [GOOD | {"audio_start_ms": "120"}], "audio_start_ms: '120' was understood as 120"),
    ("ga", [GOOD | {"item_id": None}], "item_id: Input should be a valid string"),
    ("ga", [NO_EVENT_ID], "event_id: Field required"),
    ("ga", [OUTPUT_ITEM], "response.output_item.done.item.content[].words: the SDK knows no such field"),
    ("ga", [GOOD, GOOD], "event_id 'event_1' came twice"),
]


def test_the_validator_finds_what_is_wrong(stock_python: Path, tmp_path: Path) -> None:
    files = []
    for number, (dialect, events, _) in enumerate(CASES):
        files.append(tmp_path / f"{number}.jsonl")
        lines = [json.dumps({"dialect": dialect, "test": str(number), "event": event}) for event in events]
        files[-1].write_text("".join(f"{line}\n" for line in lines))
    found = {entry["test"]: entry["problem"] for entry in validate(stock_python, *files)["problems"]}
    for number, (_, _, problem) in enumerate(CASES):
        if problem:
            assert found.pop(str(number), "nothing").endswith(problem)
    assert not found


@pytest.mark.after_all
def test_every_server_event_is_one_that_the_sdk_knows(
    stock_python: Path,
    recorded_events: Path,
    record_property: Any,  # noqa: ANN401
) -> None:
    files = sorted(recorded_events.glob("*.jsonl"))
    if not files:
        pytest.skip("no test that ran has received an event: run the whole suite")
    report = validate(stock_python, *files)
    print(f"{report['checked']} server events of {len(report['types'])} types on {len(files)} connections")
    record_property("server_events", report["types"])
    assert not report["problems"], "\n".join(
        f"{entry['problem']} ({entry['count']} times, in {entry['test']})\n    {entry['event'][:600]}"
        for entry in report["problems"]
    )
