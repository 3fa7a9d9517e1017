// @ts-check
/** The three clocks of a voice client, and the ways between them. Pure: times come in. */

import { samplesToMs } from './pcm.js';

/** Observations older than this no longer hold the offset down: the two clocks drift apart. */
const WINDOW_MS = 10_000;

/**
 * The audio device's clock (context time, seconds) on the page's clock (`performance.now()`, ms).
 *
 * A message of the audio thread about "now" is late by its way through the page's event loop, never early. So the
 * smallest difference seen in the last ten seconds is the truth, and no busy page or background tab disturbs it.
 */
export class PageClock {
  /** @type {{offset_ms: number, until_ms: number}[]} ascending offsets: the first one is the smallest still valid */
  #offsets = [];

  /**
   * @param {number} context_s context time that the message was about
   * @param {number} now_ms when it arrived
   */
  observe(context_s, now_ms) {
    const offset_ms = now_ms - context_s * 1000;
    while (this.#offsets.length && /** @type {any} */ (this.#offsets.at(-1)).offset_ms >= offset_ms) this.#offsets.pop();
    this.#offsets.push({ offset_ms, until_ms: now_ms + WINDOW_MS });
    while (this.#offsets[0].until_ms < now_ms) this.#offsets.shift();
  }

  /** After the device was suspended its clock stood still: what was seen before is void. */
  reset() {
    this.#offsets = [];
  }

  /** @param {number} context_s @param {number} now_ms the answer while nothing was observed @returns {number} */
  toPage(context_s, now_ms) {
    return this.#offsets.length ? context_s * 1000 + this.#offsets[0].offset_ms : now_ms;
  }
}

/** Anchors kept: a minute of 20 ms frames, more than any speech detector looks back. */
const ANCHORS_KEPT = 3000;

/**
 * The server's input clock (samples of the caller's sound sent in this connection) on the page's clock. Sound that was
 * recorded before the connection was ready, or not sent at all, makes it anything but a constant offset.
 */
export class InputClock {
  /** @type {{sample: number, at_ms: number}[]} */
  #anchors = [];
  #samples = 0;

  /** Samples sent so far. */
  get samples() {
    return this.#samples;
  }

  /** A new connection counts from 0. */
  reset() {
    this.#anchors = [];
    this.#samples = 0;
  }

  /** @param {number} samples sent now @param {number} at_ms when the first of them was captured */
  sent(samples, at_ms) {
    this.#anchors.push({ sample: this.#samples, at_ms });
    if (this.#anchors.length > ANCHORS_KEPT) this.#anchors.shift();
    this.#samples += samples;
  }

  /** @param {number} input_ms @returns {number | null} when that was captured; null: not known (any more) */
  toPage(input_ms) {
    const index = this.#anchors.findLastIndex(({ sample }) => samplesToMs(sample) <= input_ms);
    if (index < 0) return null;
    const { sample, at_ms } = this.#anchors[index];
    return at_ms + input_ms - samplesToMs(sample);
  }
}
