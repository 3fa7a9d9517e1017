// @ts-check
/**
 * Draws the timeline: plain canvas calls, no state of its own.
 * @module
 */

import { BAR_PX, NAMES_PX, barHeight, bars, clock, lanes, ticks, timeAt, xAt } from './timeline_geometry.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./timeline_geometry.js').View} View */
/** @typedef {import('./timeline_geometry.js').Lanes} Lanes */
/** @typedef {Record<'ink' | 'ink_2' | 'line' | 'surface' | 'you' | 'you_soft' | 'reply' | 'hold' | 'hold_soft' | 'error', string>} Palette */
/** @typedef {{model: TimelineModel, view: View, palette: Palette, font: string, now_ms: number, playhead_ms: number | null, pointer_ms: number | null}} Scene
 *   `now_ms`: as far as there is something to show */

const MIN_BAR_PX = 2;
const LABEL_PX = 12;
const LONGEST_HOLD_MS = 1500;

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene */
export function paint(ctx, scene) {
  const { model, view, palette } = scene;
  const at = lanes(view.height_px);
  ctx.clearRect(0, 0, view.width_px, view.height_px);
  ctx.font = `${LABEL_PX}px ${scene.font}`;
  ctx.textBaseline = 'middle';
  ctx.save();
  ctx.beginPath();
  ctx.rect(NAMES_PX, 0, view.width_px - NAMES_PX, view.height_px);
  ctx.clip();
  if (model.origin_ms !== null) {
    paintTicks(ctx, scene, at, model.origin_ms);
    paintGround(ctx, scene, at, model.origin_ms);
    paintSpans(ctx, scene, at);
    paintLane(ctx, scene, 'agent', at.reply_base, at.reply_base - at.reply_top, -1, model.origin_ms);
    paintLane(ctx, scene, 'caller', at.you_base, at.you_bottom - at.you_base, 1, model.origin_ms);
    paintUnheard(ctx, scene, at);
    paintMarks(ctx, scene, at);
    paintBrackets(ctx, scene, at);
  }
  if (model.spans.length === 0) label(ctx, 'What you both say is drawn here. Click it to hear it again.', NAMES_PX + 14, at.you_base + 22, palette.ink_2);
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
    ctx.fillStyle = palette.line;
    ctx.fillRect(Math.round(tick.x_px), at.reply_top, 1, at.ticks_y - at.reply_top);
    ctx.fillStyle = palette.ink_2;
    if (tick.x_px > NAMES_PX + 12 && tick.x_px < view.width_px - 14) ctx.fillText(tick.label, tick.x_px, at.ticks_y + 11);
  }
}

