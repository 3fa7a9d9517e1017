// What the page says: the transcript in pieces, the state in words, findings of the setup check, the event log, the keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDINGS } from '../../client_web/engine/endings.js';
import { EventLog, kindOf, line, runs } from '../../client_web/view/event_log_model.js';
import { StagesBook, shares } from '../../client_web/view/latency_stages.js';
import { agentsOf, voicesOf } from '../../client_web/view/agents.js';
import { remembering } from '../../client_web/view/go_on.js';
import { money, receipt } from '../../client_web/view/receipt_model.js';
import { findings } from '../../client_web/view/setup_check.js';
import { action } from '../../client_web/view/shortcuts.js';
import { ToolCalls } from '../../client_web/view/tool_calls.js';
import { announcement, countdown, stateWords } from '../../client_web/view/state_words.js';
import { asText, clauseEnd, pieces, placeholder, settled, tag, unheardWords } from '../../client_web/view/transcript_model.js';

/** @param {Partial<import('../../client_web/session.js').TranscriptDetail>} given @returns {import('../../client_web/session.js').TranscriptDetail} */
function entry(given) {
  const text = given.text ?? 'It opens at nine.';
  return {
    item_id: 'item', role: 'assistant', text, final: true, source: 'voice', status: 'done', ending: 'heard', interrupted: false, heard: text, unheard: '', exact: true,
    response_id: null, previous_item_id: null, started_ms: 0, at_ms: 0, ...given,
  };
}

const INTERRUPTED = entry({ interrupted: true, ending: 'interrupted', heard: 'It opens', unheard: ' at nine.' });

test('an interrupted reply is cut at the heard position', () => {
  assert.deepEqual(pieces(INTERRUPTED), [{ kind: 'plain', text: 'It opens' }, { kind: 'unheard', text: ' at nine.' }]);
  assert.equal(tag(INTERRUPTED), '', 'the chip says it');
  assert.equal(tag({ ...INTERRUPTED, ending: 'stopped' }), 'Stopped here; the rest was not heard');
  assert.equal(tag({ ...INTERRUPTED, heard: '', unheard: 'It opens at nine.' }), 'Interrupted before a word was heard');
});

test('every way in which a reply can end is told below it and in the text file', () => {
  for (const [ending, { shown, written }] of Object.entries(ENDINGS)) {
    const told = entry({ ...INTERRUPTED, ending: /** @type {import('../../client_web/engine/endings.js').Ending} */ (ending) });
    assert.equal(tag(told).startsWith(ending === 'interrupted' ? '' : shown), true);
    assert.match(asText([told], { began: new Date(0) }), new RegExp(`\\[at nine\\.\\]${written ? ` \\(${written}\\)` : ''}\n$`));
    if (shown) assert.match(tag({ ...told, heard: '', unheard: told.text }), /before a word was heard/);
    if (shown) assert.equal(/not heard/.test(tag({ ...told, heard: told.text, unheard: '' })), false);
  }
});

test('words light up with the sound, and no letter is lost', () => {
  const lit = pieces(entry({ final: false }), { heard_chars: 8, playing: true });
  assert.deepEqual(lit.map(({ kind, text }) => [kind, text]), [['played', 'It '], ['now', 'opens'], ['ahead', ' at nine.']]);
  for (let heard_chars = 0; heard_chars <= 17; heard_chars += 1) {
    assert.equal(pieces(entry({}), { heard_chars, playing: true }).map((piece) => piece.text).join(''), 'It opens at nine.');
  }
});

test('a screen reader gets a turn when it is settled, not before', () => {
  assert.equal(settled(entry({ role: 'user', status: 'transcribing', text: '' }), false), false);
  assert.equal(settled(entry({ role: 'user' }), false), true);
  assert.equal(settled(entry({ final: false }), false), false);
  assert.equal(settled(entry({}), true), false);
  assert.equal(settled(entry({}), false), true);
  assert.equal(settled(INTERRUPTED, true), true);
});

