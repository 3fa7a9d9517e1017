import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilterBank, Resampler } from '../../../client_web/audio/resampler.js';
import { errorDb, noise, rms, sine } from '../support/sound.mjs';

const RATES_HZ = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000];

/** Everything that comes out when `input` is fed in blocks of these sizes, over and over. */
function convert(input, from_hz, to_hz, sizes = [128]) {
  const resampler = new Resampler(from_hz, to_hz);
  const out = [];
  for (let at = 0, turn = 0; at < input.length; turn++) {
    const size = sizes[turn % sizes.length];
    out.push(...resampler.process(input.subarray(at, at + size)));
    at += size;
  }
  out.push(...resampler.flush());
  return Float32Array.from(out);
}

for (const rate_hz of RATES_HZ) {
  test(`${rate_hz} Hz to 24000 Hz: the exact number of samples, at the exact place, with no pitch change`, () => {
    const seconds = 1;
    const frequency_hz = 1000;
    const out = convert(sine(rate_hz * seconds, frequency_hz, rate_hz), rate_hz, 24_000);
    assert.equal(out.length, 24_000 * seconds);
    const expected = sine(out.length, frequency_hz, 24_000);
    const middle = [1000, out.length - 1000];
    assert.ok(errorDb(out.slice(...middle), expected.slice(...middle)) < -70, `${errorDb(out.slice(...middle), expected.slice(...middle))} dB`);
  });

  test(`24000 Hz to ${rate_hz} Hz and the number of samples`, () => {
    const out = convert(sine(24_000, 1000, 24_000), 24_000, rate_hz);
    assert.equal(out.length, rate_hz);
    const expected = sine(out.length, 1000, rate_hz);
    const edge = Math.ceil(rate_hz / 20);
    assert.ok(errorDb(out.slice(edge, -edge), expected.slice(edge, -edge)) < -70);
  });

  test(`${rate_hz} Hz: the cut into blocks changes nothing`, () => {
    const input = noise(Math.floor(rate_hz / 5));
    const whole = convert(input, rate_hz, 24_000, [input.length]);
    assert.deepEqual(convert(input, rate_hz, 24_000, [128]), whole);
    assert.deepEqual(convert(input, rate_hz, 24_000, [1, 3, 0, 500, 17]), whole);
  });
}

test('equal rates pass through untouched', () => {
  const input = noise(1000);
  assert.deepEqual(convert(input, 24_000, 24_000), input);
});

test('what the lower rate cannot carry is removed, not folded back', () => {
  for (const frequency_hz of [13_500, 15_000, 20_000, 23_000]) {
    const out = convert(sine(48_000, frequency_hz, 48_000), 48_000, 24_000);
    const level_db = 20 * Math.log10(rms(out.slice(500, -500)) / rms(sine(4800, 1000, 48_000)));
    assert.ok(level_db < -70, `${frequency_hz} Hz: ${level_db} dB`);
  }
});

test('speech frequencies pass with less than a tenth of a decibel', () => {
  for (const frequency_hz of [50, 300, 3400, 8000, 10_000]) {
    const out = convert(sine(48_000, frequency_hz, 48_000), 48_000, 24_000);
    const level_db = 20 * Math.log10(rms(out.slice(2400, -2400)) / rms(sine(24_000, frequency_hz, 24_000).slice(2400, -2400)));
    assert.ok(Math.abs(level_db) < 0.1, `${frequency_hz} Hz: ${level_db} dB`);
  }
});

test('a constant stays that constant at every position between samples', () => {
  const out = convert(new Float32Array(44_100).fill(0.25), 44_100, 24_000);
  for (const value of out.slice(200, -200)) assert.ok(Math.abs(value - 0.25) < 1e-5);
});

test('after flush it begins anew', () => {
  const resampler = new Resampler(44_100, 24_000);
  const input = noise(4410);
  const first = [...resampler.process(input), ...resampler.flush()];
  assert.deepEqual([...resampler.process(input), ...resampler.flush()], first);
});

test('an impossible rate is refused in words', () => {
  for (const rate of [0, -1, 44_100.5, NaN]) assert.throws(() => new FilterBank(rate, 24_000), /whole numbers above 0/);
});
