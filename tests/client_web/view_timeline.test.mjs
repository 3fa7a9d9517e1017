// The timeline without a canvas: loudness, spans and marks (timeline_model), pixels (timeline_geometry), words (turns).
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BAR_MS, NAMES_PX, PRESENT_SHARE, barHeight, bars, clock, followingEdge, lanes, ticks, timeAt, xAt } from '../../client_web/view/timeline_geometry.js';
import { Labels } from '../../client_web/view/timeline_labels.js';
import { BIN_MS, TimelineModel } from '../../client_web/view/timeline_model.js';
import { heldShare, hollowBars, snap } from '../../client_web/view/timeline_motion.js';
import { summary, turnRows } from '../../client_web/view/turns.js';
import { welcomePicture } from '../../client_web/view/welcome_picture.js';

const VIEW = { width_px: 800, height_px: 176, px_per_s: 50, right_ms: 60_000 };
const PITCH_PX = (BAR_MS * VIEW.px_per_s) / 1000;

/** @param {number} ms @param {number} value @returns {Int16Array} */
function level(ms, value) {
  return new Int16Array(ms * 24).fill(value);
}

test('loudness is the peak of each bin, wherever the block begins', () => {
  const model = new TimelineModel();
  model.begin(1000);
  model.addAudio('caller', level(40, -16_384), 1030);
  assert.equal(model.peak('caller', 1000, 1020), 0);
  assert.equal(model.peak('caller', 1020, 1040), 0.5);
  assert.equal(model.peak('caller', 1000, 2000), 0.5);
  assert.equal(model.peak('agent', 1000, 2000), 0);
  assert.equal(model.end_ms, 1070);
});

test('sound from before the origin is left out, not wrapped around', () => {
  const model = new TimelineModel();
  model.begin(5000);
  model.addAudio('caller', level(BIN_MS, 20_000), 4000);
  assert.equal(model.peak('caller', 0, 10_000), 0);
});

test('speech opens one span and closes it once', () => {
  const model = new TimelineModel();
  model.speech(false, 900);
  model.speech(true, 1000);
  model.speech(true, 1200);
  model.speech(false, 1500);
  model.speech(false, 1600);
  assert.deepEqual(model.spans.map(({ kind, start_ms, end_ms }) => [kind, start_ms, end_ms]), [['speech', 1000, 1500]]);
});

test('a hold ends by resume or by the cut, which knows what was never heard', () => {
  const model = new TimelineModel();
  model.addAudio('agent', level(100, 9000), 1000, 'item');
  model.hold('item', 1050);
  model.resume('item', 1090);
  model.hold('item', 1095);
  model.flush('item', 1100, 12_000);
  const holds = model.spans.filter((span) => span.kind === 'hold');
  assert.deepEqual(holds.map(({ start_ms, end_ms, cut }) => [start_ms, end_ms, cut ?? false]), [[1050, 1090, false], [1095, 1100, true]]);
  const unheard = model.spans.find((span) => span.kind === 'unheard');
  assert.deepEqual([unheard?.start_ms, unheard?.end_ms], [1100, 1600]);
  assert.equal(model.reply('item')?.cut, true);
  assert.deepEqual(model.marks.map((mark) => mark.kind), ['resume', 'cut']);
});

test('a reply that was cut before anything was dropped leaves no ghost', () => {
  const model = new TimelineModel();
  model.flush('item', 100, 0);
  assert.equal(model.spans.some((span) => span.kind === 'unheard'), false);
});

test('closing leaves nothing open', () => {
  const model = new TimelineModel();
  model.speech(true, 1000);
  model.hold('item', 1100);
  model.close(2000);
  assert.ok(model.spans.every((span) => span.end_ms === 2000));
});

test('time to pixels and back is the identity', () => {
  for (const at_ms of [44_000, 51_234, 60_000]) assert.ok(Math.abs(timeAt(VIEW, xAt(VIEW, at_ms)) - at_ms) < 1e-6);
  assert.equal(xAt(VIEW, 60_000), 800);
  assert.equal(xAt(VIEW, 50_000), 300);
});

test('bars stand on a grid of time: scrolling moves them and changes none', () => {
  const before = bars(VIEW, 500);
  const after = bars({ ...VIEW, right_ms: VIEW.right_ms + 37 }, 500);
  const starts = new Set(before.map((bar) => bar.from_ms));
  assert.ok(after.filter((bar) => starts.has(bar.from_ms)).length >= before.length - 1);
  assert.ok(before.every((bar, index) => index === 0 || Math.abs(bar.x_px - before[index - 1].x_px - PITCH_PX) < 1e-6));
  assert.ok(before[0].x_px <= NAMES_PX && (before.at(-1)?.x_px ?? 0) >= VIEW.width_px - PITCH_PX);
});

test('no bar stands before the beginning', () => {
  assert.equal(bars({ ...VIEW, right_ms: 1000 }, 0)[0].from_ms, 0);
});

