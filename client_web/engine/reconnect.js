// @ts-check
/** When to try again, and after which close at all. Pure: randomness comes in. The close codes are the server's promise. */

/** Before each attempt; the last one is kept for the attempts after it. */
const DELAYS_MS = [0, 300, 1200, 2700, 4800, 7000, 7000, 7000, 7000, 7000];

/** Every delay is lengthened by up to half of itself, and by up to this much, so that callers do not come back in step. */
const LEAST_JITTER_MS = 100;

/** A restarting or overloaded server loses all its callers in one moment: they spread over this long. */
const CROWD_JITTER_MS = 1000;

/** An overloaded server is left alone for at least this long. */
const OVERLOAD_MS = 5000;

/**
 * @typedef {object} Verdict what a close means
 * @property {string | null} trouble code of the trouble to tell; null: none, the session simply ended
 * @property {boolean} retry
 * @property {boolean} resume the server may still have the session (false: start anew)
 * @property {number} least_ms wait at least so long
 * @property {number} jitter_ms and up to so much longer
 */

/** @param {string | null} trouble @param {Partial<Verdict>} [rest] @returns {Verdict} */
function verdict(trouble, rest = {}) {
  return { trouble, retry: false, resume: true, least_ms: 0, jitter_ms: LEAST_JITTER_MS, ...rest };
}

/**
 * @param {number} code close code; 1006 when the link was lost without a word
 * @param {{code?: string | null, retry_after_ms?: number | null} | null} lastError the `error` event before the close
 * @returns {Verdict}
 */
export function verdictOf(code, lastError) {
  const retry_ms = lastError?.retry_after_ms ?? 0;
  if (lastError?.code === 'session_expired') return verdict('session_expired');
  if (lastError?.code?.includes('idle')) return verdict('idle');
  switch (code) {
    case 1000:
      return verdict(null);
    case 1002:
    case 1003:
    case 1007:
      return verdict('protocol_error');
    case 1008:
      return verdict('policy');
    case 1009:
      return verdict('too_big');
    case 1011:
      return verdict('server_failed', { retry: true, least_ms: retry_ms });
    case 1001:
    case 1012:
      return verdict('server_restarting', { retry: true, least_ms: retry_ms, jitter_ms: CROWD_JITTER_MS });
    case 1013:
      return verdict('server_overloaded', { retry: true, least_ms: Math.max(OVERLOAD_MS, retry_ms), jitter_ms: CROWD_JITTER_MS });
    case 3000:
    case 4401:
      return verdict('token_rejected');
    case 4000:
      return verdict('model_unknown');
    case 4403:
      return verdict('forbidden');
    case 4404:
      return verdict('socket_lost', { retry: true, resume: false });
    case 4408:
      return verdict('too_slow', { retry: true });
    case 4409:
      return verdict('superseded');
    case 4429:
      return verdict('rate_limited', { retry: true, least_ms: Math.max(OVERLOAD_MS, retry_ms) });
    default:
      return verdict('socket_lost', { retry: true });
  }
}

/** Counts the attempts since the last success. */
export class ReconnectPolicy {
  #attempt = 0;
  #random;

  /** @param {() => number} random 0 ≤ x < 1 */
  constructor(random) {
    this.#random = random;
  }

  /** How many attempts are made before it ends in an error. */
  get attempts() {
    return DELAYS_MS.length;
  }

  /** It worked. */
  reset() {
    this.#attempt = 0;
  }

  /**
   * @param {{least_ms: number, jitter_ms: number}} wish
   * @returns {{attempt: number, delay_ms: number} | null} null: give up
   */
  next({ least_ms, jitter_ms }) {
    const base_ms = DELAYS_MS[this.#attempt];
    if (base_ms === undefined) return null;
    this.#attempt++;
    const wait_ms = Math.max(base_ms, least_ms);
    const spread_ms = Math.max(jitter_ms, base_ms / 2);
    return { attempt: this.#attempt, delay_ms: Math.round(wait_ms + this.#random() * spread_ms) };
  }
}
