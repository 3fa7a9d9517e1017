// @ts-check
/**
 * `<bargein-voice>`: a conversation on any page as one element, with the stage.
 *
 *     <script type="module" src="/voice/bargein-voice.js"></script>
 *     <bargein-voice src="https://voice.example.com"></bargein-voice>
 *
 * ATTRIBUTES  `src`    the server; default: the page's own. A path and a query go with it (`/v1/realtime?agent=NAME`).
 *             `agent`  one of the server's agents
 *             `token`  a key or an ephemeral token; or set the property `getToken`, a function as VoiceSession takes it
 * PROPERTIES  `session` Realtime session fields, before start(); `voice` the VoiceSession: listen to its events
 * METHODS     `start()` in a click, `stop()`
 * EVENTS      `state`, `transcript`, `error`: those of VoiceSession, from the element itself
 * LOOKS       CSS variables on the element, each with a default for light and dark: `--bargein-you`, `--bargein-reply`,
 *             `--bargein-hold`, `--bargein-ink`, `--bargein-ink-2`, `--bargein-line`, `--bargein-surface`, `--bargein-height`;
 *             parts for `::part()`: `stage`, `state`, `start`, `mute`.
 *
 * Nothing else is needed: no other element, no style sheet, and a strict Content-Security-Policy is enough.
 * @module
 */

import { VoiceSession } from './session.js';
import { feedStage } from './view/stage_feed.js';
import { stateWords } from './view/state_words.js';
import { Timeline } from './view/timeline.js';
import { TimelineModel } from './view/timeline_model.js';
import { showWelcome } from './view/welcome_picture.js';

const TOLD = ['state', 'transcript', 'error'];

export class BargeinVoice extends HTMLElement {
  /** @type {Record<string, any>} */
  session = {};
  /** @type {(() => Promise<string | null> | string | null) | undefined} */
  getToken;
  /** @type {VoiceSession | null} */
  voice = null;
  #model = new TimelineModel();
  /** @type {Timeline | null} */
  #timeline = null;
  /** @type {HTMLButtonElement} */
  #start = made('button', { part: 'start', type: 'button' }, 'Start');
  /** @type {HTMLButtonElement} */
  #mute = made('button', { part: 'mute', type: 'button', 'aria-pressed': 'false', hidden: '' }, 'Mute');
  /** @type {HTMLElement} */
  #state = made('p', { part: 'state', role: 'status' }, 'Press Start, and talk.');

  constructor() {
    super();
    this.#start.addEventListener('click', () => void (this.#live ? this.stop() : this.start()));
    this.#mute.addEventListener('click', () => this.voice?.mute());
  }

  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: 'open' });
    const style = made('link', { rel: 'stylesheet', href: new URL('./styles/voice_element.css', import.meta.url).href });
    const canvas = /** @type {HTMLCanvasElement} */ (made('canvas', { part: 'stage', role: 'img', 'aria-label': 'Timeline, empty.' }));
    const row = made('div', { class: 'row' });
    row.append(this.#start, this.#mute, this.#state);
    root.append(style, canvas, row);
    // The canvas takes its colours from the sheet.
    style.addEventListener('load', () => {
      this.#timeline = new Timeline(canvas, this.#model);
      if (this.voice) this.#timeline.live = true;
      else showWelcome(this.#timeline);
    });
  }

  disconnectedCallback() {
    void this.stop();
  }

  /** Call it in a click. @returns {Promise<boolean>} true when the conversation is up */
  async start() {
    await this.voice?.stop();
    const token = this.getAttribute('token');
    const voice = new VoiceSession({ url: this.#address(), session: this.session, getToken: this.getToken, ...(token === null ? {} : { token }) });
    this.voice = voice;
    this.#model.clear();
    if (this.#timeline) this.#timeline.model = this.#model;
    const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ handle) =>
      voice.addEventListener(name, (event) => handle(/** @type {CustomEvent} */ (event).detail));
    feedStage(on, this.#model);
    on('state', (detail) => this.#show(detail));
    on('error', ({ title, help }) => { this.#state.textContent = `${title}. ${help}`; });
    for (const name of TOLD) on(name, (detail) => this.dispatchEvent(new CustomEvent(name, { detail })));
    return voice.start();
  }

  /** @returns {Promise<void>} */
  async stop() {
    await this.voice?.stop();
  }

  get #live() {
    return this.voice !== null && !['disconnected', 'error'].includes(this.voice.state);
  }

  /** @returns {string | undefined} */
  #address() {
    const src = this.getAttribute('src');
    const agent = this.getAttribute('agent');
    if (src === null && agent === null) return undefined;
    const address = new URL(src ?? '/', location.href);
    if (address.pathname === '/') address.pathname = '/v1/realtime';
    if (agent !== null) address.searchParams.set('agent', agent);
    return address.href;
  }

  /** @param {import('./session.js').StateDetail} detail */
  #show(detail) {
    const { word, hint } = stateWords(detail.state, detail);
    const live = this.#live;
    if (detail.state !== 'error') this.#state.textContent = `${word}. ${hint}`;
    this.dataset.state = detail.state;
    this.#start.textContent = live ? 'End' : 'Start';
    this.#mute.hidden = !live || !detail.microphone;
    this.#mute.textContent = detail.muted ? 'Unmute' : 'Mute';
    this.#mute.setAttribute('aria-pressed', String(detail.muted));
    if (live) this.#model.begin(detail.at_ms);
    else this.#model.close(detail.at_ms);
    if (this.#timeline) this.#timeline.live = live;
  }
}

/** @param {string} tag @param {Record<string, string>} attributes @param {string} [text] @returns {any} */
function made(tag, attributes, text = '') {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

if (!customElements.get('bargein-voice')) customElements.define('bargein-voice', BargeinVoice);
