// @ts-check
/** One reply item inside the playback engine: its samples, and how far it has been played. Pure. */

import { SampleRing } from './ring.js';

/** Ten minutes: longer than any reply, a bound all the same. */
const LIMIT_SAMPLES = 24_000 * 600;

/** A hole in the positions up to this long is played as silence; a longer one is jumped. */
const LONGEST_GAP_SAMPLES = 24_000;

export class PlaybackTrack {
  #bank;
  #ring;
  #scratch = new Float32Array(1024);
  /** Play position: `index` + `phase` / up. */
  #index;
  #phase = 0;

  /**
   * @param {number} id
   * @param {number} firstSample position in the reply of the first sample received
   * @param {import('./resampler.js').FilterBank} bank from 24 kHz to the context's rate
   */
  constructor(id, firstSample, bank) {
    this.id = id;
    this.#bank = bank;
    this.#ring = new SampleRing(LIMIT_SAMPLES, firstSample);
    this.#index = firstSample;
    /** No more sound will come: play to the very end. */
    this.finished = false;
    this.playing = false;
    /** It was playing when a hold began: resuming it needs no new head start. */
    this.held = false;
    /** Context time of the newest sound. */
    this.writtenS = 0;
  }

  /** Source samples heard: every one before the play position. */
  get heard() {
    return Math.min(this.#index + (this.#phase > 0 ? 1 : 0), this.#ring.end);
  }

  /** Source samples received and not heard. */
  get queued() {
    return this.#ring.end - this.heard;
  }

  /** Output samples that can be played now. The filter looks ahead, so an unfinished reply keeps its newest millisecond. */
  get remaining() {
    const { up, down, after } = this.#bank;
    const end = this.finished ? this.#ring.end : this.#ring.end - after;
    return Math.max(0, Math.ceil(((end - this.#index) * up - this.#phase) / down));
  }

  /**
   * @param {number} startSample position of the first of them in the reply
   * @param {Int16Array} samples what is already there is skipped, a gap becomes silence
   * @returns {number} samples that found no room
   */
  write(startSample, samples) {
    const gap = startSample - this.#ring.end;
    if (gap > LONGEST_GAP_SAMPLES) {
      this.#ring = new SampleRing(LIMIT_SAMPLES, startSample);
      this.#index = startSample;
      this.#phase = 0;
    } else if (gap > 0) {
      this.#ring.write(new Int16Array(gap));
    } else if (gap < 0) {
      samples = samples.subarray(Math.min(samples.length, -gap));
    }
    return samples.length - this.#ring.write(samples);
  }

  /**
   * Play: the next output samples, at full loudness.
   *
   * @param {Float32Array} output
   * @param {number} offset where in `output`
   * @param {number} count at most `remaining`
   * @param {(value: number, n: number) => number} shape gives each sample its gain; a NaN ends the playing before it
   * @returns {number} output samples played
   */
  play(output, offset, count, shape) {
    const { up, down, before, taps } = this.#bank;
    const span = Math.floor((this.#phase + (count - 1) * down) / up) + taps;
    if (span > this.#scratch.length) this.#scratch = new Float32Array(span);
    this.#ring.read(this.#index - before, span, this.#scratch);
    let start = 0;
    let played = 0;
    while (played < count) {
      const value = shape(this.#bank.at(this.#scratch, start, this.#phase), played);
      if (Number.isNaN(value)) break;
      output[offset + played++] = value;
      this.#phase += down;
      start += Math.floor(this.#phase / up);
      this.#phase %= up;
    }
    this.#index += start;
    this.#ring.discardBefore(this.#index - before);
    return played;
  }
}
