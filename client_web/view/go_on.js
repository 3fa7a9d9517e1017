// @ts-check
/**
 * An ended conversation that goes on: a new session is told what was said, as it was heard. Pure.
 * @module
 */

/** @typedef {import('./transcript_model.js').Entry} Entry */

/** Longer ago nobody remembers it word by word. */
const MOST = 60;

/** @param {readonly Entry[]} said @returns {Record<string, any>[]} the client events that tell it, in order */
export function remembering(said) {
  const known = said.filter((entry) => entry.final && entry.heard.trim() !== '' && entry.status !== 'failed');
  return known.slice(-MOST).map(({ item_id, role, heard }) => ({
    type: 'conversation.item.create',
    item: {
      id: item_id,
      type: 'message',
      role,
      content: [role === 'user' ? { type: 'input_text', text: heard } : { type: 'output_text', text: heard }],
    },
  }));
}
