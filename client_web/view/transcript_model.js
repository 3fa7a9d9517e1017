// @ts-check
/**
 * The conversation as the page shows it: entries in the order of the conversation, and each entry's words in pieces, by
 * whether they were heard.
 * @module
 */

import { ENDINGS, shownEnding } from '../engine/endings.js';

/** @typedef {import('../session.js').TranscriptDetail} Entry */
/** @typedef {{kind: 'plain' | 'played' | 'now' | 'ahead' | 'unheard', text: string}} Piece */

/** Words without a full stop or a comma for this long are a clause too. */
const LONGEST_CLAUSE_CHARS = 90;

/**
 * The words of an entry. While a reply is being played its words light up with the sound: `played`, then the word that
 * sounds `now`, then what is `ahead`.
 * @param {Entry} entry
 * @param {{heard_chars: number, playing: boolean} | null} [caption]
 * @param {'clause' | 'all'} [ahead] how far the words may run ahead of the voice
 * @returns {Piece[]} none of them empty
 */
export function pieces(entry, caption = null, ahead = 'all') {
  /** @type {Piece[]} */
  const found = [];
  if (entry.interrupted) {
    found.push({ kind: 'plain', text: entry.heard }, { kind: 'unheard', text: entry.unheard });
  } else if (entry.role === 'assistant' && caption && caption.heard_chars < entry.text.length) {
    const heard = entry.text.slice(0, caption.heard_chars);
    const word = caption.playing ? lastWordStart(heard) : heard.length;
    const end = ahead === 'clause' ? clauseEnd(entry.text, caption.heard_chars) : entry.text.length;
    found.push(
      { kind: 'played', text: heard.slice(0, word) },
      { kind: 'now', text: heard.slice(word) },
      { kind: 'ahead', text: entry.text.slice(caption.heard_chars, end) },
    );
  } else {
    found.push({ kind: 'plain', text: entry.text });
  }
  return found.filter((piece) => piece.text !== '');
}

/** @param {string} text @param {number} from @returns {number} where the clause ends that goes on there, at a whole word */
export function clauseEnd(text, from) {
  const found = /[,.;:!?…—](?=["'”’)]*(\s|$))/u.exec(text.slice(from + 1));
  const end = found ? from + 1 + found.index + 1 : text.length;
  if (end - from <= LONGEST_CLAUSE_CHARS) return end;
  const space = text.lastIndexOf(' ', from + LONGEST_CLAUSE_CHARS);
  return space > from ? space : end;
}

/** @param {string} text @returns {number} */
export function countWords(text) {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** What the chip at a cut says. @param {string} unheard @returns {string} */
export function unheardWords(unheard) {
  const count = countWords(unheard);
  return `${count} ${count === 1 ? 'word' : 'words'} not heard`;
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

/** A short line below the words. Of an interruption of which something was heard and something not, the chip at the cut says it all.
 * @param {Entry} entry @returns {string} '' for none */
export function tag(entry) {
  if (entry.ending === 'interrupted' && entry.heard.trim() !== '' && entry.unheard.trim() !== '') return '';
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
