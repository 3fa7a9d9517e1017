// @ts-check
/**
 * VoiceSession: talk with a Bargein server from any page, and talk over it.
 *
 *     import { VoiceSession } from './session.js';
 *
 *     const voice = new VoiceSession({ session: { instructions: 'Be brief.' } });
 *     voice.addEventListener('state', (event) => { status.textContent = event.detail.state; });
 *     voice.addEventListener('transcript', (event) => show(event.detail));
 *     voice.addEventListener('error', (event) => alert(`${event.detail.title}. ${event.detail.help}`));
 *     startButton.onclick = () => voice.start();
 *     stopButton.onclick = () => voice.stop();
 *
 * That is all a page needs: no DOM is touched, nothing is downloaded but the files beside this one, and a strict
 * Content-Security-Policy (`script-src 'self'; connect-src 'self'; worker-src 'self'`) is enough. The page must be a
 * secure context (https, or http on localhost) for the microphone; typed input works without one.
 *
 * CLOCK   Every `at_ms` is on the page's clock, `performance.now()` in milliseconds. Times of sound are taken from the
 *         audio thread and mapped to that clock, so they are right in background tabs too.
 * SAMPLES Every `*_samples`, `*_sample` and every Int16Array is mono, 24,000 samples a second.
 * IDS     `item_id` and `response_id` are the Realtime protocol's. One transcript entry is one `item_id`.
 *
 * STATES (one at a time, derived from facts in engine/state.js; `StateDetail` says whether the microphone is muted too)
 *
 *     disconnected   not started, or ended: by stop(), by the server (1000), or after an error that start() may fix
 *     connecting     start() was called; the microphone, the socket or the session is not there yet
 *     retrying       no session could be had yet; a `reconnecting` event says why, and when the next attempt is made
 *     reconnecting   the link was lost; a `reconnecting` event says when the next attempt is made
 *     listening      the floor is free
 *     user-speaking  the server hears the caller speak (or push-to-talk is pressed)
 *     thinking       the caller's turn is over, no sound of the reply has been played yet
 *     speaking       the reply is being played
 *     holding        the reply is paused while the server decides whether the caller is interrupting
 *     muted          listening, but the microphone is muted
 *     error          nothing works until the person acts; the last `error` event says what to do
 *
 * EVENTS (all are CustomEvent; `event.detail` has the type named here, declared in types.js)
 *
 *     state         StateDetail         the state or the muted flag changed
 *     session       SessionDetail       a session began (also after a reconnect), or its settings changed
 *     transcript    TranscriptDetail    an entry of the conversation is new or has changed: the whole entry, every time
 *     caption       CaptionDetail       how much of a reply's text has been heard so far, about ten times a second
 *     response      ResponseDetail      a response was created or is done (completed, cancelled, incomplete, failed)
 *     vad           VadDetail           the server's voice detector changed its mind
 *     hold          HoldDetail          the reply was ducked or paused; nothing is lost
 *     resume        HoldDetail          the reply goes on from the held sample
 *     flush         FlushDetail         the reply was dropped: this much of it was heard
 *     cut           CutDetail           what the model will be told was heard, and what was not
 *     latency       LatencyDetail       a measurement was made
 *     underrun      UnderrunDetail      the reply's sound came too late and there was a gap
 *     level         LevelDetail         loudness of one side; not sent while `metering` is false
 *     arrived       ArrivedDetail       sound of a reply came, and is not heard yet
 *     audio         AudioDetail         sound as it was sent (caller) or heard (agent): for a recording or a timeline
 *     microphone    MicrophoneDetail    the microphone was opened, changed, muted or lost
 *     devices       DevicesDetail       the devices of this machine, at start and after every change
 *     reconnecting  ReconnectingDetail  the next attempt is planned; for a countdown
 *     wire          WireDetail          every message in both directions, sound summarised: for an event log
 *     error         TroubleDetail       something is wrong, in plain words, with a way on
 *     recovered     RecoveredDetail     the trouble with this code is over: take its message away
 *
 * ERRORS  `code` is one of the keys of TROUBLES in engine/troubles.js, where every text is kept:
 *
 *     insecure_context microphone_unsupported microphone_denied microphone_missing microphone_busy
 *     microphone_constraints microphone_unplugged microphone_failed audio_suspended audio_unsupported speaker_failed
 *     echo_canceller_off socket_lost offline server_full server_restarting server_overloaded server_failed
 *     server_unreachable token_required token_rejected forbidden superseded too_slow idle session_expired rate_limited
 *     too_big protocol_error policy model_unknown model_failed model_key model_busy model_slow model_unreachable
 *     budget_exceeded transcription_failed request_refused tool_failed
 *
 * @module
 */

