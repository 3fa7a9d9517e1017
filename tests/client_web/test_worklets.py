"""The worklet files in a real Chromium, sample by sample: an OfflineAudioContext that stops where the test speaks."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from client_web.scripted_peer import ScriptedPeer
from support.browser import Complaints

pytestmark = pytest.mark.asyncio(loop_scope="module")

FADE_S = 0.005

# Messages are posted while the context stands still, and it goes on when the worklet has taken them: a flush of nothing
# is answered at once. `samples` in a message stand for its sound.
PLAY = """
async ({ rate, seconds, steps }) => {
  const context = new OfflineAudioContext(1, rate * seconds, rate);
  await context.audioWorklet.addModule('/worklets/playback.js');
  const node = new AudioWorkletNode(context, 'bargein-playback', { numberOfInputs: 0, outputChannelCount: [1] });
  node.connect(context.destination);
  const messages = [];
  let taken;
  let over;
  const allCame = new Promise((resolve) => { over = resolve; });
  node.port.onmessage = ({ data }) => {
    if (data.id === 999) taken();
    else messages.push(data);
    if (data.type === 'tick' && data.time_s > seconds - 0.15) over();
  };
  const say = async (said) => {
    for (const message of said) {
      const pcm = message.samples ? Int16Array.from(message.samples).buffer : undefined;
      node.port.postMessage({ ...message, samples: undefined, pcm }, pcm ? [pcm] : []);
    }
    await new Promise((resolve) => { taken = resolve; node.port.postMessage({ type: 'flush', id: 999, tracks: [] }); });
  };
  for (const { at_s, say: said } of steps) {
    if (at_s === 0) await say(said);
    else context.suspend(at_s).then(() => say(said)).then(() => context.resume());
  }
  const buffer = await context.startRendering();
  await allCame;
  const bytes = new Uint8Array(buffer.getChannelData(0).buffer);
  let binary = '';
  for (let at = 0; at < bytes.length; at += 32768) binary += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { messages, output: btoa(binary) };
}
"""

CAPTURE = """
async ({ rate, samples, channels }) => {
  const context = new OfflineAudioContext(1, samples.length, rate);
  await context.audioWorklet.addModule('/worklets/capture.js');
  const node = new AudioWorkletNode(context, 'bargein-capture', { numberOfInputs: 1, numberOfOutputs: 1 });
  const buffer = context.createBuffer(channels, samples.length, rate);
  for (let channel = 0; channel < channels; channel++) buffer.copyToChannel(Float32Array.from(samples), channel);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(node).connect(context.destination);
  source.start();
  const frames = [];
  const expected = Math.floor((samples.length / 128 | 0) * 128 * 24000 / rate / 480) - 1;
  const done = new Promise((resolve) => {
    node.port.onmessage = ({ data }) => {
      frames.push({ pcm: [...new Int16Array(data.pcm)], peak: data.peak, rms: data.rms, time_s: data.time_s });
      if (frames.length >= expected) resolve();
    };
  });
  const output = await context.startRendering();
  await done;
  return { frames, output_peak: Math.max(...output.getChannelData(0).map(Math.abs)) };
}
"""


@dataclass(frozen=True, slots=True)
class Played:
    messages: list[dict[str, Any]]
    output: npt.NDArray[np.float32]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def sounding(self) -> npt.NDArray[np.float32]:
        """The output without its silences."""
        heard: npt.NDArray[np.float32] = self.output[self.output != 0]
        return heard


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, peer: ScriptedPeer) -> AsyncIterator[Page]:
    """An empty page of the same origin, under the strict CSP."""
    context = await browser.new_context()
    opened = await context.new_page()
    complaints = Complaints(("404",))  # the favicon of an empty page
    complaints.watch(opened)
    await opened.goto(f"{peer.url}readyz")
    yield opened
    await context.close()
    assert complaints.found == []


async def play(page: Page, steps: list[dict[str, Any]], *, rate_hz: int = 24_000, length_s: float = 2) -> Played:
    answer = await page.evaluate(PLAY, {"rate": rate_hz, "seconds": length_s, "steps": steps})
    return Played(answer["messages"], np.frombuffer(base64.b64decode(answer["output"]), dtype="<f4"))


def counting(samples: int, first: int = 0) -> npt.NDArray[np.int16]:
    """Samples that differ from their neighbours and are never 0."""
    return (1000 + (first + np.arange(samples)) % 20_000).astype(np.int16)


def sound(track: int, samples: npt.NDArray[np.int16], start_sample: int = 0) -> dict[str, Any]:
    return {"type": "audio", "track": track, "start_sample": start_sample, "offset": 0, "samples": samples.tolist()}


def assert_faded(output: npt.NDArray[np.float32], samples: npt.NDArray[np.int16], rate_hz: int = 24_000) -> None:
    """``output`` is ``samples``, only its first and last 5 ms are quieter."""
    expected = samples.astype(np.float32) / 32768
    fade = round(FADE_S * rate_hz)
    assert len(output) == len(expected)
    np.testing.assert_array_equal(output[fade:-fade], expected[fade:-fade])
    assert np.all(output <= expected)
    assert np.all(output > 0)


async def test_a_reply_is_played_to_its_last_sample(page: Page) -> None:
    reply = counting(24_037)
    played = await play(page, [{"at_s": 0, "say": [sound(1, reply), {"type": "finish", "track": 1}]}])
    assert_faded(played.sounding(), reply)
    assert [(message["reason"], message["sample"]) for message in played.of("stopped")] == [("ended", 24_037)]


async def test_hold_is_silent_within_20_ms_and_resume_plays_the_next_sample(page: Page) -> None:
    reply = counting(24_000)
    quantum_s = 128 / 24_000
    hold_s, resume_s = 60 * quantum_s, 120 * quantum_s
    played = await play(
        page,
        [
            {"at_s": 0, "say": [sound(1, reply), {"type": "finish", "track": 1}]},
            {"at_s": hold_s, "say": [{"type": "hold"}]},
            {"at_s": resume_s, "say": [{"type": "resume"}]},
        ],
    )
    held = played.of("stopped")[0]
    assert held["reason"] == "held"
    assert held["time_s"] - hold_s <= 0.020
    silent = slice(round((hold_s + 0.02) * 24_000), round(resume_s * 24_000))
    assert not played.output[silent].any()
    heard = played.sounding()
    assert_faded(heard[: held["sample"]], reply[: held["sample"]])
    assert_faded(heard[held["sample"] :], reply[held["sample"] :])


async def test_flush_counts_what_came_out_and_drops_what_comes_late(page: Page) -> None:
    reply, next_reply = counting(48_000), counting(2400)
    quantum_s = 128 / 24_000
    played = await play(
        page,
        [
            {"at_s": 0, "say": [sound(1, reply)]},
            {"at_s": 50 * quantum_s, "say": [{"type": "flush", "id": 7, "tracks": [1]}]},
            {
                "at_s": 100 * quantum_s,
                "say": [sound(1, reply[:4800], 48_000), sound(2, next_reply), {"type": "finish", "track": 2}],
            },
        ],
    )
    [answer] = played.of("flushed")
    [flushed] = answer["tracks"]
    heard = played.sounding()
    assert flushed["samples"] + flushed["dropped_samples"] == 48_000
    assert_faded(heard[: flushed["samples"]], reply[: flushed["samples"]])
    assert_faded(heard[flushed["samples"] :], next_reply)
    assert played.of("tick")[-1]["late_samples"] == 4800


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000, 96_000])
async def test_a_tone_keeps_its_pitch_and_place_at_the_contexts_rate(page: Page, rate_hz: int) -> None:
    time_s = np.arange(24_000) / 24_000
    tone = (16_384 * np.sin(2 * np.pi * 1000 * time_s)).round().astype(np.int16)
    played = await play(
        page, [{"at_s": 0, "say": [sound(1, tone), {"type": "finish", "track": 1}]}], rate_hz=rate_hz, length_s=1.1
    )
    edge = rate_hz // 20
    out = played.output[edge : rate_hz - edge]
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(edge, rate_hz - edge) / rate_hz)
    assert 20 * np.log10(np.std(out - expected) / np.std(expected)) < -60
    assert not played.output[rate_hz:].any()


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100, 48_000, 96_000])
async def test_capture_makes_24_khz_frames_of_any_rate(page: Page, rate_hz: int) -> None:
    length = rate_hz
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(length) / rate_hz)
    answer = await page.evaluate(CAPTURE, {"rate": rate_hz, "samples": tone.tolist(), "channels": 1})
    frames = answer["frames"]
    assert {len(frame["pcm"]) for frame in frames} == {480}
    out = np.concatenate([frame["pcm"] for frame in frames]) / 32768
    assert len(out) >= 24_000 - 3 * 480
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(out)) / 24_000)
    edge = 1200
    difference = (out - expected)[edge:-edge]
    assert 20 * np.log10(np.std(difference) / np.std(expected)) < -70
    for number, frame in enumerate(frames):
        assert frame["time_s"] == pytest.approx(number * 0.02, abs=1e-6)
    assert frames[10]["peak"] == pytest.approx(0.5, abs=0.01)
    assert frames[10]["rms"] == pytest.approx(0.5 / np.sqrt(2), abs=0.02)
    assert answer["output_peak"] == 0
