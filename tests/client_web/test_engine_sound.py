"""The engine in a real Chromium: what is heard at the page's output, what of the microphone reaches the server."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Browser

from client_web.engine_page import Engine, engine_page
from client_web.scripted_caller import RATE_HZ, Caller, Reply
from client_web.scripted_peer import SERVER_FULL, ScriptedPeer
from support.browser import chromium
from support.page_sound import context_time, inject, listening, until_context_time

pytestmark = pytest.mark.asyncio(loop_scope="module")

FADE_SAMPLES = 120

FAIL_ONCE = """
(name) => {
  const real = navigator.mediaDevices.getUserMedia;
  navigator.mediaDevices.getUserMedia = async () => {
    navigator.mediaDevices.getUserMedia = real;
    throw new DOMException('no', name);
  };
}
"""


def counting(samples: int) -> npt.NDArray[np.int16]:
    """Samples that differ from their neighbours and are never 0."""
    return (1000 + np.arange(samples) % 20_000).astype("<i2")


def noise(samples: int, seed: int = 1) -> npt.NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype("<i2")


def chirp(length_s: int, rate_hz: int = RATE_HZ) -> npt.NDArray[np.float64]:
    """A tone that rises from 200 Hz to 3.2 kHz."""
    time_s = np.arange(length_s * rate_hz) / rate_hz
    swept: npt.NDArray[np.float64] = 9000 * np.sin(2 * np.pi * (200 * time_s + 1500 / length_s * time_s**2))
    return swept


async def started(engine: Engine, peer: ScriptedPeer) -> Caller:
    up, caller = await asyncio.gather(engine.start(), peer.caller())
    assert up
    await listening(engine.page)
    return caller


async def sounding(engine: Engine, caller: Caller, samples: npt.NDArray[np.int16]) -> Reply:
    reply = await caller.reply("One two three four five six seven eight nine ten.")
    await reply.sound(samples.tobytes())
    await engine.seen("state", "d.state === 'speaking'")
    return reply


async def held_in_mid_reply(
    engine: Engine, caller: Caller, samples: npt.NDArray[np.int16], *, duck_db: float | None = None
) -> tuple[Reply, dict[str, Any]]:
    """Somebody speaks over a reply. Returns it, and the page's own event of the hold."""
    reply = await sounding(engine, caller, samples)
    await reply.heard(RATE_HZ // 2)
    await caller.hear(400)
    await reply.hold(duck_db=duck_db)
    return reply, await engine.seen("hold")


def pieces(output: npt.NDArray[np.int16]) -> list[npt.NDArray[np.int16]]:
    """The sounding stretches between silences of at least 10 ms."""
    at = np.flatnonzero(output)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > 240)
    starts = [at[0], *at[breaks + 1]]
    ends = [*at[breaks], at[-1]]
    return [output[start : end + 1] for start, end in zip(starts, ends, strict=True)]


def assert_faded(output: npt.NDArray[np.int16], samples: npt.NDArray[np.int16]) -> None:
    assert len(output) == len(samples)
    np.testing.assert_array_equal(output[FADE_SAMPLES:-FADE_SAMPLES], samples[FADE_SAMPLES:-FADE_SAMPLES])
    assert np.all(output <= samples)


