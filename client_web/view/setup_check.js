// @ts-check
/**
 * Looks, before Start, at what a conversation needs. It asks for no permission and opens no device.
 * @module
 */

import { byId, el, icon } from './dom.js';

/** @typedef {{secure: boolean, capture: boolean, permission: 'granted' | 'denied' | 'prompt' | null, microphones: number | null, output: boolean, server: boolean | 'busy' | {model: string} | null}} Facts
 *   `server`: it is ready; `busy` is full or going down; `model`: why its model cannot be asked; null: not known yet */
/** @typedef {{name: string, result: 'good' | 'bad' | 'note' | 'pending', words: string}} Finding */

/** @param {Facts} facts @returns {Finding[]} */
export function findings(facts) {
  return [secure(facts), microphone(facts), output(facts), server(facts)];
}

/** @param {Facts} facts @returns {Finding} */
function secure(facts) {
  return facts.secure
    ? { name: 'secure', result: 'good', words: 'Secure page' }
    : { name: 'secure', result: 'bad', words: 'Not a secure page: open it with https, or on localhost' };
}

/** @param {Facts} facts @returns {Finding} */
function microphone(facts) {
  const name = 'microphone';
  if (!facts.secure || !facts.capture) return { name, result: 'bad', words: 'The browser gives this page no microphone' };
  if (facts.permission === 'denied') return { name, result: 'bad', words: 'Microphone blocked: allow it in the browser’s site settings' };
  if (facts.microphones === 0) return { name, result: 'bad', words: 'No microphone found: plug one in, or type' };
  if (facts.permission === 'granted') return { name, result: 'good', words: 'Microphone ready' };
  return { name, result: 'good', words: 'Microphone: you will be asked' };
}

/** @param {Facts} facts @returns {Finding} */
function output(facts) {
  return facts.output
    ? { name: 'output', result: 'good', words: 'Speaker ready' }
    : { name: 'output', result: 'bad', words: 'This browser cannot play the reply' };
}

/** @param {Facts} facts @returns {Finding} */
function server(facts) {
  if (facts.server === 'busy') return { name: 'server', result: 'note', words: 'The server is full or restarting; Start waits for it' };
  if (facts.server !== null && typeof facts.server === 'object') return { name: 'server', result: 'bad', words: `The server is there, its model is not. ${facts.server.model}` };
  if (facts.server === null) return { name: 'server', result: 'pending', words: 'Looking for the server' };
  return facts.server
    ? { name: 'server', result: 'good', words: 'Server reachable' }
    : { name: 'server', result: 'bad', words: 'Server not reachable: is it running?' };
}

export class SetupCheck {
  #list = byId('setup');
  /** What the server says of its model to everybody; null: nothing. @type {string | null} */
  model = null;
  #on_model;

  /** @param {{onModel: () => void}} options `onModel`: the model's name may be known now */
  constructor({ onModel }) {
    this.#on_model = onModel;
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.run());
    window.addEventListener('online', () => void this.run());
    window.addEventListener('offline', () => void this.run());
  }

  async run() {
    const facts = await here();
    this.#show(findings({ ...facts, server: null }));
    const { server, model } = await answers();
    this.model = model;
    this.#show(findings({ ...facts, server }));
    this.#on_model();
  }

  /** @param {Finding[]} found */
  #show(found) {
    const icons = { good: 'check', bad: 'error', note: 'error', pending: 'pending' };
    this.#list.replaceChildren(...found.map(({ name, result, words }) =>
      el('li', { 'data-check': name, 'data-result': result }, icon(icons[result]), el('span', {}, words))));
  }
}

/** @returns {Promise<Omit<Facts, 'server'>>} */
async function here() {
  const devices = navigator.mediaDevices;
  const capture = typeof devices?.getUserMedia === 'function';
  const found = capture ? await devices.enumerateDevices().catch(() => null) : null;
  const permission = await navigator.permissions?.query({ name: /** @type {PermissionName} */ ('microphone') }).then((status) => status.state, () => null);
  return {
    secure: window.isSecureContext,
    capture,
    permission: permission ?? null,
    microphones: found ? found.filter((device) => device.kind === 'audioinput').length : null,
    output: typeof AudioContext === 'function' && typeof AudioWorkletNode === 'function',
  };
}

/** @returns {Promise<{server: Facts['server'], model: string | null}>} */
async function answers() {
  try {
    const answer = await fetch(new URL('/readyz', location.href), { cache: 'no-store' });
    const body = await answer.json().catch(() => null);
    const check = body?.checks?.model;
    const model = typeof check?.name === 'string' ? check.name : null;
    if (answer.status !== 503) return { server: answer.status < 500, model };
    const failing = body?.checks?.sessions?.status === 'ok' ? check?.reason : null;
    return { server: failing ? { model: String(failing) } : 'busy', model };
  } catch {
    return { server: false, model: null };
  }
}
