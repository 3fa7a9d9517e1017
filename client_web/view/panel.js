// @ts-check
/**
 * The panel with its tabs, opened and closed by one button, after the tabs pattern of the ARIA Authoring Practices Guide.
 * @module
 */

import { byId } from './dom.js';

/** @typedef {'settings' | 'turns' | 'latency' | 'events'} PageName */

/** @type {readonly PageName[]} */
const PAGES = ['settings', 'turns', 'latency', 'events'];

export class Panel {
  #panel = byId('panel');
  /** @type {PageName | null} */
  #open = null;
  #opener = byId('panel-open');
  /** @type {PageName} the one that it opens at */
  #last = 'settings';
  #on_show;
  /** On a phone the panel covers the page: then nothing behind it may take the focus. */
  #covering = matchMedia('(max-width: 760px)');

  /** @param {{onShow: (page: PageName | null) => void}} options */
  constructor({ onShow }) {
    this.#on_show = onShow;
    for (const page of PAGES) {
      byId(`tab-${page}`).addEventListener('click', () => this.open(page));
      byId(`tab-${page}`).addEventListener('keydown', (event) => this.#arrow(event, page));
    }
    this.#opener.addEventListener('click', () => (this.#open === null ? this.open(this.#last) : this.close()));
    byId('panel-close').addEventListener('click', () => this.close());
    this.#covering.addEventListener('change', () => this.#cover());
  }

  /** @returns {boolean} */
  get isOpen() {
    return this.#open !== null;
  }

  /** @param {PageName} page */
  open(page) {
    this.#open = this.#last = page;
    this.#opener.setAttribute('aria-expanded', 'true');
    this.#panel.hidden = false;
    document.body.dataset.panel = 'open';
    this.#cover();
    for (const name of PAGES) {
      const selected = name === page;
      byId(`tab-${name}`).setAttribute('aria-selected', String(selected));
      byId(`tab-${name}`).tabIndex = selected ? 0 : -1;
      byId(`page-${name}`).hidden = !selected;
    }
    byId(`tab-${page}`).focus();
    this.#on_show(page);
  }

  close() {
    if (this.#open === null) return;
    this.#open = null;
    this.#panel.hidden = true;
    delete document.body.dataset.panel;
    this.#cover();
    this.#opener.setAttribute('aria-expanded', 'false');
    this.#opener.focus();
    this.#on_show(null);
  }

  #cover() {
    const covered = this.#open !== null && this.#covering.matches;
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.skip, .top, main, .dock'))) part.inert = covered;
  }

  /** @param {KeyboardEvent} event @param {PageName} page */
  #arrow(event, page) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.open(PAGES[(PAGES.indexOf(page) + step + PAGES.length) % PAGES.length]);
  }
}
