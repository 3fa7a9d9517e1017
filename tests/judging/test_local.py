"""A recogniser on this machine, as a process: what it is given, what it answers, how it dies.

The model's weights cannot be had everywhere, so a small program stands in for the process that loads them. With
``BARGEIN_TEST_WHISPER`` naming the folder of a model, and ``faster-whisper`` installed, the real one is asked too.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.core.config import Transcription
from bargein.core.items import InputAudio
from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamUnavailable
from bargein.judging.local import WAITING, LocalRecogniser
from support.sounds import pcm16, speech

STAND_IN = """
import json, os, sys, time
if "broken" in sys.argv[1]:
    print(json.dumps({"ready": False, "why": "no model there"}), flush=True)
    sys.exit()
print(json.dumps({"ready": True}), flush=True)
while line := sys.stdin.buffer.readline():
    head = json.loads(line)
    sound = sys.stdin.buffer.read(head["bytes"])
    if head["language"] == "die":
        os._exit(1)
    if head["language"] == "odd":
        answer = {"why": "not today"}
    else:
        answer = {"text": f"{len(sound)} bytes, {head['language']}, process {os.getpid()}"}
    print(json.dumps(answer), flush=True)
"""
EN: Final = Transcription("local", "en")


def spoken(ms: int = 500) -> InputAudio:
    return InputAudio(bytes(48 * ms), PCM16_24K)


@asynccontextmanager
async def listening(folder: str = "model") -> AsyncIterator[LocalRecogniser]:
    async with LocalRecogniser(Path(folder), (sys.executable, "-c", STAND_IN)) as recogniser:
        yield recogniser


async def text(recogniser: LocalRecogniser, speech: InputAudio, language: str | None = "en") -> list[str]:
    return (await recogniser.transcribe(speech, Transcription("local", language))).text.split(", ")


async def test_sound_of_any_format_comes_as_16_khz() -> None:
    async with listening() as recogniser:
        assert (await text(recogniser, spoken(500)))[:2] == ["16000 bytes", "en"]
        assert (await text(recogniser, InputAudio(bytes(8 * 250), PCMU_8K), None))[:2] == ["8000 bytes", "None"]


async def test_one_process_answers_all_and_another_takes_its_place_when_it_dies() -> None:
    async with listening() as recogniser:
        first = (await text(recogniser, spoken()))[2]
        assert (await text(recogniser, spoken()))[2] == first
        with pytest.raises(UpstreamUnavailable, match="has ended"):
            await text(recogniser, spoken(), "die")
        assert (await text(recogniser, spoken()))[2] != first


async def test_what_is_given_up_does_not_shift_the_answers() -> None:
    async with listening() as recogniser:
        await text(recogniser, spoken())
        tasks = [asyncio.create_task(text(recogniser, spoken(ms))) for ms in (100, 200, 300)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[1].cancel()
        assert (await tasks[2])[0] == "9600 bytes"
        assert (await text(recogniser, spoken(400)))[0] == "12800 bytes"


async def test_too_many_at_once_are_refused_and_not_kept_waiting() -> None:
    async with listening() as recogniser:
        given = await asyncio.gather(*(text(recogniser, spoken()) for _ in range(WAITING + 2)), return_exceptions=True)
        refused = [answer for answer in given if isinstance(answer, UpstreamUnavailable)]
        assert len(refused) == 2
        assert (await text(recogniser, spoken()))[0] == "16000 bytes"


async def test_what_is_no_transcript_is_said_so() -> None:
    async with listening() as recogniser:
        with pytest.raises(UpstreamMalformed):
            await text(recogniser, spoken(), "odd")
        assert (await text(recogniser, spoken()))[0] == "16000 bytes"


async def test_a_model_that_does_not_load_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    async with listening("broken") as recogniser:
        with pytest.raises(UpstreamUnavailable, match="no model there"):
            await text(recogniser, spoken())
        await recogniser.tell_at_start()
    assert "no model there" in capsys.readouterr().out


async def test_without_faster_whisper_the_real_process_says_what_to_install(tmp_path: Path) -> None:
    if importlib.util.find_spec("faster_whisper") is not None:
        pytest.skip("it is installed here")
    async with LocalRecogniser(tmp_path) as recogniser:
        with pytest.raises(UpstreamError, match=r"pip install 'bargein\[whisper\]'"):
            await text(recogniser, spoken())


async def test_after_the_end_nothing_is_started() -> None:
    async with listening() as recogniser:
        pass
    with pytest.raises(UpstreamUnavailable):
        await text(recogniser, spoken())


FOLDER = os.environ.get("BARGEIN_TEST_WHISPER")


@pytest.mark.skipif(FOLDER is None, reason="BARGEIN_TEST_WHISPER names no folder with a Whisper model")
async def test_a_real_model_hears_words() -> None:
    assert FOLDER is not None
    async with LocalRecogniser(Path(FOLDER)) as recogniser:
        said = await recogniser.transcribe(InputAudio(pcm16(speech("wait, stop")), PCM16_24K), EN)
        assert "stop" in said.text.lower()
        nothing = np.zeros(12_000, "<i2").tobytes()
        assert (await recogniser.transcribe(InputAudio(nothing, PCM16_24K), EN)).text.strip() in {"", "You", "you"}
