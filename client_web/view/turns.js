// @ts-check
/**
 * The timeline in words: one row a turn. This is what a screen reader gets instead of the canvas, and what the replay
 * buttons of the table act on.
 * @module
 */

import { ENDINGS } from '../engine/endings.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./timeline_model.js').Span} Span */
/**
 * @typedef {object} Said
 * @property {string} item_id
 * @property {'user' | 'assistant'} role
 * @property {string} text
 * @property {number} started_ms
 * @property {number} [at_ms] when it last changed
 * @property {import('../engine/endings.js').Ending | null} [ending]
 * @property {string} [heard]
 */
/**
 * @typedef {object} TurnRow
 * @property {'you' | 'reply'} who
 * @property {number} start_ms page clock
 * @property {number} end_ms
 * @property {string} what what happened, in words
 */

const SAME_TURN_MS = 2000;
const AT_ONCE_MS = 400;
const BREATH_MS = 1000;

/**
 * @param {TimelineModel} model
 * @param {readonly Said[]} said
 * @returns {TurnRow[]} in the order of time
 */
export function turnRows(model, said) {
  const speech = callerTurns(model);
  const words = wordsBySpan(speech, said);
  const rows = [
    ...speech.map((span) => speechRow(span, model, words.get(span) ?? '')),
    ...model.spans.filter((span) => span.kind === 'reply').map((span) => replyRow(span, model)),
    ...said.filter((entry) => isUnheard(entry, model)).map(unheardRow),
  ];
  return rows.sort((one, other) => one.start_ms - other.start_ms);
}

/** @param {TimelineModel} model @returns {string} the canvas in one sentence */
export function summary(model) {
  if (model.origin_ms === null) return 'Timeline, empty.';
  const count = (/** @type {(span: Span) => boolean} */ test) => model.spans.filter(test).length;
  const spoken = count((span) => span.kind === 'speech');
  const replies = count((span) => span.kind === 'reply');
  const cut = count((span) => span.kind === 'reply' && endingWords(span).interruption);
  const seconds = Math.round((model.end_ms - model.origin_ms) / 1000);
  return `Timeline of ${seconds} seconds: you spoke ${times(spoken)}, ${plural(replies, 'reply', 'replies')}, ${cut} interrupted. `
    + 'The panel has the same as a table of turns.';
}

/** A breath does not end a turn: spans of speech with a short pause between them, in which no reply began or went on, are one.
 * @param {TimelineModel} model @returns {Span[]} */
function callerTurns(model) {
  /** @type {Span[]} */
  const turns = [];
  const replies = model.spans.filter((span) => span.kind === 'reply');
  for (const span of model.spans.filter((one) => one.kind === 'speech')) {
    const last = turns.at(-1);
    const end_ms = last?.end_ms ?? Number.NEGATIVE_INFINITY;
    const between = (/** @type {number} */ at_ms) => at_ms > end_ms && at_ms < span.start_ms;
    const answered = replies.some((reply) => between(reply.start_ms)) || model.marks.some((mark) => mark.kind === 'resume' && between(mark.at_ms));
    if (last && !answered && span.start_ms - end_ms < BREATH_MS) last.end_ms = span.end_ms;
    else turns.push({ ...span });
  }
  return turns;
}

/** Which words were said in which span: every turn of the caller belongs to the span whose onset is nearest.
 * @param {Span[]} speech @param {readonly Said[]} said @returns {Map<Span, string>} */
function wordsBySpan(speech, said) {
  /** @type {Map<Span, string>} */
  const found = new Map();
  for (const entry of said) {
    if (entry.role !== 'user' || entry.text === '') continue;
    const far = (/** @type {Span} */ span) => Math.abs(span.start_ms - entry.started_ms);
    const nearest = [...speech].sort((one, other) => far(one) - far(other))[0];
    if (nearest && far(nearest) < SAME_TURN_MS) found.set(nearest, entry.text);
  }
  return found;
}

/** @param {Span} span @param {TimelineModel} model @param {string} words @returns {TurnRow} */
function speechRow(span, model, words) {
  const end_ms = span.end_ms ?? model.end_ms;
  const held = model.spans.some((other) => other.kind === 'hold' && other.start_ms >= span.start_ms - AT_ONCE_MS && other.start_ms <= end_ms);
  const interrupted = model.marks.some((mark) => mark.kind === 'cut' && mark.at_ms >= span.start_ms && mark.at_ms <= end_ms + AT_ONCE_MS);
  const what = interrupted ? 'interrupted the reply' : held ? 'held the reply for a moment' : 'spoke';
  return { who: 'you', start_ms: span.start_ms, end_ms, what: words === '' ? what : `${what}: “${words}”` };
}

/** @param {Span} span @param {TimelineModel} model @returns {TurnRow} */
function replyRow(span, model) {
  const end_ms = span.end_ms ?? model.end_ms;
  const answered = model.brackets.find((found) => found.kind === 'response' && Math.abs(found.at_ms - span.start_ms) < AT_ONCE_MS);
  const silenced = model.brackets.find((found) => found.kind === 'barge_in' && found.at_ms >= span.start_ms && found.at_ms <= end_ms + AT_ONCE_MS);
  const resumed = model.marks.filter((mark) => mark.kind === 'resume' && mark.at_ms >= span.start_ms && mark.at_ms <= end_ms + AT_ONCE_MS).length;
  const parts = [answered ? `answered after ${Math.round(answered.ms)} ms` : 'answered'];
  if (resumed > 0) parts.push(`held ${times(resumed)} and went on`);
  const { counted, interruption } = endingWords(span);
  if (counted !== '') parts.push(interruption && silenced ? `${counted}, silent after ${Math.round(silenced.ms)} ms` : counted);
  return { who: 'reply', start_ms: span.start_ms, end_ms, what: parts.join('; ') };
}

/** A reply that ended before any sound of it was played is nowhere on the timeline. @param {Said} entry @param {TimelineModel} model */
function isUnheard({ item_id, role, ending, heard }, model) {
  const over = role === 'assistant' && ending !== undefined && ending !== null && ENDINGS[ending].counted !== '';
  return over && heard === '' && !model.spans.some((span) => span.kind === 'reply' && span.item_id === item_id);
}

/** @param {Said} entry @returns {TurnRow} */
function unheardRow({ started_ms, at_ms, ending }) {
  const { counted } = ENDINGS[/** @type {import('../engine/endings.js').Ending} */ (ending)];
  return { who: 'reply', start_ms: started_ms, end_ms: at_ms ?? started_ms, what: `${counted}, before a word was heard` };
}

/** @param {Span} span of a reply; `cut` is known before its ending is */
function endingWords({ ending, cut }) {
  return ENDINGS[ending ?? (cut ? 'interrupted' : 'heard')];
}

/** @param {number} count */
function times(count) {
  return count === 1 ? 'once' : `${count} times`;
}

/** @param {number} count @param {string} one @param {string} many */
function plural(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}
