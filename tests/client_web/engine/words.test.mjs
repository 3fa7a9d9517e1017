// What was said, and how much of it was heard.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Captions, wordStart } from '../../../client_web/engine/captions.js';
import { Conversation } from '../../../client_web/engine/conversation.js';

describe('captions', () => {
  const text = 'It opens at nine in the morning and closes at eight.';

  test('whole words only, never falling, and all of it in the end', () => {
    const captions = new Captions();
    captions.text('i', text, false);
    let last = 0;
    for (let played = 0; played <= 24_000 * 5; played += 1200) {
      captions.sound('i', 24_000 * 5, played > 60_000);
      if (played > 80_000) captions.text('i', text, true);
      captions.played('i', played);
      const { heard_chars } = captions.state('i');
      assert.ok(heard_chars >= last);
      assert.ok(heard_chars === text.length || heard_chars === 0 || /\s/.test(text[heard_chars]), `${heard_chars}`);
      last = heard_chars;
    }
    assert.equal(last, text.length);
  });

  test('with all of the sound there, the share of the text is the share of the sound', () => {
    const captions = new Captions();
    captions.text('i', 'aaaa bbbb cccc dddd', true);
    captions.sound('i', 40_000, true);
    assert.deepEqual([0, 10_000, 20_000, 25_000, 39_999, 40_000].map((samples) => captions.charsAt('i', samples)), [0, 4, 9, 9, 14, 19]);
  });

  test('a voice\'s speed is learnt from its replies', () => {
    const captions = new Captions();
    const slow = 'word '.repeat(20).trim();
    for (let n = 0; n < 6; n++) {
      captions.sound(`r${n}`, 24_000 * 20, true);
      captions.text(`r${n}`, slow, true);
      captions.played(`r${n}`, 24_000 * 20);
    }
    captions.text('next', slow, false);
    assert.ok(Math.abs(captions.charsAt('next', 24_000 * 10) - slow.length / 2) < 12);
  });

  test('a reply that was interrupted, with more words than sound, teaches no speed', () => {
    const captions = new Captions();
    captions.text('cut', 'word '.repeat(100).trim(), true);
    captions.sound('cut', 24_000 * 2, true);
    captions.played('cut', 24_000);
    captions.text('next', text, false);
    assert.equal(captions.charsAt('next', 24_000), wordStart(text, 15));
  });

  test('the end of the last whole word', () => {
    assert.deepEqual([0, 3, 5, 6, 99].map((chars) => wordStart('Hello you', chars)), [0, 0, 5, 5, 9]);
  });
});

/** A conversation and the entries it told of. */
function conversation() {
  const told = [];
  return { made: new Conversation((entry) => told.push(entry)), told };
}

