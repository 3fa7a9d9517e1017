"""The scripted model for load runs."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from bargein.demo.alarm_clock import AlarmClock
from bargein.demo.process import DemoModelProcess
from demo.streamed import body_of, stream


@pytest.mark.parametrize("way", ["name", "header", "directive"])
async def test_length_and_pace_are_asked_for(demo: DemoModelProcess, way: str) -> None:
    after = await demo.last_n()
    options = "seconds=2.5 pace=0 first_byte_ms=0"
    match way:
        case "name":
            streamed = await stream(demo, body_of("x", model=f"demo-scripted:{options.replace(' ', ',')}"))
        case "header":
            streamed = await stream(demo, body_of("x"), headers={"x-demo-scripted": options})
        case _:
            streamed = await stream(demo, body_of(f"[[scripted: {options}]]"))
    (row,) = await demo.wait_for("done", after=after)

    assert len(streamed.samples) == 2.5 * 24_000 == row["samples_sent"]
    assert streamed.transcript.startswith("Here is a story about a lighthouse. ")
    assert (streamed.finish_reasons, streamed.done) == (["stop"], True)
    assert streamed.usage is not None
    assert streamed.deltas[0]["role"] == "assistant"
    assert streamed.audio_id == row["audio_id"]
    assert row["id"] == streamed.chunks[0]["id"]


async def test_a_long_one_repeats_itself(demo: DemoModelProcess) -> None:
    streamed = await stream(demo, body_of("x", model="demo-scripted:seconds=50,pace=0"))
    assert len(streamed.samples) == 50 * 24_000
    assert streamed.transcript.count("Here is a story") == 3


@pytest.mark.parametrize("seconds", [1, 2.5, 8, 30])
async def test_its_words_have_their_places_too(demo: DemoModelProcess, seconds: float) -> None:
    after = await demo.last_n()
    streamed = await stream(demo, body_of("x", model=f"demo-scripted:seconds={seconds},pace=0"))
    (row,) = await demo.wait_for("done", after=after)
    assert [word["text"] for word in row["words"]] == streamed.transcript.split()
    for word in row["words"]:
        assert 0 <= word["start_samples"] < word["end_samples"] <= len(streamed.samples)
        assert np.abs(streamed.samples[word["start_samples"] : word["end_samples"]].astype(int)).max() > 100


async def test_many_at_once_each_have_their_own_ids_and_pace(demo: DemoModelProcess) -> None:
    start_s = time.monotonic()
    body = body_of("x", model="demo-scripted:seconds=2,pace=4,first_byte_ms=0")
    streams = await asyncio.gather(*(stream(demo, body) for _ in range(20)))
    assert len({streamed.audio_id for streamed in streams}) == 20
    assert all(len(streamed.samples) == 48_000 for streamed in streams)
    assert time.monotonic() - start_s >= 1.9 / 4


async def test_leaving_and_faults_work_here_too(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    body = body_of("x", model="demo-scripted:seconds=600,pace=1")
    task = asyncio.create_task(stream(demo, body))
    await demo.wait_for("first_audio", after=after)
    task.cancel()
    (row,) = await demo.wait_for("cancelled", after=after)
    assert row["samples_sent"] < 600 * 24_000

    ended = await stream(demo, body_of("x", model="demo-scripted:pace=0"), "end after=3")
    assert (len(ended.pieces), ended.done) == (3, False)


@pytest.mark.parametrize(
    ("model", "change", "words"),
    [
        ("demo-scripted:minutes=1", {}, "no option 'minutes'"),
        ("demo-scripted:seconds=0", {}, "more than 0"),
        ("demo-scripted", {"modalities": ["text"]}, "only streams audio"),
    ],
)
async def test_what_it_cannot_do_is_refused(
    demo: DemoModelProcess, model: str, change: dict[str, object], words: str
) -> None:
    streamed = await stream(demo, body_of("x", model=model, **change))
    assert streamed.status == 400
    assert words in streamed.raw.decode()


async def test_the_ticker_wakes_all_that_are_due_and_never_early() -> None:
    alarms = AlarmClock(0.005)
    start_s = time.monotonic()

    async def sleep(seconds: float) -> float:
        await alarms.until(start_s + seconds)
        return time.monotonic() - start_s

    sleepers = [asyncio.create_task(sleep(seconds)) for seconds in (0.03, 0.01, 0.02, 10)]
    sleepers[3].cancel()
    woken = await asyncio.gather(*sleepers[:3])
    assert all(at >= due for at, due in zip(woken, (0.03, 0.01, 0.02), strict=True))
