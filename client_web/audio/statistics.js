// @ts-check
/** Percentiles of the latest measurements. Pure. */

/** So many measurements are kept; more than a session of an hour makes of turns, and a few minutes of pings. */
const KEPT = 500;

export class Series {
  /** @type {number[]} */
  #values = [];
  #count = 0;

  /** @param {number} value */
  add(value) {
    this.#values.push(value);
    this.#count++;
    if (this.#values.length > KEPT) this.#values.shift();
  }

  /** @returns {import('../session.js').LatencySummary} */
  summary() {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return {
      count: this.#count,
      last_ms: this.#values.at(-1) ?? null,
      p50_ms: percentile(sorted, 0.5),
      p95_ms: percentile(sorted, 0.95),
      max_ms: sorted.at(-1) ?? null,
    };
  }
}

/**
 * @param {number[]} sorted ascending
 * @param {number} part 0 … 1
 * @returns {number | null} nearest rank: always one of the values; null when there are none
 */
export function percentile(sorted, part) {
  if (sorted.length === 0) return null;
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}