test('words that are not there are explained', () => {
  assert.equal(placeholder(entry({ role: 'user', text: '', status: 'pending', final: false })), 'Speaking…');
  assert.equal(placeholder(entry({ role: 'user', text: '', status: 'transcribing' })), 'Understanding…');
  assert.equal(placeholder(entry({ role: 'user', text: '', status: 'untranscribed' })), 'Spoken, not written down');
  assert.equal(placeholder(entry({})), '');
});

test('the text file marks what was never heard', () => {
  const text = asText([entry({ role: 'user', text: 'When?' }), INTERRUPTED], { began: new Date(0) });
  assert.match(text, /^Conversation of 1970-01-01/);
  assert.match(text, /\nYou: When\?\nReply: It opens \[at nine\.\] \(interrupted\)\n$/);
});

test('every state has a word, a hint and an icon', () => {
  const states = /** @type {const} */ (['disconnected', 'connecting', 'reconnecting', 'listening', 'user-speaking', 'thinking', 'speaking', 'holding', 'muted', 'error']);
  const words = states.map((state) => stateWords(state));
  assert.equal(new Set(words.map(({ word }) => word)).size, states.length);
  assert.ok(words.every(({ hint, icon }) => hint !== '' && icon !== ''));
  assert.equal(stateWords('listening', { microphone: false }).hint, 'Type a message below.');
  assert.match(stateWords('listening', { pushToTalk: true }).hint, /Hold the button/);
});

test('turns that can be heard are not announced; changes of the link are', () => {
  for (const state of /** @type {const} */ (['user-speaking', 'thinking', 'speaking', 'holding'])) assert.equal(announcement(state, 'listening'), '');
  assert.equal(announcement('listening', 'speaking'), '');
  assert.equal(announcement('listening', 'connecting'), 'Listening. Say something.');
  assert.equal(announcement('reconnecting', 'speaking'), 'Reconnecting.');
});

test('the countdown never goes below now', () => {
  assert.deepEqual([countdown(5000, 2600), countdown(5000, 4999), countdown(5000, 5000), countdown(5000, 9000)], ['Next try in 3 s.', 'Next try in 1 s.', 'Trying now…', 'Trying now…']);
});

test('the setup check says what to do', () => {
  const good = { secure: true, capture: true, permission: /** @type {const} */ ('granted'), microphones: 1, output: true, server: true };
  assert.ok(findings(good).every(({ result }) => result === 'good'));
  const bad = findings({ ...good, secure: false, capture: false, output: false, server: false });
  assert.ok(bad.every(({ result }) => result === 'bad'));
  assert.match(bad[0].words, /https/);
  assert.match(findings({ ...good, permission: 'denied' })[1].words, /allow it/);
  assert.match(findings({ ...good, microphones: 0 })[1].words, /plug one in/);
  assert.equal(findings({ ...good, server: null })[3].result, 'pending');
  assert.equal(findings({ ...good, server: 'busy' })[3].result, 'note');
  const silent = findings({ ...good, server: { model: 'The model’s server could not be reached.' } })[3];
  assert.deepEqual([silent.result, silent.words], ['bad', 'The server is there, its model is not. The model’s server could not be reached.']);
});

test('the event log is bounded, filtered by all words, and hides sound unless asked', () => {
  const log = new EventLog({ kept: 2, kept_sound: 1 });
  const message = (/** @type {string} */ type, audio = false) => ({ direction: /** @type {'in'} */ ('in'), type, event: { type, response_id: 'resp_1' }, size_bytes: 1, audio, connection: 1, at_ms: 1500 });
  for (const one of [message('session.created'), message('binary', true), message('response.created'), message('binary', true), message('response.done')]) log.add(one);
  assert.deepEqual(log.messages.map(({ type }) => type), ['response.created', 'binary', 'response.done']);
  assert.deepEqual(log.matching('').map(({ type }) => type), ['response.created', 'response.done']);
  assert.deepEqual(log.matching('RESP_1 done').map(({ type }) => type), ['response.done']);
  assert.deepEqual(log.matching('sound').map(({ type }) => type), ['binary']);
  assert.equal(line(log.messages[0], 500), '1.000 < response.created {"type":"response.created","response_id":"resp_1"}');
});

