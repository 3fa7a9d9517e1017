// @ts-check
/** Keeps a session connected: makes one Link after the other, by the rules of reconnect.js, until there is no hope. */

import { LOST, Link } from './link.js';
import { whyRefused } from './probe.js';
import { ReconnectPolicy, verdictOf } from './reconnect.js';
import { TROUBLES } from './troubles.js';

/** A link that lived this long was good: the attempts after it count from 1 again. */
const GOOD_LINK_MS = 10_000;

/**
 * @typedef {object} ConnectorHandlers
 * @property {(event: Record<string, any>, resumed: boolean | null) => void} onUp a session was created or resumed
 * @property {(event: Record<string, any>) => void} onEvent
 * @property {(header: import('../protocol.js').AudioHeader, message: ArrayBuffer) => void} onAudio
 * @property {(trouble: string, cause: unknown) => void} onDown the link is gone; the next attempt is planned
 * @property {(detail: import('../session.js').ReconnectingDetail) => void} onWaiting
 * @property {(trouble: string | null, cause: unknown) => void} onEnded no more attempts; null: the server ended it in peace
 * @property {(from_ms: number, at_ms: number) => void} onRoundTrip
 * @property {(detail: import('../session.js').WireDetail) => void} onWire
 */

/**
 * @typedef {object} ConnectorOptions
 * @property {URL} address
 * @property {() => Promise<string | null> | string | null} getToken
 * @property {() => number} random
 * @property {() => number} now
 * @property {number} pingIntervalMs
 * @property {number} pingTimeoutMs
 */

export class Connector {
  #options;
  #handlers;
  #policy;
  /** @type {Link | null} */
  #link = null;
  /** Raised by stop() and by every attempt: answers to older questions are void. */
  #turn = 0;
  #ready_ms = 0;
  /** @type {{due_ms: number, timer: ReturnType<typeof setTimeout>} | null} */
  #waiting = null;
  /** @type {{token: string, epoch: number, seq: number | null} | null} */
  #resume = null;
  connections = 0;
  attempts = 0;
  #sent_bytes = 0;
  #received_bytes = 0;
  #missed_seq = 0;

  /** @param {ConnectorOptions} options @param {ConnectorHandlers} handlers */
  constructor(options, handlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#policy = new ReconnectPolicy(options.random);
  }

  /** The link in use; null while there is none that a message could be sent by. */
  get link() {
    return this.#link?.ready ? this.#link : null;
  }

  start() {
    void this.#attempt();
  }

  /** Close with 1000; nothing is reported after this. */
  stop() {
    this.#turn++;
    this.#forgetWaiting();
    this.#link?.close(1000, 'done');
    this.#retire();
  }

