// @ts-check
/**
 * The event log on the page. Rows are made only while somebody looks at them.
 * @module
 */

import { byId, el } from './dom.js';
import { EventLog, continues, line, matches, runs, seconds } from './event_log_model.js';

/** @typedef {import('../session.js').WireDetail} WireDetail */
/** @typedef {import('./event_log_model.js').Run} Run */

const ROWS_SHOWN = 400;
const NEAR_END_PX = 40;
const WRITTEN_OUT = 40;

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
  /** @type {HTMLSelectElement} */
  #kind = byId('event-kind');
  /** @type {{run: Run, count: HTMLElement} | null} the last row */
  #last = null;
  #on_moment;

  /** @param {{onMoment: (at_ms: number) => void}} options `onMoment`: somebody wants to see when that was, on the page clock */
  constructor({ onMoment }) {
    this.#on_moment = onMoment;
    this.#filter.addEventListener('input', () => this.#renderAll());
    this.#kind.addEventListener('change', () => this.#renderAll());
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
    if (!this.#shown || !matches(message, this.#filter.value, this.#wanted)) return;
    const at_end = this.#rows.scrollHeight - this.#rows.scrollTop - this.#rows.clientHeight < NEAR_END_PX;
    if (this.#last && continues(this.#last.run, message)) {
      this.#last.run.messages.push(message);
      this.#last.count.textContent = ` ×${this.#last.run.messages.length}`;
    } else this.#rows.append(this.#row({ messages: [message] }));
    while (this.#rows.childElementCount > ROWS_SHOWN) this.#rows.firstElementChild?.remove();
    this.#empty.hidden = true;
    if (at_end) this.#rows.scrollTop = this.#rows.scrollHeight;
  }

  #renderAll() {
    if (!this.#shown) return;
    const found = runs(this.#log.matching(this.#filter.value, this.#wanted));
    this.#last = null;
    this.#rows.replaceChildren(...found.slice(-ROWS_SHOWN).map((run) => this.#row(run)));
    this.#rows.scrollTop = this.#rows.scrollHeight;
    this.#empty.hidden = found.length > 0;
    this.#empty.textContent = this.#log.messages.length === 0
      ? 'Every message of the conversation, in both directions, without the sound.'
      : 'No message is like this. Messages of sound are found with “sound”, pings with “ping”.';
  }

  get #wanted() {
    return /** @type {import('./event_log_model.js').Kind | ''} */ (this.#kind.value);
  }

  /** @param {Run} run @returns {HTMLLIElement} */
  #row(run) {
    const [message] = run.messages;
    const at = seconds(message, this.#origin_ms ?? message.at_ms);
    const moment = el('button', { type: 'button', class: 'event-moment', 'aria-label': `Show ${at} s on the stage` }, at);
    moment.addEventListener('click', () => this.#on_moment(message.at_ms));
    const count = el('span', {}, run.messages.length > 1 ? ` ×${run.messages.length}` : '');
    const body = el('pre');
    const details = el('details', {}, el('summary', {},
      el('span', { 'aria-label': message.direction === 'in' ? 'received' : 'sent' }, message.direction === 'in' ? '↓' : '↑'), el('b', {}, message.type, count)), body);
    details.addEventListener('toggle', () => {
      body.textContent = run.messages.slice(-WRITTEN_OUT).map((one) => JSON.stringify(one.event, null, run.messages.length > 1 ? 0 : 2)).join('\n');
    });
    const bad = message.type === 'error' || message.event?.response?.status === 'failed';
    this.#last = { run, count };
    return el('li', { 'data-direction': message.direction, 'data-bad': bad ? 'yes' : 'no' }, moment, details);
  }

  async #copy() {
    const found = this.#log.matching(this.#filter.value, this.#wanted);
    try {
      await navigator.clipboard.writeText(found.map((message) => line(message, this.#origin_ms ?? 0)).join('\n'));
      this.#said.textContent = `Copied ${found.length} ${found.length === 1 ? 'message' : 'messages'}.`;
    } catch {
      this.#said.textContent = 'The browser did not allow copying. Open a message and select its text instead.';
    }
  }
}
