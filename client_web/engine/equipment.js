// @ts-check
/** Microphone, speaker and audio device of one session, and every trouble they can make. */

import { Microphone, listDevices, microphoneObstacle } from '../microphone.js';
import { Speaker } from '../speaker.js';
import { Sound } from './sound.js';
import { MICROPHONE_TROUBLES, microphoneTrouble } from './troubles.js';

/** A device that is shown as another name for the default one. */
const DEFAULT_SPEAKERS = new Set(['', 'default', 'communications']);

/**
 * @typedef {object} EquipmentHandlers
 * @property {(frame: import('../microphone.js').MicrophoneFrame) => void} onFrame
 * @property {import('../speaker.js').SpeakerHandlers} speaker
 * @property {(code: string, cause: unknown, retry?: () => Promise<void>) => void} trouble
 * @property {(codes: string[]) => void} recovered
 * @property {(type: string, detail: object) => void} emit
 * @property {() => void} changed the microphone was opened or lost
 */

export class Equipment {
  #handlers;
  #wants;
  #speaker_id = '';
  /** @type {Promise<AudioContext | null> | null} */
  #opening = null;
  #unplugged = false;
  #onDeviceChange = () => void this.#devicesChanged();
  muted = false;

  /**
   * @param {import('../session.js').VoiceSessionOptions} options
   * @param {EquipmentHandlers} handlers
   */
  constructor(options, handlers) {
    this.#handlers = handlers;
    this.#wants = options.microphone !== false;
    const { audioContext, resumeTimeoutMs = 2000 } = options;
    this.sound = new Sound({ audioContext, resumeTimeoutMs }, {
      onSuspended: () => handlers.trouble('audio_suspended', null, async () => void (await this.resume())),
      onRunning: () => handlers.recovered(['audio_suspended']),
    });
    this.speaker = new Speaker(handlers.speaker);
    this.microphone = new Microphone(options.constraints ?? {}, { onFrame: handlers.onFrame, onLost: () => this.#lost() });
  }

  /** Must begin in a click. Settles when the speaker is ready and the microphone was granted or refused. */
  async open() {
    const opening = this.#openSound(() => this.#opening === opening);
    this.#opening = opening;
    globalThis.navigator?.mediaDevices?.addEventListener?.('devicechange', this.#onDeviceChange);
    await opening;
    if (this.#opening !== opening) return;
    if (this.#wants) await this.#openMicrophone();
    this.#handlers.emit('devices', await this.devices());
  }

  async close() {
    globalThis.navigator?.mediaDevices?.removeEventListener?.('devicechange', this.#onDeviceChange);
    const wasOpen = this.microphone.isOpen;
    this.#opening = null;
    this.#unplugged = false;
    this.microphone.close();
    this.speaker.close();
    if (wasOpen) this.tellMicrophone();
    await this.sound.close();
  }

  /**
   * @param {() => boolean} wanted false: it was closed meanwhile, as when the server turns the page away; that is no trouble
   *   with the sound
   * @returns {Promise<AudioContext | null>} null: no sound on this page, and that was told; or closed
   */
  async #openSound(wanted) {
    const { sound, speaker } = this;
    try {
      const context = await sound.open();
      if (!context && wanted()) this.#handlers.trouble('audio_unsupported', null);
      if (!context || sound.context !== context || !wanted()) return null;
      speaker.open(context);
      if (this.#speaker_id) await this.useSpeaker(this.#speaker_id);
      return context;
    } catch (error) {
      if (wanted()) this.#handlers.trouble('audio_unsupported', error);
      return null;
    }
  }

  /** @returns {Promise<boolean>} */
  async #openMicrophone() {
    const { trouble } = this.#handlers;
    const obstacle = microphoneObstacle();
    if (obstacle) {
      trouble(obstacle, null);
      return false;
    }
    const context = await this.#opening;
    if (!context) return false;
    try {
      if (!(await this.microphone.open(context))) return false;
    } catch (error) {
      const code = microphoneTrouble(error);
      const retry = code === 'microphone_constraints' ? null : this.microphone.wanted_id;
      trouble(code, error, async () => void (await this.useMicrophone(retry)));
      return false;
    }
    this.#unplugged = false;
    this.#handlers.recovered(MICROPHONE_TROUBLES);
    this.tellMicrophone();
    return true;
  }

  /** @param {string | null} id @param {MediaTrackConstraints} [constraints] @returns {Promise<boolean>} */
  async useMicrophone(id, constraints) {
    const { wanted_id } = this.microphone;
    this.microphone.choose(id, constraints);
    if (!this.#opening) return true;
    this.#wants = true;
    const opened = await this.#openMicrophone();
    if (!opened && this.microphone.isOpen) this.microphone.choose(wanted_id);
    if (opened) this.#handlers.emit('devices', await this.devices());
    return opened;
  }

  /** @param {string} id @returns {Promise<boolean>} */
  async useSpeaker(id) {
    const { trouble, recovered } = this.#handlers;
    const context = /** @type {(AudioContext & {setSinkId?: (id: string) => Promise<void>}) | null} */ (this.sound.context);
    if (!context) {
      this.#speaker_id = id;
      return true;
    }
    if (!context.setSinkId) return id === '';
    try {
      await context.setSinkId(DEFAULT_SPEAKERS.has(id) ? '' : id);
    } catch (error) {
      trouble('speaker_failed', error);
      return false;
    }
    this.#speaker_id = id;
    recovered(['speaker_failed']);
    if (DEFAULT_SPEAKERS.has(id)) recovered(['echo_canceller_off']);
    else trouble('echo_canceller_off', null);
    return true;
  }

  /** @returns {Promise<boolean>} */
  async resume() {
    const running = await this.sound.resume();
    if (running) this.#handlers.recovered(['audio_suspended']);
    return running;
  }

  /** @returns {Promise<import('../session.js').DevicesDetail>} */
  async devices() {
    const can_choose_speaker = typeof AudioContext !== 'undefined' && 'setSinkId' in AudioContext.prototype;
    const { microphones, speakers } = await listDevices();
    return {
      microphones,
      speakers: can_choose_speaker ? speakers : [],
      microphone_id: this.microphone.device_id,
      speaker_id: this.#speaker_id,
      can_choose_speaker,
    };
  }

  tellMicrophone() {
    const { isOpen, granted, label, device_id } = this.microphone;
    this.#handlers.emit('microphone', {
      open: isOpen,
      muted: this.muted,
      device_id: isOpen ? device_id : null,
      label,
      granted,
      context_rate_hz: this.sound.context?.sampleRate ?? null,
      at_ms: performance.now(),
    });
    this.#handlers.changed();
  }

  #lost() {
    this.#unplugged = true;
    this.#handlers.trouble('microphone_unplugged', null, async () => void (await this.useMicrophone(null)));
    this.tellMicrophone();
  }

  async #devicesChanged() {
    const devices = await this.devices();
    this.#handlers.emit('devices', devices);
    const { wanted_id } = this.microphone;
    const back = devices.microphones.some(({ id }) => wanted_id === null || id === wanted_id);
    if (this.#unplugged && back) await this.#openMicrophone();
  }
}
