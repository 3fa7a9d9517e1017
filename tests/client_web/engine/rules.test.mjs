// State, reconnecting, latency, words of trouble: the pure rules.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { LatencyBook } from '../../../client_web/engine/latency.js';
import { retryAfterMs } from '../../../client_web/engine/probe.js';
import { ReconnectPolicy, verdictOf } from '../../../client_web/engine/reconnect.js';
import { noFacts, stateOf } from '../../../client_web/engine/state.js';
import { TROUBLES, microphoneTrouble, trouble } from '../../../client_web/engine/troubles.js';

describe('the state', () => {
  const state = (facts) => stateOf({ ...noFacts(), ...facts });
  const up = (facts) => state({ phase: 'up', microphone: true, ...facts });

  test('of the session as a whole', () => {
    assert.deepEqual(['off', 'starting', 'lost', 'failed', 'up'].map((phase) => state({ phase })), ['disconnected', 'connecting', 'reconnecting', 'error', 'listening']);
  });

  test('of the floor, the more urgent first', () => {
    assert.equal(up({ turnPending: true }), 'thinking');
    assert.equal(up({ responding: true }), 'thinking');
    assert.equal(up({ responding: true, sounding: true }), 'speaking');
    assert.equal(up({ sounding: true }), 'speaking');
    assert.equal(up({ sounding: true, callerSpeaking: true }), 'user-speaking');
    assert.equal(up({ sounding: true, held: true }), 'holding');
    assert.equal(up({ pressed: true }), 'user-speaking');
    assert.equal(up({ held: true }), 'listening', 'a hold of nothing is not shown');
  });

  test('muted is shown where nothing else happens', () => {
    assert.equal(up({ muted: true }), 'muted');
    assert.equal(up({ muted: true, sounding: true }), 'speaking');
    assert.equal(up({ muted: true, microphone: false }), 'listening');
  });
});

describe('reconnecting', () => {
  test('the close-code table', () => {
    const retried = { 1001: true, 1005: true, 1006: true, 1011: true, 1012: true, 1013: true, 1015: true, 4404: true, 4408: true, 4429: true };
    for (const code of [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 1015, 3000, 4000, 4401, 4403, 4404, 4408, 4409, 4429]) {
      assert.equal(verdictOf(code, null).retry, retried[code] ?? false, `${code}`);
    }
    assert.equal(verdictOf(4404, null).resume, false);
    assert.equal(verdictOf(1012, null).resume, true);
    assert.equal(verdictOf(1000, null).trouble, null);
  });

  test('the error before the close says more than the code', () => {
    assert.deepEqual(pick(verdictOf(1001, { code: 'session_expired' })), ['session_expired', false]);
    assert.deepEqual(pick(verdictOf(4408, { code: 'session_idle' })), ['idle', false]);
    assert.equal(verdictOf(4429, { code: 'rate_limit_exceeded', retry_after_ms: 30_000 }).least_ms, 30_000);
  });

  const pick = ({ trouble: code, retry }) => [code, retry];

  test('every trouble it names has words', () => {
    for (let code = 1000; code < 4500; code++) {
      const { trouble: name } = verdictOf(code, null);
      assert.ok(name === null || TROUBLES[name], name);
    }
  });

  test('delays grow, with jitter on top, and end', () => {
    for (const random of [0, 0.999]) {
      const policy = new ReconnectPolicy(() => random);
      const delays = [];
      for (let next; (next = policy.next({ least_ms: 0, jitter_ms: 100 })); ) delays.push(next.delay_ms);
      assert.equal(delays.length, policy.attempts);
      const bases = [0, 300, 1200, 2700, 4800, 7000, 7000, 7000, 7000, 7000];
      delays.forEach((delay, n) => assert.ok(delay >= bases[n] && delay <= bases[n] + Math.max(100, bases[n] / 2), `${delay}`));
      policy.reset();
      assert.equal(policy.next({ least_ms: 7000, jitter_ms: 0 }).delay_ms, 7000);
    }
  });

  test('Retry-After in seconds, as a date, absent and absurd', () => {
    const answer = (value) => new Response('', { headers: value === null ? {} : { 'Retry-After': value } });
    assert.equal(retryAfterMs(answer('7')), 7000);
    const soon = retryAfterMs(answer(new Date(Date.now() + 60_000).toUTCString()));
    assert.ok(soon > 50_000 && soon <= 60_000);
    assert.equal(retryAfterMs(answer(new Date(0).toUTCString())), 0);
    assert.equal(retryAfterMs(answer(null)), null);
    assert.equal(retryAfterMs(answer('soon')), null);
  });
});