test('the height of a bar grows with loudness and stays in its lane', () => {
  const heights = [0, 0.001, 0.01, 0.1, 0.5, 1].map(barHeight);
  assert.equal(heights[0], 0);
  assert.equal(heights.at(-1), 1);
  assert.deepEqual([...heights].sort((one, other) => one - other), heights);
});

test('lanes have the same height, do not overlap and leave room for ticks', () => {
  for (const height_px of [120, 144, 176]) {
    const at = lanes(height_px);
    assert.ok(Math.abs(at.reply_base - at.reply_top - (at.you_bottom - at.you_base)) < 1e-9);
    assert.ok(at.reply_base < at.you_base && at.you_bottom <= at.ticks_y && at.ticks_y < height_px);
  }
});

test('ticks count from the beginning', () => {
  assert.deepEqual(ticks({ ...VIEW, width_px: 500, right_ms: 12_000 }, 0, 11_000).map((tick) => tick.label), ['0:05', '0:10']);
  assert.deepEqual(ticks({ ...VIEW, width_px: 500, right_ms: 12_000 }, 0, 9000).map((tick) => tick.label), ['0:05']);
  assert.deepEqual([clock(0), clock(65_400), clock(-5)], ['0:00', '1:05', '0:00']);
});

test('the present stands still and the sound travels; with reduced motion pages are turned, and never hide the present', () => {
  const size = { width_px: 800, px_per_s: 50 };
  const pages = new Set();
  for (let now_ms = 1000; now_ms < 120_000; now_ms += 250) {
    const x = xAt({ ...VIEW, ...size, right_ms: followingEdge(now_ms, 1000, size, false) }, now_ms);
    assert.ok(Math.abs(x - (NAMES_PX + (800 - NAMES_PX) * PRESENT_SHARE)) < 1e-6);
    assert.ok(followingEdge(now_ms, 1000, size, true) >= now_ms);
    pages.add(followingEdge(now_ms, 1000, size, true));
  }
  assert.ok(pages.size < 20);
});

/** @returns {TimelineModel} 400 ms of a reply have arrived, 100 of them were heard by 1100 */
function arriving() {
  const model = new TimelineModel();
  model.arrive('item', 0, level(400, 16_384));
  model.addAudio('agent', level(100, 16_384), 1000, 'item', 0);
  return model;
}

test('what has arrived stands right of the present and comes nearer; a hold stops it', () => {
  const model = arriving();
  const [first, later] = [model.coming(1100), model.coming(1200)];
  assert.deepEqual([first?.at_ms, first?.peaks.length], [1100, 15]);
  assert.deepEqual([later?.at_ms, later?.peaks.length], [1200, 10]);
  model.hold('item', 1110);
  assert.deepEqual([model.coming(1300)?.at_ms, model.coming(1300)?.peaks.length], [1300, 15]);
  assert.equal(model.coming(5000)?.at_ms, 5000);
});

test('a cut leaves what had arrived as hollow bars, and one for each word that never came', () => {
  const model = arriving();
  model.flush('item', 1150, 7200, true, 2400);
  assert.equal(model.coming(1160), null, 'nothing of it comes any more');
  const unheard = /** @type {import('../../client_web/view/timeline_model.js').Span} */ (model.spans.find((span) => span.kind === 'unheard'));
  const arrived = hollowBars(unheard);
  assert.deepEqual([arrived.length, arrived[0].peak], [4, 0.5]);
  model.cut('item', ' there stood – a lighthouse.');
  assert.deepEqual(unheard.words, [5, 5, 1, 11]);
  const all = hollowBars(unheard);
  assert.deepEqual([all.length, all[0].peak], [8, 0.5]);
  assert.ok(all[7].alpha < all[4].alpha, 'they fade');
  model.cut('item', 'word '.repeat(500));
  assert.ok(hollowBars(unheard).length <= 24);
});

test('words that were not heard leave hollow bars though no sound was dropped', () => {
  const model = new TimelineModel();
  model.addAudio('agent', level(100, 9000), 1000, 'item', 0);
  model.flush('item', 1100, 0);
  model.cut('item', 'the rest');
  assert.deepEqual(model.spans.filter(({ kind }) => kind === 'unheard').map(({ start_ms, words }) => [start_ms, words]), [[1100, [3, 4]]]);
});

test('a held reply turns violet at once and back slowly; with reduced motion without a passage', () => {
  const model = arriving();
  assert.equal(heldShare(model, 1100, false), 0);
  model.hold('item', 1100);
  assert.deepEqual([heldShare(model, 1100, false), heldShare(model, 1300, false), heldShare(model, 1100, true)], [0, 1, 1]);
  model.resume('item', 1300);
  assert.ok(heldShare(model, 1350, false) > 0.5);
  assert.deepEqual([heldShare(model, 2000, false), heldShare(model, 1301, true)], [0, 0]);
});

test('the cut snaps through both lanes, overshoots and comes to rest', () => {
  assert.equal(snap(0).reach, 0);
  assert.ok(snap(150).reach > 1);
  assert.deepEqual(snap(5000), { reach: 1, width_px: 2 });
});

