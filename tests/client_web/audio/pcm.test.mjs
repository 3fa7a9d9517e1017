import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToInt16, floatToInt16, floatsToInt16, int16ToFloats, msToSamples, samplesToMs } from '../../../client_web/audio/pcm.js';

test('every int16 survives the way through float', () => {
  const all = Int16Array.from({ length: 65_536 }, (_, n) => n - 32_768);
  assert.deepEqual(floatsToInt16(int16ToFloats(all)), all);
});

test('too loud is clipped, not wrapped, and NaN is silence', () => {
  assert.equal(floatToInt16(1), 32_767);
  assert.equal(floatToInt16(7), 32_767);
  assert.equal(floatToInt16(-7), -32_768);
  assert.equal(floatToInt16(NaN), 0);
  assert.ok(Object.is(floatToInt16(-0), 0));
});

test('bytes are little-endian, at even and odd addresses; a last odd byte is left out', () => {
  const bytes = Uint8Array.of(9, 0x34, 0x12, 0xff, 0xff, 7).buffer;
  assert.deepEqual([...bytesToInt16(bytes, 1)], [0x1234, -1]);
  assert.deepEqual([...bytesToInt16(bytes, 0)], [0x3409, -238, 0x7ff]);
  assert.deepEqual([...bytesToInt16(bytes, 5)], []);
  assert.deepEqual([...bytesToInt16(bytes, 99)], []);
});

test('milliseconds and samples', () => {
  assert.equal(samplesToMs(480), 20);
  assert.equal(msToSamples(20), 480);
  assert.equal(msToSamples(0.05), 1);
});
