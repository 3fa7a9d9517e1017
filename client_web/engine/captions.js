// @ts-check
/**
 * How much of a reply's text has been heard. Pure.
 *
 * The words come ahead of the sound and without timings. Once all sound is there, the part of the text is the part of
 * the samples; before, it is the speed of speech seen in the replies so far. Only whole words count, and a caption that was lit
 * stays lit. What the model is told comes from the server (`bargein.cut`), not from here.
 */

/** English read aloud; corrected by every reply that is heard to its end. */
const FIRST_CHARS_PER_SAMPLE = 15 / 24_000;

/** Replies shorter than this say little about the speed of speech. */
const LEARN_FROM_SAMPLES = 24_000;

/** @typedef {{text: string, final: boolean, received: number, complete: boolean, played: number, lit: number, learned: boolean}} Caption */

export class Captions {
  #charsPerSample = FIRST_CHARS_PER_SAMPLE;
  /** @type {Map<string, Caption>} */
  #items = new Map();

  /** @param {string} itemId @returns {Caption} */
  #of(itemId) {
    let caption = this.#items.get(itemId);
    if (!caption) {
      caption = { text: '', final: false, received: 0, complete: false, played: 0, lit: 0, learned: false };
      this.#items.set(itemId, caption);
    }
    return caption;
  }

  /** @param {string} itemId @param {string} text all of it so far @param {boolean} final */
  text(itemId, text, final) {
    Object.assign(this.#of(itemId), { text, final });
    this.#learn(this.#of(itemId));
  }

  /** @param {string} itemId @param {number} received samples so far @param {boolean} complete no more will come */
  sound(itemId, received, complete) {
    Object.assign(this.#of(itemId), { received, complete });
    this.#learn(this.#of(itemId));
  }

  /** @param {string} itemId @param {number} played samples */
  played(itemId, played) {
    const caption = this.#of(itemId);
    caption.played = Math.max(caption.played, played);
    caption.lit = Math.max(caption.lit, this.charsAt(itemId, caption.played));
    this.#learn(caption);
  }

  /** @param {string} itemId @returns {{text: string, heard_chars: number, heard_samples: number, received_samples: number}} */
  state(itemId) {
    const { text, lit, played, received } = this.#of(itemId);
    return { text, heard_chars: Math.min(lit, text.length), heard_samples: played, received_samples: received };
  }

  /** @param {string} itemId @param {number} samples @returns {number} characters of its text said by then, at a whole word */
  charsAt(itemId, samples) {
    const { text, final, received, complete } = this.#of(itemId);
    if (samples <= 0) return 0;
    if (complete && samples >= received) return text.length;
    const rate = final && complete ? text.length / received : this.#charsPerSample;
    return wordStart(text, Math.floor(samples * rate));
  }

  /** The same for a reply whose words may be ahead of all sound that will ever come: by the speed of speech alone.
   * @param {string} itemId @param {number} samples @returns {number} */
  charsWithin(itemId, samples) {
    return samples <= 0 ? 0 : wordStart(this.#of(itemId).text, Math.floor(samples * this.#charsPerSample));
  }

  /** A reply that was cut has more words than sound, and teaches nothing. @param {Caption} caption */
  #learn(caption) {
    const { text, final, received, complete, played, learned } = caption;
    if (learned || !final || !complete || played < received || received < LEARN_FROM_SAMPLES) return;
    caption.learned = true;
    this.#charsPerSample = (this.#charsPerSample + text.length / received) / 2;
  }
}

/** @param {string} text @param {number} chars @returns {number} `chars`, or less: the end of the last whole word before it */
export function wordStart(text, chars) {
  if (chars >= text.length) return text.length;
  let at = Math.max(0, chars);
  while (at > 0 && !/\s/.test(text[at])) at--;
  return at;
}
