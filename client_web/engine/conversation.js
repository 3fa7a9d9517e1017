// @ts-check
/**
 * What both sides said, from the server's events. Pure: no sound, no socket.
 *
 * An entry is a whole: whoever shows it redraws it. A reply that was cut keeps all its text, split at what was heard;
 * the server's split (`bargein.cut`) replaces one that was estimated here, never the other way round.
 */

/** @typedef {import('../session.js').TranscriptDetail} Entry */
/** @typedef {Record<string, any>} Event */

export class Conversation {
  /** @type {Map<string, Entry>} in the order of the conversation */
  #entries = new Map();
  #changed;

  /** @param {(entry: Entry) => void} changed called with a copy */
  constructor(changed) {
    this.#changed = changed;
    /** The session transcribes the caller's speech. */
    this.transcribes = false;
  }

  /** @returns {Entry[]} */
  entries() {
    return [...this.#entries.values()].map((entry) => ({ ...entry }));
  }

  /** @param {string} itemId @returns {Entry | null} */
  get(itemId) {
    return this.#entries.get(itemId) ?? null;
  }

  /** @param {string} responseId @returns {Entry[]} what this response has said so far */
  entriesOf(responseId) {
    return [...this.#entries.values()].filter((entry) => entry.response_id === responseId);
  }

  /** Begin a spoken turn of the caller. @param {string} itemId @param {number} started_ms @param {number} now_ms */
  callerSpeaks(itemId, started_ms, now_ms) {
    this.#edit(itemId, now_ms, { role: 'user', source: 'voice', status: 'pending', started_ms });
  }

  /** @param {Event} event any server event; those about other things are ignored @param {number} now_ms */
  handle(event, now_ms) {
    switch (event.type) {
      case 'conversation.item.added':
      case 'conversation.item.created':
      case 'conversation.item.done':
        return this.#item(event.item, event.previous_item_id ?? null, null, now_ms);
      case 'conversation.item.deleted':
        return this.#remove(event.item_id, now_ms);
      case 'input_audio_buffer.cleared':
        return this.#forgetUnfinishedTurns(now_ms);
      case 'conversation.item.input_audio_transcription.delta':
        return this.#append(event.item_id, event.delta ?? '', now_ms, { role: 'user', source: 'voice', status: 'transcribing' });
      case 'conversation.item.input_audio_transcription.completed':
        return this.#edit(event.item_id, now_ms, { role: 'user', source: 'voice', text: event.transcript, status: 'done', final: true });
      case 'conversation.item.input_audio_transcription.failed':
        return this.#edit(event.item_id, now_ms, { role: 'user', source: 'voice', status: 'untranscribed', final: true });
      case 'response.output_item.added':
      case 'response.output_item.done':
        return this.#item(event.item, null, event.response_id, now_ms);
      case 'response.output_audio_transcript.delta':
        return this.#append(event.item_id, event.delta, now_ms, { source: 'voice', response_id: event.response_id });
      case 'response.output_text.delta':
        return this.#append(event.item_id, event.delta, now_ms, { source: 'text', response_id: event.response_id });
      case 'response.output_audio_transcript.done':
        return this.#written(event.item_id, event.transcript, now_ms);
      case 'response.output_text.done':
        return this.#written(event.item_id, event.text, now_ms);
      case 'response.done':
        return this.#responseDone(event.response, now_ms);
    }
  }

  /**
   * A reply was not heard to its end.
   *
   * @param {string} itemId
   * @param {{heard: string, unheard: string} | number} split the server's words, or the estimated number of characters heard
   * @param {number} now_ms
   * @param {import('./endings.js').Ending} [ending] the first one that is told stands
   */
  cut(itemId, split, now_ms, ending = 'interrupted') {
    const entry = this.#entries.get(itemId);
    if (!entry || entry.role !== 'assistant') return;
    if (typeof split === 'number') {
      if (entry.exact || entry.interrupted) return;
      const cut = { interrupted: true, ending: ending, heard: entry.text.slice(0, split), unheard: entry.text.slice(split) };
      this.#edit(itemId, now_ms, { ...cut, exact: false, final: true, status: ending === 'failed' ? 'failed' : 'done' });
      return;
    }
    // A server may tell the two parts without the space between them.
    const space = entry.text.startsWith(`${split.heard} `) && /^\S/.test(split.unheard) ? ' ' : '';
    const unheard = space + split.unheard;
    const interrupted = unheard.trim() !== '';
    const text = split.heard + unheard;
    const how = interrupted ? (entry.interrupted && entry.ending ? entry.ending : ending) : 'heard';
    const cut = { interrupted, ending: how, heard: split.heard, unheard, text };
    this.#edit(itemId, now_ms, { ...cut, exact: true, final: true, status: 'done' });
  }

  /** @param {Event} item @param {string | null} previous @param {string | null} response_id @param {number} now_ms */
  #item(item, previous, response_id, now_ms) {
    if (item?.type !== 'message' || (item.role !== 'user' && item.role !== 'assistant')) return;
    const changes = item.role === 'user' ? this.#userItem(item) : assistantItem(item, this.#entries.get(item.id));
    if (previous) Object.assign(changes, { previous_item_id: previous });
    if (response_id) Object.assign(changes, { response_id });
    this.#edit(item.id, now_ms, changes);
    if (previous) this.#place(item.id, previous);
  }

  /** @param {Event} item @returns {Partial<Entry>} */
  #userItem(item) {
    const parts = item.content ?? [];
    const known = this.#entries.get(item.id);
    if (!parts.some((/** @type {Event} */ part) => part.type === 'input_audio')) {
      const text = parts.map((/** @type {Event} */ part) => part.text ?? '').join('\n');
      return { role: 'user', source: 'text', text, status: 'done', final: true };
    }
    if (known?.final) return { role: 'user' };
    const text = parts.map((/** @type {Event} */ part) => part.transcript ?? '').join(' ').trim();
    if (text) return { role: 'user', source: 'voice', text, status: 'done', final: true };
    if (this.transcribes) return { role: 'user', source: 'voice', status: 'transcribing' };
    return { role: 'user', source: 'voice', status: 'untranscribed', final: true };
  }