const spokenUser = (id) => ({ id, type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_audio', transcript: null }] });
const reply = (id, status = 'in_progress', transcript = '') => ({
  id, type: 'message', role: 'assistant', status, content: transcript ? [{ type: 'output_audio', transcript }] : [],
});

describe('the conversation', () => {
  test('a spoken turn: pending, transcribing, done', () => {
    const { made, told } = conversation();
    made.transcribes = true;
    made.callerSpeaks('u', 900, 1000);
    made.handle({ type: 'conversation.item.added', item: spokenUser('u'), previous_item_id: null }, 2000);
    made.handle({ type: 'conversation.item.input_audio_transcription.delta', item_id: 'u', delta: 'When ' }, 2100);
    made.handle({ type: 'conversation.item.input_audio_transcription.completed', item_id: 'u', transcript: 'When does it open?' }, 2200);
    assert.deepEqual(told.map(({ status, text, final }) => [status, text, final]), [
      ['pending', '', false], ['transcribing', '', false], ['transcribing', 'When ', false], ['done', 'When does it open?', true],
    ]);
    assert.equal(told.at(-1).started_ms, 900);
  });

  test('words that come before the item do', () => {
    const { made } = conversation();
    made.transcribes = true;
    made.handle({ type: 'conversation.item.input_audio_transcription.completed', item_id: 'u', transcript: 'Hi.' }, 1);
    made.handle({ type: 'conversation.item.added', item: spokenUser('u') }, 2);
    assert.deepEqual([made.get('u').text, made.get('u').final], ['Hi.', true]);
  });

  test('nobody transcribes, or it fails: said so', () => {
    const { made } = conversation();
    made.handle({ type: 'conversation.item.added', item: spokenUser('u') }, 1);
    assert.deepEqual([made.get('u').status, made.get('u').final], ['untranscribed', true]);
    made.transcribes = true;
    made.handle({ type: 'conversation.item.added', item: spokenUser('v') }, 1);
    made.handle({ type: 'conversation.item.input_audio_transcription.failed', item_id: 'v', error: {} }, 2);
    assert.equal(made.get('v').status, 'untranscribed');
  });

  test('the server\'s cut beats the estimate, in either order, and nothing after it changes the words', () => {
    for (const order of ['estimate first', 'cut first']) {
      const { made } = conversation();
      made.handle({ type: 'response.output_item.added', response_id: 'r', item: reply('a') }, 1);
      made.handle({ type: 'response.output_audio_transcript.delta', item_id: 'a', response_id: 'r', delta: 'One two three four' }, 2);
      const steps = [() => made.cut('a', 3, 3), () => made.cut('a', { heard: 'One two', unheard: ' three four' }, 3)];
      for (const step of order === 'cut first' ? steps.reverse() : steps) step();
      made.handle({ type: 'response.output_audio_transcript.done', item_id: 'a', transcript: 'One two three' }, 4);
      made.handle({ type: 'conversation.item.done', item: reply('a', 'incomplete', 'One two three') }, 5);
      made.handle({ type: 'response.done', response: { id: 'r', status: 'cancelled' } }, 6);
      const { heard, unheard, exact, interrupted, final } = made.get('a');
      assert.deepEqual({ heard, unheard, exact, interrupted, final }, { heard: 'One two', unheard: ' three four', exact: true, interrupted: true, final: true }, order);
    }
  });

  test('a cut behind the last word is no interruption to be shown', () => {
    const { made } = conversation();
    made.handle({ type: 'response.output_item.added', response_id: 'r', item: reply('a') }, 1);
    made.handle({ type: 'response.output_audio_transcript.delta', item_id: 'a', response_id: 'r', delta: 'One two' }, 2);
    made.cut('a', { heard: 'One two', unheard: '' }, 3);
    assert.deepEqual([made.get('a').interrupted, made.get('a').unheard], [false, '']);
  });

  test('a space lost between the parts comes back', () => {
    const { made } = conversation();
    made.handle({ type: 'response.output_audio_transcript.delta', item_id: 'a', response_id: 'r', delta: 'One two three' }, 2);
    made.cut('a', { heard: 'One two', unheard: 'three' }, 3);
    assert.equal(made.get('a').text, 'One two three');
  });

  test('order: by previous_item_id, when it is known', () => {
    const { made } = conversation();
    made.callerSpeaks('u1', 1, 1);
    made.handle({ type: 'conversation.item.added', item: reply('a1'), previous_item_id: 'u1' }, 2);
    made.callerSpeaks('u2', 3, 3);
    made.handle({ type: 'conversation.item.added', item: reply('a2'), previous_item_id: 'a1' }, 4);
    made.handle({ type: 'conversation.item.added', item: spokenUser('u2'), previous_item_id: 'unknown' }, 5);
    assert.deepEqual(made.entries().map(({ item_id }) => item_id), ['u1', 'a1', 'a2', 'u2']);
  });

  test('a turn that came to nothing is removed', () => {
    const { made, told } = conversation();
    made.callerSpeaks('u', 1, 1);
    made.handle({ type: 'input_audio_buffer.cleared' }, 2);
    assert.equal(told.at(-1).removed, true);
    assert.deepEqual(made.entries(), []);
  });

  test('a lost link leaves nothing unfinished', () => {
    const { made } = conversation();
    made.transcribes = true;
    made.handle({ type: 'conversation.item.added', item: spokenUser('u') }, 1);
    made.handle({ type: 'response.output_audio_transcript.delta', item_id: 'a', response_id: 'r', delta: 'Hello' }, 2);
    made.callerSpeaks('v', 3, 3);
    made.linkLost(4, 'link-lost');
    assert.deepEqual(made.entries().map(({ item_id, final, status }) => [item_id, final, status]), [['u', true, 'untranscribed'], ['a', true, 'done']]);
    const { ending, heard, unheard } = made.entries()[1];
    assert.deepEqual({ ending, heard, unheard }, { ending: 'link-lost', heard: '', unheard: 'Hello' }, 'not a word of it has sounded');
  });

  test('the same news twice is told once', () => {
    const { made, told } = conversation();
    const item = { id: 'u', type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text: 'hi' }] };
    made.handle({ type: 'conversation.item.added', item }, 1);
    made.handle({ type: 'conversation.item.done', item }, 2);
    assert.equal(told.length, 1);
  });

  test('function calls are no entries', () => {
    const { made, told } = conversation();
    made.handle({ type: 'conversation.item.added', item: { id: 'f', type: 'function_call' } }, 1);
    assert.equal(told.length, 0);
  });
});
