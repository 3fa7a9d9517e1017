// @ts-check
/** What the page wants of every session, over all connections: asked for at each start, and changed by update(). Pure. */

import { mergeSession } from '../protocol.js';

/** The caller's words are shown, so they are asked for; and both directions are named, so that both get our format. */
const DEFAULT_SESSION = { audio: { input: { transcription: { model: 'gpt-transcribe' } }, output: {} } };

export class Wishes {
  /** @type {Record<string, any>} */
  #session;

  /** @param {Record<string, any>} session */
  constructor(session) {
    this.#session = mergeSession(DEFAULT_SESSION, session);
  }

  get session() {
    return this.#session;
  }

  /** @param {Record<string, any>} changes @returns {() => void} takes them back */
  change(changes) {
    const before = this.#session;
    this.#session = mergeSession(before, changes);
    return () => {
      this.#session = before;
    };
  }

  /**
   * Turn detection is off: as wished, or else as the server has it.
   *
   * @param {Record<string, any> | null} effective the session as the server echoed it
   * @returns {boolean}
   */
  pushToTalk(effective) {
    const wished = this.#session.audio.input;
    const input = 'turn_detection' in wished ? wished : effective?.audio?.input;
    return input?.turn_detection === null;
  }
}
