// @ts-check
/**
 * Draws the stage: plain canvas calls, no state of its own. What moves follows from the model and the time alone.
 * @module
 */

import { BAR_MS, BAR_SHARE, NAMES_PX, barHeight, bars, clock, lanes, ticks, timeAt, xAt } from './timeline_geometry.js';
import { Labels } from './timeline_labels.js';
import { BIN_MS } from './timeline_model.js';
import { LINGER_MS, cutWords, heldShare, hollowBars, snap } from './timeline_motion.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./timeline_geometry.js').View} View */
/** @typedef {import('./timeline_geometry.js').Bar} Bar */
/** @typedef {import('./timeline_geometry.js').Lanes} Lanes */
/** @typedef {Record<'ink' | 'ink_2' | 'line' | 'line_strong' | 'surface' | 'you' | 'you_soft' | 'reply' | 'reply_soft' | 'hold' | 'hold_soft' | 'error', string>} Palette */
/**
 * @typedef {object} Scene
 * @property {TimelineModel} model
 * @property {View} view
 * @property {Palette} palette
 * @property {string} font
 * @property {number} now_ms as far as there is something to show
 * @property {boolean} live the present moves on
 * @property {boolean} whole all of it is shown at once
 * @property {boolean} calm reduced motion: nothing swells or snaps
 * @property {number | null} playhead_ms where a replay is
 * @property {number | null} pointer_ms
 * @property {string} [invitation] said while there is nothing to show
 */

const MIN_BAR_PX = 3;
const LABEL_PX = 12;
const FADE_PX = 40;

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene */
export function paint(ctx, scene) {
  const { model, view, palette } = scene;
  const at = lanes(view.height_px);
  ctx.clearRect(0, 0, view.width_px, view.height_px);
  ctx.font = `${LABEL_PX}px ${scene.font}`;
  ctx.textBaseline = 'middle';
  const labels = new Labels(ctx, { left_px: NAMES_PX, right_px: view.width_px - 4 });
  ctx.save();
  ctx.beginPath();
  ctx.rect(NAMES_PX, 0, view.width_px - NAMES_PX, view.height_px);
  ctx.clip();
  if (model.origin_ms !== null) {
    paintTicks(ctx, scene, at, model.origin_ms);
    paintGround(ctx, scene, at, model.origin_ms);
    paintHolds(ctx, scene, at, labels);
    paintReply(ctx, scene, at, model.origin_ms);
    paintCaller(ctx, scene, at, model.origin_ms);
    paintUnheard(ctx, scene, at, labels);
    paintMarks(ctx, scene, at, labels);
    paintLatencies(ctx, scene, at, labels);
  }
  if (!scene.whole) fadeLeft(ctx);
  if (scene.live) paintPresent(ctx, scene, at);
  if (scene.invitation) labels.put(scene.invitation, NAMES_PX + 14, at.you_base + 22, palette.ink_2);
  paintCursor(ctx, scene, scene.pointer_ms, palette.ink_2, at);
  paintCursor(ctx, scene, scene.playhead_ms, palette.ink, at);
  ctx.restore();
  paintNames(ctx, scene, at);
}

