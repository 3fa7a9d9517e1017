// @ts-check
/** Every trouble in plain words: what is wrong, what to do, and what a button could try. Pure. */

/**
 * @typedef {object} Words
 * @property {string} title
 * @property {string} help
 * @property {string | null} action label of the button that tries again; null: trying again does not help
 */

/** @type {Record<string, Words>} */
export const TROUBLES = {
  insecure_context: {
    title: 'The browser allows no microphone on this address',
    help: 'Open the page over https, or on the server itself as http://localhost. Typing works here too.',
    action: null,
  },
  microphone_unsupported: {
    title: 'This browser cannot record sound',
    help: 'Use a current version of Chrome, Edge, Firefox or Safari. Typing works here too.',
    action: null,
  },
  microphone_denied: {
    title: 'The microphone is not allowed',
    help: 'Allow it in the address bar (the lock or camera sign), or in the system settings, then try again. Typing works meanwhile.',
    action: 'Ask again',
  },
  microphone_missing: {
    title: 'No microphone was found',
    help: 'Plug one in or switch it on, then try again. Typing works meanwhile.',
    action: 'Look again',
  },
  microphone_busy: {
    title: 'The microphone is in use or not responding',
    help: 'Close other programs that use it (a call, a recorder), then try again. Typing works meanwhile.',
    action: 'Try again',
  },
  microphone_constraints: {
    title: 'The chosen microphone is not there',
    help: 'Choose another one, or try again with the system’s default.',
    action: 'Use the default',
  },
  microphone_unplugged: {
    title: 'The microphone was unplugged',
    help: 'Plug it in again, or choose another one. Typing works meanwhile.',
    action: 'Use the default',
  },
  microphone_failed: {
    title: 'The microphone could not be opened',
    help: 'Try again, or choose another one. Typing works meanwhile.',
    action: 'Try again',
  },
  audio_suspended: {
    title: 'The browser has paused the sound',
    help: 'Browsers do that without a click, during a phone call, or to save power. Nothing is heard or recorded until it goes on.',
    action: 'Go on',
  },
  audio_unsupported: {
    title: 'This page can play no sound',
    help: 'Replies are shown as text. Open the page over https or on localhost, in a current browser, to hear them.',
    action: null,
  },
  speaker_failed: {
    title: 'The chosen output cannot be used',
    help: 'The sound stays where it was. Choose another output, or check that this one is connected.',
    action: null,
  },
  echo_canceller_off: {
    title: 'The echo canceller may not work on this output',
    help: 'Browsers cancel the echo of the default output only: use headphones, or the reply may interrupt itself.',
    action: null,
  },
  socket_lost: {
    title: 'The connection was lost',
    help: 'Check the network. The conversation so far stays on the page.',
    action: 'Connect again',
  },
  offline: {
    title: 'This device is offline',
    help: 'The connection comes back by itself when the network does.',
    action: 'Try now',
  },
  server_full: {
    title: 'The server is full',
    help: 'All its places are taken. It is tried again by itself when the server said it may have room.',
    action: 'Try again',
  },
  server_restarting: {
    title: 'The server is restarting',
    help: 'That takes a moment; the connection comes back by itself.',
    action: 'Connect again',
  },
  server_overloaded: {
    title: 'The server is overloaded',
    help: 'It asked to be left alone for a while; it is tried again by itself.',
    action: 'Try again',
  },
  server_failed: {
    title: 'The server made a mistake',
    help: 'The connection is made again by itself. If it keeps happening, tell the operator.',
    action: 'Connect again',
  },
  server_unreachable: {
    title: 'The server does not answer',
    help: 'Check the network, that the server is running, and that it allows this page’s address.',
    action: 'Try again',
  },
  token_required: {
    title: 'This server asks for a key',
    help: 'Enter the access key you were given by its operator.',
    action: null,
  },
  token_rejected: {
    title: 'The key was not accepted',
    help: 'It may be mistyped, or have expired. Enter it again.',
    action: 'Try again',
  },
  forbidden: {
    title: 'The server does not allow this page',
    help: 'Its operator must add this page’s address to the allowed origins.',
    action: null,
  },
  superseded: {
    title: 'The conversation goes on in another window',
    help: 'It was taken over there. Start again here to have a new one.',
    action: 'Start again',
  },
  too_slow: {
    title: 'The connection is too slow',
    help: 'Sound could not be delivered in time. The connection is made again by itself; a better network helps.',
    action: 'Connect again',
  },
  idle: {
    title: 'The conversation was ended because nobody spoke',
    help: 'Start again whenever you like.',
    action: 'Start again',
  },
  session_expired: {
    title: 'The conversation reached its longest duration',
    help: 'Start again to have a new one.',
    action: 'Start again',
  },
  rate_limited: {
    title: 'Too many attempts',
    help: 'The server asks to wait a little; it is tried again by itself.',
    action: 'Try again',
  },
  too_big: {
    title: 'A message was too big for the server',
    help: 'Start again; if it happens again, the operator can raise the limit.',
    action: 'Start again',
  },
  protocol_error: {
    title: 'The server and this page do not understand each other',
    help: 'Reload the page; if it happens again, the two are of different versions.',
    action: 'Start again',
  },
  policy: {
    title: 'The server ended the conversation',
    help: 'It saw something it does not allow. The details are in the event log.',
    action: 'Start again',
  },
  model_unknown: {
    title: 'The server does not know this model',
    help: 'Choose another model in the address, or ask the operator which there are.',
    action: null,
  },
  model_failed: {
    title: 'The model could not answer',
    help: 'Say it again. If it keeps happening, tell the operator; the details are in the event log.',
    action: null,
  },
  model_key: {
    title: 'The model does not accept this server’s key',
    help: 'No reply will come until the server’s operator has put that right.',
    action: null,
  },
  model_busy: {
    title: 'The model takes no more requests for now',
    help: 'Its provider limits how many it answers. Wait a little, then say it again.',
    action: null,
  },
  budget_exceeded: {
    title: 'What may be spent is used up',
    help: 'The model is not asked before there is room again. Ask the operator when that is.',
    action: null,
  },
  model_slow: {
    title: 'The model did not answer in time',
    help: 'Say it again.',
    action: null,
  },
  model_unreachable: {
    title: 'The model cannot be reached',
    help: 'The server works, but not its way to the model. Say it again; if it keeps happening, tell the operator.',
    action: null,
  },
  transcription_failed: {
    title: 'Your words could not be written down',
    help: 'Only the text is missing on this page: the model is given the sound itself.',
    action: null,
  },
  request_refused: {
    title: 'The server refused a request',
    help: 'Nothing has changed by it. The details are in the event log.',
    action: null,
  },
  tool_failed: {
    title: 'A function of this page failed',
    help: 'The model was told, and will say what it can do without.',
    action: null,
  },
};

