// @ts-check
/**
 * The timeline on its canvas: follows the present, is dragged into the past, and is clicked for replay. Drawing stops while
 * nobody can see it.
 * @module
 */

import { byId } from './dom.js';
import { NAMES_PX, followingEdge, timeAt } from './timeline_geometry.js';
import { paint } from './timeline_paint.js';
import { summary } from './turns.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./timeline_paint.js').Palette} Palette */

const FRAME_MS = 33;
const DRAG_PX = 5;
const NARROW_PX = 560;

export class Timeline {
  /** @type {HTMLCanvasElement} */
  #canvas = byId('timeline');
  #follow_button = byId('timeline-follow');
  #ctx = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext('2d'));
  #model;
  #on_click;
  #playhead;
  /** @type {Palette} */
  #palette = palette();
  #font = getComputedStyle(document.body).fontFamily;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #live = false;
  #drawn_ms = 0;
  /** @type {number | null} null: follow the present */
  #right_ms = null;
  /** @type {number | null} */
  #pointer_ms = null;
  /** @type {{x_px: number, right_ms: number, moved: boolean} | null} */
  #drag = null;
  #frame = 0;

  /**
   * @param {TimelineModel} model
   * @param {{onClick: (at_ms: number) => void, playhead: () => number | null}} options `onClick` gets page-clock time;
   *   `playhead` is where a replay is, null for none
   */
  constructor(model, { onClick, playhead }) {
    this.#model = model;
    this.#on_click = onClick;
    this.#playhead = playhead;
    new ResizeObserver(() => this.draw()).observe(this.#canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#palette = palette();
      this.draw();
    });
    document.addEventListener('visibilitychange', () => this.#schedule());
    this.#follow_button.addEventListener('click', () => this.follow());
    this.#listen();
  }

  /** @param {boolean} live the present moves on: keep drawing */
  set live(live) {
    this.#live = live;
    this.describe();
    this.#schedule();
    this.draw();
  }

  /** Show the present again. */
  follow() {
    this.#right_ms = null;
    this.#follow_button.hidden = true;
    this.draw();
  }

  /** Put a moment into view. @param {number} at_ms */
  reveal(at_ms) {
    const view = this.#view();
    if (at_ms >= timeAt(view, NAMES_PX) && at_ms <= view.right_ms) return;
    this.#moveTo(at_ms + (view.width_px / view.px_per_s) * 700);
  }

  /** Tell the canvas in words; called when a turn ends, not for every frame. */
  describe() {
    this.#canvas.setAttribute('aria-label', summary(this.#model));
  }

  draw() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width === 0) return;
    const scale = window.devicePixelRatio || 1;
    const pixels = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== pixels[0] || this.#canvas.height !== pixels[1]) [this.#canvas.width, this.#canvas.height] = pixels;
    this.#ctx.setTransform(scale, 0, 0, scale, 0, 0);
    paint(this.#ctx, {
      model: this.#model,
      view: this.#view(),
      palette: this.#palette,
      font: this.#font,
      now_ms: this.#now_ms,
      playhead_ms: this.#playhead(),
      pointer_ms: this.#pointer_ms,
    });
  }

  get #now_ms() {
    return this.#live ? performance.now() : this.#model.end_ms;
  }

  #view() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const size = { width_px: width, height_px: height, px_per_s: width < NARROW_PX ? 36 : 50 };
    const now_ms = this.#now_ms;
    const right_ms = this.#right_ms ?? followingEdge(now_ms, this.#model.origin_ms ?? now_ms, size, this.#calm.matches);
    return { ...size, right_ms };
  }

  #schedule() {
    if (this.#frame !== 0 || document.hidden || !(this.#live || this.#playhead() !== null)) return;
    this.#frame = requestAnimationFrame((now_ms) => {
      this.#frame = 0;
      if (now_ms - this.#drawn_ms >= FRAME_MS) {
        this.#drawn_ms = now_ms;
        this.draw();
      }
      this.#schedule();
    });
  }

  /** A replay began or ended. */
  replayChanged() {
    this.#schedule();
    this.draw();
  }

  /** @param {number} right_ms */
  #moveTo(right_ms) {
    const view = this.#view();
    const page_ms = ((view.width_px - NAMES_PX) / view.px_per_s) * 1000;
    const origin_ms = this.#model.origin_ms ?? right_ms;
    const newest_ms = Math.max(origin_ms + page_ms, this.#model.end_ms + page_ms * 0.06);
    this.#right_ms = Math.min(newest_ms, Math.max(origin_ms + page_ms, right_ms));
    this.#follow_button.hidden = !this.#live;
    this.draw();
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || this.#model.origin_ms === null) return;
      canvas.setPointerCapture(event.pointerId);
      this.#drag = { x_px: event.offsetX, right_ms: this.#view().right_ms, moved: false };
    });
    canvas.addEventListener('pointermove', (event) => {
      const view = this.#view();
      this.#pointer_ms = event.pointerType === 'mouse' ? timeAt(view, event.offsetX) : null;
      const moved_px = this.#drag ? event.offsetX - this.#drag.x_px : 0;
      if (this.#drag && (this.#drag.moved || Math.abs(moved_px) > DRAG_PX)) {
        this.#drag.moved = true;
        this.#moveTo(this.#drag.right_ms - (moved_px / view.px_per_s) * 1000);
      } else if (!this.#live) this.draw();
    });
    canvas.addEventListener('pointerup', (event) => {
      if (this.#drag && !this.#drag.moved) this.#on_click(timeAt(this.#view(), event.offsetX));
      this.#drag = null;
    });
    canvas.addEventListener('pointercancel', () => { this.#drag = null; });
    canvas.addEventListener('pointerleave', () => {
      this.#pointer_ms = null;
      this.draw();
    });
    canvas.addEventListener('wheel', (event) => {
      const sideways_px = event.shiftKey ? event.deltaY : event.deltaX;
      if (sideways_px === 0 || this.#model.origin_ms === null) return;
      event.preventDefault();
      const view = this.#view();
      this.#moveTo(view.right_ms + (sideways_px / view.px_per_s) * 1000);
    }, { passive: false });
  }
}

/** The colours of style.css, for the canvas. @returns {Palette} */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour('ink'), ink_2: colour('ink-2'), line: colour('line'), surface: colour('surface'), you: colour('you'), you_soft: colour('you-soft'),
    reply: colour('reply'), hold: colour('hold'), hold_soft: colour('hold-soft'), error: colour('error'),
  };
}
