// @ts-check
/**
 * The live transcript. Its container is a `role=log`: an entry that may still change is hidden from assistive technology and
 * put in anew when it is settled, so that a screen reader reads every turn once, in its final words.
 * @module
 */

import { ENDINGS } from '../engine/endings.js';
import { byId, el, icon } from './dom.js';
import { pieces, placeholder, settled, tag, unheardWords } from './transcript_model.js';
import { TranscriptWindow } from './transcript_window.js';

/** @typedef {import('./transcript_model.js').Entry} Entry */
/** @typedef {import('../session.js').CaptionDetail} Caption */

const NEAR_END_PX = 80;

export class Transcript {
  #log = byId('transcript');
  #scroll = byId('transcript-scroll');
  #empty = byId('transcript-empty');
  #window = new TranscriptWindow(this.#log, /** @type {HTMLButtonElement} */ (byId('transcript-earlier')));
  /** @type {Map<string, {node: HTMLElement, entry: Entry, shown: string}>} */
  #entries = new Map();
  /** @type {Map<string, Caption>} */
  #captions = new Map();

  /** @type {Set<string>} entries whose unheard words are unfolded */
  #unfolded = new Set();
  /** @type {'clause' | 'all'} */
  #ahead = 'clause';

  /** The reader is at the end, and stays there whatever comes or makes room. */
  #at_end = true;

  constructor() {
    const box = this.#scroll;
    box.addEventListener('scroll', () => { this.#at_end = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX; });
    new ResizeObserver(() => this.#keepEnd()).observe(box);
    this.#log.addEventListener('click', (event) => this.#unfold(event));
  }

  /** @param {'clause' | 'all'} ahead how far the words of a reply may run ahead of its voice */
  set ahead(ahead) {
    this.#ahead = ahead;
    for (const item_id of this.#entries.keys()) this.#render(item_id);
  }

  clear() {
    this.#at_end = true;
    this.#log.replaceChildren();
    this.#window.clear();
    this.#entries.clear();
    this.#captions.clear();
    this.#unfolded.clear();
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
    (before?.parentElement ?? this.#log).insertBefore(node, before);
    this.#keepEnd();
  }

  /** @param {string} item_id */
  #render(item_id) {
    const known = this.#entries.get(item_id);
    if (!known) return;
    const { entry } = known;
    const caption = this.#captions.get(item_id) ?? null;
    const final = settled(entry, caption?.playing ?? false);
    const parts = this.#parts(entry, final, caption);
    const unfolded = this.#unfolded.has(item_id);
    const shown = JSON.stringify([final, parts, placeholder(entry), tag(entry), unfolded]);
    if (shown === known.shown) return;
    known.shown = shown;
    const node = el('div', { class: 'entry', 'data-role': entry.role === 'user' ? 'you' : 'reply', 'data-item': item_id, 'data-final': final ? 'yes' : 'no' });
    if (!final) node.setAttribute('aria-hidden', 'true');
    if (entry.status === 'failed') node.dataset.failed = 'yes';
    node.append(el('span', { class: 'entry-who' }, entry.role === 'user' ? 'You' : 'Reply'), words(entry, parts, unfolded));
    known.node.replaceWith(node);
    known.node = node;
    this.#keepEnd();
  }

  /** @param {Entry} entry @param {boolean} final @param {Caption | null} caption */
  #parts(entry, final, caption) {
    // Before its voice is heard a reply shows its first clause at most.
    const awaited = entry.role === 'assistant' && entry.source === 'voice' && !entry.final ? { heard_chars: 0, playing: false } : null;
    return pieces(entry, final ? null : (caption ?? awaited), this.#ahead);
  }

  /** @param {MouseEvent} event */
  #unfold(event) {
    const chip = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest('.unheard-chip'));
    const item_id = /** @type {HTMLElement | null} */ (chip?.closest('.entry'))?.dataset.item;
    if (!chip || item_id === undefined) return;
    if (!this.#unfolded.delete(item_id)) this.#unfolded.add(item_id);
    const unfolded = this.#unfolded.has(item_id);
    chip.setAttribute('aria-expanded', String(unfolded));
    const rest = chip.nextElementSibling;
    if (rest instanceof HTMLElement) rest.hidden = !unfolded;
    const known = this.#entries.get(item_id);
    if (known) known.shown = '';
  }

  #keepEnd() {
    if (!this.#at_end) return;
    this.#window.trim();
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }
}

/** @param {Entry} entry @param {import('./transcript_model.js').Piece[]} parts @param {boolean} unfolded its unheard words are shown
 * @returns {HTMLElement} */
function words(entry, parts, unfolded) {
  const missing = placeholder(entry);
  const body = el('div', { class: 'entry-words' });
  if (missing !== '') body.append(el('span', { class: 'entry-pending' }, missing));
  for (const piece of parts) {
    if (piece.kind === 'unheard') body.append(el('span', { class: 'sr-only' }, ` (${written(entry)}) `), ...unheard(piece.text, unfolded));
    else if (piece.kind === 'plain') body.append(piece.text);
    else body.append(el('span', { class: piece.kind }, piece.text));
  }
  if (entry.interrupted && entry.unheard === '') body.append(el('span', { class: 'sr-only' }, ` (${written(entry)})`));
  const below = tag(entry);
  if (below !== '') body.append(el('small', { class: 'entry-tag' }, below));
  return body;
}

/** The mark stands where the reply was cut; the words behind it are folded. @param {string} text @param {boolean} unfolded @returns {Node[]} */
function unheard(text, unfolded) {
  const chip = el('button', { type: 'button', class: 'unheard-chip', 'aria-expanded': String(unfolded) }, el('span', {}, icon('cut'), unheardWords(text)));
  const rest = el('del', {}, text);
  rest.hidden = !unfolded;
  return [chip, rest];
}

/** @param {Entry} entry */
function written({ ending }) {
  return ENDINGS[ending ?? 'interrupted'].written;
}
