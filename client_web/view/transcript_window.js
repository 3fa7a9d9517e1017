// @ts-check
/**
 * Keeps a long conversation light. The page holds its newest entries; those before them stand aside, and come back when
 * the reader asks for them.
 * @module
 */

/** More entries than this, and the page is laid out more slowly with each turn. */
export const MOST = 80;
/** So many stay when there are more; so many come back at a time. */
export const KEPT = 60;

export class TranscriptWindow {
  #log;
  #button;
  /** Entries that stand aside. They have a parent still, so that one of them can be changed, or another put before it. */
  #aside = document.createElement('div');

  /** @param {HTMLElement} log @param {HTMLButtonElement} button shows earlier entries */
  constructor(log, button) {
    this.#log = log;
    this.#button = button;
    button.addEventListener('click', () => this.#back());
  }

  /** Put the oldest aside. Call while nobody reads them. */
  trim() {
    const count = this.#log.childElementCount;
    if (count <= MOST) return;
    this.#aside.append(...Array.from(this.#log.children).slice(0, count - KEPT));
    this.#offer();
  }

  clear() {
    this.#aside.replaceChildren();
    this.#offer();
  }

  #back() {
    const first = this.#log.firstElementChild;
    const top_px = first?.getBoundingClientRect().top ?? 0;
    // They are no news: a screen reader is not to read them out.
    this.#log.setAttribute('aria-live', 'off');
    this.#log.prepend(...Array.from(this.#aside.children).slice(-KEPT));
    requestAnimationFrame(() => this.#log.removeAttribute('aria-live'));
    this.#offer();
    const scroll = this.#log.parentElement;
    if (first && scroll) scroll.scrollTop += first.getBoundingClientRect().top - top_px;
  }

  #offer() {
    const count = this.#aside.childElementCount;
    this.#button.hidden = count === 0;
    this.#button.textContent = `Show ${Math.min(count, KEPT)} earlier`;
  }
}
