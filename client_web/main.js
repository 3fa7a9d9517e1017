// @ts-check
/**
 * The page: makes a VoiceSession when Start is pressed, gives it the person's settings, and shows it.
 * @module
 */

import { VoiceSession } from './session.js';
import { View } from './view.js';
import { AccessKey } from './view/access_key.js';
import { offered } from './view/agents.js';
import { byId } from './view/dom.js';
import { remembering } from './view/go_on.js';
import { Leaving } from './view/leaving.js';
import { OtherTabs } from './view/other_tabs.js';
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
const leaving = new Leaving();
const other_tabs = new OtherTabs({ onOther: () => toast('Another tab of this page talks as well. They hear each other: end one of them.') });
const setup = new SetupCheck({ onModel: () => view.nameModel(setup.model) });
const settings = new SettingsView({ onChange: applySettings, onVolume: (volume) => voice?.setVolume(volume) });
const view = new View(
  {
    start: () => void start({ microphone: true, greet: true }),
    goOn: () => void goOn(),
    end: () => void voice?.stop(),
    stopReply: () => voice?.interrupt(),
    mute: () => voice?.mute(),
    openMicrophone: () => void voice?.useMicrophone(settings.current.input_id || null),
    press: () => voice?.press(),
    release: () => voice?.release(),
  },
  { output: () => ({ volume: settings.current.volume / 100, output_id: settings.current.output_id }), onSay: (sentence) => void say(sentence, { microphone: true }) },
);
const panel = new Panel({
  onShow: (page) => {
    view.log.shown = page === 'events';
    view.turnsShown = page === 'turns';
    view.latencyShown = page === 'latency';
    if (page === 'settings') void showDevices();
    if (page === null && voice?.pushToTalk) byId('ptt').focus();
  },
});

/** @param {{microphone: boolean, greet?: boolean}} options `greet`: a demo model may begin @returns {Promise<boolean>} */
async function start({ microphone, greet = false }) {
  await voice?.stop();
  const made = prepared(microphone);
  voice = made;
  // An agent has a greeting of its own, if any.
  if (greet && settings.current.greet && settings.agent === null) {
    made.addEventListener('session', () => {
      if (setup.model === 'demo') made.send({ type: 'response.create' });
    }, { once: true });
  }
  return made.start();
}

/** The same conversation in a new session, which is told what was said before. @returns {Promise<boolean>} */
async function goOn() {
  const ended = voice;
  if (!ended) return start({ microphone: true });
  const events = remembering(ended.transcript());
  ended.addEventListener('session', () => { for (const event of events) ended.send(event); }, { once: true });
  return ended.start();
}

/** @param {boolean} microphone @returns {VoiceSession} with the person's settings, and shown, but not started */
function prepared(microphone) {
  const chosen = settings.current;
  const fields = sessionFields(chosen) ?? {};
  const agent = settings.agent;
  const made = new VoiceSession({
    url: agent === null ? undefined : `/v1/realtime?agent=${encodeURIComponent(agent.name)}`,
    session: { ...fields, audio: { ...fields.audio, input: { ...fields.audio?.input, transcription: TRANSCRIPTION } } },
    microphone,
    constraints: constraints(chosen),
    getToken: () => key.token(),
  });
  view.bind(made);
  const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ handle) =>
    made.addEventListener(name, (event) => handle(/** @type {CustomEvent} */ (event).detail));
  on('error', (trouble) => void showTrouble(trouble));
  on('state', ({ state, microphone: open }) => {
    const live = !['disconnected', 'error'].includes(state);
    wake_lock.wanted = live;
    leaving.asks = live;
    other_tabs.talking = live && open;
  });
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
  view.dress(chosen);
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
  if (await say(text, { microphone: false })) field.value = '';
}

/** Say it by keyboard or by a chip; begins a conversation if there is none. @param {string} text @param {{microphone: boolean}} options
 * @returns {Promise<boolean>} it was sent */
async function say(text, { microphone }) {
  if (document.body.dataset.phase !== 'live' && !(await start({ microphone }))) return false;
  const sent = voice?.sendText(text) ?? false;
  if (!sent) toast('Not connected yet. Your words are kept; send them again in a moment.');
  return sent;
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
view.dress(settings.current);
void setup.run();
void key.token().then(offered).then(({ agents, voices }) => {
  settings.agents(agents);
  if (voices !== null) settings.voices(voices);
}, () => {});
