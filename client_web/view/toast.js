// @ts-check
/**
 * A short word on something that just worked. Trouble goes to notices.js instead.
 * @module
 */

import { byId } from './dom.js';

const SHOWN_MS = 3500;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {string} words */
export function toast(words) {
  const box = byId('toast');
  box.textContent = words;
  box.classList.add('shown');
  clearTimeout(timer);
  timer = setTimeout(() => box.classList.remove('shown'), SHOWN_MS);
}
