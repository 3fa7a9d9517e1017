// Settings: what is believed of a stored copy, and what they mean to the server and the microphone.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULTS, believed, constraints, microphoneChanged, sessionFields, turnDetection } from '../../client_web/view/settings_model.js';

test('a good copy is believed whole', () => {
  const chosen = { ...DEFAULTS, voice: 'cedar', turns: 'semantic_vad', pause_ms: 800, auto_gain: false };
  assert.deepEqual(believed(JSON.parse(JSON.stringify(chosen))), chosen);
});

for (const [name, found] of [['nothing', null], ['a list', []], ['a string', 'x'], ['wrong types', { pause_ms: '500', interrupt: 1, voice: 7 }],
  ['out of range', { pause_ms: 50_000, sensitivity: -1, volume: Number.NaN }], ['unknown choices', { turns: 'telepathy', eagerness: 'very' }],
  ['unknown names', { colour: 'red' }]]) {
  test(`${name} is not believed`, () => assert.deepEqual(believed(found), DEFAULTS));
}

test('sensitivity is the threshold turned round', () => {
  assert.equal(turnDetection({ ...DEFAULTS, sensitivity: 50 }).threshold, 0.5);
  assert.equal(turnDetection({ ...DEFAULTS, sensitivity: 95 }).threshold, 0.05);
  assert.equal(turnDetection({ ...DEFAULTS, sensitivity: 5 }).threshold, 0.95);
});

test('turn detection by kind', () => {
  assert.equal(turnDetection({ ...DEFAULTS, turns: 'push_to_talk' }), null);
  assert.deepEqual(turnDetection({ ...DEFAULTS, turns: 'semantic_vad', eagerness: 'low', interrupt: false }),
    { type: 'semantic_vad', eagerness: 'low', create_response: true, interrupt_response: false });
  assert.deepEqual(turnDetection({ ...DEFAULTS, pause_ms: 700 }),
    { type: 'server_vad', threshold: 0.5, silence_duration_ms: 700, create_response: true, interrupt_response: true });
});

test('at the start the server is told what the person chose, and nothing it should choose itself', () => {
  assert.deepEqual(sessionFields({ ...DEFAULTS }), { audio: { input: { turn_detection: turnDetection(DEFAULTS) } } });
  const fields = sessionFields({ ...DEFAULTS, voice: 'ash', instructions: 'Be brief.' });
  assert.deepEqual([fields?.instructions, fields?.audio.output], ['Be brief.', { voice: 'ash' }]);
});

test('later only the change is sent', () => {
  const before = { ...DEFAULTS, voice: 'ash' };
  assert.equal(sessionFields({ ...before, volume: 10, input_id: 'x' }, before), null);
  assert.deepEqual(sessionFields({ ...before, voice: 'sage' }, before), { audio: { output: { voice: 'sage' } } });
  assert.deepEqual(sessionFields({ ...before, instructions: '' }, { ...before, instructions: 'Be brief.' }), { instructions: '' });
  assert.deepEqual(sessionFields({ ...before, turns: 'push_to_talk' }, before), { audio: { input: { turn_detection: null } } });
  assert.equal(sessionFields({ ...before, voice: '' }, before), null);
});

test('the microphone is opened anew for another device or other processing only', () => {
  assert.equal(microphoneChanged({ ...DEFAULTS, volume: 1 }, DEFAULTS), false);
  assert.equal(microphoneChanged({ ...DEFAULTS, input_id: 'usb' }, DEFAULTS), true);
  assert.equal(microphoneChanged({ ...DEFAULTS, echo_cancellation: false }, DEFAULTS), true);
  assert.deepEqual(constraints({ ...DEFAULTS, noise_suppression: false }), { echoCancellation: true, noiseSuppression: false, autoGainControl: true });
});
