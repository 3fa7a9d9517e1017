// @ts-check
/** The caller's turns that this page makes itself: typed, push-to-talk, and stopping the reply. Spoken ones are the server's. */

import { message } from '../protocol.js';

/** The audio thread's frames are never later than this; without a microphone there are none. */
const LAST_FRAME_MS = 200;

/**
 * @typedef {object} TurnsParts
 * @property {import('./dialogue.js').Dialogue} dialogue
 * @property {import('./playout.js').Playout} playout
 * @property {import('./outbox.js').Outbox} outbox
 * @property {import('../speaker.js').Speaker} speaker
 * @property {import('./state.js').Facts} facts
 * @property {(event: Record<string, any>) => boolean} send
 * @property {() => void} changed
 */

export class Turns {
  #parts;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {TurnsParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Interrupt the reply, say this, ask for a response. @param {string} text */
  async say(text) {
    const { send, dialogue } = this.#parts;
    const at_ms = performance.now();
    await this.#silence();
    send(message.userText(text));
    send(message.respond());
    dialogue.turnMade('text', at_ms);
  }

  /** @returns {boolean} false: there is no reply */
  interrupt() {
    if (!this.#replying) return false;
    void this.#silence();
    return true;
  }

  get #replying() {
    return this.#parts.speaker.unfinished.length > 0 || this.#parts.dialogue.response !== null;
  }

  /** Stop the reply, here and at the server: cancel it while it is made, and cut it when only its sound was left. */
  async #silence() {
    if (!this.#replying) return;
    const { dialogue, playout, send } = this.#parts;
    const { response } = dialogue;
    if (response) dialogue.leave(response);
    const dropped = await playout.drop('interrupt', 'stopped');
    if (response) send(message.cancel(response));
    for (const { track, samples, dropped_samples } of dropped) {
      const onlySound = track.response_id !== response && dropped_samples > 0;
      if (onlySound) send(message.truncate(track.item_id, track.content_index, samples));
    }
  }

  press() {
    const { facts, outbox, send, changed } = this.#parts;
    if (facts.pressed) return;
    facts.pressed = true;
    this.interrupt();
    outbox.press(() => send(message.clear()));
    changed();
  }

  release() {
    const { facts, outbox, send, dialogue, changed } = this.#parts;
    if (!facts.pressed) return;
    facts.pressed = false;
    const at_ms = performance.now();
    const turn = () => {
      send(message.commit());
      send(message.respond());
      dialogue.turnMade('push-to-talk', at_ms);
    };
    outbox.release(at_ms, turn, () => send(message.clear()));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => outbox.endTurn(), LAST_FRAME_MS);
    changed();
  }
}
