// @ts-check
/**
 * The stage without a canvas: loudness of both lanes, spans and marks on the page clock.
 * `timeline_geometry.js` says where they go, `timeline.js` draws them, `turns.js` tells them as a table.
 * @module
 */

/** Loudness is kept per bin of this length. */
export const BIN_MS = 20;
const BIN_SAMPLES = 480;
const FULL_SCALE = 32_768;

/** @typedef {'caller' | 'agent'} LaneName */
/**
 * @typedef {object} Span
 * @property {'speech' | 'hold' | 'reply' | 'unheard'} kind
 * @property {number} start_ms
 * @property {number | null} end_ms null: still going on
 * @property {string | null} item_id
 * @property {boolean} [cut] reply: it was not heard to its end; hold: it ended in an interruption
 * @property {import('../engine/endings.js').Ending} [ending] reply: how it ended
 * @property {number[]} [peaks] unheard: loudness of what had arrived, 0 … 1, by bin from `start_ms`
 * @property {number[]} [words] unheard: the lengths of the words that were not heard; their sound may never have come
 */
/** @typedef {{kind: 'cut' | 'underrun' | 'resume', at_ms: number, item_id: string | null, words?: string}} Mark `words`: what is written at it */
/** @typedef {{kind: 'response' | 'barge_in', from_ms: number, at_ms: number, ms: number}} Bracket */

export class TimelineModel {
  constructor() {
    this.clear();
  }

  clear() {
    /** @type {number | null} page-clock time of bin 0 */
    this.origin_ms = null;
    /** @type {number} the newest time that anything is known about */
    this.end_ms = 0;
    /** @type {Record<LaneName, number[]>} peak, 0 … 1, by bin; holes are silence */
    this.peaks = { caller: [], agent: [] };
    /** @type {Span[]} */
    this.spans = [];
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {Bracket[]} */
    this.brackets = [];
    /** @type {{item_id: string, peaks: number[]} | null} loudness of the newest reply as it arrived, by bins of its own samples */
    this.arrived = null;
    /** @type {{item_id: string, sample: number, at_ms: number} | null} this sample of that reply was heard then */
    this.heard = null;
  }

  /** @param {number} at_ms begin the time line here, if it has not begun */
  begin(at_ms) {
    this.origin_ms ??= at_ms;
    this.end_ms = Math.max(this.end_ms, at_ms);
  }

  /**
   * @param {LaneName} lane
   * @param {Int16Array} samples 24 kHz
   * @param {number} start_ms
   * @param {string | null} [item_id]
   * @param {number | null} [start_sample] place in the reply
   */
  addAudio(lane, samples, start_ms, item_id = null, start_sample = null) {
    this.begin(start_ms);
    const origin_ms = /** @type {number} */ (this.origin_ms);
    const peaks = this.peaks[lane];
    for (let offset = 0; offset < samples.length; offset += BIN_SAMPLES) {
      const bin = Math.floor((start_ms + offset / 24 - origin_ms) / BIN_MS);
      if (bin < 0) continue;
      const peak = peakOf(samples, offset, Math.min(samples.length, offset + BIN_SAMPLES));
      peaks[bin] = Math.max(peaks[bin] ?? 0, peak);
    }
    const end_ms = start_ms + samples.length / 24;
    this.end_ms = Math.max(this.end_ms, end_ms);
    if (lane !== 'agent' || item_id === null) return;
    this.#extendReply(item_id, start_ms, end_ms);
    if (start_sample !== null) this.heard = { item_id, sample: start_sample + samples.length, at_ms: end_ms };
  }

  /** Sound of a reply came, and is not heard yet. @param {string} item_id @param {number} start_sample @param {Int16Array} samples */
  arrive(item_id, start_sample, samples) {
    if (this.arrived?.item_id !== item_id) this.arrived = { item_id, peaks: [] };
    const { peaks } = this.arrived;
    for (let offset = 0; offset < samples.length; offset += BIN_SAMPLES) {
      const bin = Math.floor((start_sample + offset) / BIN_SAMPLES);
      peaks[bin] = Math.max(peaks[bin] ?? 0, peakOf(samples, offset, Math.min(samples.length, offset + BIN_SAMPLES)));
    }
  }

  /**
   * What has arrived and comes next.
   * @param {number} now_ms
   * @returns {{at_ms: number, peaks: readonly number[]} | null} bins from `at_ms` on, which is later than `now_ms`; null for nothing
   */
  coming(now_ms) {
    const { arrived, heard } = this;
    if (!arrived || heard?.item_id !== arrived.item_id || this.reply(arrived.item_id)?.cut) return null;
    const held = this.held !== null;
    const passed = held ? 0 : Math.max(0, now_ms - heard.at_ms) * 24;
    const bin = Math.ceil((heard.sample + passed) / BIN_SAMPLES);
    if (bin >= arrived.peaks.length) return null;
    const at_ms = (held ? now_ms : heard.at_ms) + (bin * BIN_SAMPLES - heard.sample) / 24;
    return { at_ms, peaks: arrived.peaks.slice(bin) };
  }

  /** The hold that goes on. @returns {Span | null} */
  get held() {
    return this.#open('hold') ?? null;
  }

