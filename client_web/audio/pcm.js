// @ts-check
/**
 * 16-bit PCM, as it travels: mono, little-endian, 24,000 samples a second. Pure.
 *
 * A typed array has the machine's byte order; every machine a browser runs on is little-endian, so bytes from the wire
 * are viewed, not converted.
 */

/** Sample rate of everything that is sent, received, counted and recorded. */
export const WIRE_RATE_HZ = 24_000;

/** Samples of one microphone frame: 20 ms. */
export const FRAME_SAMPLES = 480;

/** @param {number} samples at 24 kHz @returns {number} milliseconds, not rounded */
export function samplesToMs(samples) {
  return samples / (WIRE_RATE_HZ / 1000);
}

/** @param {number} ms @returns {number} whole samples at 24 kHz, rounded down */
export function msToSamples(ms) {
  return Math.floor(ms * (WIRE_RATE_HZ / 1000));
}

/**
 * @param {number} value nominally -1 … 1; louder is clipped, NaN is silence
 * @returns {number} -32768 … 32767. An int16 that became a float comes back as the same int16
 */
export function floatToInt16(value) {
  const scaled = Math.round(value * 32_768);
  if (scaled > 32_767) return 32_767;
  if (scaled < -32_768) return -32_768;
  return scaled || 0;
}

/** @param {ArrayLike<number>} floats @returns {Int16Array} */
export function floatsToInt16(floats) {
  const out = new Int16Array(floats.length);
  for (let i = 0; i < out.length; i++) out[i] = floatToInt16(floats[i]);
  return out;
}

/** @param {Int16Array} samples @returns {Float32Array} -1 … 1 */
export function int16ToFloats(samples) {
  const out = new Float32Array(samples.length);
  for (let i = 0; i < out.length; i++) out[i] = samples[i] / 32_768;
  return out;
}

/**
 * View bytes as samples; copies only when they lie at an odd address.
 *
 * @param {ArrayBuffer} buffer
 * @param {number} [offset] first byte
 * @returns {Int16Array} a last odd byte is left out
 */
export function bytesToInt16(buffer, offset = 0) {
  const count = Math.max(0, (buffer.byteLength - offset) >> 1);
  if (offset % 2 === 0) return new Int16Array(buffer, offset, count);
  return new Int16Array(buffer.slice(offset, offset + 2 * count));
}
