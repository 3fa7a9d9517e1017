"""What the log says, and that a closed connection is seen at once."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import time
from pathlib import Path

import orjson
import pytest

from bargein.demo import log
from bargein.demo.process import DemoModelFailedError, DemoModelProcess
from bargein.sound.wav import wrap
from demo.conftest import QUICK
from demo.streamed import body_of, stream
from support.http import http_client


async def test_a_row_tells_what_was_asked_and_answered(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    wav = base64.b64encode(wrap(bytes(2 * 8_000), 16_000)).decode()
    sound = {"type": "input_audio", "input_audio": {"data": wav, "format": "wav"}}
    messages = [{"role": "user", "content": [sound, {"type": "text", "text": "thanks"}]}]
    before_s = time.monotonic()
    streamed = await stream(demo, body_of(messages, audio={"voice": "echo", "format": "pcm16"}))
    (row,) = await demo.wait_for("done", after=after)

    assert row["n"] == after + 1
    assert row["id"] == streamed.chunks[0]["id"]
    assert row["audio_id"] == streamed.audio_id
    logged = row["body"]["messages"][0]["content"][0]["input_audio"]
    assert (logged["duration_ms"], logged["rate_hz"], logged["format"]) == (500, 16_000, "wav")
    assert len(orjson.dumps(row["body"])) < 1_000, "sounds are not kept"
    assert row["body"]["messages"][0]["content"][1]["text"] == "thanks"
    assert (row["voice"], row["model"], row["stream"], row["status"]) == ("echo", "demo", True, 200)
    assert before_s < row["arrived_s"] < row["first_audio_s"] < row["last_audio_s"] < row["ended_s"] < time.monotonic()
    assert (row["heard"]["intent"], row["finish_reason"], row["usage"]) == ("thanks", "stop", streamed.usage)
    assert not row["key_given"]


async def test_a_client_that_leaves_is_seen(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    waiting = asyncio.create_task(demo.wait_for("cancelled", after=after))
    async with (
        http_client() as client,
        client.stream(
            "POST", f"{demo.base_url}/chat/completions", json=body_of("Tell me a story. [[fault: rate factor=1]]")
        ) as answer,
    ):
        async for part in answer.aiter_bytes():
            if b'"data"' in part:
                break
    (row,) = await waiting

    assert row["outcome"] == "cancelled"
    assert 0 < row["samples_sent"] < 24_000 * 20
    assert row["samples_sent"] % 2400 == 0
    assert row["ended_s"] >= row["first_audio_s"]
    assert (row["finish_reason"], row["usage"]) == (None, None)
    refused = await stream(demo, body_of([{"role": "assistant", "audio": {"id": row["audio_id"]}}]))
    assert refused.status == 400, "an aborted reply cannot be referred to"


async def test_a_failed_request_is_logged_with_its_error(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    await stream(demo, body_of("thanks", audio={"voice": "x", "format": "ogg"}))
    (row,) = await demo.wait_for("failed", after=after)
    assert (row["status"], row["error"]["param"]) == (400, "audio.format")


async def test_waiting_ends_when_there_are_enough_rows_or_in_time(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    waiting = asyncio.create_task(demo.wait_for("ended", after=after, count=2))
    await stream(demo, body_of("thanks"))
    await stream(demo, body_of("hello", modalities=["video"]))
    assert [row["outcome"] for row in await waiting] == ["done", "failed"]
    with pytest.raises(DemoModelFailedError, match="no 1 requests"):
        await demo.wait_for("cancelled", after=after, timeout_s=0.01)


def test_the_manual_has_every_field() -> None:
    manual = (Path(log.__file__).parent / "README.md").read_text("utf-8")
    for field in dataclasses.fields(log.Row):
        assert f"`{field.name}`" in manual, field.name


@pytest.mark.parametrize(
    "query",
    [
        {"wait": "nothing"},
        {"after": "x"},
        {"timeout_s": "soon"},
        {"timeout_s": "nan"},
        {"timeout_s": "-1"},
        {"limit": "all"},
    ],
)
async def test_a_wrong_query_is_refused(demo: DemoModelProcess, query: dict[str, str]) -> None:
    async with http_client() as client:
        assert (await client.get(f"{demo.url}/log", params=query)).status_code == 400


async def test_the_log_can_be_cleared_bounded_and_written_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    async with DemoModelProcess(*QUICK, "--no-listen", "--log", str(file), "--log-rows", "2") as demo:
        for _ in range(3):
            await stream(demo, body_of("thanks"))
        assert [row["n"] for row in await demo.rows()] == [2, 3]
        async with http_client() as client:
            answer = await client.get(f"{demo.url}/log", params={"limit": 1})
            assert [row["n"] for row in answer.json()["rows"]] == [2]
        await demo.clear()
        assert await demo.rows() == []
        await stream(demo, body_of("thanks"))
        assert [row["n"] for row in await demo.wait_for("done")] == [4]
    rows = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    assert [(row["n"], row["outcome"]) for row in rows] == [(n, "done") for n in (1, 2, 3, 4)]
