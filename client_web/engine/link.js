// @ts-check
/**
 * One WebSocket from its opening to its end: messages in and out, what they look like in an event log, and whether the
 * other side is still there. Browsers hide WebSocket pings from pages, so the link asks by `bargein.ping`.
 */

import { SUBPROTOCOL_BARGEIN, WireError, describeSound, isReplyAudio, message, readAudioHeader, subprotocols, summarise } from '../protocol.js';

/** From the first byte to `session.created`. */
const OPEN_TIMEOUT_MS = 10_000;

/** Close code of a link that ended without a close frame. */
export const LOST = 1006;

/**
 * @typedef {object} LinkEnd
 * @property {number} code
 * @property {string} reason
 * @property {boolean} opened the upgrade had succeeded
 * @property {boolean} ready the session had been created
 * @property {{code: string | null, message: string, retry_after_ms: number | null} | null} lastError the server's last
 *   `error` event, which explains the close behind it
 */

/**
 * @typedef {object} LinkHandlers
 * @property {(event: Record<string, any>) => void} onReady `session.created`
 * @property {(event: Record<string, any>) => void} onEvent every other event
 * @property {(header: import('../protocol.js').AudioHeader, message: ArrayBuffer) => void} onAudio
 * @property {(end: LinkEnd) => void} onEnd once, and nothing after it
 * @property {(from_ms: number, at_ms: number) => void} onRoundTrip
 * @property {(detail: Omit<import('../session.js').WireDetail, 'connection'>) => void} onWire
 */

export class Link {
  #socket;
  #handlers;
  #now;
  #ping;
  #opened_ms;
  #opened = false;
  #ended = false;
  #ready = false;
  /** @type {LinkEnd['lastError']} */
  #lastError = null;
  #heard_ms;
  /** @type {{id: string, at_ms: number} | null} */
  #asked = null;
  #pings = 0;
  #pinged_ms = -Infinity;
  sent_bytes = 0;
  received_bytes = 0;
  /** @type {number | null} */
  last_seq = null;
  missed_seq = 0;

