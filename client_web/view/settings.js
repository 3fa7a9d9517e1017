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
  /** @type {HTMLSelectElement} */
  #agent = byId('set-agent');
  /** @type {readonly import('./agents.js').Agent[]} */
  #agents = [];
  /** @type {readonly string[]} */
  #voices = VOICES;
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
    // It stands on the welcome, outside of the form that it belongs to.
    this.#agent.addEventListener('change', () => this.#apply({ ...this.#read(), agent: this.#agent.value }));
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

  /** @param {readonly import('./agents.js').Agent[]} agents that the server offers: the first one answers who chooses none */
  agents(agents) {
    this.#agents = agents;
    byId('agent-field').hidden = agents.length === 0;
    this.#agent.replaceChildren(...agents.map(({ name, title }) => el('option', { value: name }, title)));
    this.#labels(this.#settings);
  }

  /** @returns {import('./agents.js').Agent | null} who answers, where the server has agents */
  get agent() {
    return this.#agents.find(({ name }) => name === this.#settings.agent) ?? this.#agents[0] ?? null;
  }

  /** @param {readonly string[]} voices of the server's model, which has no others */
  voices(voices) {
    this.#voices = voices;
    this.#listVoices();
  }

  /** @param {string} voice one that the server uses and the list may not have. A server that has told its voices shows the protocol's
   *   name for one that nobody has chosen */
  offerVoice(voice) {
    if (this.#voices === VOICES) this.#listVoices(voice);
  }

  #fill() {
    const settings = this.#settings;
    this.#listVoices();
    for (const [name, value] of Object.entries(settings)) {
      const field = this.#form.elements.namedItem(name);
      if (field instanceof RadioNodeList) field.value = String(value);
      else if (field instanceof HTMLInputElement && field.type === 'checkbox') field.checked = Boolean(value);
      else if (name === 'agent') continue;
      else if (field instanceof HTMLSelectElement && (name === 'input_id' || name === 'output_id')) options(field, [], name === 'input_id' ? 'System microphone' : 'System speaker', String(value));
      else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement) field.value = String(value);
    }
    this.#labels(settings);
  }

  /** @param {string} [used] one more, if it is not among them */
  #listVoices(used = '') {
    const select = /** @type {HTMLSelectElement} */ (byId('set-voice'));
    const others = [this.#settings.voice, used].filter((voice) => voice !== '' && !this.#voices.includes(voice));
    const voices = [...new Set([...others, ...this.#voices])];
    select.replaceChildren(el('option', { value: '' }, 'The server’s choice'), ...voices.map((voice) => el('option', { value: voice }, voice)));
    select.value = this.#settings.voice;
  }

  /** @returns {Settings} */
  #read() {
    const data = new FormData(this.#form);
    data.set('agent', this.#settings.agent);  // What is shown may be nobody's choice.
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
    this.#agent.value = this.agent?.name ?? '';
    byId('agent-about').textContent = this.agent?.description ?? '';
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
