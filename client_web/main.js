// @ts-check
/**
 * The page: makes a VoiceSession when Start is pressed, gives it the person's settings, and shows it.
 * @module
 */

import { VoiceSession } from './session.js';
import { View } from './view.js';
import { AccessKey } from './view/access_key.js';
import { byId } from './view/dom.js';
import { drawMotif } from './view/motif.js';
import { Panel } from './view/panel.js';
import { constraints, microphoneChanged, sessionFields } from './view/settings_model.js';
import { SettingsView } from './view/settings.js';
import { SetupCheck } from './view/setup_check.js';
import { listenForShortcuts } from './view/shortcuts.js';
import { toast } from './view/toast.js';
import { WakeLock } from './view/wake_lock.js';

/** @typedef {import('./view/settings_model.js').Settings} Settings */
/** @typedef {import('./session.js').TroubleDetail} Trouble */

/** Asked of the server so that the caller's words can be shown; a model that hears sound itself does not need it. */
const TRANSCRIPTION = { model: 'gpt-transcribe' };

/** @type {VoiceSession | null} */
let voice = null;
const key = new AccessKey();
const wake_lock = new WakeLock();
const setup = new SetupCheck();
const settings = new SettingsView({ onChange: applySettings, onVolume: (volume) => voice?.setVolume(volume) });
const view = new View(
  {
    start: () => void start({ microphone: true }),
    end: () => void voice?.stop(),
    stopReply: () => voice?.interrupt(),
    mute: () => voice?.mute(),
    openMicrophone: () => void voice?.useMicrophone(settings.current.input_id || null),
    press: () => voice?.press(),
    release: () => voice?.release(),
  },
  { output: () => ({ volume: settings.current.volume / 100, output_id: settings.current.output_id }) },
);
const panel = new Panel({
  onShow: (page) => {
    view.log.shown = page === 'events';
    view.latencyShown = page === 'latency';
    if (page === 'settings') void showDevices();
    if (page === null && voice?.pushToTalk) byId('ptt').focus();
  },
});

/** @param {{microphone: boolean}} options @returns {Promise<boolean>} */
async function start({ microphone }) {
  await voice?.stop();
  voice = prepared(microphone);
  return voice.start();
}

/** @param {boolean} microphone @returns {VoiceSession} with the person's settings, and shown, but not started */
function prepared(microphone) {
  const chosen = settings.current;
  const fields = sessionFields(chosen) ?? {};
  const made = new VoiceSession({
    session: { ...fields, audio: { ...fields.audio, input: { ...fields.audio?.input, transcription: TRANSCRIPTION } } },
    microphone,
    constraints: constraints(chosen),
    getToken: () => key.token(),
  });
  view.bind(made);
  const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ handle) =>
    made.addEventListener(name, (event) => handle(/** @type {CustomEvent} */ (event).detail));
  on('error', (trouble) => void showTrouble(trouble));
  on('state', ({ state }) => { wake_lock.wanted = !['disconnected', 'error'].includes(state); });
  on('session', ({ session }) => settings.offerVoice(String(session.audio?.output?.voice ?? '')));
  on('microphone', ({ granted }) => settings.granted(granted));
  on('devices', (devices) => settings.devices(devices));
  made.setVolume(chosen.volume / 100);
  if (microphone && chosen.input_id !== '') void made.useMicrophone(chosen.input_id);
  if (chosen.output_id !== '') void made.useSpeaker(chosen.output_id);
  return made;
}

/** @param {Trouble} trouble */
async function showTrouble(trouble) {
  if (trouble.code === 'echo_canceller_off') {
    toast(`${trouble.title}. ${trouble.help}`);
    return;
  }
  view.notices.show(trouble);
  if (trouble.code !== 'token_required' && trouble.code !== 'token_rejected') return;
  key.forget();
  const failed = voice;
  if (!(await key.ask()) || voice !== failed) return;
  view.notices.remove(trouble.code);
  await voice?.start();
}

/** @param {Settings} chosen @param {Settings} before */
async function applySettings(chosen, before) {
  if (!voice || document.body.dataset.phase !== 'live') {
    settings.say('Remembered for the next conversation.');
    return;
  }
  voice.setVolume(chosen.volume / 100);
  if (chosen.output_id !== before.output_id) void voice.useSpeaker(chosen.output_id);
  if (microphoneChanged(chosen, before)) void voice.useMicrophone(chosen.input_id || null, constraints(chosen));
  settings.say('Applied to this conversation, and remembered.');
  const fields = sessionFields(chosen, before);
  if (fields) await updateSession(fields);
}

/** @param {Record<string, any>} fields */
async function updateSession(fields) {
  try {
    await voice?.update(fields);
  } catch (error) {
    const { code, message } = /** @type {{code?: string, message: string}} */ (error);
    if (code !== 'cannot_update_voice') {
      settings.say(`The server refused: ${message}`);
      return;
    }
    settings.say('A voice that has spoken stays for the conversation. The new one is remembered for the next.');
    const { output: _, ...audio } = fields.audio;
    if (Object.keys(audio).length > 0 || 'instructions' in fields) await updateSession({ ...fields, audio });
  }
}

async function showDevices() {
  settings.devices(await (voice ?? new VoiceSession()).listDevices());
}

/** @param {SubmitEvent} event */
async function sendMessage(event) {
  event.preventDefault();
  /** @type {HTMLInputElement} */
  const field = byId('message');
  const text = field.value.trim();
  if (text === '') return;
  if (document.body.dataset.phase !== 'live' && !(await start({ microphone: false }))) return;
  if (voice?.sendText(text)) field.value = '';
  else toast('Not connected yet. Your words are kept; send them again in a moment.');
}

/** @returns {boolean} */
function escape() {
  if (view.stopReplay() || voice?.interrupt()) return true;
  if (!panel.isOpen) return false;
  panel.close();
  return true;
}

byId('composer').addEventListener('submit', (event) => void sendMessage(event));
listenForShortcuts({
  press: () => voice?.press(),
  release: () => voice?.release(),
  mute: () => {
    if (voice && (voice.muted || !voice.pushToTalk)) voice.mute();
  },
  escape,
  talkKeyWanted: () => document.body.dataset.phase === 'live' && voice?.pushToTalk === true,
});
window.addEventListener('pagehide', () => void voice?.stop());
drawMotif();
void setup.run();