test('no label is cut off at an edge or written over another', () => {
  /** @type {[string, number][]} */
  const written = [];
  const ctx = { font: '12px x', fillStyle: '', textAlign: /** @type {CanvasTextAlign} */ ('left'), measureText: (/** @type {string} */ words) => /** @type {TextMetrics} */ ({ width: words.length * 6 }),
    fillText: (/** @type {string} */ words, /** @type {number} */ x) => { written.push([words, x]); } };
  const labels = new Labels(ctx, { left_px: 50, right_px: 400 });
  assert.equal(labels.put('silent in 134 ms', 390, 10, 'ink'), true);
  assert.equal(labels.put('570 ms', 370, 10, 'ink'), false, 'another stands there');
  assert.equal(labels.put('570 ms', 370, 40, 'ink'), true);
  assert.equal(labels.put('held', 20, 10, 'ink'), false, 'it has left');
  assert.equal(labels.put('14 words not heard', 390, 60, 'ink', { after: true }), false, 'it would be left of its place');
  assert.deepEqual(written, [['silent in 134 ms', 304], ['570 ms', 364]]);
});

test('the welcome plays one interruption, and is the same at whatever pace it is asked', () => {
  const still = welcomePicture(1000);
  still.play(1000 + still.length_ms);
  const played = welcomePicture(1000);
  for (let at_ms = 1000; at_ms <= 1000 + played.length_ms; at_ms += 7) played.play(at_ms);
  played.play(1000 + played.length_ms);
  assert.deepEqual(played.model.peaks, still.model.peaks);
  assert.deepEqual(played.model.marks.map(({ kind }) => kind), ['cut']);
  assert.equal(still.model.spans.filter(({ kind }) => kind === 'hold').length, 1);
});

/** @returns {TimelineModel} a question, an answer that was held once and then interrupted */
function conversation() {
  const model = new TimelineModel();
  model.begin(0);
  model.speech(true, 1000);
  model.speech(false, 2000);
  model.latency({ kind: 'response', from_ms: 2000, at_ms: 2412, ms: 412 });
  model.addAudio('agent', level(4000, 9000), 2412, 'reply');
  model.hold('reply', 3000);
  model.resume('reply', 3300);
  model.speech(true, 6250);
  model.latency({ kind: 'barge_in', from_ms: 6250, at_ms: 6412, ms: 162 });
  model.flush('reply', 6412, 4800);
  model.speech(false, 7500);
  return model;
}

test('turns are told in words, in the order of time', () => {
  const said = [{ item_id: 'u', role: /** @type {'user'} */ ('user'), text: 'When do you open?', started_ms: 1030 }];
  assert.deepEqual(turnRows(conversation(), said).map(({ who, what }) => [who, what]), [
    ['you', 'spoke: “When do you open?”'],
    ['reply', 'answered after 412 ms; held once and went on; interrupted, silent after 162 ms'],
    ['you', 'interrupted the reply'],
  ]);
});

test('a reply of which nothing was heard has its row, and one that was heard only one', () => {
  /** @param {string} item_id @param {import('../../client_web/engine/endings.js').Ending | null} ending @param {string} heard */
  const reply = (item_id, ending, heard = '') => ({
    item_id, role: /** @type {'assistant'} */ ('assistant'), text: 'Once upon', started_ms: 5000, at_ms: 5600, ending, heard,
  });
  const before = turnRows(conversation(), []);
  const unheard = turnRows(conversation(), [reply('other', 'failed')]).filter((row) => !before.some((old) => old.what === row.what));
  assert.deepEqual(unheard, [{ who: 'reply', start_ms: 5000, end_ms: 5600, what: 'cut off: model failed, before a word was heard' }]);
  const known = conversation().spans.find((span) => span.kind === 'reply')?.item_id ?? '';
  for (const entry of [reply('other', null), reply('other', 'heard'), reply('other', 'stopped', 'Once'), reply(known, 'interrupted')]) {
    assert.equal(turnRows(conversation(), [entry]).length, before.length, JSON.stringify(entry));
  }
});

test('a breath does not end a turn, a reply does', () => {
  const model = new TimelineModel();
  for (const [from_ms, to_ms] of [[0, 500], [900, 1500], [4000, 4500]]) {
    model.speech(true, from_ms);
    model.speech(false, to_ms);
  }
  model.addAudio('agent', level(1000, 9000), 2000, 'reply');
  assert.deepEqual(turnRows(model, []).map(({ who, start_ms, end_ms }) => [who, start_ms, end_ms]),
    [['you', 0, 1500], ['reply', 2000, 3000], ['you', 4000, 4500]]);
  model.speech(true, 5000);
  model.addAudio('agent', level(100, 9000), 4700, 'second');
  assert.equal(turnRows(model, []).length, 5);
});

test('the canvas has a sentence', () => {
  assert.equal(summary(new TimelineModel()), 'Timeline, empty.');
  assert.match(summary(conversation()), /you spoke 2 times, 1 reply, 1 interrupted/);
});
