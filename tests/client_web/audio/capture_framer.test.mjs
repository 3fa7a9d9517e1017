import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaptureFramer } from '../../../client_web/audio/capture_framer.js';
import { floatsToInt16, int16ToFloats } from '../../../client_web/audio/pcm.js';
import { errorDb, noise, sine } from '../support/sound.mjs';

const QUANTUM = 128;

/** Feed mono sound in quanta, as an audio thread does. */
function capture(input, rate_hz, start_s = 0) {
  const frames = [];
  const framer = new CaptureFramer(rate_hz, (frame) => frames.push(frame));
  for (let at = 0; at + QUANTUM <= input.length; at += QUANTUM) {
    framer.push([input.subarray(at, at + QUANTUM)], start_s + at / rate_hz);
  }
  return frames;
}

const joined = (frames) => Int16Array.from(frames.flatMap((frame) => [...new Int16Array(frame.pcm)]));

test('at 24 kHz the frames are the input, sample for sample, 20 ms each', () => {
  const input = noise(QUANTUM * 300);
  const frames = capture(input, 24_000);
  assert.equal(frames.length, 80);
  for (const frame of frames) assert.equal(frame.pcm.byteLength, 960);
  assert.deepEqual(joined(frames), floatsToInt16(input));
});

for (const rate_hz of [16_000, 44_100, 48_000, 96_000]) {
  test(`a tone keeps its pitch and its place from a ${rate_hz} Hz context`, () => {
    const out = int16ToFloats(joined(capture(sine(rate_hz * 2, 440, rate_hz), rate_hz)));
    assert.ok(Math.abs(out.length - 48_000) <= 960);
    const expected = sine(out.length, 440, 24_000);
    assert.ok(errorDb(out.slice(2400, -2400), expected.slice(2400, -2400)) < -70);
  });
}

test('each frame says when its first sample was captured', () => {
  const frames = capture(noise(44_160), 44_100, 12.5);
  frames.forEach((frame, n) => assert.ok(Math.abs(frame.time_s - (12.5 + n * 0.02)) < 1e-6));
});

test('after a pause the times go on from the new time, and no sound is lost', () => {
  const frames = [];
  const framer = new CaptureFramer(24_000, (frame) => frames.push(frame));
  framer.push([new Float32Array(480)], 1);
  framer.push([], 2);
  framer.push([new Float32Array(480)], 5);
  assert.deepEqual(frames.map((frame) => Math.round(frame.time_s * 1000)), [1000, 5000]);
});

test('peak and RMS are those of the frame', () => {
  const frames = [];
  const framer = new CaptureFramer(24_000, (frame) => frames.push(frame));
  framer.push([Float32Array.from({ length: 480 }, (_, n) => (n === 100 ? -0.75 : 0.25))], 0);
  framer.push([new Float32Array(480)], 0.02);
  assert.equal(frames[0].peak, 0.75);
  assert.ok(Math.abs(frames[0].rms - Math.sqrt((479 * 0.0625 + 0.5625) / 480)) < 1e-6);
  assert.deepEqual([frames[1].peak, frames[1].rms], [0, 0]);
});

test('stereo is mixed to mono', () => {
  const frames = [];
  const framer = new CaptureFramer(24_000, (frame) => frames.push(frame));
  framer.push([new Float32Array(480).fill(0.5), new Float32Array(480).fill(-0.25)], 0);
  assert.deepEqual([...new Int16Array(frames[0].pcm)], Array(480).fill(4096));
});