import { Conductor } from './engine/conductor.js';

/** @typedef {import('./types.js').State} State */
/** @typedef {import('./types.js').VoiceSessionOptions} VoiceSessionOptions */
/** @typedef {import('./types.js').StateDetail} StateDetail */
/** @typedef {import('./types.js').SessionDetail} SessionDetail */
/** @typedef {import('./types.js').TranscriptDetail} TranscriptDetail */
/** @typedef {import('./types.js').CaptionDetail} CaptionDetail */
/** @typedef {import('./types.js').ResponseDetail} ResponseDetail */
/** @typedef {import('./types.js').VadDetail} VadDetail */
/** @typedef {import('./types.js').HoldDetail} HoldDetail */
/** @typedef {import('./types.js').FlushDetail} FlushDetail */
/** @typedef {import('./types.js').CutDetail} CutDetail */
/** @typedef {import('./types.js').LatencyDetail} LatencyDetail */
/** @typedef {import('./types.js').UnderrunDetail} UnderrunDetail */
/** @typedef {import('./types.js').LevelDetail} LevelDetail */
/** @typedef {import('./types.js').ArrivedDetail} ArrivedDetail */
/** @typedef {import('./types.js').AudioDetail} AudioDetail */
/** @typedef {import('./types.js').MicrophoneDetail} MicrophoneDetail */
/** @typedef {import('./types.js').Device} Device */
/** @typedef {import('./types.js').DevicesDetail} DevicesDetail */
/** @typedef {import('./types.js').ReconnectingDetail} ReconnectingDetail */
/** @typedef {import('./types.js').WireDetail} WireDetail */
/** @typedef {import('./types.js').TroubleDetail} TroubleDetail */
/** @typedef {import('./types.js').RecoveredDetail} RecoveredDetail */
/** @typedef {import('./types.js').LatencySummary} LatencySummary */
/** @typedef {import('./types.js').Stats} Stats */
/** @typedef {import('./types.js').ToolFunction} ToolFunction */

export { mintToken } from './engine/token.js';

/** One conversation. Make one, listen to its events, call start() in a click. It can be started again after stop(). */
export class VoiceSession extends EventTarget {
  #conductor;

  /** @param {VoiceSessionOptions} [options] */
  constructor(options = {}) {
    super();
    this.#conductor = new Conductor(options, (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })));
  }

  /** @returns {State} */
  get state() {
    return this.#conductor.state;
  }

  /** The effective session as the server last echoed it; null before the first `session` event.
   * @returns {Record<string, any> | null} */
  get session() {
    return this.#conductor.dialogue.session;
  }

  /** What the browser gave of the asked constraints; null without a microphone.
   * @returns {MediaTrackSettings | null} */
  get granted() {
    return this.#conductor.equipment.microphone.granted;
  }

  /** @returns {boolean} */
  get muted() {
    return this.#conductor.muted;
  }

  /** Turn detection is off, or asked to be off: turns are made with press() and release(). @returns {boolean} */
  get pushToTalk() {
    return this.#conductor.pushToTalk;
  }

  /** Send `level` events; set it to false while the page is hidden. @returns {boolean} */
  get metering() {
    return this.#conductor.metering;
  }

  set metering(metering) {
    this.#conductor.metering = metering;
  }

  /** The AudioContext in use; null before start(). @returns {AudioContext | null} */
  get audioContext() {
    return this.#conductor.equipment.sound.context;
  }

