// @ts-check
/**
 * The tools that the session has, and each call with its result, whoever answers it: this page, the server or another client.
 * @module
 */

import { byId, el } from './dom.js';
import { ToolCalls } from './tool_calls.js';

/** @typedef {import('./tool_calls.js').Call} Call */

const SHOWN = 50;

export class ToolsView {
  #section = byId('tools');
  #list = byId('tool-list');
  #rows = byId('tool-calls');
  #calls = new ToolCalls();

  clear() {
    this.#calls = new ToolCalls();
    this.#rows.replaceChildren();
    this.offer([]);
  }

  /** @param {readonly Record<string, any>[]} tools of the session */
  offer(tools) {
    const named = tools.filter((tool) => typeof tool.name === 'string');
    this.#section.hidden = named.length === 0 && this.#calls.calls.length === 0;
    this.#list.replaceChildren(...named.map(({ name, description }) => el('li', {}, el('code', {}, name), ...(description ? [el('small', {}, String(description))] : []))));
  }

  /** @param {Record<string, any>} event of the wire, in either direction */
  take(event) {
    if (!this.#calls.take(event)) return;
    this.#section.hidden = false;
    this.#rows.replaceChildren(...this.#calls.calls.slice(-SHOWN).reverse().map(row));
  }
}

/** @param {Call} call */
function row({ name, given, result }) {
  return el('li', {}, el('code', {}, `${name}(${given})`), el('small', {}, result === null ? 'Waiting for its result…' : `→ ${result}`));
}
