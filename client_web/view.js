// @ts-check
/**
 * The page's view of one conversation: every part in view/, fed by the events of a VoiceSession.
 * @module
 */

import { Controls, phaseOf } from './view/controls.js';
import { byId, saveFile, stamp } from './view/dom.js';
import { EventLogView } from './view/event_log.js';
import { LatencyPanel } from './view/latency_panel.js';
import { StagesBook } from './view/latency_stages.js';
import { Notices } from './view/notices.js';
import { Overview } from './view/overview.js';
import { Receipt } from './view/receipt.js';
import { Recording, RATE_HZ } from './view/recording.js';
import { Replay } from './view/replay.js';
import { feedStage } from './view/stage_feed.js';
import { StateView } from './view/state.js';
import { Suggestions } from './view/suggestions.js';
import { Timeline } from './view/timeline.js';
import { clock } from './view/timeline_geometry.js';
import { TimelineModel } from './view/timeline_model.js';
import { toast } from './view/toast.js';
import { Transcript } from './view/transcript.js';
import { asText, countWords } from './view/transcript_model.js';
import { ToolsView } from './view/tools_view.js';
import { TurnsTable } from './view/turns_table.js';
import { wavFile } from './view/wav.js';
import { showWelcome } from './view/welcome_picture.js';

/** @typedef {import('./session.js').VoiceSession} VoiceSession */
/** @typedef {import('./session.js').StateDetail} StateDetail */
/** @typedef {import('./session.js').TranscriptDetail} Entry */

const REPLAY_MS = 30_000;

export class View {
  notices = new Notices();
  log = new EventLogView({ onMoment: (at_ms) => this.reveal(at_ms) });
  recording = new Recording();
  #tools = new ToolsView();
  #model = new TimelineModel();
  #transcript = new Transcript();
  #receipt = new Receipt();
  #suggestions;
  #overview;
  #follow_button = byId('timeline-follow');
  #latency = new LatencyPanel();
  #stages = new StagesBook();
  #state;
  #controls;
  #timeline;
  #turns;
  #replay;
  /** @type {() => {volume: number, output_id: string}} */
  #output;
  /** @type {VoiceSession | null} */
  #voice = null;
  /** @type {AbortController} */
  #bound = new AbortController();
  #began = new Date();
  #muted_for_replay = false;
  #demo = false;
  /** The call is on the stage, not the welcome's picture. */
  #on_stage = false;
  /** @type {{live_ms: number, since_ms: number | null}} how long this call has been going on */
  #length = { live_ms: 0, since_ms: null };
  /** @type {import('./view/receipt_model.js').Cost | null} */
  #cost = null;
  /** @type {Set<string>} replies that were cut */
  #interrupted = new Set();
  #latency_shown = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #refreshing;

