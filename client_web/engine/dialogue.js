// @ts-check
/** What each event of the server means: for the facts, the transcript, the figures and the page. */

import { message } from '../protocol.js';
import { modelTrouble } from './troubles.js';

/** Answers to harmless races, and what the close behind it says better. */
const HARMLESS = new Set(['response_cancel_not_active', 'input_audio_buffer_commit_empty', 'session_expired']);

/** The caller's fault; everything else the server says before it closes, and the close is told in its own words. */
const CALLERS_FAULT = 'invalid_request_error';

/** Session default of the protocol. */
const PREFIX_PADDING_MS = 300;

/** @typedef {Record<string, any>} Event */

/**
 * @typedef {object} DialogueParts
 * @property {import('./playout.js').Playout} playout
 * @property {import('../speaker.js').Speaker} speaker
 * @property {import('./conversation.js').Conversation} conversation
 * @property {import('./captions.js').Captions} captions
 * @property {import('./latency.js').LatencyBook} latency
 * @property {import('../audio/clocks.js').InputClock} inputClock
 * @property {import('./tools.js').Tools} tools
 * @property {import('./state.js').Facts} facts
 * @property {(type: string, detail: object) => void} emit
 * @property {(event: Event) => boolean} send
 * @property {() => void} changed
 * @property {(code: string, cause: unknown) => void} trouble
 */

export class Dialogue {
  #parts;
  /** @type {Event | null} the session as the server echoed it last */
  session = null;
  extended = false;
  /** @type {Set<string>} responses of the conversation that are in progress */
  #responses = new Set();
  /** @type {number | null} input clock: where the caller's voice paused last */
  #pause_ms = null;
  #transcriptionFailed = false;
  /** @type {Map<string, {resolve: (session: Event | null) => void, reject: (error: Error) => void}>} by event_id */
  #updates = new Map();

  /** @param {DialogueParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** The response that an interruption would cancel. @returns {string | null} */
  get response() {
    return [...this.#responses].at(-1) ?? null;
  }

  /** It will be cancelled: for the page it is over now. @param {string} responseId */
  leave(responseId) {
    this.#responses.delete(responseId);
    this.#parts.facts.responding = this.#responses.size > 0;
  }

  /** A session began. @param {Event} session @param {boolean} extended @param {boolean} resumed */
  begin(session, extended, resumed) {
    this.extended = extended;
    this.#effective(session);
    if (!resumed) this.#quiet();
  }

  /** @param {import('./endings.js').Ending} ending of replies that were not over */
  linkLost(ending) {
    this.#quiet();
    this.#parts.conversation.linkLost(performance.now(), ending);
    for (const { resolve } of this.#updates.values()) resolve(null);
    this.#updates.clear();
  }

  #quiet() {
    this.#responses.clear();
    this.#pause_ms = null;
    Object.assign(this.#parts.facts, { callerSpeaking: false, turnPending: false, responding: false });
  }

  /** @param {Event} event a `session.update` with an event_id @returns {Promise<Event | null>} what the server made of it; null: the link went */
  update(event) {
    return new Promise((resolve, reject) => {
      this.#updates.set(event.event_id, { resolve, reject });
      if (this.#parts.send(event)) return;
      this.#updates.delete(event.event_id);
      resolve(null);
    });
  }

  /** The caller's turn was ended by this page. @param {'push-to-talk' | 'text'} trigger @param {number} at_ms */
  turnMade(trigger, at_ms) {
    this.#parts.latency.turnEnded(at_ms, trigger);
    this.#parts.facts.turnPending = true;
    this.#parts.changed();
  }

  /** @param {Event} event any but `session.created` */
  handle(event) {
    const now_ms = performance.now();
    this.#parts.conversation.handle(event, now_ms);
    switch (event.type) {
      case 'session.updated':
        return this.#updated(event.session);
      case 'error':
        return this.#error(event.error ?? {});
      case 'input_audio_buffer.speech_started':
        return this.#speechStarted(event, now_ms);
      case 'input_audio_buffer.speech_stopped':
        return this.#speechStopped(event, now_ms);
      case 'response.created':
        return this.#responseCreated(event.response, now_ms);
      case 'response.done':
        return this.#responseDone(event.response, now_ms);
      case 'response.output_audio.delta':
        return this.#parts.playout.delta(event);
      case 'response.output_audio.done':
        return this.#parts.playout.complete(event.item_id);
      case 'response.output_audio_transcript.delta':
      case 'response.output_audio_transcript.done':
        return this.#caption(event);
      case 'response.function_call_arguments.done':
        return this.#parts.tools.call(event);
      case 'conversation.item.input_audio_transcription.failed':
        return this.#untranscribed(event.error);
      case 'bargein.vad':
        return this.#vad(event, now_ms);
      case 'bargein.latency':
        return this.#parts.latency.server(event, now_ms);
      default:
        return this.#parts.playout.handle(event);
    }
  }

  /** @param {Event} session */
  #effective(session) {
    this.session = session;
    this.#parts.conversation.transcribes = Boolean(session.audio?.input?.transcription);
  }

  /** @param {Event} session */
  #updated(session) {
    this.#effective(session);
    const [first] = this.#updates;
    if (first) {
      this.#updates.delete(first[0]);
      first[1].resolve(session);
    }
    this.#parts.emit('session', { reason: 'updated', session });
  }

  /** @param {Event} error */
  #error(error) {
    const update = this.#updates.get(error.event_id);
    if (update) {
      this.#updates.delete(error.event_id);
      const { code = null, param = null } = error;
      update.reject(Object.assign(new Error(error.message), { code, param }));
      return;
    }
    if (error.code === 'conversation_already_has_active_response') this.#parts.facts.turnPending = false;
    if (error.type === CALLERS_FAULT && !HARMLESS.has(error.code)) this.#parts.trouble('request_refused', error);
    this.#parts.changed();
  }