test('keys stay with fields and buttons', () => {
  const space = { key: ' ', code: 'Space', ctrlKey: false, metaKey: false, altKey: false };
  assert.equal(action(space, { typing: false, operating: false }), 'talk');
  assert.equal(action(space, { typing: true, operating: true }), null);
  assert.equal(action(space, { typing: false, operating: true }), null);
  assert.equal(action({ ...space, key: 'm', code: 'KeyM' }, { typing: false, operating: true }), 'mute');
  assert.equal(action({ ...space, key: 'm', code: 'KeyM' }, { typing: true, operating: false }), null);
  assert.equal(action({ ...space, key: 'm', code: 'KeyM', ctrlKey: true }, { typing: false, operating: false }), null);
  assert.equal(action({ ...space, key: 'Escape', code: 'Escape' }, { typing: true, operating: true }), 'escape');
});

test('a latency has one figure: what the server did not see is a stage of its own', () => {
  const told = (/** @type {object} */ given) => /** @type {import('../../client_web/session.js').LatencyDetail} */ ({ response_id: 'r', stages: null, after: null, ...given });
  const server = told({ kind: 'server', after: 'response', ms: 300, stages: { endpointing: 200, model: 100 } });
  const felt = told({ kind: 'response', ms: 380 });
  const whole = { stages: { endpointing: 200, model: 100, network_and_playback: 80 }, total_ms: 380 };
  for (const order of [[server, felt], [felt, server]]) {
    const book = new StagesBook();
    assert.deepEqual([book.add(order[0]), book.add(order[1])], [null, whole]);
  }
  const book = new StagesBook();
  book.add(server);
  assert.equal(book.add(told({ kind: 'response', ms: 380, response_id: 'another' })), null);
});

test('stages are drawn against the longest', () => {
  assert.deepEqual(shares({ first_byte_ms: 50, pacing: 100 }), [{ name: 'First byte', ms: 50, share: 0.5 }, { name: 'Pacing', ms: 100, share: 1 }]);
  assert.deepEqual(shares({ none: 0 }), [{ name: 'None', ms: 0, share: 0 }]);
});

test('the words of a reply run ahead of its voice by the clause that goes on, or freely', () => {
  const reply = entry({ text: 'Once upon a time, on an island, there stood a lighthouse.', final: false });
  const shown = (/** @type {number} */ heard_chars, /** @type {'clause' | 'all'} */ ahead) => pieces(reply, { heard_chars, playing: true }, ahead).map(({ text }) => text).join('');
  assert.equal(shown(0, 'clause'), 'Once upon a time,');
  assert.equal(shown(4, 'clause'), 'Once upon a time,');
  assert.equal(shown(20, 'clause'), 'Once upon a time, on an island,');
  assert.equal(shown(0, 'all'), reply.text);
  const endless = entry({ text: 'word '.repeat(60).trim(), final: false });
  assert.equal(pieces(endless, { heard_chars: 0, playing: true }, 'clause')[0].text.length <= 90, true);
  assert.equal(clauseEnd('It costs 3.50 euros. Or more', 0), 20);
});

test('the chip at a cut counts words, not dashes', () => {
  assert.equal(unheardWords(' at nine – and closes.'), '4 words not heard');
  assert.equal(unheardWords(' nine.'), '1 word not heard');
});

test('a receipt has what is known of a call, and leaves out what nobody knows', () => {
  const said = [entry({ role: 'user' }), INTERRUPTED, entry({})];
  const latencies = [{ kind: 'barge_in', ms: 150 }, { kind: 'barge_in', ms: 90 }, { kind: 'barge_in', ms: 120.4 }];
  const told = receipt({ length_ms: 84_000, said, latencies, cost: null });
  assert.deepEqual(told.map(({ name, value }) => [name, value]), [['length', '1:24'], ['interruptions', '1'], ['silence', '120'], ['unheard', '2']]);
  assert.equal(receipt({ length_ms: 0, said: [], latencies: [], cost: { amount: 0.0123, currency: 'USD', whole: true } }).at(-1)?.value, '$0.0123');
  assert.equal(receipt({ length_ms: 0, said: [], latencies: [], cost: { amount: 0.5, currency: 'USD', whole: false } }).at(-1)?.label, 'cost at least');
  assert.equal(receipt({ length_ms: 0, said: [], latencies: [], cost: { amount: 0, currency: 'USD', whole: false } }).some(({ name }) => name === 'cost'), false);
  assert.equal(money({ amount: 12.5, currency: 'EUR' }), '€12.50');
});