  /**
   * @param {import('./view/controls.js').Actions} actions
   * @param {{output: () => {volume: number, output_id: string}, onSay: (sentence: string) => void}} options `output`: where a replay is heard,
   *   volume 0 … 1; `onSay`: a suggested sentence was pressed
   */
  constructor(actions, { output, onSay }) {
    this.#output = output;
    this.#controls = new Controls(actions);
    this.#state = new StateView({ onRetry: () => this.#voice?.reconnectNow() });
    this.#replay = new Replay(this.recording, { onChange: (playing) => this.#replayChanged(playing) });
    this.#suggestions = new Suggestions({ onSay });
    this.#timeline = new Timeline(byId('timeline'), this.#model, {
      onClick: (at_ms) => void this.#clicked(at_ms),
      onView: (view) => this.#viewChanged(view),
      playhead: () => this.#replay.position_ms,
    });
    this.#overview = new Overview(byId('overview'), this.#model, { onMove: (at_ms) => this.#timeline.centre(at_ms) });
    this.#turns = new TurnsTable(this.#model, {
      said: () => this.#voice?.transcript() ?? [],
      onReplay: (from_ms, to_ms) => {
        this.#timeline.reveal(from_ms);
        void this.#play(from_ms, to_ms);
      },
    });
    this.#follow_button.addEventListener('click', () => this.#timeline.follow());
    setInterval(() => this.#showClock(), 500);
    showWelcome(this.#timeline);
    byId('save-recording').addEventListener('click', () => this.#saveRecording());
    byId('save-transcript').addEventListener('click', () => this.#saveTranscript());
    document.addEventListener('visibilitychange', () => {
      if (this.#voice) this.#voice.metering = !document.hidden;
    });
  }

  /** @param {boolean} shown the panel is open at the turns */
  set turnsShown(shown) {
    this.#turns.shown = shown;
  }

  /** @param {import('./view/settings_model.js').Settings} settings what of them is about the looks */
  dress({ theme, ahead }) {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    this.#timeline.recolour();
    this.#overview.recolour();
    this.#transcript.ahead = ahead;
  }

  /** @param {string | null} name what the server tells everybody; null: nothing, and a session will tell it */
  nameModel(name) {
    this.#demo = name === 'demo';
    byId('greet-field').hidden = !this.#demo;
    if (this.#demo) this.#showModel('demo model');
  }

  /** @param {string} name */
  #showModel(name) {
    byId('model').hidden = name === '';
    byId('model-name').textContent = name;
  }

  /** Look at a moment of the call. @param {number} at_ms page clock */
  reveal(at_ms) {
    this.#timeline.point(at_ms);
  }

  /** @param {boolean} shown the latency panel is open */
  set latencyShown(shown) {
    this.#latency_shown = shown;
    clearInterval(this.#refreshing);
    if (shown) this.#refreshing = setInterval(() => this.#showLatency(), 1000);
    this.#showLatency();
  }

  /** Show this conversation, and nothing of the one before. @param {VoiceSession} voice */
  bind(voice) {
    this.#bound.abort();
    this.#bound = new AbortController();
    this.#replay.stop();
    this.#voice = voice;
    this.#began = new Date();
    this.recording.clear();
    this.#model.clear();
    this.#timeline.invitation = 'What you both say is drawn here.';
    this.#transcript.clear();
    this.#length = { live_ms: 0, since_ms: null };
    this.#cost = null;
    this.#interrupted.clear();
    this.log.clear();
    this.#tools.clear();
    this.notices.clear();
    this.#latency.stages(null, 0);
    this.#stages = new StagesBook();
    voice.metering = !document.hidden;
    this.#bindConversation(voice);
    this.#bindSound(voice);
    this.#showLatency();
  }

  /** @returns {boolean} a replay was playing and is stopped now */
  stopReplay() {
    const playing = this.#replay.position_ms !== null;
    this.#replay.stop();
    return playing;
  }

  /**
   * @template T
   * @param {VoiceSession} voice @param {string} name @param {(detail: T) => void} handle
   */
  #on(voice, name, handle) {
    voice.addEventListener(name, (event) => handle(/** @type {CustomEvent<T>} */ (event).detail), { signal: this.#bound.signal });
  }

  /** @param {VoiceSession} voice */
  #bindConversation(voice) {
    // First: what follows looks at the model.
    feedStage((name, handle) => this.#on(voice, name, handle), this.#model);
    this.#on(voice, 'state', (/** @type {StateDetail} */ detail) => this.#showState(detail));
    this.#on(voice, 'reconnecting', (/** @type {import('./session.js').ReconnectingDetail} */ detail) => this.#state.reconnecting(detail));
    this.#on(voice, 'session', (/** @type {import('./session.js').SessionDetail} */ detail) => {
      this.#tools.offer(detail.session.tools ?? []);
      if (!this.#demo) this.#showModel(String(detail.session.model ?? ''));
      if (detail.reason === 'created' && detail.resumed === false) this.#transcript.divide('Connected anew: the server remembers nothing said before');
    });
    this.#on(voice, 'transcript', (/** @type {Entry} */ entry) => {
      this.#transcript.show(entry, voice.transcript().map((other) => other.item_id));
      /** @type {HTMLButtonElement} */ (byId('save-transcript')).disabled = false;
      this.#suggest();
      if (entry.ending) this.#timeline.describe();
      if (entry.final) this.#turns.show();
    });
    this.#on(voice, 'caption', (/** @type {import('./session.js').CaptionDetail} */ caption) => this.#transcript.caption(caption));
    this.#on(voice, 'cut', (/** @type {import('./session.js').CutDetail} */ cut) => {
      if (countWords(cut.unheard_text) > 0) this.#interrupted.add(cut.item_id);
      this.#suggest();
      this.#turns.show();
    });
    this.#on(voice, 'wire', (/** @type {import('./session.js').WireDetail} */ message) => {
      this.log.add(message);
      this.#tools.take(message.event);
      this.#cost = costOf(message) ?? this.#cost;
    });
    this.#on(voice, 'recovered', (/** @type {{code: string}} */ { code }) => this.notices.remove(code));
  }

  /** @param {VoiceSession} voice */
  #bindSound(voice) {
    this.#on(voice, 'audio', (/** @type {import('./session.js').AudioDetail} */ sound) => {
      if (!sound.sent) return;
      this.recording.add(sound.lane, sound.samples, sound.start_ms);
      /** @type {HTMLButtonElement} */ (byId('save-recording')).disabled = false;
    });
    this.#on(voice, 'vad', () => this.#turns.show());
    this.#on(voice, 'underrun', () => this.#showLatency());
    this.#on(voice, 'latency', (/** @type {import('./session.js').LatencyDetail} */ found) => {
      const joined = this.#stages.add(found);
      if (joined) this.#latency.stages(joined.stages, joined.total_ms);
      this.#showLatency();
    });
  }

  /** @param {StateDetail} detail */
  #showState(detail) {
    const phase = phaseOf(detail.state, !this.#transcript.empty);
    this.#state.show(detail);
    this.#measure(phase === 'live', detail.at_ms);
    // Before the buttons: the focus moves to one of the receipt's.
    if (phase === 'ended') this.#showReceipt();
    else this.#receipt.hide();
    this.#controls.show(phase, detail);
    if (phase === 'live') this.#model.begin(detail.at_ms);
    else this.#model.close(detail.at_ms);
    if (detail.pushToTalk) this.#model.speech(detail.state === 'user-speaking', detail.at_ms);
    this.#putOnStage(phase, detail);
    if (phase === 'ended') this.#showLastCut();
    this.#suggest();
  }

  /** The welcome's picture stays until there is something to hear. @param {import('./view/controls.js').Phase} phase @param {StateDetail} detail */
  #putOnStage(phase, detail) {
    if (phase === 'live' && detail.state !== 'connecting' && !this.#on_stage) {
      this.#timeline.model = this.#model;
      this.#on_stage = true;
    }
    this.#timeline.live = phase === 'live' && this.#on_stage;
    if (phase !== 'idle' || !this.#on_stage) return;
    this.#on_stage = false;
    showWelcome(this.#timeline);
  }

  /** @param {boolean} live @param {number} at_ms */
  #measure(live, at_ms) {
    const { live_ms, since_ms } = this.#length;
    if (live && since_ms === null) this.#length.since_ms = at_ms;
    if (!live && since_ms !== null) this.#length = { live_ms: live_ms + at_ms - since_ms, since_ms: null };
    this.#showClock();
  }

  #showClock() {
    const { live_ms, since_ms } = this.#length;
    byId('call-clock').textContent = since_ms === null ? '' : clock(live_ms + performance.now() - since_ms);
  }

  #showLastCut() {
    const cut = this.#model.marks.findLast((mark) => mark.kind === 'cut');
    if (cut) this.#timeline.centre(cut.at_ms);
  }

  #showReceipt() {
    this.#receipt.show({
      length_ms: this.#length.live_ms,
      said: this.#voice?.transcript() ?? [],
      latencies: this.#model.brackets,
      cost: this.#cost,
    });
  }

  #suggest() {
    if (document.body.dataset.phase !== 'live' || !['listening', 'speaking', 'thinking'].includes(String(document.body.dataset.state))) return this.#suggestions.hide();
    this.#suggestions.show({
      said: (this.#voice?.transcript() ?? []).filter((entry) => entry.role === 'user').length,
      replying: document.body.dataset.state !== 'listening',
      interrupted: this.#interrupted.size,
    });
  }

  /** @param {{left_ms: number, right_ms: number, following: boolean}} view */
  #viewChanged(view) {
    this.#follow_button.hidden = view.following || document.body.dataset.phase !== 'live';
    if (document.body.dataset.phase === 'idle') byId('overview').hidden = true;
    else this.#overview.show(view);
  }

  #showLatency() {
    if (this.#latency_shown) this.#latency.show(this.#voice?.stats() ?? null);
  }

  /** @param {number} at_ms */
  async #clicked(at_ms) {
    if (this.stopReplay()) return;
    const start_ms = this.recording.start_ms ?? at_ms;
    const end_ms = this.recording.end_ms ?? start_ms;
    if (at_ms < end_ms) await this.#play(Math.max(at_ms, start_ms), Math.min(end_ms, at_ms + REPLAY_MS));
  }

  /** @param {number} from_ms @param {number} to_ms */
  async #play(from_ms, to_ms) {
    const heard = await this.#replay.play(from_ms, to_ms, this.#output());
    if (!heard) toast('There is no sound to replay here.');
  }

  /** While a replay sounds, the microphone would carry it to the model. @param {boolean} playing */
  #replayChanged(playing) {
    this.#timeline.replayChanged();
    const voice = this.#voice;
    if (!voice) return;
    if (playing && !voice.muted && document.body.dataset.phase === 'live') {
      voice.mute(true);
      this.#muted_for_replay = true;
      toast('Replaying. Your microphone is off meanwhile; Esc stops.');
    } else if (!playing && this.#muted_for_replay) {
      this.#muted_for_replay = false;
      voice.mute(false);
    }
  }

  #saveRecording() {
    const { start_ms, end_ms } = this.recording;
    if (start_ms === null || end_ms === null) return;
    const { left, right } = this.recording.stereo(start_ms, end_ms);
    saveFile(wavFile([left, right], RATE_HZ), 'audio/wav', `bargein-${stamp(this.#began)}.wav`);
    toast('Saved: left is you, right is what you heard.');
  }

  #saveTranscript() {
    saveFile(asText(this.#voice?.transcript() ?? [], { began: this.#began }), 'text/plain', `bargein-${stamp(this.#began)}.txt`);
  }
}

/** The session's cost, where the server knows prices. @param {import('./session.js').WireDetail} message @returns {import('./view/receipt_model.js').Cost | null} */
function costOf({ type, event }) {
  if (type !== 'bargein.cost' || typeof event.session !== 'number') return null;
  return { amount: event.session, currency: String(event.currency ?? 'USD').toUpperCase(), whole: event.known !== false };
}
