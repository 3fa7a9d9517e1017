// @ts-check
/** What happens to the page as a whole: it goes online, is left, comes back; and a beat for when there is no audio device. */

const BEAT_MS = 500;

/**
 * @typedef {object} PageLifeHandlers
 * @property {() => void} onBeat twice a second, less often in a background tab
 * @property {() => void} onBack the network or the page came back
 * @property {() => void} onLeave the page is left or put aside; nothing can be waited for
 * @property {() => void} onReturn the browser had kept the page, and shows it again
 */

export class PageLife {
  #handlers;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #watching = false;
  #kept = false;

  /** @param {PageLifeHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  watch() {
    if (this.#watching) return;
    this.#watching = true;
    this.#timer = setInterval(this.#handlers.onBeat, BEAT_MS);
    globalThis.addEventListener?.('online', this.#back);
    globalThis.addEventListener?.('pageshow', this.#shown);
    globalThis.addEventListener?.('pagehide', this.#hidden);
  }

  unwatch() {
    this.#watching = false;
    clearInterval(this.#timer);
    globalThis.removeEventListener?.('online', this.#back);
    globalThis.removeEventListener?.('pagehide', this.#hidden);
    // A kept page comes back with this listener.
    if (!this.#kept) globalThis.removeEventListener?.('pageshow', this.#shown);
  }

  #back = () => this.#handlers.onBack();

  #hidden = (/** @type {any} */ event) => {
    this.#kept = event.persisted === true;
    this.#handlers.onLeave();
  };

  #shown = () => {
    if (this.#kept) this.#handlers.onReturn();
    else this.#handlers.onBack();
    this.#kept = false;
  };
}
