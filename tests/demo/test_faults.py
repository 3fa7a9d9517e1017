"""Every fault of the vocabulary, over real sockets."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import httpx
import pytest

from bargein.demo import faults as faults_module
from bargein.demo.faults import FAULTS, FaultQueue, UnknownFaultError, directives, parse_faults, without_directives
from bargein.demo.process import DemoModelProcess
from bargein.sound.files import read
from demo.streamed import Streamed, body_of, stream
from support.http import http_client

TRIED = {
    "delay", "first_byte", "rate", "transcript", "status", "audio_not_found", "hang", "stall", "cut", "end", "error",
    "bad_json", "no_done", "no_finish", "no_choices", "no_usage", "no_audio", "split_utf8", "line_ends", "bytewise",
    "huge_line", "odd_bytes", "wav_chunks", "content_audio", "forget_audio",
}  # fmt: skip


def test_every_fault_is_tried_here() -> None:
    """``forget_audio`` and the vocabulary's parsing are tried in test_chat.py and below."""
    assert set(FAULTS) == TRIED


async def thanks(demo: DemoModelProcess, fault: str) -> Streamed:
    return await stream(demo, body_of("thanks"), fault)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("status code=429 retry_after_s=3", 429, "rate_limit_exceeded"),
        ("status", 500, None),
        ("status code=401", 401, "invalid_api_key"),
        ("status code=503", 503, None),
        ("audio_not_found", 400, "audio_not_found"),
    ],
)
async def test_refusals(demo: DemoModelProcess, fault: str, status: int, code: str | None) -> None:
    async with http_client() as client:
        url, headers = f"{demo.base_url}/chat/completions", {"x-demo-fault": fault}
        answer = await client.post(url, json=body_of("thanks"), headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.headers.get("retry-after") == ("3" if "retry_after_s" in fault else None)


async def test_waiting(demo: DemoModelProcess) -> None:
    start_s = time.monotonic()
    assert (await thanks(demo, "delay ms=60; first_byte ms=60; stall after=2 for_ms=60")).done
    assert time.monotonic() - start_s >= 0.18


@pytest.mark.parametrize("fault", ["hang", "stall after=0", "stall after=3"])
async def test_hanging_lasts_until_the_client_leaves(demo: DemoModelProcess, fault: str) -> None:
    after = await demo.last_n()
    with pytest.raises(httpx.ReadTimeout):
        async with (
            http_client(timeout=httpx.Timeout(10, read=0.3)) as client,
            client.stream(
                "POST", f"{demo.base_url}/chat/completions", json=body_of("thanks"), headers={"x-demo-fault": fault}
            ) as answer,
        ):
            await answer.aread()
    (row,) = await demo.wait_for("cancelled", after=after)
    assert row["faults"] == fault
    assert row["samples_sent"] == (7200 if "3" in fault else 0)


async def test_cut(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    with pytest.raises(httpx.RemoteProtocolError):
        await thanks(demo, "cut after=2")
    (row,) = await demo.wait_for("failed", after=after)
    assert row["samples_sent"] == 4800


async def test_early_end(demo: DemoModelProcess) -> None:
    streamed = await thanks(demo, "end after=2")
    assert (len(streamed.pieces), streamed.done, streamed.finish_reasons, streamed.usage) == (2, False, [], None)


async def test_error_in_mid_stream(demo: DemoModelProcess) -> None:
    streamed = await thanks(demo, "error after=2")
    assert streamed.chunks[-1]["error"]["type"] == "server_error"
    assert len(streamed.pieces) == 2
    assert not streamed.done


async def test_bad_json(demo: DemoModelProcess) -> None:
    streamed = await thanks(demo, "bad_json after=1")
    good = await thanks(demo, "")
    assert streamed.done
    assert streamed.raw.count(b"data: ") == len(streamed.chunks) + 2, "one that is no JSON, and [DONE]"
    assert streamed.samples.tobytes() == good.samples.tobytes()


async def test_missing_parts(demo: DemoModelProcess) -> None:
    streamed = await thanks(demo, "no_done; no_finish; no_usage; no_choices")
    assert not streamed.done
    assert not streamed.finish_reasons
    assert streamed.usage is None
    assert sum("choices" not in chunk for chunk in streamed.chunks) == len(streamed.chunks) / 2


async def test_text_instead_of_audio(demo: DemoModelProcess) -> None:
    streamed = await thanks(demo, "no_audio")
    assert streamed.content == "You are welcome."
    assert not streamed.pieces


async def test_non_ascii_is_cut_within_characters(demo: DemoModelProcess) -> None:
    async with (
        http_client() as client,
        client.stream(
            "POST", f"{demo.base_url}/chat/completions", json=body_of("thanks"), headers={"x-demo-fault": "split_utf8"}
        ) as answer,
    ):
        whole = b"".join([part async for part in answer.aiter_raw()])
    assert "welcome…".encode() in whole
    assert whole.decode("utf-8")


async def test_line_ends(demo: DemoModelProcess) -> None:
    streamed = await thanks(demo, "line_ends")
    assert all(b": comment" + end in streamed.raw for end in (b"\r\n", b"\r", b"\n"))
    assert streamed.done
    assert streamed.transcript == "You are welcome."


async def test_bytewise_and_huge_lines(demo: DemoModelProcess) -> None:
    assert (await thanks(demo, "bytewise bytes=2000")).done
    streamed = await thanks(demo, "huge_line kib=300")
    assert max(map(len, streamed.raw.split(b"\n"))) > 300 * 1024
    assert streamed.done


async def test_shapes_of_sound(demo: DemoModelProcess) -> None:
    good = (await thanks(demo, "")).samples.tobytes()

    odd = await thanks(demo, "odd_bytes")
    assert any(len(piece) % 2 for piece in odd.pieces)
    assert b"".join(odd.pieces) == good

    headed = await thanks(demo, "wav_chunks")
    assert b"".join(read(piece).mono.tobytes() for piece in headed.pieces) == good

    elsewhere = await thanks(demo, "content_audio rate_hz=24000")
    sounding = [chunk for chunk in elsewhere.chunks if chunk.get("modality") == "audio"]
    assert sounding[0]["choices"][0]["audio_metadata"]["sample_rate_hz"] == 24_000
    assert b"".join(base64.b64decode(chunk["choices"][0]["delta"]["content"]) for chunk in sounding) == good


async def test_the_transcripts_lead(demo: DemoModelProcess) -> None:
    streamed = await stream(demo, body_of("Tell me a story."), "transcript lead_words=10000; end after=200")
    before = 0
    for delta in streamed.deltas[:150]:
        before += len((delta.get("audio") or {}).get("transcript", "").split())
    assert before > 150
    streamed = await stream(demo, body_of("Tell me a story."), "transcript lead_words=0; end after=20")
    assert len(streamed.transcript.split()) < 12


async def test_the_rate(demo: DemoModelProcess) -> None:
    start_s = time.monotonic()
    streamed = await thanks(demo, "rate factor=10")
    assert time.monotonic() - start_s >= (len(streamed.samples) / 24_000 - 0.1) / 10


async def test_faults_from_texts_win_over_nothing_and_lose_to_the_header(demo: DemoModelProcess) -> None:
    body = body_of(
        [
            {"role": "system", "content": "Be nice. [[fault: no_done]]"},
            {"role": "user", "content": "[[fault: cut after=1]]"},
            {"role": "user", "content": [{"type": "text", "text": "thanks [[fault: status code=500]]"}]},
        ]
    )
    assert (await stream(demo, body)).status == 500
    assert (await stream(demo, body, "status code=429")).status == 429


async def test_queued_faults_are_for_the_next_requests(demo: DemoModelProcess) -> None:
    await demo.fault("status code=503", times=2)
    assert [(await thanks(demo, "")).status for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ("explode", "no fault 'explode'"),
        ("cut at=3", "has no 'at', it has: after"),
        ("stall for_ms=nan", "'for_ms' of the fault 'stall': 'nan' is not allowed"),
        ("delay ms=1e999", "'ms' of the fault 'delay': '1e999' is not allowed"),
        ("status code=200", "'code' of the fault 'status': '200' is not allowed: give a whole number from 400 to 599"),
        ("cut after=x", "'after' of the fault 'cut': 'x' is not allowed: give a number from 0 to 1000000"),
    ],
)
async def test_a_fault_that_there_is_not_is_named(demo: DemoModelProcess, faults: str, words: str) -> None:
    with pytest.raises(UnknownFaultError, match=words):
        parse_faults(faults)
    async with http_client() as client:
        queued = await client.post(f"{demo.url}/faults", json={"faults": faults})
        url = f"{demo.base_url}/chat/completions"
        asked = await client.post(url, json=body_of("thanks"), headers={"x-demo-fault": faults})
    for answer in (queued, asked):
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]


def test_the_vocabulary_round_trips() -> None:
    for name in FAULTS:
        faults = parse_faults(name)
        assert parse_faults(faults.as_text()) == faults


def test_the_manual_has_every_fault_and_its_defaults() -> None:
    manual = (Path(faults_module.__file__).parent / "README.md").read_text("utf-8")
    for name, (parameters, _) in FAULTS.items():
        words = " ".join((name, *(f"{key}={'…' if value is None else value}" for key, value in parameters.items())))
        assert f"`{words}`" in manual, words


def test_directives() -> None:
    assert directives("Hi [[fault: cut after=2; no_done]] there").as_text() == "cut after=2; no_done"
    assert without_directives("Hi [[fault: cut]] [[scripted: seconds=2]] there") == "Hi     there"


def test_a_queue_without_faults_gives_none() -> None:
    queue = FaultQueue()
    queue.add(parse_faults("cut"), 2)
    assert len(queue) == 2
    queue.clear()
    assert not queue.take().given
