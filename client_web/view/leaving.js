// @ts-check
/**
 * A reload in the middle of a call asks first.
 * @module
 */

export class Leaving {
  #ask = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();

  /** The listener is there only while it is needed: with it a browser does not keep the page for going back. @param {boolean} ask */
  set asks(ask) {
    if (ask) window.addEventListener('beforeunload', this.#ask);
    else window.removeEventListener('beforeunload', this.#ask);
  }
}
