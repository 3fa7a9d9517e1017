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

  /** @param {string} words every word must occur in the message; messages of sound only when the filter asks for them */
  matching(words) {
    return this.messages.filter((message) => matches(message, words));
  }
}

/** @param {WireDetail} message @param {string} words @returns {boolean} */
export function matches(message, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== '');
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
