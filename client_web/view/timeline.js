// @ts-check
/**
 * The stage on its canvas: follows the present, is dragged into the past, and is clicked for replay. Drawing stops while
 * nobody can see it.
 * @module
 */

import { palette } from './palette.js';
import { NAMES_PX, PRESENT_SHARE, followingEdge, timeAt } from './timeline_geometry.js';
import { paint } from './timeline_paint.js';
import { summary } from './turns.js';

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {import('./timeline_paint.js').Palette} Palette */

/** With reduced motion pages stand still, and what is new on them is drawn this often. */
const CALM_FRAME_MS = 200;
/** So many times as long as drawing took, nothing is drawn: a slow machine needs its time for the sound. */
const LEISURE = 5;
const DRAG_PX = 5;
const POINTED_MS = 4000;
const NARROW_PX = 560;
/** Smaller, the bars of a whole picture would be hairs. */
const LEAST_PX_PER_S = 70;
/** What moved last has come to rest. */
const SETTLED_MS = 800;

export class Timeline {
  #canvas;
  #ctx;
  #model;
  #on_click;
  #on_view;
  #playhead;
  /** @type {Palette} */
  #palette;
  #font;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #live = false;
  #drawn_ms = 0;
  #cost_ms = 0;
  /** @type {number | null} null: follow the present */
  #right_ms = null;
  #moving_until_ms = 0;
  /** @type {number | null} */
  #pointed_ms = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pointing;
  /** @type {{length_ms: number, middle_ms: number, now: () => number} | null} */
  #whole = null;
  /** @type {number | null} */
  #pointer_ms = null;
  /** @type {{x_px: number, right_ms: number, moved: boolean} | null} */
  #drag = null;
  #frame = 0;
  /** @type {string} said while there is nothing to show */
  invitation = '';

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {TimelineModel} model
   * @param {object} [options]
   * @param {(at_ms: number) => void} [options.onClick] gets page-clock time
   * @param {(view: {left_ms: number, right_ms: number, following: boolean}) => void} [options.onView] after every drawing
   * @param {() => number | null} [options.playhead] where a replay is, null for none
   */
  constructor(canvas, model, { onClick = () => {}, onView = () => {}, playhead = () => null } = {}) {
    this.#canvas = canvas;
    this.#ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.#model = model;
    this.#on_click = onClick;
    this.#on_view = onView;
    this.#playhead = playhead;
    this.#palette = palette(canvas);
    this.#font = getComputedStyle(canvas).fontFamily;
    new ResizeObserver(() => this.draw()).observe(this.#canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.recolour());
    document.addEventListener('visibilitychange', () => this.#schedule());
    this.#listen();
  }

  /** The theme has changed. */
  recolour() {
    this.#palette = palette(this.#canvas);
    this.draw();
  }

  /** Show another conversation. @param {TimelineModel} model */
  set model(model) {
    this.#model = model;
    this.#right_ms = null;
    this.#whole = null;
    this.draw();
  }

  /** Show all of it at once, by a clock of its own. @param {{length_ms: number, middle_ms: number, now: () => number}} whole where there is no
   *   room for all, `middle_ms` of it stands in the middle */
  showWhole(whole) {
    this.#whole = whole;
    this.#schedule();
    this.draw();
  }

  /** @param {boolean} live the present moves on: keep drawing */
  set live(live) {
    if (this.#live && !live) this.#moving_until_ms = performance.now() + SETTLED_MS;
    this.#live = live;
    this.describe();
    this.#schedule();
    this.draw();
  }

  /** Show the present again. */
  follow() {
    this.#right_ms = null;
    this.draw();
  }

  /** Put a moment into view. @param {number} at_ms */
  reveal(at_ms) {
    const view = this.#view();
    if (at_ms >= timeAt(view, NAMES_PX) && at_ms <= view.right_ms) return;
    this.moveTo(at_ms + (view.width_px / view.px_per_s) * 400);
  }

  /** Put a moment into the middle. @param {number} at_ms */
  centre(at_ms) {
    const view = this.#view();
    this.moveTo(at_ms + ((view.width_px - NAMES_PX) / view.px_per_s) * 500);
  }

  /** Look at a moment and mark it for a while. @param {number} at_ms */
  point(at_ms) {
    this.centre(at_ms);
    this.#pointed_ms = at_ms;
    clearTimeout(this.#pointing);
    this.#pointing = setTimeout(() => {
      this.#pointed_ms = null;
      this.draw();
    }, POINTED_MS);
    this.draw();
  }

  /** Tell the canvas in words; called when a turn ends, not for every frame. */
  describe() {
    this.#canvas.setAttribute('aria-label', summary(this.#model));
  }

  draw() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const scale = window.devicePixelRatio || 1;
    const pixels = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== pixels[0] || this.#canvas.height !== pixels[1]) [this.#canvas.width, this.#canvas.height] = pixels;
    this.#ctx.setTransform(scale, 0, 0, scale, 0, 0);
    const view = this.#view();
    paint(this.#ctx, {
      model: this.#model,
      view,
      palette: this.#palette,
      font: this.#font,
      now_ms: this.#now_ms,
      live: this.#live,
      whole: this.#whole !== null,
      calm: this.#calm.matches || !this.#moving,
      playhead_ms: this.#playhead(),
      pointer_ms: this.#pointer_ms ?? this.#pointed_ms,
      invitation: this.#model.spans.length === 0 ? this.invitation : '',
    });
    this.#on_view({ left_ms: timeAt(view, NAMES_PX), right_ms: view.right_ms, following: this.#right_ms === null });
  }

