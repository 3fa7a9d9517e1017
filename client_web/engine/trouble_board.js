// @ts-check
/** Which troubles the page has been told of, and which of them are over. */

import { trouble } from './troubles.js';

export class TroubleBoard {
  #emit;
  /** @type {Set<string>} */
  #open = new Set();

  /** @param {(type: string, detail: object) => void} emit */
  constructor(emit) {
    this.#emit = emit;
  }

  /** @param {string} code @returns {boolean} it was told, and is not over */
  has(code) {
    return this.#open.has(code);
  }

  /** @param {string} code @param {unknown} cause @param {{fatal?: boolean, retry?: () => Promise<void>}} [rest] */
  tell(code, cause, rest = {}) {
    this.#open.add(code);
    this.#emit('error', trouble(code, { ...rest, cause, at_ms: performance.now() }));
  }

  /** @param {Iterable<string>} codes */
  over(codes) {
    for (const code of codes) {
      if (this.#open.delete(code)) this.#emit('recovered', { code, at_ms: performance.now() });
    }
  }

  allOver() {
    this.over([...this.#open]);
  }
}
