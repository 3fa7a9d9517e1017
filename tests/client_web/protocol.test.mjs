import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { bytesToInt16 } from '../../client_web/audio/pcm.js';
import {
  HEADER_BYTES, WireError, base64ToInt16, bytesToBase64, httpAddress, isReplyAudio, mergeSession, message, readAudioHeader, socketAddress,
  subprotocols, summarise, writeAudioMessage,
} from '../../client_web/protocol.js';

const golden = JSON.parse(readFileSync(new URL('../wire/golden/bargein-v1.json', import.meta.url)));
const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16)).buffer;

describe('golden messages, shared with the server\'s tests', () => {
  for (const { name, hex, header, audio_samples } of golden.filter((entry) => entry.hex !== undefined)) {
    test(`read and written: ${name}`, () => {
      const bytes = bytesOf(hex);
      assert.deepEqual(readAudioHeader(bytes), header);
      assert.deepEqual([...bytesToInt16(bytes, HEADER_BYTES)], audio_samples);
      assert.deepEqual(writeAudioMessage(header, Int16Array.from(audio_samples)), bytes);
      assert.equal(isReplyAudio(header), true);
    });
  }

  const builders = {
    'bargein.played': ({ response_id, item_id, samples, playing }) => message.played(response_id, item_id, samples, playing),
    'bargein.flushed': ({ response_id, item_id, samples }) => message.flushed(response_id, item_id, samples),
    'bargein.ping': ({ id }) => message.ping(id),
  };
  for (const { name, message: expected } of golden.filter(({ direction, hex }) => direction === 'client_to_server' && !hex)) {
    test(`built: ${name}`, () => assert.deepEqual(builders[expected.type](expected), expected));
  }

  test('every event of the subprotocol is there', () => {
    const types = new Set(golden.filter((entry) => entry.message).map((entry) => entry.message.type));
    for (const type of ['response', 'vad', 'hold', 'resume', 'flush', 'cut', 'latency', 'played', 'flushed', 'ping', 'pong']) {
      assert.ok(types.has(`bargein.${type}`), type);
    }
  });
});

describe('sound messages that cannot be read', () => {
  test('too short, another version, a position beyond all numbers', () => {
    assert.throws(() => readAudioHeader(new ArrayBuffer(23)), WireError);
    assert.throws(() => readAudioHeader(bytesOf('02' + '00'.repeat(23))), /version 2/);
    assert.throws(() => readAudioHeader(bytesOf('0101' + '00'.repeat(14) + 'ff'.repeat(8))), /starts at sample/);
  });

  test('another kind is no error, and no reply', () => {
    assert.equal(isReplyAudio(readAudioHeader(bytesOf('0109' + '00'.repeat(22)))), false);
  });
});

test('addresses', () => {
  const page = 'https://voice.example.test/talk?x=1';
  assert.equal(socketAddress(undefined, page).href, 'wss://voice.example.test/v1/realtime');
  assert.equal(socketAddress('http://localhost:8765/v1/realtime?model=a#b', page).href, 'ws://localhost:8765/v1/realtime?model=a');
  assert.throws(() => socketAddress('ftp://x/', page), /must begin with wss:/);
  assert.throws(() => socketAddress('/v1/realtime', undefined), TypeError);
  assert.equal(httpAddress(new URL('wss://h/v1/realtime?model=a'), '/readyz').href, 'https://h/readyz');
});

test('the token is offered as a subprotocol, behind the names', () => {
  assert.deepEqual(subprotocols(null), ['realtime', 'bargein.v1']);
  assert.deepEqual(subprotocols('ek_1'), ['realtime', 'bargein.v1', 'openai-insecure-api-key.ek_1']);
});

test('base64 there and back', () => {
  const samples = Int16Array.from({ length: 40_000 }, (_, n) => n * 7);
  assert.deepEqual(base64ToInt16(bytesToBase64(new Uint8Array(samples.buffer))), samples);
});

test('a session update says its type, and 24 kHz PCM wherever it names a direction', () => {
  const format = { type: 'audio/pcm', rate: 24_000 };
  assert.deepEqual(message.sessionUpdate({ instructions: 'x' }).session, { type: 'realtime', instructions: 'x' });
  assert.deepEqual(message.sessionUpdate({ audio: { output: { voice: 'ash', format: { type: 'audio/pcmu' } } } }).session.audio, { output: { voice: 'ash', format } });
});

test('merging: objects deep, turn detection and transcription whole, null clears, nothing is changed in place', () => {
  const base = { audio: { input: { turn_detection: { type: 'server_vad', threshold: 0.9 }, noise_reduction: { type: 'near_field' } } }, tools: [1] };
  const merged = mergeSession(base, { audio: { input: { turn_detection: { type: 'semantic_vad' }, transcription: null } }, tools: [] });
  assert.deepEqual(merged, {
    audio: { input: { turn_detection: { type: 'semantic_vad' }, noise_reduction: { type: 'near_field' }, transcription: null } },
    tools: [],
  });
  assert.equal(base.audio.input.turn_detection.threshold, 0.9);
});

test('what is truncated is rounded down to a millisecond', () => {
  assert.equal(message.truncate('i', 0, 24_023).audio_end_ms, 1000);
});

test('an event log shows sound by its length', () => {
  const { event, audio } = summarise({ type: 'response.output_audio.delta', delta: bytesToBase64(new Uint8Array(9600)) });
  assert.deepEqual([event.delta, audio], ['<4800 samples, 200 ms>', true]);
  assert.equal(summarise({ type: 'response.output_audio_transcript.delta', delta: 'hi' }).event.delta, 'hi');
});