describe('latency', () => {
  const book = () => {
    const told = [];
    return { told, book: new LatencyBook((detail) => told.push(detail)) };
  };

  test('end of the turn to the first sound, once per turn', () => {
    const { told, book: made } = book();
    made.turnEnded(1000, 'voice');
    made.firstSound('r', 1450);
    made.firstSound('r', 1900);
    assert.deepEqual(told.map(({ kind, ms, trigger, from_ms }) => [kind, ms, trigger, from_ms]), [['response', 450, 'voice', 1000]]);
    assert.equal(made.summary().response.p50_ms, 450);
  });

  test('onset to silence: by a hold that was confirmed, or by a flush', () => {
    const { told, book: made } = book();
    made.silenced('r', 1090);
    made.bargeIn(1000);
    made.bargeIn(2000);
    made.silenced('r', 2240);
    assert.deepEqual(told.map(({ kind, ms }) => [kind, ms]), [['barge_in', 90], ['barge_in', 240]]);
  });

  test('the first silence counts, not the flush after the hold', () => {
    const { told, book: made } = book();
    made.silenced('r', 1090);
    made.silenced('r', 1300);
    made.bargeIn(1000);
    assert.equal(told[0].ms, 90);
  });

  test('a cough is no barge-in', () => {
    const { told, book: made } = book();
    made.silenced('r', 1090);
    made.bargeInOver();
    made.bargeIn(5000);
    made.bargeInOver();
    assert.deepEqual(told, []);
  });

  test('the server\'s stages sum to the total', () => {
    const { told, book: made } = book();
    made.server({ response_id: 'r', after: 'barge_in', stages_ms: { evidence: 80, confirm: 160 } }, 9000);
    const [{ ms, after, stages, from_ms }] = told;
    assert.deepEqual({ ms, after, stages, from_ms }, { ms: 240, after: 'barge_in', stages: { evidence: 80, confirm: 160 }, from_ms: 8760 });
  });
});

describe('troubles', () => {
  test('the list in session.js is the list in troubles.js', () => {
    const header = readFileSync(new URL('../../../client_web/session.js', import.meta.url), 'utf8');
    const listed = /where every text is kept:\n \*\n([\s\S]*?)\n \*\n/.exec(header)[1].match(/[a-z_]{3,}/g);
    assert.deepEqual(listed.sort(), Object.keys(TROUBLES).sort());
  });

  test('words a person can use: a sentence, a way on, no code', () => {
    for (const [code, { title, help }] of Object.entries(TROUBLES)) {
      assert.match(title, /^[A-Z].*[^.!]$/, code);
      assert.match(help, /^[A-Z].*\.$/, code);
      assert.doesNotMatch(title + help, /_|undefined|Error\b/, code);
    }
  });

  test('getUserMedia\'s errors', () => {
    const named = (name) => Object.assign(new Error('x'), { name });
    assert.deepEqual(
      ['NotAllowedError', 'SecurityError', 'NotFoundError', 'NotReadableError', 'AbortError', 'OverconstrainedError', 'TypeError'].map((name) => microphoneTrouble(named(name))),
      ['microphone_denied', 'microphone_denied', 'microphone_missing', 'microphone_busy', 'microphone_busy', 'microphone_constraints', 'microphone_failed'],
    );
    assert.equal(microphoneTrouble(new DOMException('no', 'NotAllowedError')), 'microphone_denied');
    assert.equal(microphoneTrouble(undefined), 'microphone_failed');
  });

  test('the cause in one line; a button only where there is something to try', () => {
    const retry = async () => {};
    assert.equal(trouble('socket_lost', { cause: { code: 1006, reason: '' }, at_ms: 0 }).detail, '1006');
    assert.equal(trouble('socket_lost', { cause: new TypeError('x'), at_ms: 0 }).detail, 'TypeError: x');
    assert.equal(trouble('socket_lost', { at_ms: 0 }).detail, null);
    assert.equal(trouble('socket_lost', { retry, at_ms: 0 }).action, 'Connect again');
    assert.equal(trouble('socket_lost', { at_ms: 0 }).action, null);
    assert.equal(trouble('forbidden', { retry, at_ms: 0 }).retry, null);
  });
});
