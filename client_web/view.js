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
import { Meters } from './view/meters.js';
import { Notices } from './view/notices.js';
import { Recording, RATE_HZ } from './view/recording.js';
import { Replay } from './view/replay.js';
import { StateView } from './view/state.js';
import { Timeline } from './view/timeline.js';
import { TimelineModel } from './view/timeline_model.js';
import { toast } from './view/toast.js';
import { Transcript } from './view/transcript.js';
import { asText } from './view/transcript_model.js';
import { TurnsTable } from './view/turns_table.js';
import { wavFile } from './view/wav.js';

/** @typedef {import('./session.js').VoiceSession} VoiceSession */
/** @typedef {import('./session.js').StateDetail} StateDetail */
/** @typedef {import('./session.js').TranscriptDetail} Entry */

const REPLAY_MS = 30_000;

export class View {
  notices = new Notices();
  log = new EventLogView();
  recording = new Recording();
  #model = new TimelineModel();
  #transcript = new Transcript();
  #meters = new Meters();
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
  #latency_shown = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #refreshing;

  /**
   * @param {import('./view/controls.js').Actions} actions
   * @param {{output: () => {volume: number, output_id: string}}} options where a replay is heard; volume 0 … 1
   */
  constructor(actions, { output }) {
    this.#output = output;
    this.#controls = new Controls(actions);
    this.#state = new StateView({ onRetry: () => this.#voice?.reconnectNow() });
    this.#replay = new Replay(this.recording, { onChange: (playing) => this.#replayChanged(playing) });
    this.#timeline = new Timeline(this.#model, { onClick: (at_ms) => void this.#clicked(at_ms), playhead: () => this.#replay.position_ms });
    this.#turns = new TurnsTable(this.#model, {
      said: () => this.#voice?.transcript() ?? [],
      onReplay: (from_ms, to_ms) => {
        this.#timeline.reveal(from_ms);
        void this.#play(from_ms, to_ms);
      },
    });
    byId('save-recording').addEventListener('click', () => this.#saveRecording());
    byId('save-transcript').addEventListener('click', () => this.#saveTranscript());
    document.addEventListener('visibilitychange', () => {
      if (this.#voice) this.#voice.metering = !document.hidden;
    });
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
    this.#transcript.clear();
    this.log.clear();
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
    this.#on(voice, 'state', (/** @type {StateDetail} */ detail) => this.#showState(detail));
    this.#on(voice, 'reconnecting', (/** @type {import('./session.js').ReconnectingDetail} */ detail) => this.#state.reconnecting(detail));
    this.#on(voice, 'session', (/** @type {import('./session.js').SessionDetail} */ detail) => {
      if (detail.reason === 'created' && detail.resumed === false) this.#transcript.divide('Connected anew: the server remembers nothing said before');
    });
    this.#on(voice, 'transcript', (/** @type {Entry} */ entry) => {
      this.#transcript.show(entry, voice.transcript().map((other) => other.item_id));
      /** @type {HTMLButtonElement} */ (byId('save-transcript')).disabled = false;
      if (entry.ending) {
        this.#model.ended(entry.item_id, entry.ending);
        this.#timeline.describe();
      }
      if (entry.final) this.#turns.show();
    });
    this.#on(voice, 'caption', (/** @type {import('./session.js').CaptionDetail} */ caption) => this.#transcript.caption(caption));
    this.#on(voice, 'cut', (/** @type {import('./session.js').CutDetail} */ cut) => {
      this.#model.cut(cut.item_id);
      this.#turns.show();
    });
    this.#on(voice, 'wire', (/** @type {import('./session.js').WireDetail} */ message) => this.log.add(message));
    this.#on(voice, 'recovered', (/** @type {{code: string}} */ { code }) => this.notices.remove(code));
  }

  /** @param {VoiceSession} voice */
  #bindSound(voice) {
    this.#on(voice, 'level', (/** @type {import('./session.js').LevelDetail} */ level) => this.#meters.show(level));
    this.#on(voice, 'audio', (/** @type {import('./session.js').AudioDetail} */ sound) => {
      if (!sound.sent) return;
      this.#model.addAudio(sound.lane, sound.samples, sound.start_ms, sound.item_id);
      this.recording.add(sound.lane, sound.samples, sound.start_ms);
      /** @type {HTMLButtonElement} */ (byId('save-recording')).disabled = false;
    });
    this.#on(voice, 'vad', (/** @type {import('./session.js').VadDetail} */ vad) => {
      this.#model.speech(vad.speech, vad.at_ms);
      this.#turns.show();
    });
    this.#on(voice, 'hold', (/** @type {import('./session.js').HoldDetail} */ hold) => this.#model.hold(hold.item_id, hold.at_ms));
    this.#on(voice, 'resume', (/** @type {import('./session.js').HoldDetail} */ hold) => this.#model.resume(hold.item_id, hold.at_ms));
    this.#on(voice, 'flush', (/** @type {import('./session.js').FlushDetail} */ flush) => this.#model.flush(flush.item_id, flush.at_ms, flush.dropped_samples, flush.reason !== 'stop'));
    this.#on(voice, 'underrun', (/** @type {import('./session.js').UnderrunDetail} */ gap) => {
      this.#model.underrun(gap.item_id, gap.at_ms);
      this.#showLatency();
    });
    this.#on(voice, 'latency', (/** @type {import('./session.js').LatencyDetail} */ found) => {
      const joined = this.#stages.add(found);
      if (joined) this.#latency.stages(joined.stages, joined.total_ms);
      if (found.kind === 'response' || found.kind === 'barge_in') this.#model.latency({ kind: found.kind, from_ms: found.from_ms, at_ms: found.at_ms, ms: found.ms });
      this.#showLatency();
    });
  }

  /** @param {StateDetail} detail */
  #showState(detail) {
    const phase = phaseOf(detail.state, !this.#transcript.empty);
    this.#state.show(detail);
    this.#controls.show(phase, detail);
    if (phase === 'live') this.#model.begin(detail.at_ms);
    else this.#model.close(detail.at_ms);
    if (detail.pushToTalk) this.#model.speech(detail.state === 'user-speaking', detail.at_ms);
    this.#timeline.live = phase === 'live';
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
