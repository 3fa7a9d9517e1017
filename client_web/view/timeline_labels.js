// @ts-check
/**
 * The words on the stage: none is cut off at an edge, and none is written over another.
 * @module
 */

const AIR_PX = 8;

export class Labels {
  #ctx;
  #left_px;
  #right_px;
  /** @type {{left: number, right: number, y: number}[]} */
  #taken = [];

  /** @param {Pick<CanvasRenderingContext2D, 'measureText' | 'fillText' | 'fillStyle' | 'textAlign' | 'font'>} ctx
   * @param {{left_px: number, right_px: number}} edges */
  constructor(ctx, { left_px, right_px }) {
    this.#ctx = ctx;
    this.#left_px = left_px;
    this.#right_px = right_px;
  }

  /**
   * @param {string} words @param {number} x where they would begin @param {number} y @param {string} colour
   * @param {{strong?: boolean, after?: boolean}} [how] `after`: never left of `x`; at the right edge they are left out instead
   * @returns {boolean} false: there was no room, and nothing is written
   */
  put(words, x, y, colour, { strong = false, after = false } = {}) {
    const ctx = this.#ctx;
    const { font } = ctx;
    if (strong) ctx.font = `600 ${font}`;
    const width = ctx.measureText(words).width;

    const left = after ? x : Math.min(x, this.#right_px - width);
    const fits = left >= this.#left_px && left + width <= this.#right_px && !this.#meets(left, left + width, y);
    if (fits) {
      ctx.textAlign = 'left';
      ctx.fillStyle = colour;
      ctx.fillText(words, left, y);
      this.#taken.push({ left, right: left + width, y });
    }
    ctx.font = font;
    return fits;
  }

  /** @param {number} left @param {number} right @param {number} y */
  #meets(left, right, y) {
    return this.#taken.some((other) => Math.abs(other.y - y) < 12 && left < other.right + AIR_PX && right > other.left - AIR_PX);
  }
}
