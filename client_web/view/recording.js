// @ts-check
/**
 * What both sides said, kept for replay and for the stereo WAV: left what the caller sent, right what was really heard.
 *
 * A lane is a list of blocks on the page clock. Silence between blocks is not stored. The audio thread's times jitter by
 * fractions of a sample when they are mapped to the page clock, so a block that begins where the one before it ended,
 * give or take CONTIGUOUS_MS, is joined to it sample by sample; anything else is a real gap.
 * @module
 */

export const RATE_HZ = 24_000;
const CONTIGUOUS_MS = 25;
const SAMPLES_PER_MS = RATE_HZ / 1000;

/** @typedef {'caller' | 'agent'} LaneName */
/** Let go of old blocks when this many have gathered in front: not one by one, which would move all others each time. */
const LET_GO_BLOCKS = 4096;

/** @typedef {{start_sample: number, samples: Int16Array}} Block `start_sample` counts from the recording's origin */

export class Recording {
  /** @param {{keep_ms?: number}} [options] older sound is let go; default 15 minutes (at most 86 MB) */
  constructor({ keep_ms = 15 * 60_000 } = {}) {
    this.keep_ms = keep_ms;
    this.clear();
  }

  clear() {
    /** @type {number | null} page-clock time of sample 0 */
    this.origin_ms = null;
    /** @type {Record<LaneName, Lane>} */
    this.lanes = { caller: new Lane(), agent: new Lane() };
  }

  /** Page-clock time of the end of the newest sound; null when nothing was recorded. @returns {number | null} */
  get end_ms() {
    if (this.origin_ms === null) return null;
    const ends = [this.lanes.caller.last, this.lanes.agent.last].map((block) => (block ? blockEnd(block) : 0));
    return this.origin_ms + Math.max(...ends) / SAMPLES_PER_MS;
  }

  /** Page-clock time of the oldest sound that is still kept. @returns {number | null} */
  get start_ms() {
    if (this.origin_ms === null) return null;
    const starts = [this.lanes.caller.first, this.lanes.agent.first].flatMap((block) => (block ? [block.start_sample] : []));
    return this.origin_ms + Math.min(...starts) / SAMPLES_PER_MS;
  }

  /**
   * @param {LaneName} lane
   * @param {Int16Array} samples mono, RATE_HZ; kept, not copied
   * @param {number} start_ms page-clock time of the first one
   */
  add(lane, samples, start_ms) {
    if (samples.length === 0) return;
    this.origin_ms ??= start_ms;
    const blocks = this.lanes[lane];
    const { last } = blocks;
    let start_sample = Math.round((start_ms - this.origin_ms) * SAMPLES_PER_MS);
    if (last && Math.abs(start_sample - blockEnd(last)) <= CONTIGUOUS_MS * SAMPLES_PER_MS) start_sample = blockEnd(last);
    blocks.push({ start_sample, samples });
    this.#forget(blockEnd({ start_sample, samples }) - this.keep_ms * SAMPLES_PER_MS);
  }

  /**
   * @param {number} from_ms page clock
   * @param {number} to_ms
   * @returns {{left: Int16Array, right: Int16Array}} caller and agent, equally long, silence where there was none
   */
  stereo(from_ms, to_ms) {
    const origin_ms = this.origin_ms ?? from_ms;
    const from = Math.round((from_ms - origin_ms) * SAMPLES_PER_MS);
    const length = Math.max(0, Math.round((to_ms - from_ms) * SAMPLES_PER_MS));
    return { left: cut(this.lanes.caller, from, length), right: cut(this.lanes.agent, from, length) };
  }

  /** @param {number} before_sample */
  #forget(before_sample) {
    for (const lane of Object.values(this.lanes)) lane.forget(before_sample);
  }
}

/** The blocks of one side, in the order of time: added at the end, forgotten at the front, both without moving the others. */
class Lane {
  /** @type {(Block | null)[]} */
  #blocks = [];
  #first = 0;

  /** @returns {Block | null} */
  get first() {
    return this.#blocks[this.#first] ?? null;
  }

  /** @returns {Block | null} */
  get last() {
    return this.#blocks.at(-1) ?? null;
  }

  /** @param {Block} block */
  push(block) {
    this.#blocks.push(block);
  }

  /** @param {number} before_sample what ended by then; the newest block stays */
  forget(before_sample) {
    while (this.#first < this.#blocks.length - 1 && blockEnd(/** @type {Block} */ (this.first)) <= before_sample) {
      this.#blocks[this.#first++] = null;
    }
    if (this.#first < LET_GO_BLOCKS) return;
    this.#blocks.splice(0, this.#first);
    this.#first = 0;
  }

  *[Symbol.iterator]() {
    for (let at = this.#first; at < this.#blocks.length; at += 1) yield /** @type {Block} */ (this.#blocks[at]);
  }
}

/** @param {Block} block */
function blockEnd(block) {
  return block.start_sample + block.samples.length;
}

/** @param {Lane} blocks @param {number} from @param {number} length @returns {Int16Array} */
function cut(blocks, from, length) {
  const out = new Int16Array(length);
  for (const { start_sample, samples } of blocks) {
    const offset = start_sample - from;
    const skip = Math.max(0, -offset);
    const take = Math.min(samples.length, length - offset);
    if (take > skip) out.set(samples.subarray(skip, take), offset + skip);
  }
  return out;
}
