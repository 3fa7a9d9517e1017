// @ts-check
/**
 * Where things of the timeline go: time to pixels and back, bars, ticks, and which moment is at the right edge.
 *
 * The reply grows upwards from the middle and the caller downwards, as in the mark of the page; the gap between them
 * carries the latency brackets.
 * @module
 */

/** @typedef {{width_px: number, height_px: number, px_per_s: number, right_ms: number}} View `right_ms`: time at the right edge */
/** @typedef {{from_ms: number, to_ms: number, x_px: number}} Bar */
/** @typedef {{reply_top: number, reply_base: number, you_base: number, you_bottom: number, ticks_y: number}} Lanes all in px */

/** One bar tells so much time: about half a syllable. */
export const BAR_MS = 80;
/** A bar is so much of its pitch wide; the rest is air. */
export const BAR_SHARE = 0.56;
/** The names of the lanes stand left of the sound, not over it. */
export const NAMES_PX = 54;
/** The present stands here while it is followed: what has been heard is left of it, what has arrived and comes next is right of it. */
export const PRESENT_SHARE = 0.72;
const TICK_MS = 5000;
const TOP_PX = 20;
const GAP_PX = 20;
const TICKS_PX = 22;

/** @param {number} height_px @returns {Lanes} */
export function lanes(height_px) {
  const room_px = (height_px - TOP_PX - GAP_PX - TICKS_PX) / 2;
  const reply_base = TOP_PX + room_px;
  const you_base = reply_base + GAP_PX;
  return { reply_top: TOP_PX, reply_base, you_base, you_bottom: you_base + room_px, ticks_y: height_px - TICKS_PX };
}

/** @param {View} view @param {number} at_ms */
export function xAt(view, at_ms) {
  return view.width_px - ((view.right_ms - at_ms) / 1000) * view.px_per_s;
}

/** @param {View} view @param {number} x_px */
export function timeAt(view, x_px) {
  return view.right_ms - ((view.width_px - x_px) / view.px_per_s) * 1000;
}

/**
 * Bars stand on a grid of *time*, not of pixels, so that a bar keeps its height while it travels.
 * @param {View} view
 * @param {number} origin_ms
 * @returns {Bar[]}
 */
export function bars(view, origin_ms) {
  const first = Math.max(0, Math.floor((timeAt(view, NAMES_PX) - origin_ms) / BAR_MS) - 1);
  const last = Math.ceil((view.right_ms - origin_ms) / BAR_MS);
  const found = [];
  for (let index = first; index <= last; index += 1) {
    const from_ms = origin_ms + index * BAR_MS;
    found.push({ from_ms, to_ms: from_ms + BAR_MS, x_px: xAt(view, from_ms) });
  }
  return found;
}

/** Loudness as a height: compressed, so that a soft voice is still seen and a loud one still has a shape. @param {number} peak 0 … 1 */
export function barHeight(peak) {
  return Math.min(1, Math.max(0, peak)) ** 0.6;
}

/** @param {View} view @param {number} origin_ms @param {number} now_ms @returns {{x_px: number, label: string}[]} every 5 s of what has been */
export function ticks(view, origin_ms, now_ms) {
  const first = Math.max(0, Math.ceil((timeAt(view, NAMES_PX) - origin_ms) / TICK_MS));
  const found = [];
  for (let index = first; origin_ms + index * TICK_MS <= Math.min(now_ms, view.right_ms); index += 1) {
    found.push({ x_px: xAt(view, origin_ms + index * TICK_MS), label: clock(index * TICK_MS) });
  }
  return found;
}

/**
 * The time at the right edge while following the present, which stands still at PRESENT_SHARE and lets the sound travel.
 * @param {number} now_ms
 * @param {number} origin_ms
 * @param {{width_px: number, px_per_s: number}} size
 * @param {boolean} calm turn half pages instead of gliding (reduced motion): no bar moves while a page stands
 */
export function followingEdge(now_ms, origin_ms, { width_px, px_per_s }, calm) {
  const page_ms = ((width_px - NAMES_PX) / px_per_s) * 1000;
  const lead_ms = page_ms * (1 - PRESENT_SHARE);
  if (!calm) return now_ms + lead_ms;
  const step_ms = page_ms / 2;
  return origin_ms + page_ms + Math.max(0, Math.ceil((now_ms + lead_ms - origin_ms - page_ms) / step_ms)) * step_ms;
}

/** @param {number} ms @returns {string} minutes and seconds, `1:05` */
export function clock(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
