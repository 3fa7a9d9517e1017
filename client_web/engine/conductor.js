// @ts-check
/** Puts the parts together: the life of one session from start to end, and the caller's turns. */

import { InputClock } from '../audio/clocks.js';
import { WIRE_RATE_HZ, FRAME_SAMPLES, bytesToInt16, samplesToMs } from '../audio/pcm.js';
import { message, socketAddress } from '../protocol.js';
import { Captions } from './captions.js';
import { Connector } from './connector.js';
import { Conversation } from './conversation.js';
import { Dialogue } from './dialogue.js';
import { endingOf } from './endings.js';
import { Equipment } from './equipment.js';
import { LatencyBook } from './latency.js';
import { Outbox } from './outbox.js';
import { PageLife } from './page_life.js';
import { Playout } from './playout.js';
import { noFacts, stateOf } from './state.js';
import { statsOf } from './stats.js';
import { Tools } from './tools.js';
import { TroubleBoard } from './trouble_board.js';
import { LINK_TROUBLES } from './troubles.js';
import { Turns } from './turns.js';
import { Wishes } from './wishes.js';

const DEFAULT_REPORT_MS = 100;

/** @typedef {Record<string, any>} Event */

export class Conductor {
  #options;
  #emit;
  #facts = noFacts();
  /** @type {{state: import('../session.js').State, muted: boolean, microphone: boolean, pushToTalk: boolean}} */
  #told = { state: 'disconnected', muted: false, microphone: false, pushToTalk: false };
  #wishes;
  /** @type {Connector | null} */
  #connector = null;
  /** @type {((up: boolean) => void) | null} */
  #settle = null;
  /** @type {Promise<boolean> | null} */
  #starting = null;
  #equipped = false;
  #started = false;
  #eventId = 0;
  #troubles;
  #resumed = /** @type {boolean | null} */ (null);
  #life = new PageLife({
    onBeat: () => this.#connector?.tick(),
    onBack: () => this.#connector?.nudge(),
    onLeave: () => void this.stop(),
    onReturn: () => void this.start(),
  });
  metering;

  /** @param {import('../session.js').VoiceSessionOptions} options @param {(type: string, detail: object) => void} emit */
  constructor(options, emit) {
    this.#options = options;
    this.#emit = emit;
    this.#wishes = new Wishes(options.session ?? {});
    this.metering = options.metering ?? true;
    this.#troubles = new TroubleBoard(emit);
    const changed = () => this.#changed();
    const send = (/** @type {Event} */ event) => this.send(event);
    const equipment = new Equipment(options, {
      onFrame: (frame) => this.#frame(frame),
      speaker: {
        onStarted: (...args) => this.playout.started(...args),
        onStopped: (...args) => this.playout.stopped(...args),
        onDucked: (...args) => this.playout.ducked(...args),
        onHeard: (...args) => this.playout.heard(...args),
        onTick: (time_s) => this.#tick(time_s),
      },
      trouble: (code, cause, retry) => this.#troubles.tell(code, cause, { retry }),
      recovered: (codes) => this.#troubles.over(codes),
      emit,
      changed,
    });
    this.equipment = equipment;
    this.conversation = new Conversation((entry) => emit('transcript', entry));
    this.latency = new LatencyBook((detail) => emit('latency', detail));
    this.inputClock = new InputClock();
    this.tools = new Tools(send, (error, name) => this.#troubles.tell('tool_failed', error ?? name));
    const { sound, speaker } = equipment;
    const { conversation, latency, inputClock, tools } = this;
    const captions = new Captions();
    const facts = this.#facts;
    const shared = { speaker, captions, conversation, latency, facts, emit, send, changed };
    this.playout = new Playout({ ...shared, sound, metering: () => this.metering });
    this.dialogue = new Dialogue({
      ...shared,
      emit: (type, detail) => (type === 'session' ? this.#tellSession(detail) : emit(type, detail)),
      playout: this.playout,
      inputClock,
      tools,
      trouble: (code, cause) => this.#troubles.tell(code, cause),
    });
    this.outbox = new Outbox(inputClock, {
      send: (pcm) => this.#connector?.link?.sendAudio(pcm),
      buffered_bytes: () => this.#connector?.link?.buffered_bytes ?? 0,
      onDone: (frame, input_sample) => this.#recorded(frame, input_sample),
    }, { prerollMs: options.prerollMs ?? 300 });
    this.outbox.pushToTalk = this.pushToTalk;
    const { dialogue, playout, outbox } = this;
    this.turns = new Turns({ dialogue, playout, outbox, speaker, facts, send, changed });
  }

  get state() {
    return stateOf(this.#facts);
  }

  get muted() {
    return this.#facts.muted;
  }

  get pushToTalk() {
    return this.#wishes.pushToTalk(this.dialogue.session);
  }

  // The life of a session.

  /** @returns {Promise<boolean>} */
  start() {
    if (!this.#started) this.#starting = this.#start();
    return /** @type {Promise<boolean>} */ (this.#starting);
  }

  /** @returns {Promise<boolean>} */
  #start() {
    this.#started = true;
    this.#equipped = false;
    this.#troubles.allOver();
    Object.assign(this.#facts, { ...noFacts(), muted: this.#facts.muted, phase: 'starting' });
    this.#life.watch();
    this.#changed();
    /** @type {Promise<boolean>} */
    const settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const connector = this.#connect();
    // Both begin in the click, and neither waits for the other.
    void this.equipment.open().then(() => {
      if (this.#connector !== connector) return;
      this.#equipped = true;
      if (connector?.link) this.#ready();
      this.#changed();
    });
    return settled;
  }

  #ready() {
    this.#facts.phase = 'up';
    this.#settle?.(true);
  }

  /** @returns {Connector | null} */
  #connect() {
    const { url, token = null, getToken = () => token, random = Math.random } = this.#options;
    const { pingIntervalMs = 5000, pingTimeoutMs = 5000 } = this.#options;
    let address;
    try {
      address = socketAddress(url, globalThis.location?.href);
    } catch (error) {
      queueMicrotask(() => this.#ended('server_unreachable', error));
      return null;
    }
    const now = () => performance.now();
    this.#connector = new Connector({ address, getToken, random, now, pingIntervalMs, pingTimeoutMs }, {
      onUp: (event, resumed) => this.#up(event, resumed),
      onEvent: (event) => this.dialogue.handle(event),
      onAudio: (header, bytes) => this.playout.audio(header, bytes),
      onDown: (code, cause) => this.#down(code, cause),
      onWaiting: (detail) => this.#emit('reconnecting', detail),
      onEnded: (code, cause) => this.#ended(code, cause),
      onRoundTrip: (from_ms, at_ms) => this.latency.roundTrip(from_ms, at_ms),
      onWire: (detail) => this.#emit('wire', detail),
    });
    this.#connector.start();
    return this.#connector;
  }

  /** @param {Event} event @param {boolean | null} resumed */
  #up(event, resumed) {
    const extended = this.#connector?.link?.extended ?? false;
    this.#resumed = resumed;
    this.playout.begin(event.bargein?.report_ms ?? DEFAULT_REPORT_MS);
    this.dialogue.begin(event.session, extended, resumed === true);
    this.#troubles.over(LINK_TROUBLES);
    const update = this.dialogue.update(this.#sessionUpdate(this.#wishes.session));
    update.catch((error) => this.#troubles.tell('request_refused', error));
    this.outbox.pushToTalk = this.pushToTalk;
    this.outbox.open(resumed === true);
    if (this.#equipped) this.#ready();
    else this.#facts.phase = 'starting';
    this.#tellSession({ reason: 'created', session: event.session });
    this.#changed();
  }

  /** @param {string} code @param {unknown} cause */
  #down(code, cause) {
    this.#facts.phase = this.#connector?.connections ? 'lost' : 'waiting';
    const ending = endingOf(code);
    this.outbox.shut();
    this.playout.linkLost(ending);
    this.dialogue.linkLost(ending);
    this.#troubles.over(LINK_TROUBLES.filter((other) => other !== code));
    if (!this.#troubles.has(code)) this.#troubles.tell(code, cause, { retry: async () => this.#connector?.nudge() });
    this.#changed();
  }

  /** No more attempts. @param {string | null} code @param {unknown} cause */
  #ended(code, cause) {
    this.#troubles.over(LINK_TROUBLES.filter((other) => other !== code));
    void this.#close(code === null ? 'off' : 'failed', endingOf(code));
    if (code !== null) this.#troubles.tell(code, cause, { fatal: true, retry: async () => void (await this.start()) });
  }

  /** @returns {Promise<void>} */
  async stop() {
    this.#troubles.allOver();
    if (this.#started) {
      await this.#close('off', 'ended');
    } else {
      this.#facts.phase = 'off';
      this.#changed();
    }
  }

  /** @param {'off' | 'failed'} phase @param {import('./endings.js').Ending} ending of replies that were not over */
  async #close(phase, ending) {
    this.#started = false;
    this.#connector?.stop();
    this.#connector = null;
    this.playout.end(ending);
    this.dialogue.linkLost(ending);
    this.outbox.shut();
    this.outbox.clear();
    const closed = this.equipment.close();
    this.#life.unwatch();
    Object.assign(this.#facts, { ...noFacts(), muted: this.#facts.muted, phase });
    this.#settle?.(false);
    this.#changed();
    await closed;
  }

  reconnectNow() {
    this.#connector?.nudge();
  }

  // The caller's turns.

  /** @param {string} text @returns {boolean} */
  sendText(text) {
    if (!this.#connector?.link || text.trim() === '') return false;
    void this.turns.say(text);
    return true;
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#facts.muted = muted;
    this.equipment.muted = muted;
    this.outbox.mute(muted);
    this.equipment.tellMicrophone();
  }

  press() {
    if (this.#started && this.pushToTalk) this.turns.press();
  }

  // The wire.

  /** @param {Event} event @returns {boolean} */
  send(event) {
    return this.#connector?.link?.send(event) ?? false;
  }

  /** @param {Record<string, any>} session @returns {Promise<Event | null>} */
  async update(session) {
    const takeBack = this.#wishes.change(session);
    this.#followTurnDetection();
    try {
      return this.#connector?.link ? await this.dialogue.update(this.#sessionUpdate(session)) : null;
    } catch (error) {
      takeBack();
      throw error;
    } finally {
      this.#followTurnDetection();
    }
  }

  #followTurnDetection() {
    this.outbox.pushToTalk = this.pushToTalk;
    if (!this.pushToTalk) this.turns.release();
    this.#changed();
  }

  /** @param {Record<string, any>} session @returns {Event} */
  #sessionUpdate(session) {
    return { ...message.sessionUpdate(session), event_id: `web_${++this.#eventId}` };
  }

  // What is told to the page.

  /** @param {object} detail */
  #tellSession(detail) {
    const connection = this.#connector?.connections ?? 0;
    const extended = this.dialogue.extended;
    this.outbox.pushToTalk = this.pushToTalk;
    this.#emit('session', { ...detail, resumed: this.#resumed, connection, extended, at_ms: performance.now() });
    this.#changed();
  }

  #changed() {
    const facts = this.#facts;
    facts.sounding = this.equipment.speaker.sounding;
    facts.microphone = this.equipment.microphone.isOpen;
    const { pushToTalk } = this;
    const now = { state: stateOf(facts), muted: facts.muted, microphone: facts.microphone, pushToTalk };
    const before = this.#told;
    if (now.state === before.state && now.muted === before.muted && now.microphone === before.microphone && pushToTalk === before.pushToTalk) return;
    this.#told = now;
    this.#emit('state', { ...now, previous: before.state, at_ms: performance.now() });
  }

  /** @param {import('../microphone.js').MicrophoneFrame} frame */
  #frame({ pcm, peak, rms, time_s }) {
    const { clock } = this.equipment.sound;
    const now_ms = performance.now();
    clock.observe(time_s + FRAME_SAMPLES / WIRE_RATE_HZ, now_ms);
    const start_ms = clock.toPage(time_s, now_ms - samplesToMs(FRAME_SAMPLES));
    if (this.metering) this.#emit('level', { lane: 'caller', peak, rms, at_ms: start_ms });
    this.outbox.frame({ pcm, start_ms });
  }

  /** @param {import('./outbox.js').Frame} frame @param {number | null} input_sample */
  #recorded({ pcm, start_ms }, input_sample) {
    this.#emit('audio', {
      lane: 'caller', samples: bytesToInt16(pcm), start_ms, sent: input_sample !== null, input_sample, response_id: null, item_id: null,
      start_sample: null,
    });
  }

  /** @param {number} time_s */
  #tick(time_s) {
    this.equipment.sound.clock.observe(time_s, performance.now());
    this.#connector?.tick();
  }

  /** @returns {import('../session.js').Stats} */
  stats() {
    const { equipment, outbox, inputClock, latency, state } = this;
    return statsOf({ state, connector: this.#connector, equipment, outbox, inputClock, latency });
  }
}
