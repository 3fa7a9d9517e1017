import assert from 'node:assert/strict';
import { test } from 'node:test';
import { int16ToFloats } from '../../../client_web/audio/pcm.js';
import { Player } from '../support/player.mjs';
import { counting, errorDb, noise, sine } from '../support/sound.mjs';

/** 5 ms at 24 kHz. */
const FADE = 120;

/** The output's sounding stretch as int16 values, checked to be one piece. */
function sounding(output) {
  const first = output.findIndex((value) => value !== 0);
  const last = output.findLastIndex((value) => value !== 0);
  return output.slice(first, last + 1);
}

/** Assert that `output` is `samples` with only its first and last 5 ms quieter. */
function assertFaded(output, samples) {
  const expected = int16ToFloats(samples);
  assert.equal(output.length, expected.length);
  output.forEach((value, n) => {
    if (n >= FADE && n < expected.length - FADE) assert.equal(value, expected[n], `sample ${n}`);
    else assert.ok(value > 0 && value <= expected[n], `sample ${n} of a fade`);
  });
}

/** Spans that join each other and the given ends. */
function assertSpans(player, track, from, to) {
  let at = from;
  for (const span of player.heard(track)) {
    assert.equal(span.from_sample, at);
    assert.ok(span.to_sample > at);
    at = span.to_sample;
  }
  assert.equal(at, to);
}

test('a whole reply comes out, sample for sample, first and last partial block too', () => {
  const player = new Player();
  const reply = counting(24_000 + 37);
  for (let at = 0; at < reply.length; at += 1111) player.audio(1, at, reply.subarray(at, at + 1111));
  player.say({ type: 'finish', track: 1 });
  assertFaded(sounding(player.run(1200)), reply);
  assertSpans(player, 1, 0, reply.length);
  assert.deepEqual(player.of('started').map(({ track, sample, reason }) => ({ track, sample, reason })), [{ track: 1, sample: 0, reason: 'start' }]);
  const [stopped] = player.of('stopped');
  assert.deepEqual({ sample: stopped.sample, reason: stopped.reason }, { sample: reply.length, reason: 'ended' });
  assert.ok(Math.abs(stopped.time_s - reply.length / 24_000) < 1e-9);
});

for (const rate_hz of [16_000, 44_100, 48_000]) {
  test(`at ${rate_hz} Hz the reply keeps its pitch, its length and its count of samples`, () => {
    const player = new Player(rate_hz);
    const tone = Int16Array.from(sine(24_000, 1000, 24_000), (value) => Math.round(value * 32_768));
    player.audio(1, 0, tone);
    player.say({ type: 'finish', track: 1 });
    const out = Float32Array.from(player.run(1100).slice(0, rate_hz));
    const edge = rate_hz / 20;
    assert.ok(errorDb(out.slice(edge, -edge), sine(rate_hz, 1000, rate_hz).slice(edge, -edge)) < -60);
    assert.ok(player.run(50).every((value) => value === 0));
    assertSpans(player, 1, 0, 24_000);
  });
}

test('a start waits for 60 ms of sound', () => {
  const player = new Player();
  player.audio(1, 0, counting(1439));
  assert.ok(player.run(30).every((value) => value === 0));
  player.audio(1, 1439, counting(1, 1439));
  assert.ok(player.run(10).some((value) => value !== 0));
});

test('a reply shorter than the wait is played as soon as it is complete', () => {
  const player = new Player();
  const reply = counting(50);
  player.audio(1, 0, reply);
  player.say({ type: 'finish', track: 1 });
  assert.equal(sounding(player.run(20)).length, 50);
  assertSpans(player, 1, 0, 50);
});

test('a short reply that nobody finishes is played in the end', () => {
  const player = new Player();
  player.audio(1, 0, counting(600));
  assert.ok(player.run(190).every((value) => value === 0));
  assert.ok(player.run(50).some((value) => value !== 0));
});

test('hold: silent within 20 ms; resume: the very next sample, none lost and none repeated', () => {
  for (const quanta of [1, 2, 7, 50]) {
    const player = new Player();
    const reply = counting(24_000);
    player.audio(1, 0, reply);
    player.say({ type: 'finish', track: 1 });
    const before = player.run(quanta * 5);
    player.say({ type: 'hold' });
    const ducked = player.run(500);
    assert.ok(ducked.slice(480).every((value) => value === 0), 'silent 20 ms after the hold');
    const [held] = player.of('stopped');
    assert.equal(held.reason, 'held');
    player.say({ type: 'resume' });
    const after = player.run(1100);
    const [, resumed] = player.of('started');
    assert.deepEqual([resumed.reason, resumed.sample], ['resume', held.sample]);
    const all = [...sounding([...before, ...ducked]), ...sounding(after)];
    assert.equal(all.length, reply.length);
    assertFaded(all.slice(0, held.sample), reply.subarray(0, held.sample));
    assertFaded(all.slice(held.sample), reply.subarray(held.sample));
    assertSpans(player, 1, 0, reply.length);
  }
});