  /** While waiting for the next attempt: make it now. While connected: ask whether the server is still there. */
  nudge() {
    if (this.#waiting) void this.#attempt();
    else this.#link?.ping();
  }

  /** Call it every now and then; background tabs delay timers, this is the second way to the same end. */
  tick() {
    this.#link?.tick();
    if (this.#waiting && this.#options.now() >= this.#waiting.due_ms) void this.#attempt();
  }

  counters() {
    return {
      connections: this.connections,
      attempts: this.attempts,
      extended: this.#link?.extended ?? false,
      buffered_bytes: this.#link?.buffered_bytes ?? 0,
      sent_bytes: this.#sent_bytes + (this.#link?.sent_bytes ?? 0),
      received_bytes: this.#received_bytes + (this.#link?.received_bytes ?? 0),
      last_seq: this.#link?.last_seq ?? null,
      missed_seq: this.#missed_seq + (this.#link?.missed_seq ?? 0),
    };
  }

  async #attempt() {
    this.#forgetWaiting();
    const turn = ++this.#turn;
    this.attempts++;
    const { address, getToken, now } = this.#options;
    let token;
    try {
      token = await getToken();
    } catch (error) {
      if (turn === this.#turn) this.#tokenFailed(error);
      return;
    }
    if (turn !== this.#turn) return;
    const connection = this.connections + 1;
    this.#link = new Link(this.#addressNow(address), token, {
      onReady: (event) => {
        this.connections = connection;
        this.#ready_ms = now();
        this.#remember(event.bargein);
        this.#handlers.onUp(event, connection === 1 ? null : event.bargein?.resumed === true);
      },
      onEvent: this.#handlers.onEvent,
      onAudio: this.#handlers.onAudio,
      onRoundTrip: this.#handlers.onRoundTrip,
      onWire: (detail) => this.#handlers.onWire({ ...detail, connection }),
      onEnd: (end) => void this.#ended(end, token, turn),
    }, this.#options);
  }

  /** @param {import('./link.js').LinkEnd} end @param {string | null} token @param {number} turn */
  async #ended(end, token, turn) {
    const { now, address } = this.#options;
    if (end.ready && now() - this.#ready_ms >= GOOD_LINK_MS) this.#policy.reset();
    if (this.#resume) this.#resume.seq = this.#link?.last_seq ?? this.#resume.seq;
    this.#retire();
    let verdict = verdictOf(end.code, end.lastError);
    /** @type {unknown} */
    let cause = end.lastError ?? { code: end.code, reason: end.reason };
    if (!end.opened) {
      const { said, ...refused } = await whyRefused(address, token);
      verdict = { ...verdict, ...refused };
      cause = said ?? cause;
    } else if (verdict.trouble === 'socket_lost' && globalThis.navigator?.onLine === false) {
      verdict.trouble = 'offline';
    }
    if (turn !== this.#turn) return;
    if (!verdict.resume) this.#resume = null;
    this.#goOn(verdict, cause, end.code);
  }

  /** `getToken` threw: as mintToken does, with the code of a trouble; or in its own way. @param {unknown} error */
  #tokenFailed(error) {
    const { code } = /** @type {{code?: string}} */ (error ?? {});
    const trouble = code && code in TROUBLES ? code : 'token_rejected';
    const retry = trouble !== 'token_rejected' && trouble !== 'token_required';
    this.#goOn({ ...verdictOf(LOST, null), trouble, retry }, error, null);
  }

  /** Wait for the next attempt, or end. @param {import('./reconnect.js').Verdict} verdict @param {unknown} cause @param {number | null} code */
  #goOn(verdict, cause, code) {
    const { now } = this.#options;
    const next = verdict.retry ? this.#policy.next(verdict) : null;
    if (!next || verdict.trouble === null) {
      this.#handlers.onEnded(verdict.trouble, cause);
      return;
    }
    const due_ms = now() + next.delay_ms;
    this.#waiting = { due_ms, timer: setTimeout(() => void this.#attempt(), next.delay_ms) };
    this.#handlers.onDown(verdict.trouble, cause);
    const reason = TROUBLES[verdict.trouble].title;
    this.#handlers.onWaiting({ ...next, attempts: this.#policy.attempts, at_ms: due_ms, code, reason });
  }

  /** @param {Record<string, any> | undefined} welcome the `bargein` block of `session.created` */
  #remember(welcome) {
    const token = welcome?.resume_token;
    this.#resume = token ? { token, epoch: welcome.epoch ?? 0, seq: null } : null;
  }

  /** @param {URL} address @returns {URL} with the wish to resume, when the server gave a token for it */
  #addressNow(address) {
    if (!this.#resume) return address;
    const resuming = new URL(address);
    resuming.searchParams.set('resume', this.#resume.token);
    resuming.searchParams.set('epoch', String(this.#resume.epoch));
    if (this.#resume.seq !== null) resuming.searchParams.set('seq', String(this.#resume.seq));
    return resuming;
  }

  #forgetWaiting() {
    if (this.#waiting) clearTimeout(this.#waiting.timer);
    this.#waiting = null;
  }

  /** The link is over; its counters are kept. */
  #retire() {
    if (!this.#link) return;
    this.#sent_bytes += this.#link.sent_bytes;
    this.#received_bytes += this.#link.received_bytes;
    this.#missed_seq += this.#link.missed_seq;
    this.#link = null;
  }
}
