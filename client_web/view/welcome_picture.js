// @ts-check
/**
 * The picture on the welcome is the stage itself, playing one interruption: a question, a reply, a hold, the cut, another reply.
 * @module
 */

import { BAR_MS } from './timeline_geometry.js';
import { BIN_MS, TimelineModel } from './timeline_model.js';

const STEP_MS = BAR_MS;
/** Loudness of phrases, 0 … 9, one figure a bar. */
const ASKED = '0124676531003578764210';
const REPLIED = '013698754101478875312358';
const UNHEARD = '76420157865310';
const INTERRUPTING = '2588764102467753102466420';
const ANSWERED = '0258754311246875421300';
const HELD_MS = 2 * STEP_MS;

/** Seen at this speed. */
const HASTE = 1.5;

/** @typedef {{model: TimelineModel, length_ms: number, cut_ms: number, play: (at_ms: number) => void}} Picture `cut_ms`: from the beginning;
 *   `play`: let everything have happened that happens by then */

/**
 * Show it on the stage while nobody talks.
 * @param {import('./timeline.js').Timeline} timeline
 */
export function showWelcome(timeline) {
  const began_ms = performance.now();
  const { model, length_ms, cut_ms, play } = welcomePicture(began_ms);
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  timeline.model = model;
  timeline.showWhole({
    length_ms,
    middle_ms: cut_ms,
    now: () => {
      const now_ms = still ? began_ms + length_ms : Math.min(began_ms + length_ms, began_ms + (performance.now() - began_ms) * HASTE);
      play(now_ms);
      return now_ms;
    },
  });
}

/** @param {number} now_ms page clock when it begins @returns {Picture} */
export function welcomePicture(now_ms) {
  const model = new TimelineModel();
  model.begin(now_ms);
  const replied_ms = ASKED.length * STEP_MS + 3 * STEP_MS;
  const held_ms = replied_ms + REPLIED.length * STEP_MS;
  const cut_ms = held_ms + HELD_MS;
  const answered_ms = held_ms + (INTERRUPTING.length + 1) * STEP_MS;
  const length_ms = answered_ms + ANSWERED.length * STEP_MS;
  /** @type {{at_ms: number, happens: () => void}[]} */
  const script = [
    ...lane('caller', ASKED, 0), ...lane('agent', REPLIED, replied_ms), ...lane('caller', INTERRUPTING, held_ms - STEP_MS), ...lane('agent', ANSWERED, answered_ms),
    { at_ms: 0, happens: () => model.speech(true, now_ms) },
    { at_ms: ASKED.length * STEP_MS, happens: () => model.speech(false, now_ms + ASKED.length * STEP_MS) },
    { at_ms: held_ms - STEP_MS, happens: () => model.speech(true, now_ms + held_ms - STEP_MS) },
    { at_ms: held_ms, happens: () => model.hold('reply', now_ms + held_ms) },
    { at_ms: cut_ms, happens: () => {
      model.flush('reply', now_ms + cut_ms, UNHEARD.length * STEP_MS * 24, true, REPLIED.length * STEP_MS * 24);
      const mark = model.marks.at(-1);
      if (mark) mark.words = 'You talk, it stops';
    } },
    { at_ms: answered_ms - 2 * STEP_MS, happens: () => model.speech(false, now_ms + answered_ms - 2 * STEP_MS) },
  ].sort((one, other) => one.at_ms - other.at_ms);

  /** @param {'caller' | 'agent'} side @param {string} heights @param {number} from_ms */
  function lane(side, heights, from_ms) {
    return [...heights].map((digit, index) => ({ at_ms: from_ms + index * STEP_MS, happens: () => {
      const peaks = model.peaks[side];
      const first = Math.round((from_ms + index * STEP_MS) / BIN_MS);
      for (let bin = first; bin < first + STEP_MS / BIN_MS; bin += 1) peaks[bin] = (Number(digit) / 9) ** (1 / 0.6);
      const start_ms = now_ms + from_ms + index * STEP_MS;
      model.end_ms = Math.max(model.end_ms, start_ms + STEP_MS);
      if (side === 'agent') reply(from_ms === replied_ms ? 'reply' : 'answer', start_ms, index);
    } }));
  }

  /** @param {string} item_id @param {number} start_ms @param {number} index */
  function reply(item_id, start_ms, index) {
    const span = model.reply(item_id);
    if (span) span.end_ms = start_ms + STEP_MS;
    else model.spans.push({ kind: 'reply', start_ms, end_ms: start_ms + STEP_MS, item_id });
    model.heard = { item_id, sample: (index + 1) * STEP_MS * 24, at_ms: start_ms + STEP_MS };
    if (index === 0) model.arrived = { item_id, peaks: loudness(item_id === 'reply' ? REPLIED + UNHEARD : ANSWERED) };
  }

  return {
    model,
    length_ms,
    cut_ms,
    play(at_ms) {
      while (script.length > 0 && now_ms + script[0].at_ms <= at_ms) script.shift()?.happens();
    },
  };
}

/** @param {string} heights @returns {number[]} by bin */
function loudness(heights) {
  const bins = Math.round((heights.length * STEP_MS) / BIN_MS);
  return Array.from({ length: bins }, (_, bin) => (Number(heights[Math.min(heights.length - 1, Math.floor((bin * BIN_MS) / STEP_MS))]) / 9) ** (1 / 0.6));
}
