// @ts-check
/**
 * The reply's sound: from messages of the server to worklets/playback.js, and what was heard of it back. Knows replies by
 * the protocol's ids; the worklet knows them as tracks.
 */

import { HEADER_BYTES } from './protocol.js';
import { bytesToInt16, samplesToMs } from './audio/pcm.js';

/** A worklet of a suspended device does not answer; what was last reported counts then. */
const ANSWER_TIMEOUT_MS = 250;

/**
 * @typedef {object} Track one reply item
 * @property {number} id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} content_index
 * @property {number} received samples, counted from the item's first
 * @property {number} heard
 * @property {boolean} complete no more sound will come
 * @property {boolean} started its first sample was played
 * @property {boolean} playing
 * @property {boolean} over played to its end, or flushed
 * @property {boolean} flushed
 * @property {{start: number, samples: Int16Array}[]} waiting received and not yet heard
 */

/** @typedef {{track: Track, samples: number, dropped_samples: number, time_s: number | null}} Dropped */

/**
 * @typedef {object} SpeakerHandlers
 * @property {(track: Track | null, sample: number, time_s: number, reason: 'start' | 'resume') => void} onStarted
 * @property {(track: Track | null, sample: number, time_s: number, reason: 'ended' | 'underrun' | 'held' | 'flushed') => void} onStopped
 * @property {(track: Track | null, sample: number, time_s: number) => void} onDucked
 * @property {(track: Track, span: {start: number, samples: Int16Array, time_s: number, peak: number, rms: number}) => void} onHeard
 * @property {(time_s: number) => void} onTick ten times a second, by the audio device's clock
 */

export class Speaker {
  #handlers;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** @type {GainNode | null} */
  #gain = null;
  #volume = 1;
  #nextId = 1;
  /** @type {Map<number, Track>} by track id */
  #tracks = new Map();
  /** @type {Map<string, Track>} by item_id: the ones of this connection */
  #items = new Map();
  /** @type {Map<number, {response_id: string, item_id: string}>} what `bargein.response` announced */
  #numbers = new Map();
  /** @type {Map<number, (message: Record<string, any> | null) => void>} */
  #answers = new Map();
  #late_samples = 0;
  #tick = { queued_samples: 0, start_ms: 0, underruns: 0, late_samples: 0, overflow_samples: 0 };

  /** @param {SpeakerHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** @param {AudioContext} context its worklets loaded */
  open(context) {
    this.#node = new AudioWorkletNode(context, 'bargein-playback', { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => this.#message(data);
    this.#gain = new GainNode(context, { gain: this.#volume });
    this.#node.connect(this.#gain).connect(context.destination);
  }

