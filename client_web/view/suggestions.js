// @ts-check
/**
 * Sentences to say, as chips: on the welcome, while nothing was said yet, and over the first replies to interrupt them.
 * @module
 */

import { byId, el } from './dom.js';

const FIRST = ['Tell me a story', 'What time is it?', 'Count to twenty', 'What can you do?'];
const OVER = ['Wait, what time is it?', 'Stop'];
const AFTER = ['What did I interrupt?', 'Go on'];

/** @typedef {{said: number, replying: boolean, interrupted: number, live: boolean}} Moment `said`: turns of the caller so far; `replying`: a
 *   reply is being heard; `interrupted`: replies cut so far */

/** @param {Moment} moment @returns {{lead: string, sentences: readonly string[]}} nothing to suggest: no sentences */
export function suggestions({ said, replying, interrupted, live }) {
  if (!live) return { lead: 'Try', sentences: FIRST };
  if (replying && interrupted === 0) return { lead: 'Now talk over it:', sentences: OVER };
  if (said === 0) return { lead: 'Say, or press:', sentences: FIRST };
  if (!replying && interrupted === 1) return { lead: 'It knows what you heard. Ask:', sentences: AFTER };
  return { lead: '', sentences: [] };
}

export class Suggestions {
  #welcome = byId('welcome-suggest');
  #live = byId('live-suggest');
  #on_say;
  #shown = '';

  /** @param {{onSay: (sentence: string) => void}} options */
  constructor({ onSay }) {
    this.#on_say = onSay;
    this.#fill(this.#welcome, suggestions({ said: 0, replying: false, interrupted: 0, live: false }));
  }

  /** @param {Omit<Moment, 'live'>} moment */
  show(moment) {
    const found = suggestions({ ...moment, live: true });
    if (found.lead === this.#shown) return;
    this.#shown = found.lead;
    this.#live.hidden = found.sentences.length === 0;
    this.#fill(this.#live, found);
  }

  hide() {
    this.#shown = '';
    this.#live.hidden = true;
  }

  /** @param {HTMLElement} place @param {{lead: string, sentences: readonly string[]}} found */
  #fill(place, { lead, sentences }) {
    place.replaceChildren(el('span', {}, lead), ...sentences.map((sentence) => {
      const chip = el('button', { type: 'button', class: 'chip' }, sentence);
      chip.addEventListener('click', () => this.#on_say(sentence));
      return chip;
    }));
  }
}