  get #now_ms() {
    if (this.#whole) return this.#whole.now();
    return this.#moving ? performance.now() : this.#model.end_ms;
  }

  get #moving() {
    if (this.#whole) return this.#whole.now() < (this.#model.origin_ms ?? 0) + this.#whole.length_ms;
    return this.#live || performance.now() < this.#moving_until_ms;
  }

  #view() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const size = { width_px: width, height_px: height, px_per_s: width < NARROW_PX ? 72 : 100 };
    const now_ms = this.#now_ms;
    if (this.#whole) return wholeView(size, this.#model.origin_ms ?? 0, this.#whole);
    const calm = this.#calm.matches && this.#live;
    const right_ms = this.#right_ms ?? followingEdge(now_ms, this.#model.origin_ms ?? now_ms, size, calm);
    return { ...size, right_ms };
  }

  #schedule() {
    if (this.#frame !== 0 || document.hidden || !(this.#moving || this.#playhead() !== null)) return;
    this.#frame = requestAnimationFrame((now_ms) => {
      this.#frame = 0;
      if (now_ms - this.#drawn_ms >= Math.max(this.#calm.matches ? CALM_FRAME_MS : 0, this.#cost_ms * LEISURE)) {
        this.#drawn_ms = now_ms;
        this.draw();
        this.#cost_ms = performance.now() - now_ms;
      }
      this.#schedule();
    });
  }

  /** A replay began or ended. */
  replayChanged() {
    this.#schedule();
    this.draw();
  }

  /** Look at the past. @param {number} right_ms time at the right edge */
  moveTo(right_ms) {
    const view = this.#view();
    const page_ms = ((view.width_px - NAMES_PX) / view.px_per_s) * 1000;
    const origin_ms = this.#model.origin_ms ?? right_ms;
    const newest_ms = Math.max(origin_ms + page_ms, this.#now_ms + page_ms * (1 - PRESENT_SHARE));
    this.#right_ms = Math.min(newest_ms, Math.max(origin_ms + page_ms * PRESENT_SHARE, right_ms));
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
        this.moveTo(this.#drag.right_ms - (moved_px / view.px_per_s) * 1000);
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
      this.moveTo(view.right_ms + (sideways_px / view.px_per_s) * 1000);
    }, { passive: false });
  }
}

/** @param {{width_px: number, height_px: number, px_per_s: number}} size @param {number} origin_ms @param {{length_ms: number, middle_ms: number}} whole */
function wholeView(size, origin_ms, { length_ms, middle_ms }) {
  const room_px = size.width_px - NAMES_PX;
  const px_per_s = Math.max(LEAST_PX_PER_S, (room_px / length_ms) * 1000);
  const shown_ms = (room_px / px_per_s) * 1000;
  const left_ms = Math.min(Math.max(0, length_ms - shown_ms), Math.max(0, middle_ms - shown_ms / 2));
  return { ...size, px_per_s, right_ms: origin_ms + left_ms + shown_ms };
}
