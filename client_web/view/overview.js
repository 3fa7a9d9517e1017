// @ts-check
/**
 * The whole call in one strip below the stage: where the stage looks is framed, and can be moved by pointer and by keys.
 * @module
 */

import { palette } from './palette.js';
import { barHeight, clock } from './timeline_geometry.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */

const PITCH_PX = 3;
const STEP_MS = 5000;
/** A call that fits on the stage needs no overview. */
const WORTH_MS = 12_000;
const FRAME_MS = 500;

export class Overview {
  #canvas;
  #ctx;
  #model;
  #on_move;
  #palette;
  #view = { left_ms: 0, right_ms: 0, following: true };
  #drawn_ms = 0;

  /** @param {HTMLCanvasElement} canvas @param {TimelineModel} model @param {{onMove: (at_ms: number) => void}} options `onMove` gets the
   *   moment that shall stand in the middle */
  constructor(canvas, model, { onMove }) {
    this.#canvas = canvas;
    this.#ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.#model = model;
    this.#on_move = onMove;
    this.#palette = palette(canvas);
    this.#listen();
  }

  recolour() {
    this.#palette = palette(this.#canvas);
    this.#draw();
  }

  /** @param {{left_ms: number, right_ms: number, following: boolean}} view what the stage shows */
  show(view) {
    const moved = view.following !== this.#view.following || (!view.following && view.right_ms !== this.#view.right_ms);
    this.#view = view;
    const worth = this.#length_ms > WORTH_MS;
    const appears = worth && this.#canvas.hidden;
    this.#canvas.hidden = !worth;
    const now_ms = performance.now();
    if (!worth || (!moved && !appears && now_ms - this.#drawn_ms < FRAME_MS)) return;
    this.#drawn_ms = now_ms;
    this.#draw();
  }

  get #length_ms() {
    return this.#model.origin_ms === null ? 0 : this.#model.end_ms - this.#model.origin_ms;
  }

  #draw() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width === 0) return;
    const scale = window.devicePixelRatio || 1;
    [this.#canvas.width, this.#canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    const ctx = this.#ctx;
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    ctx.clearRect(0, 0, width, height);
    const origin_ms = this.#model.origin_ms ?? 0;
    const per_px = this.#length_ms / width;
    const x = (/** @type {number} */ at_ms) => (at_ms - origin_ms) / per_px;
    ctx.fillStyle = this.#palette.line;
    const [left, right] = [Math.max(0, x(this.#view.left_ms)), Math.min(width, x(this.#view.right_ms))];
    ctx.globalAlpha = 0.6;
    ctx.beginPath();
    ctx.roundRect(left, 0, Math.max(8, right - left), height, 4);
    ctx.fill();
    ctx.globalAlpha = 1;
    for (const lane of /** @type {const} */ (['agent', 'caller'])) {
      ctx.fillStyle = lane === 'agent' ? this.#palette.reply : this.#palette.you;
      for (let at = 0; at < width; at += PITCH_PX) {
        const peak = this.#model.peak(lane, origin_ms + at * per_px, origin_ms + (at + PITCH_PX) * per_px);
        const tall = Math.round(barHeight(peak) * (height / 2 - 2));
        if (tall > 0) ctx.fillRect(at, lane === 'agent' ? height / 2 - 0.5 - tall : height / 2 + 0.5, PITCH_PX - 1, tall);
      }
    }
    ctx.fillStyle = this.#palette.ink;
    for (const mark of this.#model.marks) if (mark.kind === 'cut') ctx.fillRect(Math.round(x(mark.at_ms)), 2, 1.5, height - 4);
    this.#tell();
  }

  #tell() {
    const middle_ms = (this.#view.left_ms + this.#view.right_ms) / 2 - (this.#model.origin_ms ?? 0);
    const at_s = Math.round(Math.min(this.#length_ms, Math.max(0, middle_ms)) / 1000);
    const all_s = Math.round(this.#length_ms / 1000);
    this.#canvas.setAttribute('aria-valuemax', String(all_s));
    this.#canvas.setAttribute('aria-valuenow', String(Math.min(at_s, all_s)));
    this.#canvas.setAttribute('aria-valuetext', `${clock(at_s * 1000)} of ${clock(this.#length_ms)}`);
  }

  #listen() {
    const canvas = this.#canvas;
    let dragging = false;
    const move = (/** @type {PointerEvent} */ event) => {
      const { left, width } = canvas.getBoundingClientRect();
      this.#on_move((this.#model.origin_ms ?? 0) + (Math.min(1, Math.max(0, (event.clientX - left) / width))) * this.#length_ms);
    };
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      dragging = true;
      move(event);
    });
    canvas.addEventListener('pointermove', (event) => { if (dragging) move(event); });
    for (const kind of ['pointerup', 'pointercancel']) canvas.addEventListener(kind, () => { dragging = false; });
    canvas.addEventListener('keydown', (event) => {
      const origin_ms = this.#model.origin_ms ?? 0;
      const middle_ms = (this.#view.left_ms + this.#view.right_ms) / 2;
      const steps = { ArrowLeft: middle_ms - STEP_MS, ArrowDown: middle_ms - STEP_MS, ArrowRight: middle_ms + STEP_MS, ArrowUp: middle_ms + STEP_MS, Home: origin_ms, End: this.#model.end_ms };
      const to_ms = steps[/** @type {keyof typeof steps} */ (event.key)];
      if (to_ms === undefined) return;
      event.preventDefault();
      this.#on_move(to_ms);
    });
  }
}
