"""Understanding real speech in the worker process."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from bargein.demo.bank import load_bank
from bargein.demo.engines import PACKAGES
from bargein.demo.intents import Asked, asked
from bargein.demo.listen import Recogniser
from bargein.demo.process import DemoModelProcess
from bargein.demo.speech import speak_whole
from bargein.demo.voices import VOICES
from bargein.sound.wav import wrap
from demo.streamed import body_of, stream
from support.listening import needs_listening
from support.speech import speak

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE_HZ = 24_000
VOICES_OF_CALLERS = (("en-us", 165, 50), ("en-us+f3", 160, 55))
COMMANDS = (
    "hello", "tell me a story", "hey tell me another story", "stop", "wait a second", "what time is it",
    "do you know what time it is", "who are you", "what can you do", "count to twenty", "goodbye", "keep going",
    "what did you say", "what did i interrupt", "can you hear me", "stop what time is it", "thank you very much",
    "stop please count to twenty",
)  # fmt: skip
FIRST_MINUTE = ("hello how are you today", "tell me a joke", "what can you do", "help", "book a table for two")
"""What people say first, whatever the page suggests."""
VOICES_OF_NEWCOMERS = (("en-us", 165, 50), ("en-us+f3", 160, 55), ("en-gb", 165, 50), ("en-gb+f4", 160, 60))
FOREIGN = (
    "the quick brown fox jumps over the lazy dog", "i think the economy will improve next year",
    "elephants have very large ears", "yesterday all my troubles seemed so far away",
    "please open the window because the room is hot", "my sister bought seven oranges at the market yesterday",
)  # fmt: skip


def call(pcm16: bytes, noise_rms: float = 15) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A caller's turn as the voice server commits it: with some room before and behind, and its noise."""
    speech = np.pad(np.frombuffer(pcm16, "<i2").astype(float) * 0.6, RATE_HZ // 4)
    noisy: np.ndarray[tuple[int], np.dtype[np.int16]] = (
        speech + np.random.default_rng(1).normal(0, noise_rms, len(speech))
    ).astype(np.int16)
    return noisy


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[package for package in PACKAGES if importlib.util.find_spec(package)] or ["none"],
)
async def recogniser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Recogniser]:
    """With each of the packages that decode speech here: the others cannot be imported in its worker.

    Shared by the tests: it knows again what it has understood once, so who needs its worker to work brings new sound.
    """
    folder = tmp_path_factory.mktemp("decoders")
    for package in PACKAGES:
        if package != request.param:
            (folder / f"{package}.py").write_text(f"raise ImportError('{package} is not for this test')\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", ""))))
        listening = Recogniser()
        yield listening
        await listening.close()


def meaning(words: str | None) -> Asked | None:
    """What a sentence asks for, without its words."""
    wanted = asked(words) if words else None
    return wanted and Asked(wanted.intent, "", wanted.first, wanted.last)