  /** @param {Event} event @param {number} now_ms */
  #speechStarted({ item_id, audio_start_ms }, now_ms) {
    const { facts, conversation, latency, inputClock, speaker, changed } = this.#parts;
    const detection = this.session?.audio?.input?.turn_detection ?? {};
    const onset_ms = inputClock.toPage(audio_start_ms + (detection.prefix_padding_ms ?? PREFIX_PADDING_MS)) ?? now_ms;
    const sounding = facts.held || speaker.sounding;
    facts.callerSpeaking = true;
    facts.turnPending = false;
    conversation.callerSpeaks(item_id, onset_ms, now_ms);
    if (sounding) latency.bargeIn(onset_ms);
    else latency.bargeInOver();
    if (!this.extended && sounding && detection.interrupt_response !== false) void this.#stockBargeIn();
    changed();
  }

  /** A stock server cancels its response and leaves the speaker and the truncation to the client. */
  async #stockBargeIn() {
    for (const { track, samples, dropped_samples } of await this.#parts.playout.drop('server', 'interrupted')) {
      if (dropped_samples > 0) this.#parts.send(message.truncate(track.item_id, track.content_index, samples));
    }
  }

  /** @param {Event} event @param {number} now_ms */
  #speechStopped({ audio_end_ms }, now_ms) {
    const { facts, latency, inputClock, changed } = this.#parts;
    const detection = this.session?.audio?.input?.turn_detection ?? {};
    facts.callerSpeaking = false;
    facts.turnPending = detection.create_response !== false;
    const end_ms = this.#pause_ms ?? audio_end_ms - (detection.silence_duration_ms ?? 0);
    latency.bargeInOver();
    latency.turnEnded(inputClock.toPage(end_ms) ?? now_ms, 'voice');
    changed();
  }

  /** @param {Event} event @param {number} now_ms */
  #vad({ speech, at_ms: input_ms, level_db = null, probability = null }, now_ms) {
    this.#pause_ms = speech ? null : input_ms;
    const at_ms = this.#parts.inputClock.toPage(input_ms) ?? now_ms;
    this.#parts.emit('vad', { speech, level_db, probability, input_ms, at_ms });
  }

  /** @param {Event} response @param {number} at_ms */
  #responseCreated(response, at_ms) {
    const { facts, emit, changed } = this.#parts;
    if (response.conversation_id !== null) this.#responses.add(response.id);
    facts.turnPending = false;
    facts.responding = this.#responses.size > 0;
    emit('response', { response_id: response.id, status: 'in_progress', reason: null, response, at_ms });
    changed();
  }

  /** @param {Event} response @param {number} at_ms */
  #responseDone(response, at_ms) {
    const { emit, changed, trouble, tools, playout } = this.#parts;
    this.leave(response.id);
    const details = response.status_details;
    if (response.status === 'failed') playout.failed(response.id);
    else if (response.status === 'incomplete') playout.unheard(response.id, 'shortened');
    else if (response.status === 'cancelled') playout.unheard(response.id, details?.reason === 'client_cancelled' ? 'stopped' : 'interrupted');
    for (const item of response.output ?? []) playout.complete(item.id);
    const reason = details?.reason ?? details?.error?.message ?? null;
    emit('response', { response_id: response.id, status: response.status, reason, response, at_ms });
    if (response.status === 'failed') trouble(modelTrouble(details?.error), details?.error ?? null);
    void tools.responseDone(response);
    changed();
  }

  /** @param {Event} event of a reply's transcript */
  #caption({ type, item_id }) {
    const text = this.#parts.conversation.get(item_id)?.text ?? '';
    this.#parts.captions.text(item_id, text, type.endsWith('.done'));
  }

  /** @param {unknown} error */
  #untranscribed(error) {
    if (!this.#transcriptionFailed) this.#parts.trouble('transcription_failed', error ?? null);
    this.#transcriptionFailed = true;
  }
}
