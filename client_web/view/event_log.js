// @ts-check
/**
 * The event log on the page. Rows are made only while somebody looks at them.
 * @module
 */

import { byId, el } from './dom.js';
import { EventLog, line, matches, seconds } from './event_log_model.js';

/** @typedef {import('../session.js').WireDetail} WireDetail */

const ROWS_SHOWN = 400;
const NEAR_END_PX = 40;

export class EventLogView {
  #log = new EventLog();
  #rows = byId('event-rows');
  /** @type {HTMLInputElement} */
  #filter = byId('event-filter');
  #empty = byId('event-empty');
  #said = byId('event-said');
  #shown = false;
  /** @type {number | null} */
  #origin_ms = null;

  constructor() {
    this.#filter.addEventListener('input', () => this.#renderAll());
    byId('event-clear').addEventListener('click', () => this.clear());
    byId('event-copy').addEventListener('click', () => void this.#copy());
  }

  /** @param {boolean} shown the panel is open at this page */
  set shown(shown) {
    this.#shown = shown;
    if (shown) this.#renderAll();
    else this.#rows.replaceChildren();
  }

  clear() {
    this.#log.clear();
    this.#origin_ms = null;
    this.#said.textContent = '';
    this.#renderAll();
  }

  /** @param {WireDetail} message */
  add(message) {
    this.#origin_ms ??= message.at_ms;
    this.#log.add(message);
    if (!this.#shown || !matches(message, this.#filter.value)) return;
    const at_end = this.#rows.scrollHeight - this.#rows.scrollTop - this.#rows.clientHeight < NEAR_END_PX;
    this.#rows.append(this.#row(message));
    while (this.#rows.childElementCount > ROWS_SHOWN) this.#rows.firstElementChild?.remove();
    this.#empty.hidden = true;
    if (at_end) this.#rows.scrollTop = this.#rows.scrollHeight;
  }

  #renderAll() {
    if (!this.#shown) return;
    const found = this.#log.matching(this.#filter.value);
    this.#rows.replaceChildren(...found.slice(-ROWS_SHOWN).map((message) => this.#row(message)));
    this.#rows.scrollTop = this.#rows.scrollHeight;
    this.#empty.hidden = found.length > 0;
    this.#empty.textContent = this.#log.messages.length === 0
      ? 'Every message of the conversation, in both directions, without the sound.'
      : 'No message has these words. Messages of sound are found with “sound”.';
  }

  /** @param {WireDetail} message @returns {HTMLLIElement} */
  #row(message) {
    const body = el('pre');
    const details = el('details', {}, el('summary', {}, el('span', {}, seconds(message, this.#origin_ms ?? message.at_ms)),
      el('span', { 'aria-label': message.direction === 'in' ? 'received' : 'sent' }, message.direction === 'in' ? '↓' : '↑'), el('b', {}, message.type)), body);
    details.addEventListener('toggle', () => { body.textContent = JSON.stringify(message.event, null, 2); }, { once: true });
    const bad = message.type === 'error' || message.event?.response?.status === 'failed';
    return el('li', { 'data-direction': message.direction, 'data-bad': bad ? 'yes' : 'no' }, details);
  }

  async #copy() {
    const found = this.#log.matching(this.#filter.value);
    try {
      await navigator.clipboard.writeText(found.map((message) => line(message, this.#origin_ms ?? 0)).join('\n'));
      this.#said.textContent = `Copied ${found.length} ${found.length === 1 ? 'message' : 'messages'}.`;
    } catch {
      this.#said.textContent = 'The browser did not allow copying. Open a message and select its text instead.';
    }
  }
}