test('a hold keeps what arrives meanwhile', () => {
  const player = new Player();
  const reply = counting(12_000);
  player.audio(1, 0, reply.subarray(0, 6000));
  player.run(100);
  player.say({ type: 'hold' });
  player.run(300);
  player.audio(1, 6000, reply.subarray(6000));
  player.say({ type: 'finish', track: 1 });
  player.say({ type: 'resume' });
  player.run(600);
  assertSpans(player, 1, 0, 12_000);
});

test('a hold before the first sound gates it, and says so at once', () => {
  const player = new Player();
  player.say({ type: 'hold' });
  assert.deepEqual(player.of('stopped').map(({ track, reason }) => ({ track, reason })), [{ track: null, reason: 'held' }]);
  player.audio(1, 0, counting(4800));
  assert.ok(player.run(300).every((value) => value === 0));
  player.say({ type: 'resume' });
  assert.deepEqual(player.of('started').map(({ track, reason }) => ({ track, reason })), [{ track: null, reason: 'resume' }]);
  assert.ok(player.run(10).some((value) => value !== 0));
});

test('a resume in the middle of the fade turns it round without a jump', () => {
  const player = new Player(48_000);
  player.audio(1, 0, new Int16Array(24_000).fill(16_384));
  player.run(100);
  player.say({ type: 'hold' });
  player.run(2);
  player.say({ type: 'resume' });
  const out = player.run(20);
  const steps = out.slice(1).map((value, n) => Math.abs(value - out[n]));
  assert.ok(Math.max(...steps) < 0.01);
  assert.ok(Math.abs(out.at(-1) - 0.5) < 1e-3);
  assert.deepEqual(player.of('stopped'), []);
});

test('a hold at the very end of a reply still ends it on resume', () => {
  const player = new Player();
  player.audio(1, 0, counting(2540));
  player.say({ type: 'finish', track: 1 });
  player.run(101);
  player.say({ type: 'hold' });
  player.run(100);
  player.say({ type: 'resume' });
  player.run(100);
  assert.deepEqual(player.of('stopped').map(({ reason, sample }) => [reason, sample]), [['held', 2540], ['ended', 2540]]);
  assert.deepEqual(player.of('started').map(({ reason }) => reason), ['start', 'resume']);
});

test('flush: silent within 5 ms and a block, and the answer counts exactly what came out', () => {
  const player = new Player();
  const reply = counting(48_000);
  player.audio(1, 0, reply);
  const before = player.run(333);
  player.say({ type: 'flush', id: 7, tracks: [1] });
  const after = player.run(300);
  const [answer] = player.of('flushed');
  const heard = sounding([...before, ...after]);
  assert.deepEqual(answer.tracks, [{ track: 1, samples: heard.length, dropped_samples: 48_000 - heard.length }]);
  assert.equal(answer.id, 7);
  assert.ok(heard.length - before.length <= FADE);
  assertFaded(heard, reply.subarray(0, heard.length));
  assertSpans(player, 1, 0, heard.length);
  assert.ok(Math.abs(answer.time_s - heard.length / 24_000) < 1e-9);
});

test('late sound of a flushed reply is dropped and counted; the next reply plays', () => {
  const player = new Player();
  player.audio(1, 0, counting(4800));
  player.run(100);
  player.say({ type: 'flush', id: 1, tracks: [1] });
  player.audio(1, 4800, counting(2400));
  player.run(50);
  player.audio(1, 7200, counting(2400));
  player.say({ type: 'finish', track: 1 });
  const reply = counting(3000);
  player.audio(2, 0, reply);
  player.say({ type: 'finish', track: 2 });
  assertFaded(sounding(player.run(300)), reply);
  assert.equal(player.of('tick').at(-1).late_samples, 4800);
});

test('flush while held answers at once with the held sample, and ends the hold', () => {
  const player = new Player();
  player.audio(1, 0, counting(24_000));
  player.run(200);
  player.say({ type: 'hold' });
  player.run(100);
  const [held] = player.of('stopped');
  player.say({ type: 'flush', id: 3, tracks: [1] });
  assert.deepEqual(player.of('flushed')[0].tracks, [{ track: 1, samples: held.sample, dropped_samples: 24_000 - held.sample }]);
  player.audio(2, 0, counting(2400));
  assert.ok(player.run(50).some((value) => value !== 0));
});

