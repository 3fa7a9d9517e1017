// @ts-check
/**
 * Band-limited conversion between any two sample rates. Pure.
 *
 * A rational polyphase filter: the ratio is reduced to `up / down`, and for each of the `up` positions an output sample
 * can have between two input samples there is one row of Kaiser-windowed sinc weights (Julius O. Smith, "Digital
 * Audio Resampling Home Page"). Positions are integers, so nothing drifts and no sample is lost or made up, however
 * the sound is cut into blocks. Output sample n lies exactly at input position n * down / up: no delay to correct.
 */

/** Zero crossings of the sinc on either side: 24 leave about 1.3 kHz between pass band and stop band at 24 kHz. */
const ZERO_CROSSINGS = 24;

/** Kaiser window: about -80 dB in the stop band. */
const KAISER_BETA = 8;

/** Pass band as a part of the lower rate's Nyquist frequency; the rest is for the filter's slope. */
const ROLL_OFF = 0.94;

/** @param {number} a @param {number} b @returns {number} */
function greatestCommonDivisor(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

/** @param {number} x @returns {number} modified Bessel function of the first kind, order 0 */
function besselI0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** The weights for one pair of rates, shared by the streaming Resampler and the playback engine. */
export class FilterBank {
  /**
   * @param {number} fromHz whole number above 0
   * @param {number} toHz whole number above 0
   * @throws {RangeError} for any other rate
   */
  constructor(fromHz, toHz) {
    if (!Number.isInteger(fromHz) || !Number.isInteger(toHz) || fromHz <= 0 || toHz <= 0) {
      throw new RangeError(`Sample rates must be whole numbers above 0, not ${fromHz} and ${toHz}.`);
    }
    const divisor = greatestCommonDivisor(fromHz, toHz);
    /** Output positions per input sample… */
    this.up = toHz / divisor;
    /** …of which every `down`-th is taken. */
    this.down = fromHz / divisor;
    const identity = this.up === 1 && this.down === 1;
    const widen = Math.max(1, fromHz / toHz);
    /** Input samples needed before the output position (and at it), and `after` of them behind it. */
    this.before = identity ? 0 : Math.ceil(ZERO_CROSSINGS * widen) - 1;
    this.after = identity ? 0 : this.before + 1;
    this.taps = this.before + 1 + this.after;
    this.weights = identity ? Float32Array.of(1) : this.#design(ROLL_OFF / widen);
  }

  /** @param {number} cutoff as a part of the input's Nyquist frequency @returns {Float32Array} rows of `taps` weights */
  #design(cutoff) {
    const rows = new Float32Array(this.up * this.taps);
    const half = this.after;
    const scale = besselI0(KAISER_BETA);
    for (let phase = 0; phase < this.up; phase++) {
      let sum = 0;
      const row = new Float64Array(this.taps);
      for (let tap = 0; tap < this.taps; tap++) {
        const distance = tap - this.before - phase / this.up;
        const x = Math.PI * cutoff * distance;
        const inside = 1 - (distance / half) ** 2;
        const window = inside > 0 ? besselI0(KAISER_BETA * Math.sqrt(inside)) / scale : 0;
        row[tap] = (distance === 0 ? 1 : Math.sin(x) / x) * window;
        sum += row[tap];
      }
      for (let tap = 0; tap < this.taps; tap++) rows[phase * this.taps + tap] = row[tap] / sum;
    }
    return rows;
  }

  /**
   * One output sample.
   *
   * @param {Float32Array} samples input
   * @param {number} start index in `samples` of the input sample `before` places before the output position
   * @param {number} phase 0 … up - 1: the position between two input samples
   * @returns {number}
   */
  at(samples, start, phase) {
    const { weights, taps } = this;
    const row = phase * taps;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) sum += samples[start + tap] * weights[row + tap];
    return sum;
  }
}

/** Converts a stream, block by block of any size. */
export class Resampler {
  #bank;
  /** Input not yet done with, from `before` samples ahead of the next output position. */
  #held;
  #heldLength;
  #phase = 0;
  /** Input samples still to come that lie before the next output's surroundings. */
  #skip = 0;

  /** @param {number} fromHz @param {number} toHz @throws {RangeError} for rates that are not whole numbers above 0 */
  constructor(fromHz, toHz) {
    this.#bank = new FilterBank(fromHz, toHz);
    this.#held = new Float32Array(this.#bank.taps + 1024);
    this.#heldLength = this.#bank.before;
  }

  /**
   * @param {Float32Array} input any length
   * @returns {Float32Array} all output samples whose surroundings are known now: a new array
   */
  process(input) {
    this.#keep(input);
    const { up, down, taps } = this.#bank;
    const starts = this.#heldLength - taps;
    const count = starts < 0 ? 0 : Math.floor((starts * up + up - 1 - this.#phase) / down) + 1;
    const output = new Float32Array(Math.max(0, count));
    let start = 0;
    for (let n = 0; n < output.length; n++) {
      output[n] = this.#bank.at(this.#held, start, this.#phase);
      this.#phase += down;
      start += Math.floor(this.#phase / up);
      this.#phase %= up;
    }
    const used = Math.min(start, this.#heldLength);
    this.#held.copyWithin(0, used, this.#heldLength);
    this.#heldLength -= used;
    this.#skip = start - used;
    return output;
  }

  /**
   * The end of the stream: what is still inside, as if silence followed. `ceil(inputs * to / from)` samples in all.
   *
   * @returns {Float32Array}
   */
  flush() {
    const rest = this.process(new Float32Array(this.#bank.after));
    this.#heldLength = this.#bank.before;
    this.#held.fill(0);
    this.#phase = 0;
    this.#skip = 0;
    return rest;
  }

  /** @param {Float32Array} input */
  #keep(input) {
    const skipped = Math.min(this.#skip, input.length);
    this.#skip -= skipped;
    const fresh = skipped ? input.subarray(skipped) : input;
    const needed = this.#heldLength + fresh.length;
    if (needed > this.#held.length) {
      const larger = new Float32Array(needed * 2);
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    this.#held.set(fresh, this.#heldLength);
    this.#heldLength = needed;
  }
}
