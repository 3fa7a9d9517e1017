// @ts-check
/**
 * What moves on the stage, as functions of the model and the time: how violet a held reply is, how far a cut has snapped, and
 * which hollow bars stand behind it. Pure.
 * @module
 */

import { BAR_MS } from './timeline_geometry.js';
import { BIN_MS } from './timeline_model.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./timeline_model.js').Span} Span */

const TO_VIOLET_MS = 90;
const FROM_VIOLET_MS = 260;
const SNAP_MS = 150;
const SETTLE_MS = 320;
const LONGEST_HOLD_MS = 1500;
/** Hollow bars appear within this time. */
export const LINGER_MS = 180;
const MOST_HOLLOW = 24;

/** @param {TimelineModel} model @param {number} now_ms @param {boolean} calm @returns {number} 0 … 1: so violet is the reply */
export function heldShare(model, now_ms, calm) {
  const hold = model.spans.findLast((span) => span.kind === 'hold');
  if (!hold) return 0;
  if (hold.end_ms === null) return calm ? 1 : clamp((now_ms - hold.start_ms) / TO_VIOLET_MS);
  return calm ? 0 : clamp(1 - (now_ms - hold.end_ms) / FROM_VIOLET_MS);
}

/** @param {number} age_ms since the cut @returns {{reach: number, width_px: number}} `reach`: share of its length; it overshoots a little */
export function snap(age_ms) {
  const gone = clamp(age_ms / SNAP_MS);
  const settled = clamp((age_ms - SNAP_MS) / SETTLE_MS);
  return { reach: (1 - (1 - gone) ** 3) * (1 + 0.05 * (1 - settled) * gone), width_px: 5 - 3 * clamp(age_ms / (SNAP_MS + SETTLE_MS)) };
}

/**
 * @param {Span} span `unheard`
 * @returns {{peak: number, alpha: number}[]} bars behind the cut: first the sound that had arrived, then a low one for each word
 *   whose sound never came, fading out
 */
export function hollowBars({ peaks = [], words = [] }) {
  const found = [];
  const per_bar = BAR_MS / BIN_MS;
  for (let bin = 0; bin < peaks.length; bin += per_bar) {
    found.push({ peak: Math.max(0, ...peaks.slice(Math.floor(bin), Math.ceil(bin + per_bar)).map((peak) => peak ?? 0)), alpha: 0.9 });
  }
  const arrived = Math.min(found.length, MOST_HOLLOW);
  for (const [at, length] of words.slice(0, MOST_HOLLOW - arrived).entries()) {
    const index = arrived + at;
    found.push({ peak: 0.02 + 0.02 * Math.min(12, length), alpha: 0.9 * (1 - (index - arrived + 1) / (MOST_HOLLOW - arrived + 1)) });
  }
  return found.slice(0, MOST_HOLLOW);
}

/** @param {TimelineModel} model @param {number} cut_ms @returns {string} what stands at a cut */
export function cutWords(model, cut_ms) {
  // The reply fell silent at the hold, a little before it was dropped.
  const found = model.brackets.find((bracket) => bracket.kind === 'barge_in' && bracket.at_ms <= cut_ms + 1 && cut_ms - bracket.at_ms < LONGEST_HOLD_MS);
  return found ? `silent in ${Math.round(found.ms)} ms` : 'stopped';
}

/** @param {number} value */
function clamp(value) {
  return Math.min(1, Math.max(0, value));
}
