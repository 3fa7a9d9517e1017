// @ts-check
/** The figures a person feels, from moments on the page's clock. Pure. */

import { Series } from '../audio/statistics.js';

/** A turn whose reply has not sounded after this long is not a latency, but a trouble told elsewhere. */
const LONGEST_MS = 60_000;

/** @typedef {(detail: import('../session.js').LatencyDetail) => void} OnLatency */

export class LatencyBook {
  #onLatency;
  #response = new Series();
  #bargeIn = new Series();
  #roundTrip = new Series();
  /** @type {{at_ms: number, trigger: 'voice' | 'push-to-talk' | 'text'} | null} */
  #turn = null;
  /** @type {number | null} */
  #onset_ms = null;
  /** @type {{response_id: string | null, at_ms: number} | null} */
  #silence = null;

  /** @param {OnLatency} onLatency */
  constructor(onLatency) {
    this.#onLatency = onLatency;
  }

  /** @param {number} at_ms when the caller stopped @param {'voice' | 'push-to-talk' | 'text'} trigger */
  turnEnded(at_ms, trigger) {
    this.#turn = { at_ms, trigger };
  }

  /** @param {string | null} response_id @param {number} at_ms when its first sample left the speaker */
  firstSound(response_id, at_ms) {
    const turn = this.#turn;
    this.#turn = null;
    if (!turn) return;
    this.#add(this.#response, 'response', turn.at_ms, at_ms, { response_id, trigger: turn.trigger });
  }

  /** The server confirmed an interruption. @param {number} at_ms when the caller's speech began */
  bargeIn(at_ms) {
    this.#onset_ms = at_ms;
    this.#bargedIn();
  }

  /** @param {string | null} response_id @param {number} at_ms when the output fell silent, by a hold or a flush */
  silenced(response_id, at_ms) {
    this.#silence ??= { response_id, at_ms };
    this.#bargedIn();
  }

  /** The reply sounds again, or the caller's turn is over: what was noted belongs together no more. */
  bargeInOver() {
    this.#onset_ms = null;
    this.#silence = null;
  }

  /** A hold is silent before the interruption is confirmed, a flush after it: whichever comes last completes the figure. */
  #bargedIn() {
    if (this.#onset_ms === null || this.#silence === null) return;
    const { response_id, at_ms } = this.#silence;
    this.#add(this.#bargeIn, 'barge_in', this.#onset_ms, at_ms, { response_id });
    this.bargeInOver();
  }

  /** @param {number} from_ms ping sent @param {number} at_ms pong received */
  roundTrip(from_ms, at_ms) {
    this.#add(this.#roundTrip, 'round_trip', from_ms, at_ms, {});
  }

  /** What `bargein.latency` says. @param {Record<string, any>} event @param {number} at_ms */
  server(event, at_ms) {
    /** @type {Record<string, number>} */
    const stages = event.stages_ms ?? {};
    const ms = event.total_ms ?? Object.values(stages).reduce((sum, value) => sum + value, 0);
    this.#onLatency({
      kind: 'server',
      ms,
      response_id: event.response_id ?? null,
      stages,
      trigger: null,
      after: event.after === 'barge_in' ? 'barge_in' : 'response',
      from_ms: at_ms - ms,
      at_ms,
    });
  }

  summary() {
    return {
      response: this.#response.summary(),
      barge_in: this.#bargeIn.summary(),
      round_trip: this.#roundTrip.summary(),
    };
  }

  /**
   * @param {Series} series
   * @param {'response' | 'barge_in' | 'round_trip'} kind
   * @param {number} from_ms
   * @param {number} at_ms
   * @param {{response_id?: string | null, trigger?: 'voice' | 'push-to-talk' | 'text'}} rest
   */
  #add(series, kind, from_ms, at_ms, { response_id = null, trigger }) {
    const ms = at_ms - from_ms;
    if (ms < 0 || ms > LONGEST_MS) return;
    series.add(ms);
    this.#onLatency({ kind, ms, response_id, stages: null, trigger: trigger ?? null, after: null, from_ms, at_ms });
  }
}