test('flush of everything, of nothing, and of a reply not started', () => {
  const player = new Player();
  player.say({ type: 'flush', id: 1, tracks: null });
  player.say({ type: 'flush', id: 2, tracks: [9] });
  player.audio(9, 0, counting(4800));
  assert.ok(player.run(100).every((value) => value === 0), 'flushed before its first sound came');
  player.audio(10, 0, counting(4800));
  player.audio(11, 0, counting(4800));
  player.run(50);
  player.say({ type: 'flush', id: 3, tracks: null });
  player.run(20);
  const [first, second, third] = player.of('flushed');
  assert.deepEqual([first.tracks, second.tracks], [[], []]);
  assert.deepEqual(third.tracks.map(({ track }) => track).sort(), [10, 11]);
  assert.equal(third.tracks.find(({ track }) => track === 11).samples, 0);
});

test('a second flush during the first one\'s fade is answered too', () => {
  const player = new Player();
  player.audio(1, 0, counting(24_000));
  player.run(100);
  player.say({ type: 'flush', id: 1, tracks: [1] });
  player.say({ type: 'flush', id: 2, tracks: [1] });
  player.run(20);
  assert.deepEqual(player.of('flushed').map(({ id }) => id), [1, 2]);
});

test('an underrun fades, is counted, and the next start waits longer; nothing is lost', () => {
  const player = new Player();
  const reply = counting(9600);
  player.audio(1, 0, reply.subarray(0, 2400));
  const first = sounding(player.run(300));
  assert.deepEqual(player.of('stopped').map(({ reason }) => reason), ['underrun']);
  assert.equal(player.of('tick').at(-1).underruns, 1);
  assert.equal(player.of('tick').at(-1).start_ms, 90);
  player.audio(1, 2400, reply.subarray(2400, 2400 + 1900));
  assert.ok(player.run(50).every((value) => value === 0), '80 ms are not enough now');
  player.audio(1, 4300, reply.subarray(4300));
  player.say({ type: 'finish', track: 1 });
  const rest = sounding(player.run(500));
  assertFaded(first, reply.subarray(0, first.length));
  assertFaded(rest, reply.subarray(first.length));
  assertSpans(player, 1, 0, 9600);
});

test('the wait grows to 200 ms at most and shrinks to 40 ms after long calm', () => {
  const player = new Player();
  let at = 0;
  for (let n = 0; n < 8; n++) {
    player.audio(1, at, counting(6000));
    at += 6000;
    player.run(600);
  }
  assert.equal(player.of('tick').at(-1).start_ms, 200);
  player.audio(1, at, counting(24_000 * 200));
  player.run(190_000);
  assert.equal(player.of('tick').at(-1).start_ms, 40);
});

test('replies follow each other without a gap when the next one is there', () => {
  const player = new Player();
  player.audio(1, 0, counting(5000));
  player.say({ type: 'finish', track: 1 });
  player.audio(2, 0, counting(5000));
  player.say({ type: 'finish', track: 2 });
  assert.equal(sounding(player.run(600)).length, 10_000);
  assert.deepEqual(player.of('stopped').map(({ track, reason }) => [track, reason]), [[1, 'ended'], [2, 'ended']]);
});

test('a reply that begins in the middle (after a reconnect) counts from there', () => {
  const player = new Player();
  player.audio(1, 31_200, counting(4800, 31_200));
  player.say({ type: 'finish', track: 1 });
  player.run(300);
  assertSpans(player, 1, 31_200, 36_000);
});

test('sound sent twice is played once; a hole is silence, a huge one is jumped', () => {
  const player = new Player();
  player.audio(1, 0, counting(2400));
  player.audio(1, 1200, counting(2400, 1200));
  player.audio(1, 4800, counting(2400, 4800));
  player.say({ type: 'finish', track: 1 });
  const out = player.run(400);
  assertSpans(player, 1, 0, 7200);
  assert.ok(out.slice(3600, 4800).every((value) => value === 0));
  player.audio(2, 0, counting(100));
  player.audio(2, 1e9, counting(2400));
  player.say({ type: 'finish', track: 2 });
  player.run(200);
  assertSpans(player, 2, 1e9, 1e9 + 2400);
});

test('levels are those of what came out', () => {
  const player = new Player();
  player.audio(1, 0, new Int16Array(24_000).fill(16_384));
  player.run(300);
  const span = player.heard(1).at(-1);
  assert.equal(span.peak, 0.5);
  assert.ok(Math.abs(span.rms - 0.5) < 1e-6);
});

