// @ts-check
/**
 * Trouble, in plain words and with a way on. One notice a code; it goes away when the trouble does.
 * @module
 */

import { byId, el, icon } from './dom.js';

/** @typedef {import('../session.js').TroubleDetail} Trouble */

export class Notices {
  #box = byId('notices');
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();

  /** @param {Pick<Trouble, 'code' | 'title' | 'help' | 'fatal' | 'action' | 'retry' | 'detail'>} trouble */
  show(trouble) {
    const actions = el('div', { class: 'notice-actions' });
    if (trouble.retry && trouble.action) {
      const retry = trouble.retry;
      const button = el('button', { type: 'button', class: 'quiet', 'data-testid': 'notice-action' }, trouble.action);
      button.addEventListener('click', () => {
        this.remove(trouble.code);
        void retry();
      });
      actions.append(button);
    }
    const close = el('button', { type: 'button', class: 'quiet square', 'aria-label': 'Dismiss' }, icon('close'));
    close.addEventListener('click', () => this.remove(trouble.code));
    actions.append(close);
    const words = el('div', { class: 'notice-words', role: 'alert' }, el('b', {}, `${trouble.title}.`), el('span', {}, trouble.help));
    if (trouble.detail) words.title = trouble.detail;
    const notice = el('div', { class: 'notice', 'data-level': trouble.fatal ? 'error' : 'note', 'data-code': trouble.code, 'data-testid': 'notice' }, icon('error'), words, actions);
    const old = this.#shown.get(trouble.code);
    if (old) old.replaceWith(notice);
    else this.#box.append(notice);
    this.#shown.set(trouble.code, notice);
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
