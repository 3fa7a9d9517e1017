// @ts-check
/**
 * The receipt at the end of a call, on the page.
 * @module
 */

import { byId, el } from './dom.js';
import { receipt } from './receipt_model.js';

export class Receipt {
  #section = byId('receipt');
  #saves = byId('saves');
  #home = /** @type {HTMLElement} */ (this.#saves.parentElement);

  /** @param {Parameters<typeof receipt>[0]} call */
  show(call) {
    byId('receipt-figures').replaceChildren(...receipt(call).map(({ name, value, unit, label }) =>
      el('div', { 'data-figure': name }, el('dt', {}, label), el('dd', {}, value, ...(unit ? [el('small', {}, unit)] : [])))));
    /** @type {HTMLElement} */ (this.#section.querySelector('.receipt-actions')).append(this.#saves);
    this.#section.hidden = false;
  }

  hide() {
    this.#home.append(this.#saves);
    this.#section.hidden = true;
  }
}
