// @ts-check
/**
 * Every state in words, with its icon: never by colour alone. The icons are symbols in index.html.
 * @module
 */

/** @typedef {import('../session.js').State} State */
/** @typedef {{word: string, hint: string, icon: string}} Words */

/** @type {Record<State, Words>} */
const WORDS = {
  disconnected: { word: 'Not connected', hint: 'Press Start to talk again.', icon: 'disconnected' },
  connecting: { word: 'Connecting', hint: 'If the browser asks, allow the microphone.', icon: 'connecting' },
  retrying: { word: 'Not connected yet', hint: 'It is tried again.', icon: 'reconnecting' },
  reconnecting: { word: 'Reconnecting', hint: 'The line was lost.', icon: 'reconnecting' },
  listening: { word: 'Listening', hint: 'Say something.', icon: 'listening' },
  'user-speaking': { word: 'You are speaking', hint: 'Pause when you are done.', icon: 'you' },
  thinking: { word: 'Thinking', hint: 'The reply is on its way.', icon: 'thinking' },
  speaking: { word: 'Speaking', hint: 'Talk over it at any time.', icon: 'speaking' },
  holding: { word: 'Holding', hint: 'Was that you? Go on, and it stops.', icon: 'holding' },
  muted: { word: 'Muted', hint: 'Nobody hears you. Type, or unmute.', icon: 'muted' },
  error: { word: 'Something is wrong', hint: 'See above for the way on.', icon: 'error' },
};

/**
 * @param {State} state
 * @param {{muted?: boolean, microphone?: boolean, pushToTalk?: boolean}} [facts]
 * @returns {Words}
 */
export function stateWords(state, { muted = false, microphone = true, pushToTalk = false } = {}) {
  const words = WORDS[state];
  if (state === 'listening' && !microphone) return { ...words, word: 'Ready', hint: 'Type a message below.', icon: 'disconnected' };
  if (state === 'listening' && pushToTalk) return { ...words, word: 'Ready', hint: 'Hold the button, or Space, and talk.' };
  if (state === 'user-speaking' && pushToTalk) return { ...words, hint: 'Let go when you are done.' };
  if (state === 'speaking' && muted) return { ...words, hint: 'You are muted. Esc stops the reply.' };
  if (state === 'speaking' && pushToTalk) return { ...words, hint: 'Hold the button to talk over it.' };
  return words;
}

/**
 * What a screen reader is told, politely. Turns that can be heard are not told: a voice over the conversation would
 * only be in its way, and open speakers would carry it into the microphone.
 * @param {State} state
 * @param {State} previous
 * @param {{muted?: boolean, microphone?: boolean, pushToTalk?: boolean}} [facts]
 * @returns {string} '' for nothing
 */
export function announcement(state, previous, facts = {}) {
  switch (state) {
    case 'connecting':
    case 'retrying':
    case 'reconnecting':
    case 'disconnected':
    case 'error':
    case 'muted':
      return `${stateWords(state, facts).word}.`;
    case 'listening': {
      const worth_telling = ['disconnected', 'connecting', 'retrying', 'reconnecting', 'muted', 'error'].includes(previous);
      const words = stateWords(state, facts);
      return worth_telling ? `${words.word}. ${words.hint}` : '';
    }
    default:
      return '';
  }
}

/** @param {number} until_ms @param {number} now_ms @returns {string} the countdown to the next attempt */
export function countdown(until_ms, now_ms) {
  const seconds = Math.ceil((until_ms - now_ms) / 1000);
  return seconds <= 0 ? 'Trying now…' : `Next try in ${seconds} s.`;
}
