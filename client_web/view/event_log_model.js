// @ts-check
/**
 * The event log without a page: bounded, filtered, and as lines of text.
 * @module
 */

/** @typedef {import('../session.js').WireDetail} WireDetail */

const KEPT = 2000;
/** Sixty messages of sound a second would push everything else out. */
const KEPT_SOUND = 200;

export class EventLog {
  constructor({ kept = KEPT, kept_sound = KEPT_SOUND } = {}) {
    this.kept = kept;
    this.kept_sound = kept_sound;
    this.sounds = 0;
    /** @type {WireDetail[]} oldest first */
    this.messages = [];
  }

  /** @param {WireDetail} message */
  add(message) {
    this.messages.push(message);
    if (message.audio) this.sounds += 1;
    const too_many_sounds = this.sounds > this.kept_sound;
    if (!too_many_sounds && this.messages.length - this.sounds <= this.kept) return;
    const [dropped] = this.messages.splice(this.messages.findIndex((one) => one.audio === too_many_sounds), 1);
    if (dropped.audio) this.sounds -= 1;
  }

  clear() {
    this.messages = [];
    this.sounds = 0;
  }

  /** @param {string} words every word must occur in the message; messages of sound and pings only when the filter asks for them
   * @param {Kind | ''} [kind] '' is any */
  matching(words, kind = '') {
    return this.messages.filter((message) => matches(message, words, kind));
  }
}

/** @typedef {'session' | 'caller' | 'reply' | 'words' | 'bargein' | 'errors'} Kind */
/** @typedef {{messages: WireDetail[]}} Run messages of one type and direction, one behind the other */

/** @param {WireDetail} message @returns {Kind} what it is about */
export function kindOf({ type, event }) {
  if (type === 'error' || event?.response?.status === 'failed') return 'errors';
  if (/transcript|output_text/.test(type)) return 'words';
  if (type.startsWith('bargein.')) return 'bargein';
  if (type.startsWith('session.')) return 'session';
  if (type.startsWith('input_audio_buffer.') || event?.item?.role === 'user') return 'caller';
  return 'reply';
}

/** @param {Run | undefined} run @param {WireDetail} message @returns {boolean} it goes on with it */
export function continues(run, message) {
  const last = run?.messages.at(-1);
  return last !== undefined && last.type === message.type && last.direction === message.direction && kindOf(message) !== 'errors';
}

/** @param {readonly WireDetail[]} messages @returns {Run[]} */
export function runs(messages) {
  /** @type {Run[]} */
  const found = [];
  for (const message of messages) {
    const last = found.at(-1);
    if (last && continues(last, message)) last.messages.push(message);
    else found.push({ messages: [message] });
  }
  return found;
}

/** @param {WireDetail} message @param {string} words @param {Kind | ''} [kind] @returns {boolean} */
export function matches(message, words, kind = '') {
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (kind !== '' && kindOf(message) !== kind) return false;
  if (/^bargein\.p[io]ng$/.test(message.type) && !wanted.some((word) => message.type.includes(word) && word !== 'bargein')) return false;
  if (message.audio && !wanted.some((word) => `${message.type} sound audio`.includes(word))) return false;
  const text = `${message.direction} ${message.type} ${message.audio ? 'sound audio ' : ''}${JSON.stringify(message.event)}`.toLowerCase();
  return wanted.every((word) => text.includes(word));
}

/** @param {WireDetail} message @param {number} origin_ms @returns {string} one line, with the whole message as JSON */
export function line(message, origin_ms) {
  return `${seconds(message, origin_ms)} ${message.direction === 'in' ? '<' : '>'} ${message.type} ${JSON.stringify(message.event)}`;
}

/** @param {WireDetail} message @param {number} origin_ms @returns {string} */
export function seconds(message, origin_ms) {
  return ((message.at_ms - origin_ms) / 1000).toFixed(3);
}
