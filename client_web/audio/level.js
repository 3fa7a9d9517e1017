// @ts-check
/** Loudness of a stretch of sound: peak and RMS, collected sample by sample. Pure. */

export class LevelMeter {
  #peak = 0;
  #sumOfSquares = 0;
  #count = 0;

  /** @param {number} value -1 … 1 */
  add(value) {
    const size = value < 0 ? -value : value;
    if (size > this.#peak) this.#peak = size;
    this.#sumOfSquares += value * value;
    this.#count++;
  }

  /** The levels since the last call, which begin anew. @returns {{peak: number, rms: number}} 0 … 1 */
  take() {
    const levels = { peak: this.#peak, rms: this.#count ? Math.sqrt(this.#sumOfSquares / this.#count) : 0 };
    this.#peak = 0;
    this.#sumOfSquares = 0;
    this.#count = 0;
    return levels;
  }
}