  /**
   * Call it in a click. Starts the sound output, asks for the microphone and connects, all three at the same time; what is
   * said meanwhile (up to 5 s) is sent afterwards. Never throws for trouble: that is told by `error` events. Without a
   * microphone the session still starts, for typed input, and the `error` event offers to try again.
   *
   * @returns {Promise<boolean>} true when the session is up; false when it ended in an error or by stop()
   */
  async start() {
    return this.#conductor.start();
  }

  /** End: close the socket with 1000, stop the microphone, close the AudioContext. Harmless when not started.
   * @returns {Promise<void>} */
  async stop() {
    await this.#conductor.stop();
  }

  /**
   * Say something by keyboard: interrupts the reply if there is one, adds a user message and asks for a response.
   * @param {string} text
   * @returns {boolean} false when there is no session to send it to
   */
  sendText(text) {
    return this.#conductor.sendText(text);
  }

  /** Stop the reply now (Esc). The output is silent within a few milliseconds; the server is told what was heard.
   * @returns {boolean} false when there was nothing to stop */
  interrupt() {
    return this.#conductor.turns.interrupt();
  }

  /** Mute or unmute the microphone. The device stays open. @param {boolean} [muted] default: the other way round */
  mute(muted) {
    this.#conductor.mute(muted ?? !this.#conductor.muted);
  }

  /** Push-to-talk, pressed: stops the reply and records, beginning a little before the press. Harmless when pressed. */
  press() {
    this.#conductor.press();
  }

  /** Push-to-talk, released: sends what was recorded as the caller's turn and asks for a response. A press that recorded
   * less than 100 ms is forgotten. */
  release() {
    this.#conductor.turns.release();
  }

  /**
   * Change the live session.
   * @param {object} session Realtime GA session fields, only those that change (`{audio: {output: {voice: 'echo'}}}`).
   *   Remembered for later connections. Before start() they are only remembered.
   * @returns {Promise<Record<string, any> | null>} the effective session; null when not connected
   * @throws {Error} with `code` and `param` when the server refuses; nothing has changed then
   */
  async update(session) {
    return this.#conductor.update(session);
  }

  /** @returns {Promise<DevicesDetail>} names are hidden by the browser until the microphone has been granted once */
  async listDevices() {
    return this.#conductor.equipment.devices();
  }

  /**
   * Use another microphone (or other constraints) without reconnecting; before start() it is only remembered. When it
   * cannot be opened the old one stays in use and an `error` event tells why.
   * @param {string | null} id null: the system's default
   * @param {MediaTrackConstraints} [constraints] `{echoCancellation: false}` for instance; laid over the present ones
   * @returns {Promise<boolean>}
   */
  async useMicrophone(id, constraints) {
    return this.#conductor.equipment.useMicrophone(id, constraints);
  }

  /**
   * Play to another output. Choosing one that is not the default switches off Chrome's echo canceller: then an `error`
   * event with the code `echo_canceller_off` (not fatal) warns.
   * @param {string} id '' is the system's default
   * @returns {Promise<boolean>}
   */
  async useSpeaker(id) {
    return this.#conductor.equipment.useSpeaker(id);
  }

  /** @param {number} volume 0 … 1 */
  setVolume(volume) {
    this.#conductor.equipment.speaker.volume = volume;
  }

  /** Start the audio device again after the browser suspended it; call it in a click. @returns {Promise<boolean>} */
  async resumeAudio() {
    return this.#conductor.equipment.resume();
  }

  /** While `reconnecting`: try now. */
  reconnectNow() {
    this.#conductor.reconnectNow();
  }

  /**
   * Answer the model's calls of a function. Declare it in `session.tools` too; the answer is sent back and a response asked for.
   * @param {string} name
   * @param {ToolFunction} fn
   */
  registerTool(name, fn) {
    this.#conductor.tools.register(name, fn);
  }

  /** Send any Realtime client event. @param {Record<string, any>} event @returns {boolean} false when not connected */
  send(event) {
    return this.#conductor.send(event);
  }

  /** Every entry of the conversation, in order. @returns {TranscriptDetail[]} */
  transcript() {
    return this.#conductor.conversation.entries();
  }

  /** @returns {Stats} */
  stats() {
    return this.#conductor.stats();
  }
}
