// @ts-check
/**
 * The level meters of both sides. They are fed by the audio thread and stand still while the page is hidden.
 * @module
 */

import { byId } from './dom.js';

const FLOOR_DB = -54;
const SILENT_AFTER_MS = 300;

/** @param {number} rms 0 … 1 @returns {number} 0 … 1 on a scale of decibels, as an ear has it */
export function meterFraction(rms) {
  if (rms <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(rms) + 6) / FLOOR_DB));
}

export class Meters {
  /** @type {Record<'caller' | 'agent', {fill: HTMLElement, timer: ReturnType<typeof setTimeout> | undefined}>} */
  #sides = { caller: { fill: byId('meter-you'), timer: undefined }, agent: { fill: byId('meter-reply'), timer: undefined } };

  /** @param {import('../session.js').LevelDetail} level */
  show({ lane, rms }) {
    const side = this.#sides[lane];
    side.fill.style.setProperty('transform', `scaleX(${meterFraction(rms).toFixed(3)})`);
    clearTimeout(side.timer);
    side.timer = setTimeout(() => side.fill.style.setProperty('transform', 'scaleX(0)'), SILENT_AFTER_MS);
  }
}
