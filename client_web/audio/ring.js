// @ts-check
/**
 * A ring of int16 samples addressed by their position in the stream, so that "sample 31,200 of the reply" means the
 * same in every file. Pure. It grows up to a limit instead of losing sound: a server that does not pace sends a whole
 * reply at once.
 */

const FIRST_CAPACITY_SAMPLES = 1 << 16;

export class SampleRing {
  #samples = new Int16Array(FIRST_CAPACITY_SAMPLES);
  #limit;
  #start;
  #end;

  /**
   * @param {number} limitSamples at most so many samples are kept
   * @param {number} [firstSample] position of the first sample that will be written
   */
  constructor(limitSamples, firstSample = 0) {
    this.#limit = limitSamples;
    this.#start = firstSample;
    this.#end = firstSample;
  }

  /** Position of the oldest sample kept. */
  get start() {
    return this.#start;
  }

  /** Position behind the newest sample: where the next one is written. */
  get end() {
    return this.#end;
  }

  /**
   * @param {Int16Array} samples
   * @returns {number} how many were taken; fewer than given when the limit is reached
   */
  write(samples) {
    const taken = Math.min(samples.length, this.#limit - (this.#end - this.#start));
    if (taken < samples.length) samples = samples.subarray(0, Math.max(0, taken));
    this.#reserve(this.#end - this.#start + samples.length);
    const capacity = this.#samples.length;
    const at = this.#end % capacity;
    const first = Math.min(samples.length, capacity - at);
    this.#samples.set(samples.subarray(0, first), at);
    this.#samples.set(samples.subarray(first), 0);
    this.#end += samples.length;
    return samples.length;
  }

  /**
   * Copy out as floats; positions outside of what is kept read as silence.
   *
   * @param {number} from position of the first sample
   * @param {number} count
   * @param {Float32Array} target filled from index 0
   */
  read(from, count, target) {
    const capacity = this.#samples.length;
    for (let i = 0; i < count; i++) {
      const position = from + i;
      const inside = position >= this.#start && position < this.#end;
      target[i] = inside ? this.#samples[position % capacity] / 32_768 : 0;
    }
  }

  /** Forget everything before a position. @param {number} position */
  discardBefore(position) {
    this.#start = Math.min(Math.max(this.#start, position), this.#end);
  }

  /** @param {number} samples */
  #reserve(samples) {
    const old = this.#samples;
    if (samples <= old.length) return;
    let capacity = old.length;
    while (capacity < samples) capacity *= 2;
    const larger = new Int16Array(capacity);
    for (let position = this.#start; position < this.#end; position++) {
      larger[position % capacity] = old[position % old.length];
    }
    this.#samples = larger;
  }
}
