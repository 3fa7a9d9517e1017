import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InputClock, PageClock } from '../../../client_web/audio/clocks.js';
import { Series, percentile } from '../../../client_web/audio/statistics.js';

describe('the page clock', () => {
  test('trusts the message that came fastest', () => {
    const clock = new PageClock();
    for (const [context_s, delay_ms] of [[1, 30], [1.1, 4], [1.2, 250], [1.3, 9]]) clock.observe(context_s, 50_000 + context_s * 1000 + delay_ms);
    assert.equal(clock.toPage(2, 0), 52_004);
  });

  test('forgets after ten seconds: the device drifts', () => {
    const clock = new PageClock();
    clock.observe(0, 1000);
    for (let s = 1; s <= 12; s++) clock.observe(s, 1000 + s * 1001);
    assert.equal(clock.toPage(12, 0), 13_003);
  });

  test('says now while it knows nothing, also after a suspension', () => {
    const clock = new PageClock();
    assert.equal(clock.toPage(5, 777), 777);
    clock.observe(1, 1000);
    clock.reset();
    assert.equal(clock.toPage(5, 888), 888);
  });
});

describe('the input clock', () => {
  test('counts what was sent, and knows when it was captured', () => {
    const clock = new InputClock();
    clock.sent(480, 1000);
    clock.sent(480, 1020);
    clock.sent(480, 5000);
    assert.equal(clock.samples, 1440);
    assert.deepEqual([0, 15, 25, 40, 50].map((ms) => clock.toPage(ms)), [1000, 1015, 1025, 5000, 5010]);
  });

  test('does not guess: before anything was sent, and for a long time ago', () => {
    const clock = new InputClock();
    assert.equal(clock.toPage(0), null);
    for (let n = 0; n < 4000; n++) clock.sent(480, n * 20);
    assert.equal(clock.toPage(10_000), null);
    assert.equal(clock.toPage(70_000), 70_000);
    clock.reset();
    assert.equal(clock.samples, 0);
    assert.equal(clock.toPage(0), null);
  });
});

describe('percentiles', () => {
  test('nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, n) => n + 1);
    assert.deepEqual([percentile(values, 0.5), percentile(values, 0.95), percentile(values, 1), percentile([7], 0.95), percentile([], 0.5)], [50, 95, 100, 7, null]);
  });

  test('of the latest five hundred, but all are counted', () => {
    const series = new Series();
    for (let n = 0; n < 1000; n++) series.add(n < 500 ? 10_000 : n);
    assert.deepEqual(series.summary(), { count: 1000, last_ms: 999, p50_ms: 749, p95_ms: 974, max_ms: 999 });
    assert.deepEqual(new Series().summary(), { count: 0, last_ms: null, p50_ms: null, p95_ms: null, max_ms: null });
  });
});