/** The ground of both lanes grows with time, so that silence is seen to pass.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {number} origin_ms */
function paintGround(ctx, { view, palette, now_ms }, at, origin_ms) {
  const left = Math.max(NAMES_PX, xAt(view, origin_ms));
  const width = Math.min(view.width_px, xAt(view, now_ms)) - left;
  ctx.fillStyle = palette.line;
  if (width > 0) for (const y of [at.reply_base, at.you_base - 1]) ctx.fillRect(left, y, width, 1);
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {number} origin_ms */
function paintTicks(ctx, { view, palette, now_ms }, at, origin_ms) {
  ctx.textAlign = 'center';
  for (const tick of ticks(view, origin_ms, now_ms)) {
    const words_px = ctx.measureText(tick.label).width;
    ctx.fillStyle = palette.line;
    ctx.fillRect(Math.round(tick.x_px), at.you_bottom, 1, 6);
    ctx.fillStyle = palette.ink_2;
    if (tick.x_px - words_px / 2 > NAMES_PX && tick.x_px + words_px / 2 < view.width_px) ctx.fillText(tick.label, tick.x_px, at.ticks_y + 13);
  }
  ctx.textAlign = 'left';
}

/** A hold is a gap in the reply, and the only place where its lane is violet afterwards.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {Labels} labels */
function paintHolds(ctx, { model, view, palette, now_ms }, at, labels) {
  for (const span of model.spans) {
    if (span.kind !== 'hold') continue;
    const left = xAt(view, span.start_ms);
    const width = Math.max(3, xAt(view, span.end_ms ?? now_ms) - left);
    if (left > view.width_px || left + width < 0) continue;
    ctx.fillStyle = palette.hold_soft;
    box(ctx, left, at.reply_top, width, at.reply_base - at.reply_top, 4);
    if (!span.cut) labels.put(span.end_ms === null ? 'held' : `held ${Math.round(span.end_ms - span.start_ms)} ms, went on`, left, at.reply_top - 10, palette.hold);
  }
}

/** The reply as it was heard, and lighter what has arrived and comes next. While it is held all of it is violet, and what comes stands still.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {number} origin_ms */
function paintReply(ctx, scene, at, origin_ms) {
  const { model, view, palette, now_ms, calm } = scene;
  const room_px = at.reply_base - at.reply_top;
  const held = heldShare(model, now_ms, calm);
  const last = model.spans.findLast((span) => span.kind === 'reply');
  const put = (/** @type {number} */ x, /** @type {number} */ peak) => bar(ctx, view, x, at.reply_base, peak, room_px, -1);
  const violet = (/** @type {Bar} */ one) => held > 0 && last !== undefined && one.to_ms > last.start_ms && one.from_ms < (last.end_ms ?? now_ms);
  const heard = bars(view, origin_ms).filter((one) => one.from_ms < now_ms && model.known('agent', one.from_ms, one.to_ms));
  const layer = (/** @type {string} */ colour, /** @type {number} */ alpha, /** @type {Bar[]} */ shown) => {
    ctx.beginPath();
    for (const one of shown) put(one.x_px, model.peak('agent', one.from_ms, one.to_ms));
    ctx.fillStyle = colour;
    ctx.globalAlpha = alpha;
    ctx.fill();
  };
  layer(palette.reply, 1, held === 1 ? heard.filter((one) => !violet(one)) : heard);
  if (held > 0) layer(palette.hold, held, heard.filter(violet));
  ctx.globalAlpha = 1;
  const coming = model.coming(now_ms);
  if (!coming) return;
  ctx.beginPath();
  const per_bar = BAR_MS / BIN_MS;
  const grid_ms = model.held ? coming.at_ms : Math.ceil((coming.at_ms - origin_ms) / BAR_MS) * BAR_MS + origin_ms;
  for (let index = 0; ; index += 1) {
    const from = (grid_ms - coming.at_ms) / BIN_MS + index * per_bar;
    const peaks = coming.peaks.slice(Math.floor(from), Math.ceil(from + per_bar));
    const x = xAt(view, grid_ms + index * BAR_MS);
    if (peaks.length === 0 || x > view.width_px) break;
    put(x, Math.max(...peaks.map((peak) => peak ?? 0)));
  }
  ctx.fillStyle = held > 0.5 ? palette.hold : palette.reply;
  ctx.globalAlpha = 0.4;
  ctx.fill();
  ctx.globalAlpha = 1;
}

/** Strong where the detector hears speech; what else the microphone picks up is paler.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {number} origin_ms */
function paintCaller(ctx, { model, view, palette, now_ms }, at, origin_ms) {
  const room_px = at.you_bottom - at.you_base;
  const speech = model.spans.filter((span) => span.kind === 'speech' && (span.end_ms ?? now_ms) > timeAt(view, 0));
  const spoken = (/** @type {Bar} */ one) => speech.some((span) => one.to_ms > span.start_ms && one.from_ms < (span.end_ms ?? now_ms));
  for (const [alpha, wanted] of /** @type {const} */ ([[0.38, false], [1, true]])) {
    ctx.beginPath();
    for (const one of bars(view, origin_ms)) {
      if (one.from_ms >= now_ms || spoken(one) !== wanted || !model.known('caller', one.from_ms, one.to_ms)) continue;
      bar(ctx, view, one.x_px, at.you_base, model.peak('caller', one.from_ms, one.to_ms), room_px, 1);
    }
    ctx.fillStyle = palette.you;
    ctx.globalAlpha = alpha;
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

/** Hollow bars behind the cut: what had arrived and was never played, and then one for each word whose sound never came.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {Labels} labels */
function paintUnheard(ctx, { model, view, palette, now_ms, calm }, at, labels) {
  const room_px = at.reply_base - at.reply_top;
  const width_px = barWidth(view);
  ctx.strokeStyle = palette.reply;
  ctx.lineWidth = 1;
  for (const span of model.spans) {
    if (span.kind !== 'unheard') continue;
    const left = xAt(view, span.start_ms);
    if (left > view.width_px || left < -view.width_px) continue;
    const next = model.spans.find((other) => other.kind === 'reply' && other.start_ms > span.start_ms);
    const end_px = next ? xAt(view, next.start_ms) - 4 : view.width_px;
    const shown = calm ? 1 : Math.min(1, Math.max(0, (now_ms - span.start_ms) / LINGER_MS));
    for (const [index, { peak, alpha }] of hollowBars(span).entries()) {
      const x = left + 5 + (index * BAR_MS * view.px_per_s) / 1000;
      if (x + width_px > end_px) break;
      const height = Math.max(MIN_BAR_PX + 1, barHeight(peak) * (room_px - 2));
      ctx.globalAlpha = alpha * shown;
      ctx.beginPath();
      ctx.roundRect(x + 0.5, at.reply_base - height + 0.5, width_px - 1, height - 1, 2);
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    const count = span.words?.length ?? 0;
    if (count > 0) labels.put(`${count} ${count === 1 ? 'word' : 'words'} not heard`, left + 7, at.reply_top + 4, palette.ink_2, { after: true });
  }
}

/** The cut snaps through both lanes. @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {Labels} labels */
function paintMarks(ctx, { model, view, palette, now_ms, calm }, at, labels) {
  for (const mark of model.marks) {
    const x = Math.round(xAt(view, mark.at_ms));
    if (x < -view.width_px || x > view.width_px + 4) continue;
    if (mark.kind === 'cut') {
      const { reach, width_px } = calm ? { reach: 1, width_px: 2 } : snap(now_ms - mark.at_ms);
      const middle = (at.reply_base + at.you_base) / 2;
      const half = (at.you_bottom - at.reply_top) / 2 + 8;
      ctx.fillStyle = palette.ink;
      ctx.fillRect(x - width_px / 2, middle - half * reach, width_px, 2 * half * reach);
      labels.put(mark.words ?? cutWords(model, mark.at_ms), x + 7, at.reply_top - 10, palette.ink, { strong: true });
    } else if (mark.kind === 'underrun') {
      ctx.fillStyle = palette.error;
      ctx.fillRect(x, at.reply_base - 8, 2, 8);
      labels.put('gap', x, at.reply_top - 10, palette.error);
    }
  }
}

/** The time between a turn and its answer stands in the gap between the lanes.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at @param {Labels} labels */
function paintLatencies(ctx, { model, view, palette }, at, labels) {
  const y = Math.round((at.reply_base + at.you_base) / 2);
  for (const bracket of model.brackets) {
    if (bracket.kind !== 'response') continue;
    const left = xAt(view, bracket.from_ms);
    const right = xAt(view, bracket.at_ms);
    if (left > view.width_px || right < -60) continue;
    ctx.fillStyle = palette.line_strong;
    ctx.fillRect(left, y - 3, 1.5, 7);
    ctx.fillRect(left, y, right - left, 1);
    ctx.fillRect(right - 1, y - 3, 1.5, 7);
    labels.put(`${Math.round(bracket.ms)} ms`, right + 6, y + 0.5, palette.ink_2);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at */
function paintPresent(ctx, { view, palette, now_ms }, at) {
  const x = Math.round(xAt(view, now_ms));
  ctx.fillStyle = palette.line_strong;
  ctx.globalAlpha = 0.55;
  ctx.fillRect(x, at.reply_top - 4, 1, at.you_bottom - at.reply_top + 8);
  ctx.globalAlpha = 1;
}

/** What leaves does so quietly, before it reaches the names. @param {CanvasRenderingContext2D} ctx */
function fadeLeft(ctx) {
  const fade = ctx.createLinearGradient(NAMES_PX, 0, NAMES_PX + FADE_PX, 0);
  fade.addColorStop(0, 'rgb(0 0 0 / 100%)');
  fade.addColorStop(1, 'rgb(0 0 0 / 0%)');
  ctx.globalCompositeOperation = 'destination-out';
  ctx.fillStyle = fade;
  ctx.fillRect(NAMES_PX, 0, FADE_PX, ctx.canvas.height);
  ctx.globalCompositeOperation = 'source-over';
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at */
function paintNames(ctx, { palette }, at) {
  ctx.textAlign = 'left';
  ctx.fillStyle = palette.reply;
  ctx.fillText('Reply', 2, at.reply_base - 8);
  ctx.fillStyle = palette.you;
  ctx.fillText('You', 2, at.you_base + 9);
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {number | null} at_ms @param {string} colour @param {Lanes} at */
function paintCursor(ctx, { view, model }, at_ms, colour, at) {
  if (at_ms === null || model.origin_ms === null || at_ms < timeAt(view, NAMES_PX)) return;
  const x = Math.round(xAt(view, at_ms));
  ctx.fillStyle = colour;
  ctx.fillRect(x, 4, 1, at.ticks_y - 4);
  const words = clock(at_ms - model.origin_ms);
  const flip = x + ctx.measureText(words).width + 8 > view.width_px;
  ctx.textAlign = flip ? 'right' : 'left';
  ctx.fillText(words, x + (flip ? -5 : 5), at.ticks_y + 13);
  ctx.textAlign = 'left';
}

/** Adds one bar to the path. @param {CanvasRenderingContext2D} ctx @param {View} view @param {number} x @param {number} base @param {number} peak
 * @param {number} room_px @param {1 | -1} direction down or up */
function bar(ctx, view, x, base, peak, room_px, direction) {
  const height = Math.max(MIN_BAR_PX, barHeight(peak) * (room_px - 2));
  const width = barWidth(view);
  ctx.roundRect(x, direction > 0 ? base : base - height, width, height, Math.min(2, width / 2));
}

/** @param {View} view */
function barWidth(view) {
  return Math.max(2, ((BAR_MS * view.px_per_s) / 1000) * BAR_SHARE);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} width @param {number} height @param {number} radius */
function box(ctx, x, y, width, height, radius) {
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, Math.min(radius, width / 2, height / 2));
  ctx.fill();
}
