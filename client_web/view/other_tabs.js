// @ts-check
/**
 * Two tabs that talk at once hear each other through the air. Each tells the others when it begins, and who talks already notices.
 * @module
 */

/** @typedef {{from: string, says: 'talking' | 'me too'}} Word */

export class OtherTabs {
  #me = Math.random().toString(36).slice(2);
  #talking = false;
  #channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel('bargein') : null;

  /** @param {{onOther: () => void}} options another tab talks as well */
  constructor({ onOther }) {
    this.#channel?.addEventListener('message', (event) => {
      const { from, says } = /** @type {Word} */ (event.data);
      if (from === this.#me || !this.#talking) return;
      if (says === 'talking') this.#say('me too');
      onOther();
    });
  }

  /** @param {boolean} talking a conversation with a microphone goes on here */
  set talking(talking) {
    if (talking && !this.#talking) this.#say('talking');
    this.#talking = talking;
  }

  /** @param {Word['says']} says */
  #say(says) {
    this.#channel?.postMessage({ from: this.#me, says });
  }
}