/** Speech as the detector saw it, behind the caller; a hold behind the reply.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at */
function paintSpans(ctx, { model, view, palette }, at) {
  for (const span of model.spans) {
    const left = xAt(view, span.start_ms);
    const width = Math.max(2, xAt(view, span.end_ms ?? model.end_ms) - left);
    if (left > view.width_px || left + width < 0) continue;
    if (span.kind === 'speech') {
      ctx.fillStyle = palette.you_soft;
      box(ctx, left, at.you_base - 3, width, at.you_bottom - at.you_base + 3, 4);
    } else if (span.kind === 'hold') {
      ctx.fillStyle = palette.hold_soft;
      box(ctx, left, at.reply_top, width, at.reply_base - at.reply_top + 3, 4);
      if (!span.cut) label(ctx, 'held', left, at.reply_top - 9, palette.hold);
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {'caller' | 'agent'} lane
 * @param {number} base_px @param {number} room_px @param {1 | -1} direction down or up @param {number} origin_ms
 */
function paintLane(ctx, { model, view, palette }, lane, base_px, room_px, direction, origin_ms) {
  ctx.fillStyle = lane === 'agent' ? palette.reply : palette.you;
  for (const bar of bars(view, origin_ms)) {
    const height = Math.round(barHeight(model.peak(lane, bar.from_ms, bar.to_ms)) * (room_px - 2));
    if (height < 1) continue;
    const tall = Math.max(MIN_BAR_PX, height);
    box(ctx, bar.x_px, direction > 0 ? base_px : base_px - tall, BAR_PX, tall, 1.5);
  }
}

/** What had arrived and was never played: hollow bars after the cut.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at */
function paintUnheard(ctx, { model, view, palette }, at) {
  ctx.strokeStyle = palette.reply;
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 3]);
  for (const span of model.spans) {
    if (span.kind !== 'unheard') continue;
    const left = xAt(view, span.start_ms) + 3;
    const width = xAt(view, span.end_ms ?? model.end_ms) - left;
    if (width < 3 || left > view.width_px || left + width < 0) continue;
    const middle = (at.reply_top + at.reply_base) / 2;
    ctx.beginPath();
    ctx.roundRect(left, middle - 2, width, at.reply_base - middle + 1, 3);
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at */
function paintMarks(ctx, { model, view, palette }, at) {
  for (const mark of model.marks) {
    const x = Math.round(xAt(view, mark.at_ms));
    if (x < -60 || x > view.width_px + 4) continue;
    if (mark.kind === 'cut') {
      ctx.fillStyle = palette.ink;
      ctx.fillRect(x, 5, 1.5, at.reply_base - 3);
      const barge_in = bargeInAt(model, mark.at_ms);
      label(ctx, barge_in ? `barge-in ${Math.round(barge_in.ms)} ms` : 'cut', x + 6, at.reply_top - 9, barge_in ? palette.you : palette.ink);
    } else if (mark.kind === 'underrun') {
      ctx.fillStyle = palette.error;
      ctx.fillRect(x, at.reply_base - 8, 2, 8);
      label(ctx, 'gap', x, at.reply_top - 9, palette.error);
    }
  }
}

/** The interruption that a cut belongs to: the reply fell silent at the hold, a little before it was dropped.
 * @param {TimelineModel} model @param {number} cut_ms */
function bargeInAt(model, cut_ms) {
  return model.brackets.find((bracket) => bracket.kind === 'barge_in' && bracket.at_ms <= cut_ms + 1 && cut_ms - bracket.at_ms < LONGEST_HOLD_MS);
}

/** Latencies stand where they happened: in the gap between the lanes.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at */
function paintBrackets(ctx, { model, view, palette }, at) {
  const y = Math.round((at.reply_base + at.you_base) / 2) + 0.5;
  for (const bracket of model.brackets) {
    const left = xAt(view, bracket.from_ms);
    const right = xAt(view, bracket.at_ms);
    if (left > view.width_px || right < -60) continue;
    const barge_in = bracket.kind === 'barge_in';
    ctx.strokeStyle = barge_in ? palette.you : palette.ink_2;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(left, y - 5);
    ctx.lineTo(left, y + 5);
    ctx.moveTo(left, y);
    ctx.lineTo(right, y);
    ctx.moveTo(right, y - 5);
    ctx.lineTo(right, y + 5);
    ctx.stroke();
    if (!barge_in) label(ctx, `${Math.round(bracket.ms)} ms`, right + 6, y + 0.5, palette.ink_2);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Lanes} at */
function paintNames(ctx, { palette }, at) {
  label(ctx, 'Reply', 14, at.reply_base - 7, palette.reply);
  label(ctx, 'You', 14, at.you_base + 8, palette.you);
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {number | null} at_ms @param {string} colour @param {Lanes} at */
function paintCursor(ctx, { view, model }, at_ms, colour, at) {
  if (at_ms === null || model.origin_ms === null || at_ms < timeAt(view, 0)) return;
  const x = Math.round(xAt(view, at_ms));
  ctx.fillStyle = colour;
  ctx.fillRect(x, 4, 1, at.ticks_y - 4);
  const words = clock(at_ms - model.origin_ms);
  const flip = x > view.width_px - 48;
  ctx.textAlign = flip ? 'right' : 'left';
  ctx.fillText(words, x + (flip ? -5 : 5), 10);
  ctx.textAlign = 'left';
}

/** @param {CanvasRenderingContext2D} ctx @param {string} words @param {number} x @param {number} y @param {string} colour */
function label(ctx, words, x, y, colour) {
  ctx.textAlign = 'left';
  ctx.fillStyle = colour;
  ctx.fillText(words, x, y);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} width @param {number} height @param {number} radius */
function box(ctx, x, y, width, height, radius) {
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, Math.min(radius, width / 2, height / 2));
  ctx.fill();
}
