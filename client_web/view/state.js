// @ts-check
/**
 * The state in words, icon and colour, the countdown while reconnecting, and the polite announcements.
 * @module
 */

import { byId } from './dom.js';
import { announcement, countdown, stateWords } from './state_words.js';

/** @typedef {import('../session.js').StateDetail} StateDetail */
/** @typedef {import('../session.js').ReconnectingDetail} ReconnectingDetail */

export class StateView {
  #word = byId('state-word');
  #hint = byId('state-hint');
  #use = byId('state-use');
  #announcer = byId('announcer');
  #retry = byId('retry-now');
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {{onRetry: () => void}} options */
  constructor({ onRetry }) {
    this.#retry.addEventListener('click', onRetry);
  }

  /** @param {StateDetail} detail */
  show(detail) {
    const words = stateWords(detail.state, detail);
    document.body.dataset.state = detail.state;
    document.body.dataset.muted = detail.muted ? 'yes' : 'no';
    document.title = detail.state === 'disconnected' ? 'Bargein' : `${words.word} · Bargein`;
    this.#word.textContent = words.word;
    this.#hint.textContent = words.hint;
    this.#use.setAttribute('href', `#i-${words.icon}`);
    const waiting = detail.state === 'reconnecting' || detail.state === 'retrying';
    this.#retry.hidden = !waiting;
    if (!waiting) clearInterval(this.#ticking);
    const said = announcement(detail.state, detail.previous, detail);
    if (said !== '') this.#announcer.textContent = said;
  }

  /** @param {ReconnectingDetail} detail */
  reconnecting(detail) {
    clearInterval(this.#ticking);
    const tick = () => {
      this.#hint.textContent = `${detail.reason.replace(/[.\s]*$/, '.')} ${countdown(detail.at_ms, performance.now())}`;
    };
    tick();
    this.#ticking = setInterval(tick, 250);
  }
}