  /**
   * @param {URL} address
   * @param {string | null} token
   * @param {LinkHandlers} handlers
   * @param {{now: () => number, pingIntervalMs: number, pingTimeoutMs: number}} options
   */
  constructor(address, token, handlers, { now, pingIntervalMs, pingTimeoutMs }) {
    this.#handlers = handlers;
    this.#now = now;
    this.#ping = { interval_ms: pingIntervalMs, timeout_ms: pingTimeoutMs };
    this.#opened_ms = now();
    this.#heard_ms = now();
    this.#socket = new WebSocket(address, subprotocols(token));
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => {
      this.#opened = true;
    };
    // It says nothing that the close behind it does not.
    this.#socket.onerror = () => {};
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  /** The server speaks `bargein.v1`. */
  get extended() {
    return this.#socket.protocol === SUBPROTOCOL_BARGEIN;
  }

  get ready() {
    return this.#ready && !this.#ended;
  }

  /** Bytes given to the browser that have not left the machine. */
  get buffered_bytes() {
    return this.#socket.bufferedAmount;
  }

  /** @param {Record<string, any>} event @returns {boolean} false: the link is not open */
  send(event) {
    if (this.#ended || this.#socket.readyState !== WebSocket.OPEN) return false;
    const text = JSON.stringify(event);
    this.#socket.send(text);
    this.sent_bytes += text.length;
    this.#handlers.onWire({ direction: 'out', type: event.type, ...summarise(event), size_bytes: text.length, at_ms: this.#now() });
    return true;
  }

  /** @param {ArrayBuffer} pcm whole samples */
  sendAudio(pcm) {
    if (!this.extended) {
      this.send(message.append(new Uint8Array(pcm)));
      return;
    }
    if (this.#ended || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(pcm);
    this.sent_bytes += pcm.byteLength;
    const event = { sound: describeSound(pcm.byteLength >> 1) };
    this.#handlers.onWire({ direction: 'out', type: 'binary', event, size_bytes: pcm.byteLength, audio: true, at_ms: this.#now() });
  }

  /** Call it every now and then: asks whether the other side is there, and ends the link when it is not. */
  tick() {
    if (this.#ended) return;
    const now_ms = this.#now();
    if (!this.#ready) {
      if (now_ms - this.#opened_ms > OPEN_TIMEOUT_MS) this.#abandon('The server did not begin the session.');
      return;
    }
    if (!this.extended) return;
    if (this.#asked) {
      const silent_ms = now_ms - Math.max(this.#asked.at_ms, this.#heard_ms);
      if (silent_ms > this.#ping.timeout_ms) this.#abandon('The server does not answer any more.');
    } else if (now_ms - this.#pinged_ms >= this.#ping.interval_ms) {
      this.ping();
    }
  }

  /** Ask now: the network may have changed. */
  ping() {
    if (!this.ready || !this.extended || this.#asked) return;
    const at_ms = this.#now();
    this.#pinged_ms = at_ms;
    this.#asked = { id: `ping_${++this.#pings}`, at_ms };
    this.send(message.ping(this.#asked.id));
  }

  /** End it from this side. @param {number} code @param {string} reason */
  close(code, reason) {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close(code, reason);
  }

  /** The other side is gone: waiting for its close frame would take minutes. @param {string} reason */
  #abandon(reason) {
    const { onEnd } = this.#handlers;
    const end = { code: LOST, reason, opened: this.#opened, ready: this.#ready, lastError: this.#lastError };
    this.close(4000, 'no answer');
    onEnd(end);
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    if (this.#ended) return;
    this.#ended = true;
    this.#handlers.onEnd({ code, reason, opened: this.#opened, ready: this.#ready, lastError: this.#lastError });
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#heard_ms = this.#now();
    try {
      if (typeof data === 'string') this.#receiveEvent(data);
      else this.#receiveAudio(data);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const end = { code: 1003, reason: error.message, opened: true, ready: this.#ready, lastError: this.#lastError };
      this.close(4000, 'unreadable message');
      this.#handlers.onEnd(end);
    }
  }

  /** @param {string} text */
  #receiveEvent(text) {
    const event = parse(text);
    this.received_bytes += text.length;
    this.#count(event.seq);
    this.#handlers.onWire({ direction: 'in', type: event.type, ...summarise(event), size_bytes: text.length, at_ms: this.#heard_ms });
    if (event.type === 'bargein.pong') {
      if (this.#asked && this.#asked.id === event.id) this.#handlers.onRoundTrip(this.#asked.at_ms, this.#heard_ms);
      this.#asked = null;
      return;
    }
    if (event.type === 'error') this.#lastError = explained(event.error ?? {});
    if (event.type === 'session.created') {
      this.#ready = true;
      this.#handlers.onReady(event);
    } else {
      this.#handlers.onEvent(event);
    }
  }

  /** @param {ArrayBuffer} data */
  #receiveAudio(data) {
    const header = readAudioHeader(data);
    this.received_bytes += data.byteLength;
    this.#count(header.seq);
    const { response_number, start_sample, seq } = header;
    const event = { response_number, start_sample, seq, sound: describeSound((data.byteLength - 24) >> 1) };
    this.#handlers.onWire({ direction: 'in', type: 'binary', event, size_bytes: data.byteLength, audio: true, at_ms: this.#heard_ms });
    if (isReplyAudio(header)) this.#handlers.onAudio(header, data);
  }

  /** @param {unknown} seq */
  #count(seq) {
    if (typeof seq !== 'number') return;
    if (this.last_seq !== null && seq > this.last_seq + 1) this.missed_seq += seq - this.last_seq - 1;
    this.last_seq = seq;
  }
}

/** @param {string} text @returns {Record<string, any>} @throws {WireError} */
function parse(text) {
  let event;
  try {
    event = JSON.parse(text);
  } catch {
    throw new WireError('The server sent a text message that is not JSON.');
  }
  if (typeof event?.type !== 'string') throw new WireError('The server sent an event without a type.');
  return event;
}

/** @param {Record<string, any>} error @returns {NonNullable<LinkEnd['lastError']>} */
function explained(error) {
  const seconds = error.retry_after_s ?? error.retry_after;
  return {
    code: error.code ?? null,
    message: error.message ?? '',
    retry_after_ms: typeof seconds === 'number' ? seconds * 1000 : null,
  };
}
