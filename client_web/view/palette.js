// @ts-check
/**
 * The colours of the style sheet, for a canvas.
 * @module
 */

/** @typedef {import('./timeline_paint.js').Palette} Palette */

const NAMES = /** @type {const} */ (['ink', 'ink-2', 'line', 'line-strong', 'surface', 'you', 'you-soft', 'reply', 'reply-soft', 'hold', 'hold-soft', 'error']);

/** @param {HTMLElement} canvas the custom properties that it inherits count, resolved for the theme that it is shown in @returns {Palette} */
export function palette(canvas) {
  const probe = document.createElement('span');
  probe.hidden = true;
  canvas.parentNode?.append(probe);
  const found = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name.replaceAll('-', '_'), getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}
