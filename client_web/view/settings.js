// @ts-check
/**
 * The settings form: shows the settings, remembers them, and says what changed.
 * @module
 */

import { byId, el } from './dom.js';
import { believed, DEFAULTS, VOICES } from './settings_model.js';

/** @typedef {import('./settings_model.js').Settings} Settings */
/** @typedef {import('../session.js').DevicesDetail} DevicesDetail */
/** @typedef {import('../session.js').Device} Device */

const STORED_AS = 'bargein.settings';

export class SettingsView {
  /** @type {HTMLFormElement} */
  #form = byId('settings');
  #said = byId('settings-said');
  /** @type {Settings} */
  #settings = stored();
  #on_change;

  /** @param {{onChange: (settings: Settings, before: Settings) => void, onVolume: (volume: number) => void}} options `onVolume` is
   *   called while the slider moves, 0 … 1; the rest when a change is made */
  constructor({ onChange, onVolume }) {
    this.#on_change = onChange;
    this.#fill();
    this.#form.addEventListener('input', () => {
      const settings = this.#read();
      this.#labels(settings);
      onVolume(settings.volume / 100);
    });
    this.#form.addEventListener('change', () => this.#apply(this.#read()));
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    byId('settings-reset').addEventListener('click', () => {
      this.#apply({ ...DEFAULTS });
      this.#fill();
    });
  }

  /** @returns {Settings} */
  get current() {
    return this.#settings;
  }

  /** @param {string} words how the last change went */
  say(words) {
    this.#said.textContent = words;
  }

  /** @param {DevicesDetail} devices */
  devices(devices) {
    options(byId('set-input'), devices.microphones, 'System microphone', this.#settings.input_id);
    options(byId('set-output'), devices.speakers, 'System speaker', this.#settings.output_id);
    byId('output-field').hidden = !devices.can_choose_speaker;
  }

  /** What the browser gave of what was asked. @param {MediaTrackSettings | null} granted */
  granted(granted) {
    const say = (/** @type {string} */ id, /** @type {boolean} */ asked, /** @type {unknown} */ given) => {
      byId(id).textContent = granted === null || given === undefined || Boolean(given) === asked ? '' : asked ? 'Not available here' : 'Stays on here';
    };
    say('granted-echo', this.#settings.echo_cancellation, granted?.echoCancellation);
    say('granted-noise', this.#settings.noise_suppression, granted?.noiseSuppression);
    say('granted-gain', this.#settings.auto_gain, granted?.autoGainControl);
  }

  /** @param {string} voice one that the server uses and the list may not have */
  offerVoice(voice) {
    if (!VOICES.includes(voice)) this.#voices([voice, ...VOICES]);
  }

  #fill() {
    const settings = this.#settings;
    this.#voices(settings.voice === '' || VOICES.includes(settings.voice) ? [...VOICES] : [settings.voice, ...VOICES]);
    for (const [name, value] of Object.entries(settings)) {
      const field = this.#form.elements.namedItem(name);
      if (field instanceof RadioNodeList) field.value = String(value);
      else if (field instanceof HTMLInputElement && field.type === 'checkbox') field.checked = Boolean(value);
      else if (field instanceof HTMLSelectElement && (name === 'input_id' || name === 'output_id')) options(field, [], name === 'input_id' ? 'System microphone' : 'System speaker', String(value));
      else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement) field.value = String(value);
    }
    this.#labels(settings);
  }

  /** @param {string[]} voices */
  #voices(voices) {
    const select = /** @type {HTMLSelectElement} */ (byId('set-voice'));
    select.replaceChildren(el('option', { value: '' }, 'The server’s choice'), ...voices.map((voice) => el('option', { value: voice }, voice)));
    select.value = this.#settings.voice;
  }

  /** @returns {Settings} */
  #read() {
    const data = new FormData(this.#form);
    /** @type {Record<string, unknown>} */
    const found = {};
    for (const [name, standard] of Object.entries(DEFAULTS)) {
      const value = data.get(name);
      if (typeof standard === 'boolean') found[name] = value !== null;
      else found[name] = typeof standard === 'number' ? Number(value) : String(value ?? '');
    }
    return believed(found);
  }

  /** @param {Settings} settings */
  #apply(settings) {
    const before = this.#settings;
    this.#settings = settings;
    this.#labels(settings);
    try {
      localStorage.setItem(STORED_AS, JSON.stringify(settings));
    } catch {
      this.say('Applied. This browser does not let the page remember it.');
    }
    this.#on_change(settings, before);
  }

  /** @param {Settings} settings */
  #labels(settings) {
    byId('out-sensitivity').textContent = `${settings.sensitivity} %`;
    byId('out-pause').textContent = `${(settings.pause_ms / 1000).toFixed(2).replace(/0$/, '')} s`;
    byId('out-volume').textContent = `${settings.volume} %`;
    byId('output-caution').hidden = settings.output_id === '';
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (this.#form.querySelectorAll('[data-when]'))) {
      const when = part.dataset.when;
      part.hidden = when === 'vad' ? settings.turns === 'push_to_talk' : settings.turns !== when;
    }
  }
}

/** @returns {Settings} */
function stored() {
  try {
    return believed(JSON.parse(localStorage.getItem(STORED_AS) ?? '{}'));
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {HTMLSelectElement} select @param {readonly Device[]} devices @param {string} standard @param {string} chosen */
function options(select, devices, standard, chosen) {
  const known = devices.filter((device) => device.id !== '' && device.id !== 'default' && device.id !== 'communications');
  const made = [el('option', { value: '' }, standard), ...known.map((device) => el('option', { value: device.id }, device.label))];
  if (chosen !== '' && !known.some((device) => device.id === chosen)) made.push(el('option', { value: chosen }, 'The one chosen before (not connected)'));
  select.replaceChildren(...made);
  select.value = chosen;
}
