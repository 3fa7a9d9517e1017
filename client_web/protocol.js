// @ts-check
/**
 * The wire: addresses, subprotocols, the binary header of `bargein.v1`, the messages this client sends. Pure.
 *
 * The messages are checked against tests/wire/golden/, which the server's tests read too.
 */

import { bytesToInt16, samplesToMs } from './audio/pcm.js';

/** Offered in this order; a server that only knows `realtime` is a stock Realtime server. */
export const SUBPROTOCOL_REALTIME = 'realtime';
export const SUBPROTOCOL_BARGEIN = 'bargein.v1';
const SUBPROTOCOL_KEY_PREFIX = 'openai-insecure-api-key.';

export const HEADER_BYTES = 24;
const HEADER_VERSION = 1;
const KIND_REPLY_AUDIO = 1;

/** PCM at 24 kHz both ways, whatever the page asks for: the worklets know nothing else. */
export const PCM_FORMAT = Object.freeze({ type: 'audio/pcm', rate: 24_000 });

/**
 * @typedef {object} AudioHeader
 * @property {number} version 1
 * @property {number} kind 1: reply audio
 * @property {number} content_index
 * @property {number} seq
 * @property {number} response_number given in `bargein.response`
 * @property {number} output_index
 * @property {number} start_sample of the message's first sample, in that content part
 */

/** The server sent something this client cannot read. */
export class WireError extends Error {
  name = 'WireError';
}

/**
 * @param {string | URL | undefined} url ws(s) or http(s), absolute or relative to the page
 * @param {string | undefined} base the page's address
 * @returns {URL} ws or wss
 * @throws {TypeError} for anything that is not an address
 */
export function socketAddress(url, base) {
  const address = new URL(url ?? '/v1/realtime', base);
  address.protocol = address.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(address.protocol)) {
    throw new TypeError(`The server's address must begin with wss:, ws:, https: or http:, not ${address.protocol}`);
  }
  address.hash = '';
  return address;
}

/**
 * @param {URL} socket as `socketAddress` gives it
 * @param {string} path on the same host, `/readyz` for instance
 * @returns {URL} http or https
 */
export function httpAddress(socket, path) {
  const address = new URL(path, socket);
  address.protocol = socket.protocol.replace(/^ws/, 'http');
  return address;
}

/** @param {string | null} token @returns {string[]} what to offer; browsers cannot set an Authorization header */
export function subprotocols(token) {
  const offered = [SUBPROTOCOL_REALTIME, SUBPROTOCOL_BARGEIN];
  return token ? [...offered, SUBPROTOCOL_KEY_PREFIX + token] : offered;
}

/**
 * @param {ArrayBuffer} message
 * @returns {AudioHeader}
 * @throws {WireError} too short, an unknown version, or a position no JavaScript number can hold
 */
export function readAudioHeader(message) {
  if (message.byteLength < HEADER_BYTES) {
    throw new WireError(`A sound message must have at least ${HEADER_BYTES} bytes, this one has ${message.byteLength}.`);
  }
  const view = new DataView(message);
  const start = view.getBigUint64(16, true);
  const header = {
    version: view.getUint8(0),
    kind: view.getUint8(1),
    content_index: view.getUint16(2, true),
    seq: view.getUint32(4, true),
    response_number: view.getUint32(8, true),
    output_index: view.getUint32(12, true),
    start_sample: Number(start),
  };
  if (header.version !== HEADER_VERSION) throw new WireError(`Sound message of version ${header.version}; this client reads ${HEADER_VERSION}.`);
  if (!Number.isSafeInteger(header.start_sample)) throw new WireError(`Sound message that starts at sample ${start}.`);
  return header;
}

/** @param {AudioHeader} header @returns {boolean} false: a kind of sound message of a later server, to be ignored */
export function isReplyAudio(header) {
  return header.kind === KIND_REPLY_AUDIO;
}

/**
 * What the server does; here for tests and for other servers in JavaScript.
 *
 * @param {Partial<AudioHeader>} header missing fields are 0 (version and kind: 1)
 * @param {Int16Array} samples
 * @returns {ArrayBuffer}
 */
