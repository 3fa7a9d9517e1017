// @ts-check
/**
 * What the server wants of the speaker, and what the speaker did: holds, flushes, reports of what was heard. The one place
 * that decides what `bargein.played` and `bargein.flushed` say.
 */

import { bytesToInt16 } from '../audio/pcm.js';
import { HEADER_BYTES, base64ToInt16, message } from '../protocol.js';

/** Reports are made when a span ends; one that ends this much early is not worth waiting another span for. */
const REPORT_SLACK_MS = 15;

/** @typedef {import('../speaker.js').Track} Track */
/** @typedef {Record<string, any>} Event */

/**
 * @typedef {object} PlayoutParts
 * @property {import('../speaker.js').Speaker} speaker
 * @property {import('./sound.js').Sound} sound
 * @property {import('./captions.js').Captions} captions
 * @property {import('./conversation.js').Conversation} conversation
 * @property {import('./latency.js').LatencyBook} latency
 * @property {import('./state.js').Facts} facts
 * @property {(type: string, detail: object) => void} emit
 * @property {(event: Event) => boolean} send
 * @property {() => void} changed the facts have changed
 * @property {() => boolean} metering
 */

export class Playout {
  #parts;
  #report_ms = 100;
  #reported_s = 0;
  #underruns = 0;
  /** @type {Set<string>} items whose flush was told to the page */
  #told = new Set();

  /** @param {PlayoutParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @param {number} report_ms of `session.created` */
  begin(report_ms) {
    const { speaker } = this.#parts;
    speaker.newConnection();
    this.#report_ms = report_ms;
    speaker.report(Math.min(50, report_ms / 2));
  }

  /** The link is gone. A reply that was held will not be resumed; one that sounds plays out what is here.
   * @param {import('./endings.js').Ending} ending */
  linkLost(ending) {
    const { facts, speaker } = this.#parts;
    if (facts.held) void this.drop('stop', ending);
    this.#cutShort(speaker.unfinished, ending);
    speaker.newConnection();
  }

  /** The model failed in this response: what came of its sound is played, and no more words will be heard. @param {string} responseId */
  failed(responseId) {
    const { speaker } = this.#parts;
    this.#cutShort(speaker.unfinished.filter((track) => track.response_id === responseId), 'failed');
    this.unheard(responseId, 'failed');
  }

  /** This response is over, and no more of its sound will come: words of which none has come were not heard.
   * @param {string} responseId @param {import('./endings.js').Ending} ending */
  unheard(responseId, ending) {
    const { speaker, conversation } = this.#parts;
    for (const { item_id, source, text } of conversation.entriesOf(responseId)) {
      const silent = source === 'voice' && !speaker.track(item_id);
      if (silent && (text !== '' || ending === 'failed')) conversation.cut(item_id, 0, performance.now(), ending);
    }
  }

