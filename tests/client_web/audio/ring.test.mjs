import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SampleRing } from '../../../client_web/audio/ring.js';
import { counting } from '../support/sound.mjs';

/** What the ring should say is at these positions. */
function reading(ring, from, count) {
  const target = new Float32Array(count);
  ring.read(from, count, target);
  return [...target].map((value) => value * 32_768);
}

test('reads what was written, by position, however often it wraps', () => {
  const ring = new SampleRing(1_000_000, 500);
  let at = 500;
  for (const size of [1, 7, 4096, 60_000, 65_535, 3, 50_000]) {
    assert.equal(ring.write(counting(size, at)), size);
    assert.deepEqual(reading(ring, at, Math.min(size, 50)), [...counting(Math.min(size, 50), at)]);
    at += size;
    ring.discardBefore(at - 10);
    assert.deepEqual(reading(ring, at - 10, 10), [...counting(10, at - 10)].map((value, n) => (at - 10 + n >= ring.start ? value : 0)));
  }
  assert.equal(ring.end, at);
});

test('silence outside of what is kept', () => {
  const ring = new SampleRing(1000, 10);
  ring.write(counting(4, 10));
  assert.deepEqual(reading(ring, 8, 8), [0, 0, ...counting(4, 10), 0, 0]);
  ring.discardBefore(12);
  assert.deepEqual(reading(ring, 10, 4), [0, 0, ...counting(2, 12)]);
  ring.discardBefore(99);
  assert.equal(ring.start, 14);
});

test('grows without disturbing what it holds, up to its limit', () => {
  const ring = new SampleRing(200_000);
  ring.write(counting(40_000));
  ring.discardBefore(39_000);
  assert.equal(ring.write(counting(150_000, 40_000)), 150_000);
  assert.deepEqual(reading(ring, 39_000, 2000), [...counting(2000, 39_000)]);
  assert.deepEqual(reading(ring, 189_000, 1000), [...counting(1000, 189_000)]);
  assert.equal(ring.write(counting(100_000, 190_000)), 49_000);
  assert.equal(ring.end - ring.start, 200_000);
});
