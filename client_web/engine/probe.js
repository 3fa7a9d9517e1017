// @ts-check
/**
 * Why did the WebSocket not open? A browser tells a page nothing about a refused upgrade, not even its status. So the same
 * server is asked by plain HTTP: is it ready, and what does it say to a request at the same address?
 */

import { httpAddress } from '../protocol.js';

const TIMEOUT_MS = 3000;
const TOKEN_PREFIX = 'ek_';

/** A server that is full and says no time is asked again after this long. */
const FULL_MS = 5000;

/**
 * @param {URL} address of the socket
 * @param {string | null} token
 * @returns {Promise<{trouble: string, retry: boolean, least_ms: number, said?: {code: string | null, message: string} | null}>} `said`: the server's words
 */
export async function whyRefused(address, token) {
  if (globalThis.navigator?.onLine === false) return { trouble: 'offline', retry: true, least_ms: 0 };
  const ready = await ask(httpAddress(address, '/readyz'), null);
  if (!ready) return { trouble: 'server_unreachable', retry: true, least_ms: 0 };
  // A server whose model does not answer takes callers all the same: the page hears of it with the first reply.
  if (ready.status === 503 && !(await saysOfModel(ready))) return unavailable(ready);
  if (ready.status === 403) return forbidden(ready);
  // By POST, for a GET to the page's own origin would not say which page asks.
  const refusal = await ask(httpAddress(address, address.pathname + address.search), token, 'POST');
  switch (refusal?.status) {
    case 401:
      return keyRefused(token);
    case 403:
      return forbidden(refusal);
    case 429:
      return { trouble: 'rate_limited', retry: true, least_ms: retryAfterMs(refusal) ?? FULL_MS };
    case 503:
      return unavailable(refusal);
  }
  // A server that answers every such request alike tells about keys where its models are listed; not about tokens, though.
  const models = token?.startsWith(TOKEN_PREFIX) ? null : await ask(httpAddress(address, address.pathname.replace(/realtime\/?$/, 'models')), token);
  if (models?.status === 401) return keyRefused(token);
  return { trouble: 'socket_lost', retry: true, least_ms: 0 };
}

/** @param {Response} response of `/readyz`, 503 */
async function saysOfModel(response) {
  const body = await response.clone().json().catch(() => null);
  return String(body?.error?.code ?? '').startsWith('model_');
}

/** @param {Response} response 403: of this page, or of this name of the server */
async function forbidden(response) {
  const body = await response.json().catch(() => null);
  return { trouble: 'forbidden', retry: false, least_ms: 0, said: body?.error ?? null };
}

/** @param {string | null} token */
function keyRefused(token) {
  return { trouble: token ? 'token_rejected' : 'token_required', retry: false, least_ms: 0 };
}

/** @param {Response} response 503: full, or about to restart */
async function unavailable(response) {
  const least_ms = retryAfterMs(response) ?? FULL_MS;
  const body = await response.json().catch(() => null);
  return { trouble: body?.error?.code === 'server_draining' ? 'server_restarting' : 'server_full', retry: true, least_ms };
}

/** @param {URL} url @param {string | null} token @param {'GET' | 'POST'} [method] @returns {Promise<Response | null>} null: no answer */
async function ask(url, token, method = 'GET') {
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
    return await fetch(url, { method, headers, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    return null;
  }
}

/** @param {Response} response @returns {number | null} `Retry-After`, in seconds or as a date */
export function retryAfterMs(response) {
  const text = response.headers.get('Retry-After');
  if (!text) return null;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const wait_ms = Date.parse(text) - Date.now();
  return Number.isNaN(wait_ms) ? null : Math.max(0, wait_ms);
}
