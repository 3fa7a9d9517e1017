// @ts-check
/**
 * What the server offers to choose from: its agents, where it has any, and the voices of its model.
 * @module
 */

/** @typedef {{name: string, title: string, description: string}} Agent */
/** @typedef {{agents: Agent[], voices: string[] | null}} Offered `voices`: null where the server does not tell */

/** @param {any} body of GET /v1/agents @returns {Agent[]} */
export function agentsOf(body) {
  if (!Array.isArray(body?.data)) return [];
  return body.data.flatMap((/** @type {any} */ { id, title, description }) =>
    typeof id === 'string' && id !== '' ? [{ name: id, title: String(title || id), description: String(description ?? '') }] : []);
}

/** @param {any} body of GET /v1/agents @returns {string[] | null} */
export function voicesOf(body) {
  if (!Array.isArray(body?.voices)) return null;
  return body.voices.filter((/** @type {unknown} */ voice) => typeof voice === 'string' && voice !== '');
}

/** @param {string | null} token @returns {Promise<Offered>} nothing where the server tells it only to who has a key */
export async function offered(token) {
  const nothing = { agents: [], voices: null };
  try {
    /** @type {Record<string, string>} */
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
    const answer = await fetch(new URL('/v1/agents', location.href), { cache: 'no-store', headers });
    if (!answer.ok) return nothing;
    const body = await answer.json();
    return { agents: agentsOf(body), voices: voicesOf(body) };
  } catch {
    return nothing;
  }
}
