// @ts-check
/**
 * The live transcript. Its container is a `role=log`: an entry that may still change is hidden from assistive technology and
 * put in anew when it is settled, so that a screen reader reads every turn once, in its final words.
 * @module
 */

import { ENDINGS } from '../engine/endings.js';
import { byId, el } from './dom.js';
import { pieces, placeholder, settled, tag } from './transcript_model.js';

/** @typedef {import('./transcript_model.js').Entry} Entry */
/** @typedef {import('../session.js').CaptionDetail} Caption */

const NEAR_END_PX = 80;

export class Transcript {
  #log = byId('transcript');
  #scroll = byId('transcript-scroll');
  #empty = byId('transcript-empty');
  /** @type {Map<string, {node: HTMLElement, entry: Entry, shown: string}>} */
  #entries = new Map();
  /** @type {Map<string, Caption>} */
  #captions = new Map();

  /** The reader is at the end, and stays there whatever comes or makes room. */
  #at_end = true;

  constructor() {
    const box = this.#scroll;
    box.addEventListener('scroll', () => { this.#at_end = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX; });
    new ResizeObserver(() => this.#keepEnd()).observe(box);
  }

  clear() {
    this.#at_end = true;
    this.#log.replaceChildren();
    this.#entries.clear();
    this.#captions.clear();
    this.#empty.hidden = false;
  }

  /** @returns {boolean} nothing was said yet */
  get empty() {
    return this.#entries.size === 0;
  }

  /** @param {Entry} entry @param {readonly string[]} order ids of all entries, as the conversation has them */
  show(entry, order) {
    this.#empty.hidden = true;
    const known = this.#entries.get(entry.item_id);
    if (known) known.entry = entry;
    else this.#insert(entry, order);
    this.#render(entry.item_id);
  }

  /** @param {Caption} caption */
  caption(caption) {
    this.#captions.set(caption.item_id, caption);
    if (this.#entries.has(caption.item_id)) this.#render(caption.item_id);
  }

  /** The conversation goes on with a server that remembers nothing of it. @param {string} words */
  divide(words) {
    if (this.empty) return;
    this.#log.append(el('p', { class: 'entry divider' }, words));
    this.#keepEnd();
  }

  /** @param {Entry} entry @param {readonly string[]} order */
  #insert(entry, order) {
    const place = order.indexOf(entry.item_id);
    const next = place < 0 ? undefined : order.slice(place + 1).find((id) => this.#entries.has(id));
    const node = el('div', { class: 'entry', 'data-role': entry.role === 'user' ? 'you' : 'reply', 'data-item': entry.item_id });
    this.#entries.set(entry.item_id, { node, entry, shown: '' });
    const before = next === undefined ? null : (this.#entries.get(next)?.node ?? null);
    this.#log.insertBefore(node, before);
    this.#keepEnd();
  }

  /** @param {string} item_id */
  #render(item_id) {
    const known = this.#entries.get(item_id);
    if (!known) return;
    const { entry } = known;
    const caption = this.#captions.get(item_id) ?? null;
    const final = settled(entry, caption?.playing ?? false);
    const parts = pieces(entry, final ? null : caption);
    const shown = JSON.stringify([final, parts, placeholder(entry), tag(entry)]);
    if (shown === known.shown) return;
    known.shown = shown;
    const node = el('div', { class: 'entry', 'data-role': entry.role === 'user' ? 'you' : 'reply', 'data-item': item_id, 'data-final': final ? 'yes' : 'no' });
    if (!final) node.setAttribute('aria-hidden', 'true');
    if (entry.status === 'failed') node.dataset.failed = 'yes';
    node.append(el('span', { class: 'entry-who' }, entry.role === 'user' ? 'You' : 'Reply'), words(entry, parts));
    known.node.replaceWith(node);
    known.node = node;
    this.#keepEnd();
  }

  #keepEnd() {
    if (this.#at_end) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }
}

/** @param {Entry} entry @param {import('./transcript_model.js').Piece[]} parts @returns {HTMLElement} */
function words(entry, parts) {
  const missing = placeholder(entry);
  const body = el('div', { class: 'entry-words' });
  if (missing !== '') body.append(el('span', { class: 'entry-pending' }, missing));
  for (const piece of parts) {
    if (piece.kind === 'unheard') body.append(el('span', { class: 'sr-only' }, ` (${written(entry)}) Not heard: `), el('del', {}, piece.text));
    else if (piece.kind === 'plain') body.append(piece.text);
    else body.append(el('span', { class: piece.kind }, piece.text));
  }
  if (entry.interrupted && entry.unheard === '') body.append(el('span', { class: 'sr-only' }, ` (${written(entry)})`));
  const below = tag(entry);
  if (below !== '') body.append(el('small', { class: 'entry-tag' }, below));
  return body;
}

/** @param {Entry} entry */
function written({ ending }) {
  return ENDINGS[ending ?? 'interrupted'].written;
}