  close() {
    this.#node?.port.postMessage({ type: 'close' });
    this.#node?.disconnect();
    this.#gain?.disconnect();
    this.#node = null;
    this.#gain = null;
    for (const answer of [...this.#answers.values()]) answer(null);
    this.newConnection();
    this.#tracks.clear();
  }

  get volume() {
    return this.#volume;
  }

  set volume(volume) {
    this.#volume = Math.min(1, Math.max(0, volume));
    // A step would click.
    this.#gain?.gain.setTargetAtTime(this.#volume, this.#gain.context.currentTime, 0.01);
  }

  /** A reply has begun to sound and is not over. */
  get sounding() {
    return [...this.#tracks.values()].some((track) => track.started && !track.over);
  }

  /** Sound is there, or announced, that was not heard to its end. @returns {Track[]} in order */
  get unfinished() {
    return [...this.#tracks.values()].filter((track) => !track.over);
  }

  counters() {
    const { underruns, start_ms, overflow_samples, queued_samples } = this.#tick;
    const late_dropped_samples = this.#late_samples + this.#tick.late_samples;
    return { underruns, queued_ms: samplesToMs(queued_samples), start_ms, late_dropped_samples, overflow_samples };
  }

  /** `bargein.response`. @param {number} number @param {string} response_id @param {string} item_id */
  announce(number, response_id, item_id) {
    this.#numbers.set(number, { response_id, item_id });
  }

  /** The numbers of a lost connection mean nothing in the next one. Its sound is played to the end. */
  newConnection() {
    for (const track of this.#tracks.values()) this.#finish(track);
    this.#numbers.clear();
    this.#items.clear();
  }

  /** @param {import('./protocol.js').AudioHeader} header @param {ArrayBuffer} message the whole message
   * @returns {Track | null} null: of a reply that was flushed, or never announced */
  play(header, message) {
    const ids = this.#numbers.get(header.response_number);
    const samples = bytesToInt16(message, HEADER_BYTES);
    if (!ids) {
      this.#late_samples += samples.length;
      return null;
    }
    return this.playItem(ids.response_id, ids.item_id, header.content_index, header.start_sample, samples);
  }

  /**
   * @param {string} response_id
   * @param {string} item_id
   * @param {number} content_index
   * @param {number | null} start_sample null: behind what has come so far
   * @param {Int16Array} samples
   * @returns {Track | null} null: the reply was flushed
   */
  playItem(response_id, item_id, content_index, start_sample, samples) {
    const track = this.#items.get(item_id) ?? this.#add(response_id, item_id, content_index);
    if (track.flushed) {
      this.#late_samples += samples.length;
      return null;
    }
    const start = start_sample ?? track.received;
    if (track.waiting.length === 0 && track.received === 0) track.heard = start;
    if (!this.#node) {
      track.received = start + samples.length;
      return track;
    }
    if (start + samples.length > track.received) {
      const fresh = samples.subarray(Math.max(0, track.received - start));
      track.waiting.push({ start: start + samples.length - fresh.length, samples: fresh });
    }
    track.received = Math.max(track.received, start + samples.length);
    const pcm = samples.slice().buffer;
    this.#node.port.postMessage({ type: 'audio', track: track.id, start_sample: start, pcm, offset: 0 }, [pcm]);
    return track;
  }

  /** No more sound of an item. @param {string} item_id @returns {Track | null} */
  complete(item_id) {
    const track = this.#items.get(item_id) ?? null;
    if (track) this.#finish(track);
    return track;
  }

  /** @param {string} item_id @returns {Track | null} */
  track(item_id) {
    return this.#items.get(item_id) ?? null;
  }

  /**
   * @param {number | null} duck_db play on, so much quieter; null: pause
   * @returns {boolean} false: there is no sound on this page, so nothing will be reported
   */
  hold(duck_db = null) {
    const gain = duck_db === null ? 0 : 10 ** (-Math.abs(duck_db) / 20);
    this.#node?.port.postMessage({ type: 'hold', gain });
    return this.#node !== null;
  }

  resume() {
    this.#node?.port.postMessage({ type: 'resume' });
  }

  /** @param {number} report_ms at most so much between two onHeard */
  report(report_ms) {
    this.#node?.port.postMessage({ type: 'report', report_ms });
  }

  /**
   * Silence, and drop what is queued. Later sound of the same items is dropped too.
   *
   * @param {Track[]} tracks
   * @returns {Promise<Dropped[]>} what was heard of each, when the output is silent
   */
  async flush(tracks) {
    const alive = tracks.filter((track) => !track.flushed);
    for (const track of alive) track.flushed = true;
    const message = alive.length ? await this.#ask({ type: 'flush', tracks: alive.map((track) => track.id) }) : null;
    return tracks.map((track) => {
      const answer = message?.tracks.find((/** @type {{track: number}} */ each) => each.track === track.id);
      if (answer) track.heard = Math.max(track.heard, answer.samples);
      track.over = true;
      track.playing = false;
      track.waiting = [];
      this.#tracks.delete(track.id);
      const dropped_samples = Math.max(0, track.received - track.heard);
      return { track, samples: track.heard, dropped_samples, time_s: message?.time_s ?? null };
    });
  }

  /** @param {Record<string, any>} message @returns {Promise<Record<string, any> | null>} null: no answer */
  #ask(message) {
    const node = this.#node;
    if (!node) return Promise.resolve(null);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => answer(null), ANSWER_TIMEOUT_MS);
      const answer = (/** @type {Record<string, any> | null} */ found) => {
        clearTimeout(timer);
        this.#answers.delete(id);
        resolve(found);
      };
      this.#answers.set(id, answer);
      node.port.postMessage({ ...message, id });
    });
  }

  /** @param {string} response_id @param {string} item_id @param {number} content_index @returns {Track} */
  #add(response_id, item_id, content_index) {
    /** @type {Track} */
    const track = {
      id: this.#nextId++, response_id, item_id, content_index, received: 0, heard: 0, complete: false, started: false,
      playing: false, over: false, flushed: false, waiting: [],
    };
    this.#tracks.set(track.id, track);
    this.#items.set(item_id, track);
    return track;
  }

  /** @param {Track} track */
  #finish(track) {
    if (track.complete) return;
    track.complete = true;
    if (this.#node) this.#node.port.postMessage({ type: 'finish', track: track.id });
    else track.over = true;
  }

  /** @param {Record<string, any>} message of the worklet */
  #message(message) {
    const track = this.#tracks.get(message.track) ?? null;
    switch (message.type) {
      case 'started':
        if (track) Object.assign(track, { started: true, playing: true });
        return this.#handlers.onStarted(track, message.sample, message.time_s, message.reason);
      case 'stopped':
        if (track) this.#stopped(track, message);
        return this.#handlers.onStopped(track, message.sample, message.time_s, message.reason);
      case 'ducked':
        return this.#handlers.onDucked(track, message.sample, message.time_s);
      case 'span':
        return track ? this.#span(track, message) : undefined;
      case 'flushed':
        return this.#answers.get(message.id)?.(message);
      case 'tick':
        this.#tick = /** @type {any} */ (message);
        return this.#handlers.onTick(message.time_s);
    }
  }

  /** @param {Track} track @param {Record<string, any>} message */
  #stopped(track, { sample, reason }) {
    track.heard = Math.max(track.heard, sample);
    track.playing = false;
    if (reason !== 'ended' && reason !== 'flushed') return;
    track.over = true;
    track.waiting = [];
    this.#tracks.delete(track.id);
  }

  /** @param {Track} track @param {Record<string, any>} message */
  #span(track, { from_sample, to_sample, time_s, peak, rms }) {
    track.heard = to_sample;
    const samples = take(track, from_sample, to_sample);
    this.#handlers.onHeard(track, { start: from_sample, samples, time_s, peak, rms });
  }
}

/** @param {Track} track @param {number} from @param {number} to @returns {Int16Array} those samples, which are let go; holes are silence */
function take(track, from, to) {
  const out = new Int16Array(to - from);
  for (const { start, samples } of track.waiting) {
    const first = Math.max(from, start);
    const last = Math.min(to, start + samples.length);
    if (first < last) out.set(samples.subarray(first - start, last - start), first - from);
  }
  while (track.waiting.length && track.waiting[0].start + track.waiting[0].samples.length <= to) track.waiting.shift();
  return out;
}
