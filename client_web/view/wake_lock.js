// @ts-check
/**
 * Keeps the screen of a phone from going dark in a conversation. The browser lets go of the lock when the page is hidden.
 * @module
 */

export class WakeLock {
  #wanted = false;
  /** @type {WakeLockSentinel | null} */
  #sentinel = null;

  constructor() {
    document.addEventListener('visibilitychange', () => void this.#take());
  }

  /** @param {boolean} wanted */
  set wanted(wanted) {
    this.#wanted = wanted;
    if (wanted) void this.#take();
    else {
      void this.#sentinel?.release();
      this.#sentinel = null;
    }
  }

  async #take() {
    if (!this.#wanted || document.hidden || !('wakeLock' in navigator)) return;
    if (this.#sentinel && !this.#sentinel.released) return;
    try {
      this.#sentinel = await navigator.wakeLock.request('screen');
      if (!this.#wanted) await this.#sentinel.release();
    } catch {
      this.#sentinel = null;
    }
  }
}
