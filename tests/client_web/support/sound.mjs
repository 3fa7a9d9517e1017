// Test sounds and measurements.

/** A sine: `samples` floats. */
export function sine(samples, frequency_hz, rate_hz, amplitude = 0.5) {
  return Float32Array.from({ length: samples }, (_, n) => amplitude * Math.sin((2 * Math.PI * frequency_hz * n) / rate_hz));
}

/** int16 samples that all differ from their neighbours and are never 0: 1, 2, 3, … around a comfortable level. */
export function counting(samples, first = 0) {
  return Int16Array.from({ length: samples }, (_, n) => 1000 + ((first + n) % 20_000));
}

/** Noise that is the same in every run (mulberry32). */
export function noise(samples, seed = 1, amplitude = 0.5) {
  let state = seed;
  return Float32Array.from({ length: samples }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return amplitude * (((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1);
  });
}

/** Root of the mean square. */
export function rms(samples) {
  return Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
}

/** 20·log10 of the error's RMS over the signal's. */
export function errorDb(actual, expected) {
  return 20 * Math.log10(rms(actual.map((value, n) => value - expected[n])) / rms(expected));
}
