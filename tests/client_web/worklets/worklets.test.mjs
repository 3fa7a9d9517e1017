// The worklet files as an AudioWorkletGlobalScope sees them: three stubbed globals, real message ports, 128-sample quanta.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { counting, noise } from '../support/sound.mjs';
import { floatsToInt16 } from '../../../client_web/audio/pcm.js';

/** Load a worklet file afresh at a sample rate. Returns its processor and the page's end of the port. */
async function load(file, rate_hz) {
  const { port1, port2 } = new MessageChannel();
  const classes = new Map();
  globalThis.sampleRate = rate_hz;
  globalThis.currentTime = 0;
  globalThis.registerProcessor = (name, type) => classes.set(name, type);
  globalThis.AudioWorkletProcessor = class {
    port = port1;
  };
  await import(`../../../client_web/worklets/${file}.js?rate=${rate_hz}`);
  const processor = new (classes.get(`bargein-${file}`))();
  return { processor, page: port2, close: () => port1.close() };
}

test('capture posts 20 ms frames, transferred', async () => {
  const { processor, page, close } = await load('capture', 24_000);
  const input = noise(480 * 16);
  const frames = [];
  page.on('message', (frame) => frames.push(frame));
  for (let at = 0; at < input.length; at += 128) {
    globalThis.currentTime = at / 24_000;
    assert.equal(processor.process([[input.subarray(at, at + 128)]]), true);
  }
  while (frames.length < 16) await once(page, 'message');
  assert.deepEqual(frames.flatMap(({ pcm }) => [...new Int16Array(pcm)]), [...floatsToInt16(input)]);
  assert.deepEqual(Object.keys(frames[0]).sort(), ['pcm', 'peak', 'rms', 'time_s', 'type']);
  page.postMessage({ type: 'close' });
  while (processor.process([[]])) await new Promise(setImmediate);
  close();
});

test('playback plays, holds, resumes and flushes on messages, on every channel', async () => {
  const { processor, page, close } = await load('playback', 24_000);
  const seen = [];
  page.on('message', (message) => seen.push(message));
  const render = () => {
    const channels = [new Float32Array(128), new Float32Array(128)];
    processor.process([], [channels]);
    globalThis.currentTime += 128 / 24_000;
    assert.deepEqual(channels[0], channels[1]);
    return channels[0];
  };
  const until = async (condition) => {
    for (let n = 0; !condition(); n++) {
      assert.ok(n < 100_000, 'the worklet answers');
      render();
      await new Promise(setImmediate);
    }
  };
  const sound = counting(24_000 * 60);
  page.postMessage({ type: 'audio', track: 1, start_sample: 0, pcm: sound.buffer, offset: 0 }, [sound.buffer]);
  await until(() => seen.some(({ type }) => type === 'started'));
  page.postMessage({ type: 'hold' });
  await until(() => seen.some(({ reason }) => reason === 'held'));
  assert.ok(render().every((value) => value === 0));
  page.postMessage({ type: 'resume' });
  await until(() => seen.some(({ reason }) => reason === 'resume'));
  page.postMessage({ type: 'flush', id: 5, tracks: null });
  await until(() => seen.some(({ type }) => type === 'flushed'));
  const answer = seen.find(({ type }) => type === 'flushed');
  const last = seen.filter(({ type }) => type === 'span').at(-1);
  assert.equal(answer.tracks[0].samples, last.to_sample);
  page.postMessage({ type: 'close' });
  const closed = () => processor.process([], [[new Float32Array(128)]]) === false;
  while (!closed()) await new Promise(setImmediate);
  close();
});