export function writeAudioMessage(header, samples) {
  const bytes = new Uint8Array(HEADER_BYTES + samples.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, header.version ?? HEADER_VERSION);
  view.setUint8(1, header.kind ?? KIND_REPLY_AUDIO);
  view.setUint16(2, header.content_index ?? 0, true);
  view.setUint32(4, header.seq ?? 0, true);
  view.setUint32(8, header.response_number ?? 0, true);
  view.setUint32(12, header.output_index ?? 0, true);
  view.setBigUint64(16, BigInt(header.start_sample ?? 0), true);
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), HEADER_BYTES);
  return bytes.buffer;
}

/** @param {string} text base64 of int16 samples, as in `response.output_audio.delta` @returns {Int16Array} */
export function base64ToInt16(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytesToInt16(bytes.buffer);
}

/** @param {Uint8Array} bytes @returns {string} base64, as in `input_audio_buffer.append` */
export function bytesToBase64(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** The messages this client sends. Ids are the Realtime protocol's; `samples` count the item's sound at 24 kHz. */
export const message = {
  /** @param {string} response_id @param {string} item_id @param {number} samples @param {boolean} playing */
  played: (response_id, item_id, samples, playing) => ({ type: 'bargein.played', response_id, item_id, samples, playing }),

  /** @param {string} response_id @param {string} item_id @param {number} samples */
  flushed: (response_id, item_id, samples) => ({ type: 'bargein.flushed', response_id, item_id, samples }),

  /** @param {string} id */
  ping: (id) => ({ type: 'bargein.ping', id }),

  /** @param {Record<string, any>} session */
  sessionUpdate: (session) => ({ type: 'session.update', session: withFormats({ ...session, type: 'realtime' }) }),

  /** @param {string} text */
  userText: (text) => ({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  }),

  /** @param {string} call_id @param {string} output */
  functionOutput: (call_id, output) => ({
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id, output },
  }),

  /** @param {string} item_id @param {number} content_index @param {number} samples heard */
  truncate: (item_id, content_index, samples) => ({
    type: 'conversation.item.truncate',
    item_id,
    content_index,
    audio_end_ms: Math.floor(samplesToMs(samples)),
  }),

  /** @param {Uint8Array} bytes only for stock servers; `bargein.v1` takes the bytes themselves */
  append: (bytes) => ({ type: 'input_audio_buffer.append', audio: bytesToBase64(bytes) }),

  /** @param {string} response_id */
  cancel: (response_id) => ({ type: 'response.cancel', response_id }),

  clear: () => ({ type: 'input_audio_buffer.clear' }),
  commit: () => ({ type: 'input_audio_buffer.commit' }),
  respond: () => ({ type: 'response.create' }),
};

/** @param {Record<string, any>} session @returns {Record<string, any>} with this client's formats wherever audio is named */
function withFormats(session) {
  const { input, output } = session.audio ?? {};
  if (input) session = { ...session, audio: { ...session.audio, input: { ...input, format: PCM_FORMAT } } };
  if (output) session = { ...session, audio: { ...session.audio, output: { ...output, format: PCM_FORMAT } } };
  return session;
}

/**
 * Lay changed session fields over others: objects are merged, everything else replaced; `turn_detection` and
 * `transcription` are replaced as a whole, because their fields belong together.
 *
 * @param {Record<string, any>} base
 * @param {Record<string, any>} changes
 * @returns {Record<string, any>} a new object
 */
export function mergeSession(base, changes) {
  const merged = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const whole = key === 'turn_detection' || key === 'transcription';
    merged[key] = isPlain(value) && isPlain(base[key]) && !whole ? mergeSession(base[key], value) : value;
  }
  return merged;
}

/** @param {unknown} value @returns {value is Record<string, any>} */
function isPlain(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A message for an event log: sound is replaced by its length.
 *
 * @param {Record<string, any>} event
 * @returns {{event: Record<string, any>, audio: boolean}}
 */
export function summarise(event) {
  const field = event.type === 'input_audio_buffer.append' ? 'audio' : 'delta';
  const audio = event.type === 'input_audio_buffer.append' || event.type === 'response.output_audio.delta';
  if (!audio || typeof event[field] !== 'string') return { event, audio: false };
  return { event: { ...event, [field]: describeSound(Math.floor((event[field].length * 3) / 8)) }, audio: true };
}

/** @param {number} samples @returns {string} `<4800 samples, 200 ms>` */
export function describeSound(samples) {
  return `<${samples} samples, ${Math.round(samplesToMs(samples))} ms>`;
}
