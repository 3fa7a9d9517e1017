// @ts-check
/**
 * The side panel with its three tabs, after the tabs pattern of the ARIA Authoring Practices Guide.
 * @module
 */

import { byId } from './dom.js';

/** @typedef {'settings' | 'latency' | 'events'} PageName */

/** @type {readonly PageName[]} */
const PAGES = ['settings', 'latency', 'events'];

export class Panel {
  #panel = byId('panel');
  /** @type {PageName | null} */
  #open = null;
  /** @type {HTMLElement | null} */
  #opener = null;
  #on_show;
  /** On a phone the panel covers the page: then nothing behind it may take the focus. */
  #covering = matchMedia('(max-width: 760px)');

  /** @param {{onShow: (page: PageName | null) => void}} options */
  constructor({ onShow }) {
    this.#on_show = onShow;
    for (const page of PAGES) {
      opener(page).addEventListener('click', () => (this.#open === page ? this.close() : this.open(page, opener(page))));
      byId(`tab-${page}`).addEventListener('click', () => this.open(page));
      byId(`tab-${page}`).addEventListener('keydown', (event) => this.#arrow(event, page));
    }
    byId('panel-close').addEventListener('click', () => this.close());
    this.#covering.addEventListener('change', () => this.#cover());
  }

  /** @returns {boolean} */
  get isOpen() {
    return this.#open !== null;
  }

  /** @param {PageName} page @param {HTMLElement} [from] gets the focus back */
  open(page, from) {
    this.#open = page;
    this.#opener = from ?? this.#opener;
    this.#panel.hidden = false;
    document.body.dataset.panel = 'open';
    this.#cover();
    for (const name of PAGES) {
      const selected = name === page;
      byId(`tab-${name}`).setAttribute('aria-selected', String(selected));
      byId(`tab-${name}`).tabIndex = selected ? 0 : -1;
      byId(`page-${name}`).hidden = !selected;
      opener(name).setAttribute('aria-expanded', String(selected));
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
    for (const name of PAGES) opener(name).setAttribute('aria-expanded', 'false');
    this.#opener?.focus();
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

/** @param {PageName} page @returns {HTMLElement} */
function opener(page) {
  return /** @type {HTMLElement} */ (document.querySelector(`[data-panel="${page}"]`));
}