async def test_a_reply_is_heard_sample_for_sample_across_holds(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        sent = counting(RATE_HZ * 2)
        reply = await sounding(engine, caller, sent)
        holds = 3
        for count in range(1, holds + 1):
            await reply.hold()
            held = await engine.seen("hold", f"window.seen.filter(({{ name }}) => name === 'hold').length === {count}")
            await until_context_time(engine.page, await context_time(engine.page) + 0.2)
            await reply.resume()
            await engine.seen("resume", f"window.seen.filter(({{ name }}) => name === 'resume').length === {count}")
            assert held["response_id"] == reply.response_id
        await reply.complete()
        await reply.heard(len(sent))
        await caller.expect("bargein.played", lambda event: event["samples"] == len(sent) and not event["playing"])
        held_samples = [event["samples"] for event in await engine.all("hold")]
        assert held_samples == [event["samples"] for event in await engine.all("resume")]
        recording = await engine.recorded()
        heard = pieces(recording.samples)
        assert len(heard) == holds + 1
        assert_all_faded(heard, np.split(sent, held_samples))
        # The page is told the same sound, for its timeline and its recording.
        told = [event for event in await engine.all("audio") if event["lane"] == "agent"]
        assert sum(event["samples"] for event in told) == len(sent)
        assert [event["start_sample"] for event in told] == np.cumsum([0, *(e["samples"] for e in told)])[:-1].tolist()


def assert_all_faded(heard: list[npt.NDArray[np.int16]], sent: list[npt.NDArray[np.int16]]) -> None:
    for output, samples in zip(heard, sent, strict=True):
        assert_faded(output, samples)


async def test_reports_say_what_was_heard_and_never_fall(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        reply = await sounding(engine, caller, counting(RATE_HZ))
        await reply.complete()
        await caller.expect("bargein.played", lambda event: not event["playing"])
        reports = [event for event in caller.received if event["type"] == "bargein.played"]
        samples = [event["samples"] for event in reports]
        assert samples == sorted(samples)
        assert samples[0] == 0
        assert samples[-1] == RATE_HZ
        gaps_ms = np.diff(samples) / (RATE_HZ / 1000)
        assert gaps_ms.max() <= 140, "report_ms is 100"
        assert [event["playing"] for event in reports] == [True] * (len(reports) - 1) + [False]


async def test_a_reply_that_is_ducked_plays_on_quietly_and_is_loud_again(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        sent = counting(RATE_HZ * 3)
        reply, held = await held_in_mid_reply(engine, caller, sent, duck_db=18.0)
        assert held["ducked"]
        await reply.heard(held["samples"] + RATE_HZ // 2)
        await reply.resume()
        resumed = await engine.seen("resume")
        await caller.expect("bargein.played", lambda event: event["samples"] == len(sent) and not event["playing"])
        [heard] = pieces((await engine.recorded()).samples)
        at, until = held["samples"], resumed["samples"]
        assert len(heard) == len(sent), "it is never silent: nothing is lost, nothing repeated"
        assert until - at >= RATE_HZ // 2
        quiet = sent[at + FADE_SAMPLES : until].astype(np.float64) * 10 ** (-18 / 20)
        assert np.abs(heard[at + FADE_SAMPLES : until] - quiet).max() <= 1
        assert (heard[FADE_SAMPLES:at] == sent[FADE_SAMPLES:at]).all()
        assert (heard[until + FADE_SAMPLES : -FADE_SAMPLES] == sent[until + FADE_SAMPLES : -FADE_SAMPLES]).all()
        reports = [event for event in caller.received if event["type"] == "bargein.played"]
        assert [event["playing"] for event in reports[:-1]] == [True] * (len(reports) - 1), "it never stopped"


async def test_a_barge_in_over_a_ducked_reply_tells_what_was_played_quietly_too(
    browser: Browser, peer: ScriptedPeer
) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        sent = counting(RATE_HZ * 3)
        reply, held = await held_in_mid_reply(engine, caller, sent, duck_db=18.0)
        await reply.heard(held["samples"] + RATE_HZ // 4)
        await reply.barge_in("One two")
        await engine.seen("flush")
        flushed = next(event for event in caller.received if event["type"] == "bargein.flushed")
        [heard] = pieces((await engine.recorded()).samples)
        assert len(heard) == flushed["samples"] > held["samples"] + RATE_HZ // 4


async def test_a_barge_in_is_silent_and_late_sound_is_dropped(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        sent = counting(RATE_HZ * 4)
        reply, _ = await held_in_mid_reply(engine, caller, sent)
        await reply.barge_in("One two")
        await engine.seen("flush")
        await reply.sound(counting(RATE_HZ).tobytes())  # what was on its way when the server cancelled
        second = await caller.reply("Again.")
        answer = noise(RATE_HZ // 2)
        await second.sound(answer.tobytes())
        await second.complete()
        await caller.expect(
            "bargein.played", lambda event: event["response_id"] == second.response_id and not event["playing"]
        )
        flushed = next(event for event in caller.received if event["type"] == "bargein.flushed")
        first, *rest = pieces((await engine.recorded()).samples)
        assert_faded(first, sent[: flushed["samples"]])
        assert sum(map(len, rest)) >= len(answer) - 300, "noise may begin or end with zeros"
        stats = await engine.call("window.voice.stats()")
        assert stats["speaker"]["late_dropped_samples"] == RATE_HZ
        barge_in = await engine.seen("latency", "d.kind === 'barge_in'")
        assert barge_in["response_id"] == reply.response_id
        assert 0 < barge_in["ms"] < 1000


async def test_interrupting_by_hand_tells_what_was_heard_before_it_cancels(
    browser: Browser, peer: ScriptedPeer
) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        sent = counting(RATE_HZ * 3)
        reply = await sounding(engine, caller, sent)
        await reply.heard(RATE_HZ // 4)
        assert await engine.call("window.voice.interrupt()")
        await caller.expect("response.cancel")
        kinds = [event["type"] for event in caller.received]
        assert kinds.index("bargein.flushed") < kinds.index("response.cancel")
        flushed = caller.received[kinds.index("bargein.flushed")]
        [heard] = pieces((await engine.recorded()).samples)
        assert_faded(heard, sent[: flushed["samples"]])


async def test_an_interrupted_tail_is_truncated(browser: Browser, peer: ScriptedPeer) -> None:
    """The response is done, its sound is not: there is nothing to cancel, only something to cut."""
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        reply = await sounding(engine, caller, counting(RATE_HZ * 3))
        await reply.complete()
        await engine.seen("response", "d.status === 'completed'")
        await engine.call("window.voice.interrupt()")
        truncate = await caller.expect("conversation.item.truncate")
        flushed = await caller.expect("bargein.flushed")
        assert truncate["item_id"] == reply.item_id
        assert truncate["audio_end_ms"] == flushed["samples"] * 1000 // RATE_HZ
        assert not [event for event in caller.received if event["type"] == "response.cancel"]


async def test_a_starved_reply_counts_its_gap_and_loses_nothing(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        caller = await started(engine, peer)
        sent = counting(RATE_HZ)
        reply = await sounding(engine, caller, sent[:7200])
        underrun = await engine.seen("underrun")
        await caller.expect("bargein.played", lambda event: not event["playing"])
        await until_context_time(engine.page, await context_time(engine.page) + 0.1)
        await reply.sound(sent[7200:].tobytes())
        await reply.complete()
        await caller.expect("bargein.played", lambda event: event["samples"] == len(sent))
        first, second = pieces((await engine.recorded()).samples)
        assert len(first) == underrun["samples"]
        assert_all_faded([first, second], [sent[: len(first)], sent[len(first) :]])
        assert (await engine.call("window.voice.stats()"))["speaker"]["underruns"] == 1


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
async def test_a_reply_keeps_its_sound_at_the_devices_rate(browser: Browser, peer: ScriptedPeer, rate_hz: int) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=rate_hz) as engine:
        caller = await started(engine, peer)
        reply = await sounding(engine, caller, chirp(1).astype("<i2"))
        await reply.complete()
        await caller.expect("bargein.played", lambda event: not event["playing"])
        recording = await engine.recorded()
        assert recording.rate_hz == rate_hz
        assert found(recording.samples, chirp(1, rate_hz)) > 0.9


def found(signal: npt.NDArray[np.int16], expected: npt.NDArray[np.float64]) -> float:
    """The share of ``expected``, in pieces of 40 ms, that is in ``signal`` with its wave form.

    A busy machine tears holes into a browser's live sound. No piece is there by chance: each has a pitch of its own.
    """
    floats = signal.astype(np.float64)
    size = 1 << (len(floats) + 960).bit_length()
    spectrum = np.fft.rfft(floats, size)
    energy = np.convolve(floats**2, np.ones(960), "valid")
    good = 0
    starts = range(0, len(expected) - 960, 960)
    for start in starts:
        piece = expected[start : start + 960]
        match = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[: len(energy)]
        good += bool(np.max(match / np.sqrt(np.maximum(energy, 1) * np.sum(piece**2))) > 0.99)
    return good / len(starts)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
async def test_a_real_microphone_reaches_the_server_at_24_khz(peer: ScriptedPeer, tmp_path: Path, rate_hz: int) -> None:
    """Chromium's fake device plays a file at 44.1 kHz: getUserMedia, the context's rate and the socket are all real."""
    sweep = chirp(2)
    padded = np.concatenate([np.zeros(RATE_HZ), sweep, np.zeros(RATE_HZ)]).astype("<i2")
    path = tmp_path / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(padded.tobytes())
    async with (
        chromium(f"--use-file-for-fake-audio-capture={path}%noloop") as browser,
        engine_page(browser, peer.url, context_rate_hz=rate_hz, real_microphone=True) as engine,
    ):
        raw = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}
        up, caller = await asyncio.gather(engine.start(constraints=raw), peer.caller())
        assert up
        microphone = await engine.seen("microphone", "d.open")
        assert microphone["granted"]["echoCancellation"] is False
        assert microphone["context_rate_hz"] == rate_hz
        await caller.hear(3800)
        assert found(np.frombuffer(bytes(engine.sent), dtype="<i2"), sweep) > 0.4
        # A machine that stalls for a moment makes the guard drop what would come too late: that is no defect of it.
        stats = await engine.call("window.voice.stats()")
        assert stats["microphone"]["frames_dropped"] < 20


async def test_a_dead_link_is_found_and_replaced(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url) as engine:
        up, caller = await asyncio.gather(engine.start(pingIntervalMs=300, pingTimeoutMs=500), peer.caller())
        assert up
        await caller.expect("bargein.ping")
        await engine.page.context.set_offline(True)
        trouble = await engine.seen("error", "d.code === 'socket_lost' || d.code === 'offline'")
        assert not trouble["fatal"]
        await engine.page.context.set_offline(False)
        await peer.caller()
        again = await engine.seen("session", "d.connection === 2")
        assert again["resumed"] is False
        await engine.seen("state", "d.state === 'listening'")
        await engine.seen("recovered", f"d.code === '{trouble['code']}'")


async def test_the_network_coming_back_is_an_immediate_try(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url) as engine:
        caller = await started(engine, peer)
        peer.refusal = SERVER_FULL
        await caller.close(1012, "service restart")
        waiting = await engine.seen("reconnecting", "d.reason === 'The server is full'")
        assert waiting["delay_ms"] >= 5000, "a full server is left alone"
        peer.refusal = None
        await engine.call("window.dispatchEvent(new Event('online'))")
        await peer.caller()
        await engine.seen("session", "d.connection === 2")


async def test_leaving_the_page_lets_everything_go_and_coming_back_starts_again(
    browser: Browser, peer: ScriptedPeer
) -> None:
    async with engine_page(browser, peer.url) as engine:
        caller = await started(engine, peer)
        await engine.call("{ window.left = window.pageSound.context; window.leftTrack = window.lastMicrophoneTrack; }")
        await engine.call("void window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
        await caller.hung_up()
        assert await engine.call("window.leftTrack.readyState") == "ended"
        await engine.page.wait_for_function("window.left.state === 'closed'")
        await engine.call("void window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        again = await peer.caller()
        await again.hear(100)


async def test_an_unplugged_microphone_is_told_and_can_be_replaced(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url) as engine:
        caller = await started(engine, peer)
        await caller.hear(100)
        await engine.call("window.lastMicrophoneTrack.dispatchEvent(new Event('ended'))")
        assert (await engine.seen("error", "d.code === 'microphone_unplugged'"))["can_retry"]
        await engine.seen("microphone", "!d.open")
        await engine.call("window.retry()")
        await engine.seen("recovered", "d.code === 'microphone_unplugged'")
        await caller.hear(100)


async def test_swapping_the_microphone_keeps_the_connection(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url) as engine:
        caller = await started(engine, peer)
        await caller.hear(200)
        assert await engine.call("window.voice.useMicrophone('other', { echoCancellation: false })")
        await caller.hear(200)
        assert (await engine.call("window.voice.stats()"))["link"]["connections"] == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NotAllowedError", "microphone_denied"),
        ("NotFoundError", "microphone_missing"),
        ("NotReadableError", "microphone_busy"),
        ("OverconstrainedError", "microphone_constraints"),
    ],
)
async def test_without_a_microphone_the_session_starts_and_typing_works(
    browser: Browser, peer: ScriptedPeer, name: str, code: str
) -> None:
    async with engine_page(browser, peer.url) as engine:
        await engine.page.evaluate(FAIL_ONCE, name)
        caller = await started(engine, peer)
        trouble = await engine.seen("error", f"d.code === '{code}'")
        assert not trouble["fatal"]
        assert await engine.call("window.voice.sendText('hello')")
        await caller.expect("response.create")
        await engine.call("window.retry()")
        await engine.seen("recovered", f"d.code === '{code}'")
        await caller.hear(100)


async def test_suspended_sound_is_told_and_goes_on(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url) as engine:
        caller = await started(engine, peer)
        await engine.call("window.pageSound.context.suspend()")
        await engine.seen("error", "d.code === 'audio_suspended'")
        await engine.call("window.retry()")
        await engine.seen("recovered", "d.code === 'audio_suspended'")
        await caller.hear(100)


async def test_push_to_talk_sends_what_was_said_a_little_before(browser: Browser, peer: ScriptedPeer) -> None:
    async with engine_page(browser, peer.url, context_rate_hz=RATE_HZ) as engine:
        session = {"audio": {"input": {"turn_detection": None}}}
        up, caller = await asyncio.gather(engine.start(session=session), peer.caller())
        assert up
        sent = chirp(1)
        start_s = await inject(engine.page, sent.astype("<i2").tobytes())
        await until_context_time(engine.page, start_s + 0.5)
        assert caller.input_bytes == 0
        pressed_s = await engine.call("[window.voice.press(), window.pageSound.context.currentTime][1]")
        await until_context_time(engine.page, start_s + 0.9)
        released_s = await engine.call("[window.voice.release(), window.pageSound.context.currentTime][1]")
        await caller.expect("response.create")
        kinds = [event["type"] for event in caller.received]
        order = ["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"]
        assert [kind for kind in kinds if kind in order] == order
        held_ms = 1000 * (released_s - pressed_s)
        assert caller.input_ms >= 300 + held_ms - 40, "from 300 ms before the press to the release, in whole frames"
        heard = np.frombuffer(bytes(engine.sent), dtype="<i2")
        assert found(sent.astype(np.int16), heard.astype(np.float64)) > 0.4
