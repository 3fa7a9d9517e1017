// @ts-check
/**
 * For servers that want a key: asks for it once and exchanges it for short-lived tokens. The key is kept in sessionStorage
 * only if the person agrees; otherwise it lives as long as the page.
 * @module
 */

import { mintToken } from '../session.js';
import { byId } from './dom.js';

const STORED_AS = 'bargein.key';
const SPARE_S = 30;

export class AccessKey {
  /** @type {HTMLDialogElement} */
  #dialog = byId('key-dialog');
  /** @type {HTMLInputElement} */
  #field = byId('key-value');
  /** @type {HTMLInputElement} */
  #keep = byId('key-keep');
  #error = byId('key-error');
  /** @type {string | null} */
  #key = sessionStorage.getItem(STORED_AS);
  /** @type {{token: string, expires_at: number} | null} */
  #token = null;

  /** A token that is still good; null when there is no key. @returns {Promise<string | null>} */
  async token() {
    if (this.#key === null) return null;
    if (!this.#token || this.#token.expires_at - SPARE_S < Date.now() / 1000) this.#token = await mintToken({ key: this.#key });
    return this.#token.token;
  }

  /** The server refused: forget what was used. */
  forget() {
    this.#token = null;
    this.#key = null;
    sessionStorage.removeItem(STORED_AS);
  }

  /** Ask until the server takes the key, or the person gives up. @returns {Promise<boolean>} true: token() has one now */
  ask() {
    if (this.#dialog.open) return Promise.resolve(false);
    this.#field.value = '';
    this.#error.textContent = '';
    this.#dialog.showModal();
    return new Promise((resolve) => {
      const ending = new AbortController();
      const end = (/** @type {boolean} */ taken) => {
        ending.abort();
        this.#dialog.close();
        resolve(taken);
      };
      const { signal } = ending;
      this.#dialog.addEventListener('cancel', () => end(false), { signal });
      byId('key-cancel').addEventListener('click', () => end(false), { signal });
      byId('key-form').addEventListener('submit', async (event) => {
        event.preventDefault();
        if (await this.#try(this.#field.value.trim())) end(true);
      }, { signal });
    });
  }

  /** @param {string} key @returns {Promise<boolean>} */
  async #try(key) {
    this.#error.textContent = '';
    try {
      this.#token = await mintToken({ key });
    } catch (error) {
      this.#error.textContent = /** @type {{code?: string}} */ (error).code === 'token_rejected'
        ? 'The server does not know this key.' : 'The server could not be asked just now. Try again in a moment.';
      this.#field.select();
      return false;
    }
    this.#key = key;
    if (this.#keep.checked) sessionStorage.setItem(STORED_AS, key);
    return true;
  }
}