test('who goes on is told what was heard, not what was written', () => {
  const user = entry({ role: 'user', item_id: 'u', text: 'When?', heard: 'When?' });
  const events = remembering([user, INTERRUPTED, entry({ status: 'failed' }), entry({ heard: '', unheard: 'All of it.', interrupted: true }), entry({ final: false })]);
  assert.deepEqual(events.map(({ item }) => [item.role, item.content]), [
    ['user', [{ type: 'input_text', text: 'When?' }]],
    ['assistant', [{ type: 'output_text', text: 'It opens' }]],
  ]);
});

/** @param {string} type @param {object} [event] @returns {import('../../client_web/session.js').WireDetail} */
function wire(type, event = {}) {
  return { direction: 'in', type, event: { type, ...event }, size_bytes: 1, audio: false, connection: 1, at_ms: 0 };
}

test('the event log folds runs of the same message, but no errors, and hides pings unless asked', () => {
  const log = new EventLog();
  for (const type of ['bargein.played', 'bargein.ping', 'bargein.pong', 'bargein.played', 'response.done', 'error', 'error']) log.add(wire(type));
  assert.deepEqual(runs(log.matching('')).map(({ messages }) => [messages[0].type, messages.length]), [['bargein.played', 2], ['response.done', 1], ['error', 1], ['error', 1]]);
  assert.deepEqual(log.matching('ping').map(({ type }) => type), ['bargein.ping']);
  assert.deepEqual(log.matching('bargein').map(({ type }) => type), ['bargein.played', 'bargein.played']);
  assert.equal(log.matching('', 'errors').length, 2);
});

test('every message has a kind', () => {
  const kinds = [['session.updated'], ['input_audio_buffer.committed'], ['conversation.item.added', { item: { role: 'user' } }], ['response.created'], ['response.output_text.delta'], ['bargein.hold'],
    ['response.done', { response: { status: 'failed' } }]];
  assert.deepEqual(kinds.map(([type, event]) => kindOf(wire(String(type), /** @type {object} */ (event)))), ['session', 'caller', 'caller', 'reply', 'words', 'bargein', 'errors']);
});

test('a call of a tool is known once, with its result from whoever gives it', () => {
  const calls = new ToolCalls();
  assert.equal(calls.take({ type: 'response.function_call_arguments.done', call_id: 'c', name: 'look_up', arguments: '{}' }), true);
  assert.equal(calls.take({ type: 'response.output_item.done', item: { type: 'function_call', status: 'completed', call_id: 'c', name: 'look_up', arguments: '{}' } }), false);
  assert.equal(calls.take({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: 'c', output: 'seven' } }), true);
  assert.equal(calls.take({ type: 'conversation.item.added', item: { type: 'function_call_output', call_id: 'unknown', output: '' } }), false);
  assert.deepEqual(calls.calls, [{ call_id: 'c', name: 'look_up', given: '{}', result: 'seven' }]);
});

test('agents and voices are taken from the list, and nothing else is believed', () => {
  assert.deepEqual(agentsOf({ data: [{ id: 'a', title: 'A line', description: 'd' }, { id: 7 }, { id: 'b' }] }), [{ name: 'a', title: 'A line', description: 'd' }, { name: 'b', title: 'b', description: '' }]);
  for (const body of [null, {}, { data: 'x' }]) assert.deepEqual(agentsOf(body), []);
  assert.deepEqual(voicesOf({ voices: ['ethan', 7, '', 'chelsie'] }), ['ethan', 'chelsie']);
  assert.deepEqual(voicesOf({ voices: [] }), []);
  for (const body of [null, {}, { voices: 'ethan' }]) assert.equal(voicesOf(body), null);
});