test('reports come every report_ms while playing, ticks always', () => {
  const player = new Player(48_000, { reportMs: 50 });
  player.run(1000);
  assert.equal(player.of('span').length, 0);
  assert.ok(Math.abs(player.of('tick').length - 10) <= 1);
  player.audio(1, 0, counting(24_000));
  player.run(900);
  assert.ok(Math.abs(player.of('span').length - 17) <= 1);
});

test('any cut of the sound into messages and any holds give the same samples', () => {
  const random = noise(400, 99, 0.5);
  for (let round = 0; round < 20; round++) {
    const player = new Player(48_000);
    const reply = counting(7200);
    let at = 0;
    for (let turn = 0; at < reply.length; turn++) {
      const dice = random[(round * 20 + turn) % 400] + 0.5;
      const size = 1 + Math.floor(dice * 1500);
      player.audio(1, at, reply.subarray(at, at + size));
      at = Math.min(reply.length, at + size);
      if (turn % 3 === 0) player.say({ type: 'hold' });
      player.run(dice * 60);
      if (turn % 3 === 0) player.say({ type: 'resume' });
    }
    player.say({ type: 'finish', track: 1 });
    player.run(1000);
    assertSpans(player, 1, 0, reply.length);
    assert.equal(player.of('stopped').at(-1).reason, 'ended');
  }
});

test('a hold that ducks: so much quieter within 5 ms, played on, and as loud as before on resume', () => {
  for (const quanta of [1, 7, 40]) {
    const player = new Player();
    const reply = counting(24_000);
    player.audio(1, 0, reply);
    player.say({ type: 'finish', track: 1 });
    const before = player.run(quanta * 5);
    player.say({ type: 'hold', gain: 0.125 });
    const quiet = player.run(200);
    player.say({ type: 'resume' });
    const after = player.run(1100);
    const all = sounding([...before, ...quiet, ...after]);
    const expected = int16ToFloats(reply);
    assert.equal(all.length, reply.length, 'nothing is lost, nothing repeated');
    const [ducked] = player.of('ducked');
    const [, resumed] = player.of('started');
    assert.deepEqual([ducked.track, resumed.track, resumed.reason], [1, 1, 'resume']);
    for (let n = ducked.sample + FADE; n < resumed.sample; n++) assert.equal(all[n], Math.fround(expected[n] * 0.125), `sample ${n}, quiet`);
    for (let n = resumed.sample + FADE; n < expected.length - FADE; n++) assert.equal(all[n], expected[n], `sample ${n}, loud again`);
    for (let n = FADE; n < ducked.sample; n++) assert.equal(all[n], expected[n], `sample ${n}, before`);
    assert.ok(resumed.sample - ducked.sample >= 4800);
    assertSpans(player, 1, 0, reply.length);
    assert.deepEqual(player.of('stopped').map(({ reason }) => reason), ['ended']);
  }
});

test('a hold that ducks may be followed by one that pauses: the resume ends both', () => {
  const player = new Player();
  const reply = counting(24_000);
  player.audio(1, 0, reply);
  player.say({ type: 'finish', track: 1 });
  player.run(100);
  player.say({ type: 'hold', gain: 0.125 });
  player.run(100);
  player.say({ type: 'hold' });
  const paused = player.run(200);
  assert.ok(paused.slice(480).every((value) => value === 0));
  const [held] = player.of('stopped');
  player.say({ type: 'resume' });
  const after = sounding(player.run(1100));
  assert.equal(player.of('started').at(-1).sample, held.sample);
  assertFaded(after, reply.subarray(held.sample));
  assertSpans(player, 1, 0, reply.length);
});

test('a flush while ducked tells what was played, quiet or not; the next reply is loud', () => {
  const player = new Player();
  const reply = counting(24_000);
  player.audio(1, 0, reply);
  const before = player.run(100);
  player.say({ type: 'hold', gain: 0.125 });
  const quiet = player.run(100);
  player.say({ type: 'flush', id: 7, tracks: [1] });
  const fade = player.run(20);
  const [flushed] = player.of('flushed');
  assert.equal(flushed.tracks[0].samples, sounding([...before, ...quiet, ...fade]).length);
  const next = counting(4800);
  player.audio(2, 0, next);
  player.say({ type: 'finish', track: 2 });
  assertFaded(sounding(player.run(300)), next);
});

test('ducked twice is told once, and nothing playing is told too', () => {
  const player = new Player();
  player.say({ type: 'hold', gain: 0.125 });
  player.say({ type: 'hold', gain: 0.125 });
  assert.deepEqual(player.of('ducked').map(({ track }) => track), [null]);
  player.say({ type: 'resume' });
  assert.deepEqual(player.of('started').map(({ track, reason }) => ({ track, reason })), [{ track: null, reason: 'resume' }]);
});
