// @ts-check
/**
 * The caller's sound on its way out: what is sent, what waits, what is dropped. No socket, no device: frames come in,
 * `send` is called.
 *
 * - Recorded before the session is ready: waits, up to five seconds, and is sent then.
 * - More than 250 ms stuck in the browser: the network is too slow, the newest frame is dropped. Late speech is worse than a gap.
 * - Muted: nothing, but first a little silence, so that the server's detector can end the turn that was in progress.
 * - Push-to-talk: only while pressed, from a little before the press.
 */

import { FRAME_SAMPLES, msToSamples } from '../audio/pcm.js';

const FRAME_MS = 20;
const FRAME_BYTES = FRAME_SAMPLES * 2;
const WAITING_FRAMES = 5000 / FRAME_MS;
const GUARD_BYTES = (250 / FRAME_MS) * FRAME_BYTES;
/** Longer than any end-of-turn silence of the usual detectors. */
const SILENCE_AFTER_MUTE_FRAMES = 2000 / FRAME_MS;
/** The least that a server commits as a turn. */
const SHORTEST_TURN_SAMPLES = msToSamples(100);

/** @typedef {{pcm: ArrayBuffer, start_ms: number}} Frame `start_ms`: when its first sample was captured */

/**
 * @typedef {object} OutboxHandlers
 * @property {(pcm: ArrayBuffer) => void} send
 * @property {() => number} buffered_bytes
 * @property {(frame: Frame, input_sample: number | null) => void} onDone the frame was sent (with its position), or never will be
 */

export class Outbox {
  #handlers;
  #clock;
  #ready = false;
  /** @type {(Frame | (() => void))[]} frames and what is to be done between them */
  #waiting = [];
  #waitingFrames = 0;
  /** @type {Frame[]} */
  #preroll = [];
  #prerollFrames;
  #muted = false;
  #silenceLeft = 0;
  #pressedSamples = 0;
  #pressed = false;
  /** @type {{at_ms: number, turn: () => void, nothing: () => void} | null} released, waiting for the turn's last frames */
  #ending = null;
  pushToTalk = false;
  frames_sent = 0;
  frames_dropped = 0;

  /**
   * @param {import('../audio/clocks.js').InputClock} clock
   * @param {OutboxHandlers} handlers
   * @param {{prerollMs: number}} options
   */
  constructor(clock, handlers, { prerollMs }) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#prerollFrames = Math.ceil(prerollMs / FRAME_MS);
  }

  get frames_waiting() {
    return this.#waitingFrames;
  }

  /** A session is there, and what waited is sent. @param {boolean} resumed false: its input clock begins at 0 */
  open(resumed) {
    if (!resumed) this.#clock.reset();
    this.#ready = true;
    this.#pump();
  }

  /** The session is gone; what comes now waits for the next one. */
  shut() {
    this.#ready = false;
  }

  /** Forget everything that was not sent. */
  clear() {
    for (const entry of this.#waiting) if (typeof entry !== 'function') this.#drop(entry);
    this.#waiting = [];
    this.#waitingFrames = 0;
    this.#preroll = [];
    this.#pressed = false;
    this.#ending = null;
  }

  /** @param {boolean} muted */
  mute(muted) {
    if (muted && !this.#muted) this.#silenceLeft = SILENCE_AFTER_MUTE_FRAMES;
    this.#muted = muted;
    this.#preroll = [];
  }

  /** @param {Frame} frame the microphone's next 20 ms */
  frame(frame) {
    if (this.#muted) {
      if (this.#silenceLeft > 0 && this.#ready && !this.pushToTalk) {
        this.#silenceLeft--;
        this.#give({ pcm: new ArrayBuffer(FRAME_BYTES), start_ms: frame.start_ms });
      }
      return;
    }
    if (this.#ending && frame.start_ms >= this.#ending.at_ms) this.endTurn();
    if (this.pushToTalk && !this.#pressed) {
      this.#preroll.push(frame);
      if (this.#preroll.length > this.#prerollFrames) this.#handlers.onDone(/** @type {Frame} */ (this.#preroll.shift()), null);
      return;
    }
    this.#give(frame);
  }

  /** @param {() => void} before what the server must be told before the turn's sound */
  press(before) {
    this.endTurn();
    this.#pressed = true;
    this.#pressedSamples = 0;
    this.#then(before);
    for (const frame of this.#preroll.splice(0)) this.#give(frame);
  }

  /**
   * The turn ends with what had been said by now; frames of it may still be on their way from the audio thread.
   *
   * @param {number} at_ms
   * @param {() => void} turn called when all of it has been sent
   * @param {() => void} nothing called instead when it was too short to be a turn
   */
  release(at_ms, turn, nothing) {
    if (this.#pressed) this.#ending = { at_ms, turn, nothing };
  }

  /** All frames of the released turn have come, or will not come any more. */
  endTurn() {
    if (!this.#ending) return;
    const { turn, nothing } = this.#ending;
    this.#ending = null;
    this.#pressed = false;
    this.#then(this.#pressedSamples >= SHORTEST_TURN_SAMPLES ? turn : nothing);
  }

  /** @param {() => void} action in its place among the frames */
  #then(action) {
    this.#waiting.push(action);
    this.#pump();
  }

  /** @param {Frame} frame */
  #give(frame) {
    this.#pressedSamples += FRAME_SAMPLES;
    if (this.#ready && this.#waiting.length === 0) {
      if (this.#handlers.buffered_bytes() > GUARD_BYTES) this.#drop(frame);
      else this.#send(frame);
      return;
    }
    this.#waiting.push(frame);
    this.#waitingFrames++;
    if (this.#waitingFrames > WAITING_FRAMES) {
      const oldest = this.#waiting.findIndex((entry) => typeof entry !== 'function');
      this.#drop(/** @type {Frame} */ (this.#waiting.splice(oldest, 1)[0]));
      this.#waitingFrames--;
    }
    this.#pump();
  }

  #pump() {
    while (this.#ready && this.#waiting.length > 0) {
      const next = this.#waiting[0];
      if (typeof next !== 'function' && this.#handlers.buffered_bytes() > GUARD_BYTES) return;
      this.#waiting.shift();
      if (typeof next === 'function') {
        next();
      } else {
        this.#waitingFrames--;
        this.#send(next);
      }
    }
  }

  /** @param {Frame} frame */
  #send(frame) {
    const input_sample = this.#clock.samples;
    this.#handlers.send(frame.pcm);
    this.#clock.sent(FRAME_SAMPLES, frame.start_ms);
    this.frames_sent++;
    this.#handlers.onDone(frame, input_sample);
  }

  /** @param {Frame} frame */
  #drop(frame) {
    this.frames_dropped++;
    this.#handlers.onDone(frame, null);
  }
}