/** Over when a session is up. */
export const LINK_TROUBLES = [
  'socket_lost', 'offline', 'server_full', 'server_restarting', 'server_overloaded', 'server_failed', 'server_unreachable',
  'token_required', 'token_rejected', 'forbidden', 'superseded', 'too_slow', 'idle', 'session_expired', 'rate_limited',
  'too_big', 'protocol_error', 'policy', 'model_unknown',
];

/** Over when a microphone is open. */
export const MICROPHONE_TROUBLES = [
  'insecure_context', 'microphone_unsupported', 'microphone_denied', 'microphone_missing', 'microphone_busy',
  'microphone_constraints', 'microphone_unplugged', 'microphone_failed',
];

/** @type {Record<string, string>} what getUserMedia throws → our code */
const MICROPHONE_ERRORS = {
  NotAllowedError: 'microphone_denied',
  SecurityError: 'microphone_denied',
  NotFoundError: 'microphone_missing',
  NotReadableError: 'microphone_busy',
  AbortError: 'microphone_busy',
  OverconstrainedError: 'microphone_constraints',
};

/** @type {Record<string, string>} code of a failed response → our code */
const MODEL_ERRORS = {
  invalid_api_key: 'model_key',
  invalid_authentication: 'model_key',
  rate_limit_exceeded: 'model_busy',
  insufficient_quota: 'model_busy',
  budget_exceeded: 'budget_exceeded',
  connect_timeout: 'model_unreachable',
  connect_failed: 'model_unreachable',
  tls_failed: 'model_unreachable',
  first_byte_timeout: 'model_slow',
  stall_timeout: 'model_slow',
};

/** @param {{code?: string | null} | null | undefined} error of a failed response @returns {string} code of the trouble */
export function modelTrouble(error) {
  return MODEL_ERRORS[error?.code ?? ''] ?? 'model_failed';
}

/** @param {unknown} error what getUserMedia threw @returns {string} code of the trouble */
export function microphoneTrouble(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : /** @type {any} */ (error)?.name;
  return MICROPHONE_ERRORS[name] ?? 'microphone_failed';
}

/**
 * @param {string} code a key of TROUBLES
 * @param {{fatal?: boolean, retry?: (() => Promise<void>) | null, cause?: unknown, at_ms: number}} rest
 * @returns {import('../session.js').TroubleDetail}
 */
export function trouble(code, { fatal = false, retry = null, cause = null, at_ms }) {
  const { title, action } = TROUBLES[code];
  const help = toldByServer(code, cause) ?? TROUBLES[code].help;
  return { code, title, help, fatal, retry: action ? retry : null, action: retry ? action : null, cause, detail: inOneLine(cause), at_ms };
}

/** What only the server knows: why a page is not allowed, and which budget is used up until when. */
const TOLD_BY_SERVER = new Set(['forbidden', 'budget_exceeded']);

/** @param {string} code @param {unknown} cause */
function toldByServer(code, cause) {
  const said = /** @type {{message?: unknown} | null | undefined} */ (cause)?.message;
  return TOLD_BY_SERVER.has(code) && typeof said === 'string' && said !== '' ? said : null;
}

/** @param {unknown} cause @returns {string | null} */
function inOneLine(cause) {
  if (cause === null || cause === undefined) return null;
  if (typeof cause === 'string') return cause;
  if (cause instanceof Error) return `${cause.name}: ${cause.message}`;
  const { code, reason, message, name } = /** @type {Record<string, any>} */ (cause);
  const parts = [name, code, reason, message].filter((part) => part !== undefined && part !== null && part !== '');
  return parts.length ? parts.join(': ') : String(cause);
}
