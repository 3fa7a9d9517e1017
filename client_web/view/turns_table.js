// @ts-check
/**
 * The panel's table of turns: the stage in words, with a replay button for every turn.
 * @module
 */

import { byId, el, icon } from './dom.js';
import { clock } from './timeline_geometry.js';
import { turnRows } from './turns.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./turns.js').Said} Said */

export class TurnsTable {
  #table = byId('turns');
  #empty = byId('turns-empty');
  #body = byId('turns-body');
  #shown = false;
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
  }

  /** @param {boolean} shown the panel is open at this page */
  set shown(shown) {
    this.#shown = shown;
    this.show();
  }

  /** Call it when a turn has begun, ended or changed. */
  show() {
    if (!this.#shown) return;
    const rows = turnRows(this.#model, this.#said());
    this.#table.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    const origin_ms = this.#model.origin_ms ?? 0;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.turn : undefined;
    this.#body.replaceChildren(...rows.map((row, index) => {
      const who = row.who === 'you' ? 'You' : 'Reply';
      const began = clock(row.start_ms - origin_ms);
      const button = el('button', { type: 'button', class: 'quiet small', 'data-turn': String(index), 'aria-label': `Replay: ${who}, ${began}` }, icon('play'));
      button.addEventListener('click', () => this.#on_replay(row.start_ms, row.end_ms));
      return el('tr', { 'data-who': row.who }, el('td', {}, who),
        el('td', {}, began, el('small', {}, `${((row.end_ms - row.start_ms) / 1000).toFixed(1)} s`)), el('td', {}, row.what), el('td', {}, button));
    }));
    if (focused !== undefined) /** @type {HTMLElement | null} */ (this.#body.querySelector(`[data-turn="${focused}"]`))?.focus();
  }
}
