// @ts-check
/** The audio device: one AudioContext, its worklets, and its clock on the page's clock. */

import { PageClock } from '../audio/clocks.js';

const WORKLETS = ['capture', 'playback'].map((name) => new URL(`../worklets/${name}.js`, import.meta.url));

/**
 * @typedef {object} SoundHandlers
 * @property {() => void} onSuspended the browser stopped the device, or did not start it
 * @property {() => void} onRunning
 */

export class Sound {
  #handlers;
  #resumeTimeoutMs;
  #own;
  /** @type {AudioContext | null} */
  #context;
  #onStateChange = () => this.#stateChanged();
  clock = new PageClock();

  /** @param {{audioContext?: AudioContext, resumeTimeoutMs: number}} options @param {SoundHandlers} handlers */
  constructor({ audioContext, resumeTimeoutMs }, handlers) {
    this.#handlers = handlers;
    this.#resumeTimeoutMs = resumeTimeoutMs;
    this.#own = !audioContext;
    this.#context = audioContext ?? null;
  }

  get context() {
    return this.#context;
  }

  /** @returns {boolean} */
  get running() {
    return this.#context?.state === 'running';
  }

  /**
   * Must begin in a click. Creates and starts the context and loads the worklets.
   *
   * @returns {Promise<AudioContext | null>} null: no sound on this page (an insecure context has no AudioWorklet)
   * @throws whatever loading a worklet throws
   */
  async open() {
    if (typeof AudioContext === 'undefined') return null;
    this.#context ??= new AudioContext({ latencyHint: 'interactive' });
    const context = this.#context;
    if (!context.audioWorklet) return null;
    context.addEventListener('statechange', this.#onStateChange);
    void this.resume().then((running) => {
      if (!running && this.#context === context && context.state !== 'closed') this.#handlers.onSuspended();
    });
    await Promise.all(WORKLETS.map((url) => context.audioWorklet.addModule(url)));
    return context;
  }

  /** @returns {Promise<boolean>} running; false after the timeout: without a gesture `resume()` never settles */
  async resume() {
    const context = this.#context;
    if (!context || context.state === 'closed') return false;
    const timeout = new Promise((resolve) => setTimeout(resolve, this.#resumeTimeoutMs));
    await Promise.race([context.resume().catch(() => {}), timeout]);
    return this.running;
  }

  /** @param {number} context_s of a sample being made @returns {number} page-clock ms at which a listener hears it */
  heardAt(context_s) {
    const latency_s = this.#context?.outputLatency || this.#context?.baseLatency || 0;
    return this.clock.toPage(context_s, performance.now()) + latency_s * 1000;
  }

  get output_latency_ms() {
    return (this.#context?.outputLatency || this.#context?.baseLatency || 0) * 1000;
  }

  /** Close the context, unless it was lent. */
  async close() {
    const context = this.#context;
    this.clock.reset();
    context?.removeEventListener('statechange', this.#onStateChange);
    if (!context || !this.#own) return;
    this.#context = null;
    if (context.state !== 'closed') await context.close();
  }

  #stateChanged() {
    this.clock.reset();
    if (this.running) this.#handlers.onRunning();
    else if (this.#context?.state !== 'closed') this.#handlers.onSuspended();
  }
}