  /** The detector, or push-to-talk, says that the caller speaks or is silent. @param {boolean} speech @param {number} at_ms */
  speech(speech, at_ms) {
    this.begin(at_ms);
    const open = this.#open('speech');
    if (speech && !open) this.spans.push({ kind: 'speech', start_ms: at_ms, end_ms: null, item_id: null });
    if (!speech && open) open.end_ms = Math.max(open.start_ms, at_ms);
  }

  /** @param {string | null} item_id @param {number} at_ms */
  hold(item_id, at_ms) {
    if (!this.#open('hold')) this.spans.push({ kind: 'hold', start_ms: at_ms, end_ms: null, item_id });
  }

  /** @param {string | null} item_id @param {number} at_ms */
  resume(item_id, at_ms) {
    const open = this.#open('hold');
    if (!open) return;
    open.end_ms = Math.max(open.start_ms, at_ms);
    this.marks.push({ kind: 'resume', at_ms, item_id });
  }

  /** The reply was dropped. @param {string} item_id @param {number} at_ms when it fell silent @param {number} dropped_samples
   * @param {boolean} [by_caller] by an interruption, not because the conversation or the connection ended
   * @param {number} [samples] so many samples of it were heard */
  flush(item_id, at_ms, dropped_samples, by_caller = true, samples = 0) {
    const open = this.#open('hold');
    if (open) Object.assign(open, { end_ms: Math.max(open.start_ms, at_ms), cut: by_caller });
    if (by_caller) this.marks.push({ kind: 'cut', at_ms, item_id });
    this.cut(item_id);
    if (dropped_samples > 0) {
      const peaks = this.arrived?.item_id === item_id ? this.arrived.peaks.slice(Math.ceil(samples / BIN_SAMPLES)) : [];
      this.spans.push({ kind: 'unheard', start_ms: at_ms, end_ms: at_ms + dropped_samples / 24, item_id, peaks });
    }
  }

  /** The server says that this reply was not heard to its end. @param {string} item_id @param {string} [unheard] the rest */
  cut(item_id, unheard = '') {
    const reply = this.reply(item_id);
    if (!reply) return;
    reply.cut = true;
    const words = unheard.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
    if (words.length === 0) return;
    let span = this.spans.find((other) => other.kind === 'unheard' && other.item_id === item_id);
    if (!span) {
      const at_ms = this.marks.find((mark) => mark.kind === 'cut' && mark.item_id === item_id)?.at_ms ?? reply.end_ms ?? this.end_ms;
      span = { kind: 'unheard', start_ms: at_ms, end_ms: at_ms, item_id, peaks: [] };
      this.spans.push(span);
    }
    span.words = words.map((word) => word.length);
  }

  /** How a reply ended. @param {string} item_id @param {import('../engine/endings.js').Ending} ending */
  ended(item_id, ending) {
    const reply = this.reply(item_id);
    if (reply) Object.assign(reply, { ending, cut: ending !== 'heard' && ending !== 'shortened' });
  }

  /** @param {string | null} item_id @param {number} at_ms */
  underrun(item_id, at_ms) {
    this.marks.push({ kind: 'underrun', at_ms, item_id });
  }

  /** @param {Bracket} bracket */
  latency(bracket) {
    this.brackets.push(bracket);
  }

  /** The link or the session ended: nothing stays open. @param {number} at_ms */
  close(at_ms) {
    for (const span of this.spans) span.end_ms ??= Math.max(span.start_ms, at_ms);
  }

  /** @param {string} item_id @returns {Span | undefined} */
  reply(item_id) {
    return this.spans.find((span) => span.kind === 'reply' && span.item_id === item_id);
  }

  /** The loudest bin between two times. @param {LaneName} lane @param {number} from_ms @param {number} to_ms */
  peak(lane, from_ms, to_ms) {
    if (this.origin_ms === null) return 0;
    const first = Math.max(0, Math.floor((from_ms - this.origin_ms) / BIN_MS));
    const last = Math.ceil((to_ms - this.origin_ms) / BIN_MS);
    let loudest = 0;
    for (let bin = first; bin < last; bin += 1) loudest = Math.max(loudest, this.peaks[lane][bin] ?? 0);
    return loudest;
  }

  /** Something was recorded between two times, be it silence. @param {LaneName} lane @param {number} from_ms @param {number} to_ms */
  known(lane, from_ms, to_ms) {
    if (this.origin_ms === null) return false;
    const last = Math.ceil((to_ms - this.origin_ms) / BIN_MS);
    for (let bin = Math.max(0, Math.floor((from_ms - this.origin_ms) / BIN_MS)); bin < last; bin += 1) {
      if (this.peaks[lane][bin] !== undefined) return true;
    }
    return false;
  }

  /** @param {Span['kind']} kind */
  #open(kind) {
    return this.spans.findLast((span) => span.kind === kind && span.end_ms === null);
  }

  /** @param {string} item_id @param {number} start_ms @param {number} end_ms */
  #extendReply(item_id, start_ms, end_ms) {
    const reply = this.reply(item_id);
    if (reply) reply.end_ms = Math.max(reply.end_ms ?? 0, end_ms);
    else this.spans.push({ kind: 'reply', start_ms, end_ms, item_id });
  }
}

/** @param {Int16Array} samples @param {number} from @param {number} to */
function peakOf(samples, from, to) {
  let peak = 0;
  for (let index = from; index < to; index += 1) peak = Math.max(peak, Math.abs(samples[index]));
  return peak / FULL_SCALE;
}
