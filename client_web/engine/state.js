// @ts-check
/** The session's state is derived here, from facts, and nowhere else. Pure. */

/**
 * @typedef {object} Facts
 * @property {'off' | 'starting' | 'waiting' | 'up' | 'lost' | 'failed'} phase of the session as a whole; `waiting`: for the
 *   next attempt, and no session was ever there
 * @property {boolean} microphone open
 * @property {boolean} muted
 * @property {boolean} pressed push-to-talk is held down
 * @property {boolean} callerSpeaking the server said speech_started, and not yet speech_stopped
 * @property {boolean} turnPending the caller's turn is over, no response has begun yet
 * @property {boolean} responding a response is in progress
 * @property {boolean} sounding a reply has begun to play and is not over, be it held or short of sound
 * @property {boolean} held the server asked for a hold
 */

/** @returns {Facts} */
export function noFacts() {
  return {
    phase: 'off',
    microphone: false,
    muted: false,
    pressed: false,
    callerSpeaking: false,
    turnPending: false,
    responding: false,
    sounding: false,
    held: false,
  };
}

/** @param {Facts} facts @returns {import('../session.js').State} */
export function stateOf(facts) {
  switch (facts.phase) {
    case 'off':
      return 'disconnected';
    case 'starting':
      return 'connecting';
    case 'waiting':
      return 'retrying';
    case 'lost':
      return 'reconnecting';
    case 'failed':
      return 'error';
    case 'up':
      return floorState(facts);
  }
}

/** Who has the floor. @param {Facts} facts @returns {import('../session.js').State} */
function floorState(facts) {
  if (facts.held && (facts.sounding || facts.responding)) return 'holding';
  if (facts.callerSpeaking || facts.pressed) return 'user-speaking';
  if (facts.sounding) return 'speaking';
  if (facts.responding || facts.turnPending) return 'thinking';
  return facts.muted && facts.microphone ? 'muted' : 'listening';
}
