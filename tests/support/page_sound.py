"""What a page really plays, and a microphone on the same clock: for tests in a real Chromium.

``PAGE_SOUND_SCRIPT`` goes into a page before its own scripts. Whatever the page connects to an audio destination is
also recorded, sample by sample, with the context's time; ``getUserMedia`` gives a stream that :func:`inject` feeds at a
time of that same context. So "onset of the caller's speech to silence at the output" needs no mapping between clocks.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from playwright.async_api import Page

TAP_PATH = "/output-tap-for-tests.js"

TAP_WORKLET = """
class OutputTap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.kept = [];
    this.startS = null;
    this.port.onmessage = ({ data }) => {
      const samples = new Float32Array(this.kept.length * 128);
      this.kept.forEach((block, n) => samples.set(block, n * 128));
      this.port.postMessage({ id: data, startS: this.startS, rate: sampleRate, samples }, [samples.buffer]);
    };
  }
  process([input]) {
    this.startS ??= currentTime;
    const block = new Float32Array(128);
    for (const channel of input.slice(0, 1)) block.set(channel);
    this.kept.push(block);
    return true;
  }
}
registerProcessor('output-tap', OutputTap);
"""

PAGE_SOUND_SCRIPT = """
(() => {
  const taps = new Map();
  const connect = AudioNode.prototype.connect;
  const tapOf = (context) => {
    if (!taps.has(context)) {
      taps.set(context, (async () => {
        await context.audioWorklet.addModule('OUTPUT_TAP');
        const mono = { channelCount: 1, channelCountMode: 'explicit' };
        const node = new AudioWorkletNode(context, 'output-tap', mono);
        connect.call(node, context.destination);
        return node;
      })());
    }
    return taps.get(context);
  };
  AudioNode.prototype.connect = function (to, ...rest) {
    const heard = to instanceof AudioDestinationNode && this instanceof GainNode;
    if (heard) {
      const { context } = this;
      tapOf(context).then(
        (tap) => connect.call(this, tap),
        (error) => {
          // A page that closes its context at once, as when it is asked for a key, has nothing to be heard.
          if (context.state !== 'closed') throw error;
        },
      );
    }
    return connect.call(this, to, ...rest);
  };

  let newest = null;
  let microphone = null;
  const RealContext = window.AudioContext;
  window.AudioContext = class extends RealContext {
    constructor(options) {
      super({ ...options, ...window.contextOptionsForTests });
      newest = this;
      microphone = null;
    }
  };
  navigator.mediaDevices.getUserMedia = async () => {
    microphone ??= newest.createMediaStreamDestination();
    const stream = microphone.stream.clone();
    window.lastMicrophoneTrack = stream.getAudioTracks()[0];
    return stream;
  };

  window.pageSound = {
    get context() { return newest; },
    ready() { return tapOf(newest).then(() => true); },
    inject(base64, rate, delayS) {
      const samples = new Int16Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
      const buffer = newest.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
      const source = new AudioBufferSourceNode(newest, { buffer });
      source.connect(microphone);
      const startS = newest.currentTime + delayS;
      source.start(startS);
      return startS;
    },
    async recorded() {
      const tap = await tapOf(newest);
      const { startS, rate, samples } = await new Promise((resolve) => {
        tap.port.onmessage = ({ data }) => resolve(data);
        tap.port.postMessage(1);
      });
      const clipped = (value) => Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      const bytes = new Uint8Array(Int16Array.from(samples, clipped).buffer);
      let binary = '';
      for (let at = 0; at < bytes.length; at += 32768) {
        binary += String.fromCharCode(...bytes.subarray(at, at + 32768));
      }
      return { startS, rate, base64: btoa(binary) };
    },
  };
})();
""".replace("OUTPUT_TAP", TAP_PATH)


@dataclass(frozen=True, slots=True)
class Recording:
    """What came out of the page since its first sound node was connected."""

    samples: npt.NDArray[np.int16]
    rate_hz: int
    start_s: float
    """Context time of the first sample."""

    def at(self, context_s: float) -> int:
        """Index of the sample at a context time."""
        return max(0, round((context_s - self.start_s) * self.rate_hz))

    def since(self, context_s: float) -> npt.NDArray[np.int16]:
        return self.samples[self.at(context_s) :]

    def level_db(self, from_s: float, to_s: float) -> float:
        """RMS relative to full scale."""
        part = self.samples[self.at(from_s) : self.at(to_s)].astype(np.float64) / 32768
        return float(20 * np.log10(max(1e-9, np.sqrt(np.mean(part**2))))) if len(part) else -180.0

    def find(self, samples: npt.NDArray[np.int16], start: int = 0) -> int | None:
        """Index of the first place, from ``start`` on, where exactly these samples are; ``None``: nowhere."""
        sought, all_bytes = samples.tobytes(), self.samples.tobytes()
        at = all_bytes.find(sought, 2 * start)
        while at % 2 == 1 and at > 0:
            at = all_bytes.find(sought, at + 1)
        return at // 2 if at >= 0 else None

    def time_of(self, index: int) -> float:
        """Context time of a sample."""
        return self.start_s + index / self.rate_hz


async def install_page_sound(page: Page, *, context_rate_hz: int | None = None) -> None:
    """Prepare a page before it is opened. Its server must have ``TAP_WORKLET`` at ``TAP_PATH``.

    A route of Playwright's will not do: worklets are not loaded by the page.
    """
    if context_rate_hz is not None:
        await page.add_init_script(f"window.contextOptionsForTests = {{ sampleRate: {context_rate_hz} }};")
    await page.add_init_script(PAGE_SOUND_SCRIPT)


async def inject(page: Page, pcm: bytes, *, rate_hz: int = 24_000, delay_s: float = 0.1) -> float:
    """Say PCM16 into the page's microphone. Returns the context time of its first sample."""
    encoded = base64.b64encode(pcm).decode()
    start_s: float = await page.evaluate(
        "([sound, rate, delay]) => window.pageSound.inject(sound, rate, delay)", [encoded, rate_hz, delay_s]
    )
    return start_s


async def listening(page: Page) -> None:
    """Wait until the output is recorded: what the page plays before is not."""
    await page.evaluate("window.pageSound.ready()")


async def context_time(page: Page) -> float:
    now_s: float = await page.evaluate("window.pageSound.context.currentTime")
    return now_s


async def until_context_time(page: Page, context_s: float) -> None:
    """Let the page play until then."""
    await page.wait_for_function("(at) => window.pageSound.context.currentTime >= at", arg=context_s)


async def recorded(page: Page) -> Recording:
    answer = await page.evaluate("window.pageSound.recorded()")
    samples = np.frombuffer(base64.b64decode(answer["base64"]), dtype="<i2")
    return Recording(samples, round(answer["rate"]), answer["startS"])
