// The recording of both sides and the WAV file made of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RATE_HZ, Recording } from '../../client_web/view/recording.js';
import { wavFile } from '../../client_web/view/wav.js';

/** @param {number} length @param {number} from @returns {Int16Array} `from`, `from + 1`, … */
function ramp(length, from = 1) {
  return Int16Array.from({ length }, (_, index) => from + index);
}

test('blocks that follow each other are joined without a gap, whatever the clock jitters', () => {
  const recording = new Recording();
  recording.add('agent', ramp(480), 1000);
  recording.add('agent', ramp(480, 481), 1020.9);
  recording.add('agent', ramp(480, 961), 1039.4);
  const { right } = recording.stereo(1000, 1060);
  assert.deepEqual(right, ramp(1440));
});

test('a real gap stays, to the sample', () => {
  const recording = new Recording();
  recording.add('caller', ramp(240), 500);
  recording.add('caller', ramp(240), 1500);
  const { left, right } = recording.stereo(500, 1510);
  assert.equal(left.length, 1010 * 24);
  assert.deepEqual(left.slice(0, 240), ramp(240));
  assert.ok(left.slice(240, 24_000).every((sample) => sample === 0));
  assert.deepEqual(left.slice(24_000), ramp(240));
  assert.ok(right.every((sample) => sample === 0));
});

test('both lanes share one clock', () => {
  const recording = new Recording();
  recording.add('caller', ramp(24), 100);
  recording.add('agent', ramp(24), 101);
  const { left, right } = recording.stereo(100, 102);
  assert.deepEqual([left[0], left[24], right[0], right[24]], [1, 0, 0, 1]);
  assert.deepEqual([recording.start_ms, recording.end_ms], [100, 102]);
});

test('a piece may begin and end in the middle of a block, and outside of all sound', () => {
  const recording = new Recording();
  recording.add('agent', ramp(2400), 0);
  assert.deepEqual(recording.stereo(10, 11).right, ramp(24, 241));
  assert.deepEqual(recording.stereo(-1, 1).right, Int16Array.from([...new Int16Array(24), ...ramp(24)]));
  assert.deepEqual(recording.stereo(99, 101).right, Int16Array.from([...ramp(24, 2377), ...new Int16Array(24)]));
});

test('sound that is older than the limit is let go, and the rest keeps its place', () => {
  const recording = new Recording({ keep_ms: 1000 });
  for (let at_ms = 0; at_ms < 5000; at_ms += 20) recording.add('caller', ramp(480, at_ms), at_ms);
  assert.equal(recording.end_ms, 5000);
  assert.equal(recording.start_ms, 4000);
  assert.equal(recording.stereo(4500, 4501).left[0], 4500);
});

test('an empty recording has nothing to give', () => {
  const recording = new Recording();
  assert.equal(recording.start_ms, null);
  assert.equal(recording.end_ms, null);
  assert.equal(recording.stereo(0, 0).left.length, 0);
});

test('a stereo WAV file: header, interleaved samples, silence for the shorter side', () => {
  const view = new DataView(wavFile([Int16Array.of(1, -2, 3), Int16Array.of(-32_768)], RATE_HZ));
  const text = (/** @type {number} */ at) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
  assert.deepEqual([text(0), text(8), text(12), text(36)], ['RIFF', 'WAVE', 'fmt ', 'data']);
  assert.equal(view.getUint32(4, true), view.byteLength - 8);
  assert.deepEqual([view.getUint16(20, true), view.getUint16(22, true), view.getUint32(24, true)], [1, 2, 24_000]);
  assert.deepEqual([view.getUint32(28, true), view.getUint16(32, true), view.getUint16(34, true)], [96_000, 4, 16]);
  assert.equal(view.getUint32(40, true), 12);
  const samples = Array.from({ length: 6 }, (_, index) => view.getInt16(44 + 2 * index, true));
  assert.deepEqual(samples, [1, -32_768, -2, 0, 3, 0]);
});
