// @ts-check
/**
 * The stages of a latency, from the server's `bargein.latency`, for a bar chart.
 * @module
 */

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
