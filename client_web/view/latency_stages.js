// @ts-check
/**
 * The stages of a latency, from the server's `bargein.latency`, for a bar chart.
 * @module
 */

/** @typedef {import('../session.js').LatencyDetail} Latency */

/**
 * The server counts until the sound leaves it, the page until it is heard: the figure that is shown is the page's, and
 * what the server did not see of it is a stage of its own.
 */
export class StagesBook {
  /** @type {Partial<Record<'response' | 'barge_in', {server: Latency | null, felt: Latency | null}>>} */
  #last = {};

  /** @param {Latency} found @returns {{stages: Record<string, number>, total_ms: number} | null} when both of one reply are there */
  add(found) {
    const kind = found.kind === 'server' ? found.after : found.kind;
    if (kind !== 'response' && kind !== 'barge_in') return null;
    const before = this.#last[kind];
    const same = before && (before.server ?? before.felt)?.response_id === found.response_id ? before : { server: null, felt: null };
    const now = found.kind === 'server' ? { ...same, server: found } : { ...same, felt: found };
    this.#last[kind] = now;
    if (!now.server?.stages || !now.felt) return null;
    const seen_ms = Object.values(now.server.stages).reduce((sum, ms) => sum + ms, 0);
    return { stages: { ...now.server.stages, network_and_playback: Math.max(0, now.felt.ms - seen_ms) }, total_ms: now.felt.ms };
  }
}

/**
 * @param {Record<string, number>} stages milliseconds by stage; the order is kept
 * @returns {{name: string, ms: number, share: number}[]} `share` of the longest stage, 0 … 1
 */
export function shares(stages) {
  const longest = Math.max(0, ...Object.values(stages));
  return Object.entries(stages).map(([key, ms]) => ({ name: stageName(key), ms, share: longest > 0 ? Math.max(0, ms) / longest : 0 }));
}

/** @param {string} key `first_byte_ms` @returns {string} `First byte` */
function stageName(key) {
  const words = key.replace(/_ms$/, '').replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
