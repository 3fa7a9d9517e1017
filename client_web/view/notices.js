// @ts-check
/**
 * Trouble, in plain words and with a way on. One notice a code; it goes away when the trouble does.
 * @module
 */

import { byId, el, icon } from './dom.js';

/** @typedef {import('../session.js').TroubleDetail} Trouble */

/** Troubles of the line. While the client reconnects by itself, the state line tells them. */
const LINK = new Set([
  'socket_lost', 'offline', 'server_full', 'server_restarting', 'server_overloaded', 'server_failed', 'server_unreachable', 'too_slow', 'idle', 'rate_limited',
]);

export class Notices {
  #box = byId('notices');
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();

  /** @param {Pick<Trouble, 'code' | 'title' | 'help' | 'fatal' | 'action' | 'retry' | 'detail'>} trouble */
  show(trouble) {
    const close = el('button', { type: 'button', class: 'quiet square', 'aria-label': 'Dismiss' }, icon('close'));
    close.addEventListener('click', () => this.remove(trouble.code));
    const words = el('div', { class: 'notice-words', role: 'alert' }, el('b', {}, `${trouble.title}.`), el('span', {}, trouble.help));
    if (trouble.detail) words.title = trouble.detail;
    const kind = { 'data-level': trouble.fatal ? 'error' : 'note', 'data-about': LINK.has(trouble.code) ? 'link' : 'other' };
    const notice = el('div', { class: 'notice', 'data-code': trouble.code, 'data-testid': 'notice', ...kind }, icon('error'), words);
    if (trouble.retry && trouble.action) notice.append(this.#action(trouble.code, trouble.action, trouble.retry));
    notice.append(close);
    const old = this.#shown.get(trouble.code);
    if (old) old.replaceWith(notice);
    else this.#box.append(notice);
    this.#shown.set(trouble.code, notice);
  }

  /** @param {string} code @param {string} label @param {() => Promise<void>} retry */
  #action(code, label, retry) {
    const button = el('button', { type: 'button', class: 'quiet notice-action', 'data-testid': 'notice-action' }, label);
    button.addEventListener('click', () => {
      this.remove(code);
      void retry();
    });
    return button;
  }

  /** @param {string} code */
  remove(code) {
    this.#shown.get(code)?.remove();
    this.#shown.delete(code);
  }

  clear() {
    this.#box.replaceChildren();
    this.#shown.clear();
  }
}
