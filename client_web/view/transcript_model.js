// @ts-check
/**
 * The conversation as the page shows it: entries in the order of the conversation, and each entry's words in pieces, by
 * whether they were heard.
 * @module
 */

import { ENDINGS, shownEnding } from '../engine/endings.js';

/** @typedef {import('../session.js').TranscriptDetail} Entry */
/** @typedef {{kind: 'plain' | 'played' | 'now' | 'ahead' | 'unheard', text: string}} Piece */

/**
 * The words of an entry. While a reply is being played its words light up with the sound: `played`, then the word that
 * sounds `now`, then what is `ahead`.
 * @param {Entry} entry
 * @param {{heard_chars: number, playing: boolean} | null} [caption]
 * @returns {Piece[]} none of them empty
 */
export function pieces(entry, caption = null) {
  /** @type {Piece[]} */
  const found = [];
  if (entry.interrupted) {
    found.push({ kind: 'plain', text: entry.heard }, { kind: 'unheard', text: entry.unheard });
  } else if (entry.role === 'assistant' && caption && caption.heard_chars < entry.text.length) {
    const heard = entry.text.slice(0, caption.heard_chars);
    const word = caption.playing ? lastWordStart(heard) : heard.length;
    found.push(
      { kind: 'played', text: heard.slice(0, word) },
      { kind: 'now', text: heard.slice(word) },
      { kind: 'ahead', text: entry.text.slice(caption.heard_chars) },
    );
  } else {
    found.push({ kind: 'plain', text: entry.text });
  }
  return found.filter((piece) => piece.text !== '');
}

/** Nothing more will be said of it, so that it can be read out by a screen reader.
 * @param {Entry} entry @param {boolean} sounding its sound is still being played */
export function settled(entry, sounding) {
  if (entry.role === 'user') return entry.status !== 'pending' && entry.status !== 'transcribing';
  return entry.final && (entry.interrupted || entry.status === 'failed' || !sounding);
}

/** What stands in the place of words that are not there. @param {Entry} entry @returns {string} '' when there are words */
export function placeholder(entry) {
  if (entry.text !== '') return '';
  if (entry.role === 'user') {
    if (entry.status === 'pending') return 'Speaking…';
    return entry.status === 'transcribing' ? 'Understanding…' : 'Spoken, not written down';
  }
  if (entry.status === 'failed') return 'No reply';
  return entry.final ? 'No words' : '…';
}

/** A short line below the words. @param {Entry} entry @returns {string} '' for none */
export function tag(entry) {
  if (entry.role === 'assistant') return shownEnding(entry);
  if (entry.role === 'user' && entry.status === 'untranscribed' && entry.text === '') return 'The model hears the sound itself';
  return '';
}

/**
 * The whole conversation for a text file.
 * @param {readonly Entry[]} entries
 * @param {{began: Date}} options
 */
export function asText(entries, { began }) {
  const lines = [`Conversation of ${began.toISOString()}`, 'Words in [brackets] were written by the model and never heard.', ''];
  for (const entry of entries) {
    const who = entry.role === 'user' ? 'You' : 'Reply';
    const words = entry.interrupted ? entry.heard.trim() : entry.text.trim();
    const parts = [words, unheardInBrackets(entry), endingInBrackets(entry)].filter((part) => part !== '');
    lines.push(`${who}: ${parts.length > 0 ? parts.join(' ') : `(${placeholder(entry).toLowerCase()})`}`);
  }
  return `${lines.join('\n')}\n`;
}

/** @param {Entry} entry */
function unheardInBrackets({ interrupted, unheard }) {
  return interrupted && unheard.trim() !== '' ? `[${unheard.trim()}]` : '';
}

/** @param {Entry} entry */
function endingInBrackets({ ending }) {
  const written = ending === null ? '' : ENDINGS[ending].written;
  return written === '' ? '' : `(${written})`;
}

/** @param {string} text */
function lastWordStart(text) {
  return text.length - (/\S+\s*$/.exec(text)?.[0].length ?? 0);
}
