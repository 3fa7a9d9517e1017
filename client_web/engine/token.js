// @ts-check
/** Ephemeral tokens: `POST /v1/realtime/client_secrets`. */

import { httpAddress, socketAddress } from '../protocol.js';

/**
 * Mint an ephemeral token with a key, so that the key itself never enters a WebSocket address or a log.
 *
 * @param {{key: string, url?: string | URL, session?: object, seconds?: number}} options `url` as for VoiceSession;
 *   `seconds` 10 … 7200, default 600
 * @returns {Promise<{token: string, expires_at: number}>} `expires_at` in unix seconds
 * @throws {Error} with `code` `token_rejected` | `rate_limited` | `server_unreachable` | `server_failed`
 */
export async function mintToken({ key, url, session, seconds = 600 }) {
  const socket = socketAddress(url, globalThis.location?.href);
  const address = httpAddress(socket, `${socket.pathname.replace(/\/$/, '')}/client_secrets`);
  const body = { expires_after: { anchor: 'created_at', seconds }, ...(session ? { session: { type: 'realtime', ...session } } : {}) };
  let response;
  try {
    response = await fetch(address, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      cache: 'no-store',
    });
  } catch (error) {
    throw failure('server_unreachable', 'The server does not answer.', error);
  }
  if (response.status === 401 || response.status === 403) throw failure('token_rejected', 'The key was not accepted.');
  if (response.status === 429) throw failure('rate_limited', 'Too many tokens were asked for; wait a little.');
  const answer = response.ok ? await response.json().catch(() => null) : null;
  if (typeof answer?.value !== 'string') throw failure('server_failed', `The server gave no token (HTTP ${response.status}).`);
  return { token: answer.value, expires_at: answer.expires_at };
}

/** @param {string} code @param {string} text @param {unknown} [cause] @returns {Error} */
function failure(code, text, cause) {
  return Object.assign(new Error(text, { cause }), { code });
}
