// @ts-check
/**
 * The table below the timeline: the same in words, with a replay button for every turn.
 * @module
 */

import { byId, el, icon } from './dom.js';
import { clock } from './timeline_geometry.js';
import { turnRows } from './turns.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./turns.js').Said} Said */

export class TurnsTable {
  #region = byId('turns');
  /** @type {HTMLButtonElement} */
  #toggle = byId('turns-toggle');
  #body = byId('turns-body');
  #count = byId('turns-count');
  #model;
  #said;
  #on_replay;

  /**
   * @param {TimelineModel} model
   * @param {{said: () => readonly Said[], onReplay: (from_ms: number, to_ms: number) => void}} options
   */
  constructor(model, { said, onReplay }) {
    this.#model = model;
    this.#said = said;
    this.#on_replay = onReplay;
    this.#toggle.addEventListener('click', () => {
      this.#region.hidden = !this.#region.hidden;
      this.#toggle.setAttribute('aria-expanded', String(!this.#region.hidden));
      this.show();
    });
  }

  /** Call it when a turn has begun, ended or changed. */
  show() {
    const rows = turnRows(this.#model, this.#said());
    this.#count.textContent = rows.length > 0 ? ` (${rows.length})` : '';
    this.#toggle.disabled = rows.length === 0;
    if (this.#region.hidden) return;
    const origin_ms = this.#model.origin_ms ?? 0;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.turn : undefined;
    this.#body.replaceChildren(...rows.map((row, index) => {
      const who = row.who === 'you' ? 'You' : 'Reply';
      const began = clock(row.start_ms - origin_ms);
      const button = el('button', { type: 'button', class: 'quiet small', 'data-turn': String(index), 'aria-label': `Replay: ${who}, ${began}` }, icon('play'));
      button.addEventListener('click', () => this.#on_replay(row.start_ms, row.end_ms));
      return el('tr', { 'data-who': row.who }, el('td', {}, who), el('td', {}, began),
        el('td', {}, `${((row.end_ms - row.start_ms) / 1000).toFixed(1)} s`), el('td', {}, row.what), el('td', {}, button));
    }));
    if (focused !== undefined) /** @type {HTMLElement | null} */ (this.#body.querySelector(`[data-turn="${focused}"]`))?.focus();
  }
}