@needs_listening
async def test_spoken_commands_are_understood(recogniser: Recogniser, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = []
    for name, words_per_minute, pitch in VOICES_OF_CALLERS:
        for command in COMMANDS:
            sound = call(speak(command, voice=name, words_per_minute=words_per_minute, pitch=pitch))
            heard = await recogniser.understand(sound, RATE_HZ)
            if meaning(heard.text) != meaning(command):
                wrong.append((name, command, heard.text))
    count = len(VOICES_OF_CALLERS) * len(COMMANDS)
    with capsys.disabled():
        print(f"\nunderstood {count - len(wrong)} of {count} commands; not: {wrong}")
    assert len(wrong) <= count * 0.12


@needs_listening
@pytest.mark.parametrize("words", FIRST_MINUTE)
async def test_what_newcomers_say_is_understood_in_three_voices(recogniser: Recogniser, words: str) -> None:
    heard = []
    for name, words_per_minute, pitch in VOICES_OF_NEWCOMERS:
        sound = call(speak(words, voice=name, words_per_minute=words_per_minute, pitch=pitch))
        heard.append((await recogniser.understand(sound, RATE_HZ)).text)
    assert sum(meaning(text) == meaning(words) for text in heard) >= 3, heard


@needs_listening
async def test_most_other_speech_is_not_taken_for_a_command(recogniser: Recogniser) -> None:
    texts = [(await recogniser.understand(call(speak(words)), RATE_HZ)).text for words in FOREIGN]
    assert sum(text is None for text in texts) >= len(FOREIGN) * 2 / 3, texts


@needs_listening
async def test_it_understands_the_bank_without_espeak(recogniser: Recogniser) -> None:
    bank = load_bank()
    for command in ("What time is it?", "Tell me a story.", "Who are you?"):
        clip = await speak_whole(command, VOICES["alloy"], bank)
        heard = await recogniser.understand(call(clip.samples.tobytes()), RATE_HZ)
        assert meaning(heard.text) == meaning(command), heard


@needs_listening
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
async def test_any_rate_will_do(recogniser: Recogniser, rate_hz: int) -> None:
    sound = np.frombuffer(speak("tell me a story", rate_hz=rate_hz), "<i2").astype(np.int16)
    heard = await recogniser.understand(np.pad(sound, rate_hz // 4), rate_hz)
    assert meaning(heard.text) == meaning("tell me a story")


async def test_silence_is_not_speech(recogniser: Recogniser) -> None:
    heard = await recogniser.understand(np.zeros(RATE_HZ, np.int16), RATE_HZ)
    assert (heard.speech, heard.text, heard.duration_ms) == (False, None, 1000)


async def test_nothing_at_all_is_silence(recogniser: Recogniser) -> None:
    assert not (await recogniser.understand(np.zeros(0, np.int16), RATE_HZ)).speech


async def test_without_a_decoder_it_knows_that_there_was_speech() -> None:
    listening = Recogniser(enabled=False)
    await listening.start()
    heard = await listening.understand(call(speak("what time is it")), RATE_HZ)
    assert (heard.able, heard.speech, heard.text) == (False, True, None)
    assert listening.worker_pid is None
    await listening.close()


@needs_listening
async def test_a_dead_worker_is_replaced(recogniser: Recogniser) -> None:
    sound = call(speak("what time is it"))
    await recogniser.start()
    for _ in range(2):
        assert recogniser.worker_pid is not None
        os.kill(recogniser.worker_pid, signal.SIGKILL)
        # Another sound each time: an answer that is known needs no worker.
        sound = np.concatenate((sound, sound[:240]))
        assert (await recogniser.understand(sound, RATE_HZ)).text == "what time is it"


@needs_listening
async def test_a_caller_who_leaves_disturbs_nobody(recogniser: Recogniser) -> None:
    sound = call(speak("what time is it"), noise_rms=16)
    await recogniser.start()
    left = [asyncio.create_task(recogniser.understand(sound, RATE_HZ)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in left:
        task.cancel()
    assert (await recogniser.understand(sound, RATE_HZ)).text == "what time is it"


@needs_listening
async def test_two_callers_at_once_get_their_own_answers(recogniser: Recogniser) -> None:
    commands = ("what time is it", "tell me a story", "who are you") * 2
    heard = await asyncio.gather(*(recogniser.understand(call(speak(words)), RATE_HZ) for words in commands))
    assert [one.text for one in heard] == list(commands)


async def test_the_worker_says_when_it_cannot_listen(tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / f"{package}.py").write_text("raise ImportError('no wheel here')\n", "utf-8")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein.demo.listen_worker",
        stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path))},
    )  # fmt: skip
    output, _ = await worker.communicate()
    assert output == b'{"ready": false, "why": "no wheel here"}\n'


@needs_listening
async def test_a_spoken_question_is_answered(demo: DemoModelProcess) -> None:
    wav = wrap(call(speak("who are you")).tobytes(), RATE_HZ)
    part = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"}}
    streamed = await stream(demo, body_of([{"role": "user", "content": [part]}]))
    assert streamed.transcript.startswith("I am the demo model that comes with Bargein.")
