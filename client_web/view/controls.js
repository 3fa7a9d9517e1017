// @ts-check
/**
 * The buttons: Start, Mute, push-to-talk, Stop the reply, End. Which of them are there follows from the state.
 * @module
 */

import { byId } from './dom.js';

/** @typedef {import('../session.js').StateDetail} StateDetail */
/** @typedef {'idle' | 'live' | 'ended'} Phase */
/** @typedef {{start: () => void, goOn: () => void, end: () => void, stopReply: () => void, mute: () => void, openMicrophone: () => void, press: () => void, release: () => void}} Actions */

const LIVE = ['connecting', 'retrying', 'reconnecting', 'listening', 'user-speaking', 'thinking', 'speaking', 'holding', 'muted'];
const SOUNDING = ['thinking', 'speaking', 'holding'];

/** @param {import('../session.js').State} state @param {boolean} said something was said in this conversation @returns {Phase} */
export function phaseOf(state, said) {
  if (LIVE.includes(state)) return 'live';
  return said ? 'ended' : 'idle';
}

export class Controls {
  #start = byId('start');
  #again = byId('again');
  #mute = byId('mute');
  #stop = /** @type {HTMLButtonElement} */ (byId('stop'));
  #ptt = byId('ptt');
  #composer = /** @type {HTMLInputElement} */ (byId('message'));
  #microphone = true;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#start.addEventListener('click', actions.start);
    this.#again.addEventListener('click', actions.start);
    byId('go-on').addEventListener('click', actions.goOn);
    this.#stop.addEventListener('click', actions.stopReply);
    this.#mute.addEventListener('click', () => (this.#microphone ? actions.mute() : actions.openMicrophone()));
    byId('end').addEventListener('click', actions.end);
    this.#pushToTalk(actions);
  }

  /** @param {Phase} phase @param {StateDetail} state */
  show(phase, state) {
    const was = document.body.dataset.phase;
    document.body.dataset.phase = phase;
    byId('welcome').hidden = phase !== 'idle';
    byId('conversation').hidden = phase === 'idle';
    // An error is told by its notice; a call that ended well, by its receipt.
    byId('state-row').hidden = phase === 'idle' || (phase === 'ended' && state.state === 'disconnected');
    byId('controls').hidden = phase !== 'live';
    this.#stop.disabled = !SOUNDING.includes(state.state);
    this.#ptt.hidden = !(state.pushToTalk && state.microphone);
    this.#ptt.setAttribute('aria-pressed', String(state.pushToTalk && state.state === 'user-speaking'));
    byId('ptt-label').textContent = state.pushToTalk && state.state === 'user-speaking' ? 'Let go to send' : 'Hold to talk';
    this.#showMute(state);
    this.#composer.placeholder = phase === 'live' ? 'Or type a message' : 'No microphone? Type here';
    byId('keys').replaceChildren(...keys(state.pushToTalk && state.microphone));
    if (was === phase) return;
    byId('main').scrollTop = 0;
    this.#moveFocus(phase);
  }

  /** @param {StateDetail} state */
  #showMute(state) {
    this.#microphone = state.microphone || state.state === 'connecting';
    this.#mute.hidden = state.pushToTalk && state.microphone && !state.muted;
    this.#mute.setAttribute('aria-pressed', String(state.muted && state.microphone));
    byId('mute-use').setAttribute('href', state.muted || !this.#microphone ? '#i-muted' : '#i-listening');
    byId('mute-label').textContent = !this.#microphone ? 'Use microphone' : state.muted ? 'Unmute' : 'Mute';
  }

  /** A button that goes away must not take the focus with it. @param {Phase} phase */
  #moveFocus(phase) {
    const lost = document.activeElement === document.body || document.activeElement === null || document.activeElement.closest('[hidden]') !== null;
    if (!lost) return;
    if (phase === 'live') byId('main').focus({ preventScroll: true });
    else (phase === 'ended' ? this.#again : this.#start).focus({ preventScroll: true });
  }

  /** By pointer: hold. By keyboard: hold Space (shortcuts.js). A click without a pointer, as assistive technology makes it
   * and Enter does, begins the turn and the next one ends it. @param {Actions} actions */
  #pushToTalk(actions) {
    const button = this.#ptt;
    let by_click = false;
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      actions.press();
    });
    for (const kind of ['pointerup', 'pointercancel', 'lostpointercapture']) button.addEventListener(kind, () => actions.release());
    button.addEventListener('click', (event) => {
      if (event.detail !== 0) return;
      by_click = !by_click;
      if (by_click) actions.press();
      else actions.release();
    });
    button.addEventListener('contextmenu', (event) => event.preventDefault());
  }
}

/** @param {boolean} push_to_talk @returns {(Node | string)[]} */
function keys(push_to_talk) {
  const key = (/** @type {string} */ name) => Object.assign(document.createElement('b'), { textContent: name });
  return push_to_talk ? [key('Space'), ' talk  ', key('Esc'), ' stop'] : [key('M'), ' mute  ', key('Esc'), ' stop'];
}