  /** @param {string} itemId @param {string} text @param {number} now_ms */
  #written(itemId, text, now_ms) {
    const entry = this.#entries.get(itemId);
    if (entry?.interrupted || entry?.exact) return;
    this.#edit(itemId, now_ms, { text, final: true, status: 'done' });
  }

  /** @param {Event} response @param {number} now_ms */
  #responseDone(response, now_ms) {
    for (const entry of this.#entries.values()) {
      if (entry.response_id !== response?.id) continue;
      if (response.status === 'failed') this.#edit(entry.item_id, now_ms, { status: 'failed', ending: 'failed', final: true });
      else if (response.status === 'incomplete') this.#edit(entry.item_id, now_ms, { status: 'done', ending: 'shortened', final: true });
      else if (response.status === 'completed') this.#edit(entry.item_id, now_ms, { status: 'done', ending: entry.ending ?? 'heard', final: true });
      else if (!entry.final) this.#edit(entry.item_id, now_ms, { status: 'done', final: true });
    }
  }

  /** @param {number} now_ms */
  #forgetUnfinishedTurns(now_ms) {
    for (const entry of [...this.#entries.values()]) {
      if (entry.role === 'user' && entry.status === 'pending') this.#remove(entry.item_id, now_ms);
    }
  }

  /** @param {string} itemId @param {number} now_ms */
  #remove(itemId, now_ms) {
    const entry = this.#entries.get(itemId);
    this.#entries.delete(itemId);
    if (entry) this.#changed({ ...entry, removed: true, final: true, at_ms: now_ms });
  }

  /**
   * The link is gone: what was on its way will not come. Replies that have sounded were cut before, at what was heard;
   * the words of one that has not were not heard at all.
   *
   * @param {number} now_ms
   * @param {import('./endings.js').Ending} ending
   */
  linkLost(now_ms, ending) {
    this.#forgetUnfinishedTurns(now_ms);
    for (const entry of [...this.#entries.values()]) {
      if (entry.final) continue;
      if (entry.role === 'user') this.#edit(entry.item_id, now_ms, { final: true, status: 'untranscribed' });
      else this.cut(entry.item_id, entry.source === 'text' ? entry.text.length : 0, now_ms, ending);
    }
  }

  /** @param {string} itemId @param {string} delta @param {number} now_ms @param {Partial<Entry>} changes */
  #append(itemId, delta, now_ms, changes) {
    const entry = this.#entries.get(itemId);
    if (entry?.interrupted || (entry?.final && entry.role === 'user')) return;
    this.#edit(itemId, now_ms, { ...changes, text: (entry?.text ?? '') + delta });
  }

  /** @param {string} itemId @param {number} now_ms @param {Partial<Entry>} changes */
  #edit(itemId, now_ms, changes) {
    const entry = this.#entries.get(itemId) ?? newEntry(itemId, now_ms);
    const before = JSON.stringify(entry);
    Object.assign(entry, changes);
    if (!entry.interrupted) Object.assign(entry, { heard: entry.text, unheard: '' });
    if (this.#entries.has(itemId) && JSON.stringify(entry) === before) return;
    entry.at_ms = now_ms;
    this.#entries.set(itemId, entry);
    this.#changed({ ...entry });
  }

  /** Put an entry behind another one. @param {string} itemId @param {string} previous */
  #place(itemId, previous) {
    const order = [...this.#entries.keys()];
    const at = order.indexOf(previous);
    if (at < 0 || order[at + 1] === itemId) return;
    const entries = order.filter((id) => id !== itemId);
    entries.splice(entries.indexOf(previous) + 1, 0, itemId);
    this.#entries = new Map(entries.map((id) => [id, /** @type {Entry} */ (this.#entries.get(id))]));
  }
}

/** @param {Event} item @param {Entry | undefined} known @returns {Partial<Entry>} */
function assistantItem(item, known) {
  if (known?.interrupted || known?.exact) return { role: 'assistant' };
  const text = (item.content ?? []).map((/** @type {Event} */ part) => part.transcript ?? part.text ?? '').join('');
  /** @type {Partial<Entry>} */
  const changes = { role: 'assistant' };
  if (text) changes.text = text;
  if (item.status === 'completed' || item.status === 'incomplete') Object.assign(changes, { final: true, status: 'done' });
  return changes;
}

/** @param {string} item_id @param {number} now_ms @returns {Entry} */
function newEntry(item_id, now_ms) {
  return {
    item_id,
    role: 'assistant',
    text: '',
    final: false,
    source: 'voice',
    status: 'pending',
    ending: null,
    interrupted: false,
    heard: '',
    unheard: '',
    exact: false,
    response_id: null,
    previous_item_id: null,
    started_ms: now_ms,
    at_ms: now_ms,
  };
}