  /** @param {Track[]} tracks that play out what is here @param {import('./endings.js').Ending} ending */
  #cutShort(tracks, ending) {
    const { conversation, captions } = this.#parts;
    for (const { item_id, complete, received } of tracks) {
      if (complete && ending !== 'failed') continue;
      conversation.cut(item_id, captions.charsWithin(item_id, received), performance.now(), ending);
    }
  }

  /** @param {import('../protocol.js').AudioHeader} header @param {ArrayBuffer} bytes */
  audio(header, bytes) {
    const track = this.#parts.speaker.play(header, bytes);
    this.#arrived(track, header.start_sample, bytesToInt16(bytes, HEADER_BYTES));
  }

  /** `response.output_audio.delta` of a stock server. @param {Event} event */
  delta({ response_id, item_id, content_index, delta }) {
    const samples = base64ToInt16(delta);
    const track = this.#parts.speaker.playItem(response_id, item_id, content_index, null, samples);
    this.#arrived(track, (track?.received ?? 0) - samples.length, samples);
  }

  /** @param {Track | null} track @param {number} start_sample @param {Int16Array} samples */
  #arrived(track, start_sample, samples) {
    this.#received(track);
    if (track) this.#parts.emit('arrived', { response_id: track.response_id, item_id: track.item_id, start_sample, samples, at_ms: performance.now() });
  }

  /** @param {Track | null} track */
  #received(track) {
    if (track) this.#parts.captions.sound(track.item_id, track.received, track.complete);
  }

  /** `response.output_audio.done`. @param {string} itemId */
  complete(itemId) {
    const track = this.#parts.speaker.complete(itemId);
    this.#received(track);
  }

  /** @param {Event} event one of `bargein.*` about replies */
  handle(event) {
    const { speaker, facts, changed } = this.#parts;
    switch (event.type) {
      case 'bargein.response':
        return speaker.announce(event.number, event.response_id, event.item_id);
      case 'bargein.hold':
        facts.held = true;
        speaker.hold(event.duck_db ?? null);
        return changed();
      case 'bargein.resume':
        facts.held = false;
        speaker.resume();
        return changed();
      case 'bargein.flush':
        return void this.#flush(event.response_id, event.item_id);
      case 'bargein.cut':
        return this.#cut(event);
    }
  }

  /**
   * Silence at once. The server is told exactly how much was heard of each reply.
   *
   * @param {'interrupt' | 'stop' | 'server'} reason
   * @param {import('./endings.js').Ending} ending
   * @returns {Promise<import('../speaker.js').Dropped[]>}
   */
  async drop(reason, ending) {
    const { speaker, changed } = this.#parts;
    const flushed = speaker.flush(speaker.unfinished);
    this.#endHold();
    const dropped = await flushed;
    for (const each of dropped) {
      this.#tell(each, reason, ending);
      const { response_id, item_id } = each.track;
      this.#parts.send(message.flushed(response_id, item_id, each.samples));
    }
    changed();
    return dropped;
  }

  /** The speaker is about to be closed: what was heard so far is all that was heard. @param {import('./endings.js').Ending} ending */
  end(ending) {
    this.#parts.facts.held = false;
    for (const track of this.#parts.speaker.unfinished) {
      const dropped_samples = Math.max(0, track.received - track.heard);
      this.#tell({ track, samples: track.heard, dropped_samples, time_s: null }, 'stop', ending);
    }
  }

  /** @param {string} responseId @param {string} itemId */
  async #flush(responseId, itemId) {
    const { speaker, send, changed } = this.#parts;
    const named = speaker.track(itemId);
    const tracks = speaker.unfinished.filter((track) => track.response_id === responseId && track !== named);
    const flushed = speaker.flush(named ? [named, ...tracks] : tracks);
    this.#endHold();
    const dropped = await flushed;
    const heard = dropped.find(({ track }) => track === named)?.samples ?? 0;
    send(message.flushed(responseId, itemId, heard));
    for (const each of dropped) this.#tell(each, 'server', 'interrupted');
    changed();
  }

  /** Behind a flush: it has ended the hold already, unless there was nothing to flush. */
  #endHold() {
    if (this.#parts.facts.held) this.#parts.speaker.resume();
    this.#parts.facts.held = false;
  }

  /** @param {import('../speaker.js').Dropped} dropped @param {'server' | 'interrupt' | 'stop'} reason @param {import('./endings.js').Ending} ending */
  #tell({ track, samples, dropped_samples, time_s }, reason, ending) {
    const { emit, sound, latency, conversation, captions } = this.#parts;
    if (this.#told.has(track.item_id)) return;
    this.#told.add(track.item_id);
    const at_ms = time_s === null ? performance.now() : sound.heardAt(time_s);
    emit('flush', { response_id: track.response_id, item_id: track.item_id, samples, dropped_samples, reason, at_ms });
    if (reason === 'server' && track.started) latency.silenced(track.response_id, at_ms);
    if (dropped_samples > 0 || !track.complete) {
      conversation.cut(track.item_id, captions.charsAt(track.item_id, samples), performance.now(), ending);
    }
  }

  /** @param {Event} event */
  #cut({ response_id, item_id, heard_samples, heard_text, unheard_text }) {
    const at_ms = performance.now();
    this.#parts.conversation.cut(item_id, { heard: heard_text, unheard: unheard_text }, at_ms);
    this.#parts.emit('cut', { response_id, item_id, heard_samples, heard_text, unheard_text, at_ms });
  }

  /** @param {Track | null} track @param {number} sample @param {number} time_s @param {'start' | 'resume'} reason */
  started(track, sample, time_s, reason) {
    const { emit, sound, latency, changed } = this.#parts;
    const at_ms = sound.heardAt(time_s);
    if (track) {
      this.#report(track, sample, true, time_s);
      latency.firstSound(track.response_id, at_ms);
    }
    if (reason === 'resume') {
      latency.bargeInOver();
      emit('resume', { response_id: track?.response_id ?? null, item_id: track?.item_id ?? null, samples: sample, at_ms, ducked: false });
    }
    changed();
  }

  /** The reply goes on, quietly. @param {Track | null} track @param {number} sample @param {number} time_s */
  ducked(track, sample, time_s) {
    const { emit, sound, changed } = this.#parts;
    const at_ms = sound.heardAt(time_s);
    emit('hold', { response_id: track?.response_id ?? null, item_id: track?.item_id ?? null, samples: sample, at_ms, ducked: true });
    changed();
  }

  /** @param {Track | null} track @param {number} sample @param {number} time_s @param {'ended' | 'underrun' | 'held' | 'flushed'} reason */
  stopped(track, sample, time_s, reason) {
    const { emit, sound, latency, changed, metering } = this.#parts;
    const at_ms = sound.heardAt(time_s);
    const ids = { response_id: track?.response_id ?? null, item_id: track?.item_id ?? null };
    if (reason === 'held') {
      emit('hold', { ...ids, samples: sample, at_ms, ducked: false });
      if (track) latency.silenced(track.response_id, at_ms);
    }
    if (reason === 'underrun') emit('underrun', { ...ids, samples: sample, count: ++this.#underruns, at_ms });
    if (metering()) emit('level', { lane: 'agent', peak: 0, rms: 0, at_ms });
    if (track) {
      // What a flush left is told by `bargein.flushed`, exactly and once.
      if (reason !== 'flushed') this.#report(track, sample, false, time_s);
      this.#caption(track, at_ms);
    }
    changed();
  }

  /** @param {Track} track @param {{start: number, samples: Int16Array, time_s: number, peak: number, rms: number}} span */
  heard(track, { start, samples, time_s, peak, rms }) {
    const { emit, sound, metering } = this.#parts;
    const start_ms = sound.heardAt(time_s);
    const { response_id, item_id } = track;
    emit('audio', { lane: 'agent', samples, start_ms, sent: true, input_sample: null, response_id, item_id, start_sample: start });
    if (metering()) emit('level', { lane: 'agent', peak, rms, at_ms: start_ms });
    const end_s = time_s + samples.length / 24_000;
    if (track.playing && (end_s - this.#reported_s) * 1000 >= this.#report_ms - REPORT_SLACK_MS) {
      this.#report(track, start + samples.length, true, end_s);
    }
    this.#caption(track, start_ms);
  }

  /** @param {Track} track @param {number} samples @param {boolean} playing @param {number} time_s */
  #report(track, samples, playing, time_s) {
    this.#reported_s = time_s;
    if (!track.flushed) this.#parts.send(message.played(track.response_id, track.item_id, samples, playing));
  }

  /** @param {Track} track @param {number} at_ms */
  #caption({ response_id, item_id, heard, playing }, at_ms) {
    const { captions, emit } = this.#parts;
    captions.played(item_id, heard);
    emit('caption', { response_id, item_id, ...captions.state(item_id), playing, at_ms });
  }
}
