// @ts-check
/**
 * The picture on the welcome: a reply is cut where the caller begins to talk, and what follows was never heard.
 * @module
 */

import { byId } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const PITCH = 9;
const BAR = 5;
const HEIGHT = 120;
const MIDDLE = 60;
/** Envelopes of two phrases, 0 … 9. */
const ASKED = '0124676531003578764210';
const REPLIED = '013698754101478875312358';
const UNHEARD = '76420157865310';
const INTERRUPTING = '2588764102467753102466420';
const ANSWERED = '025875431124687542130';

export function drawMotif() {
  /** @type {SVGSVGElement} */
  const svg = byId('motif');
  const cut = (ASKED.length + 3 + REPLIED.length) * PITCH;
  const answer = cut + (INTERRUPTING.length + 1) * PITCH;
  const total = answer + ANSWERED.length * PITCH;
  svg.setAttribute('viewBox', `0 0 ${total} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'xMidYMid slice');
  lane(svg, ASKED, 0, 1, 'you');
  lane(svg, REPLIED, (ASKED.length + 3) * PITCH, -1, 'reply');
  lane(svg, UNHEARD, cut + PITCH, -1, 'unheard');
  lane(svg, INTERRUPTING, cut + PITCH / 2 - 2 * PITCH, 1, 'you');
  lane(svg, ANSWERED, answer, -1, 'reply');
  svg.append(shape('line', { class: 'cut', x1: cut + 2, x2: cut + 2, y1: 0, y2: HEIGHT }));
}

/** @param {SVGSVGElement} svg @param {string} heights @param {number} left @param {1 | -1} direction @param {string} name */
function lane(svg, heights, left, direction, name) {
  [...heights].forEach((digit, index) => {
    const height = Math.max(3, (Number(digit) / 9) * (MIDDLE - 8));
    const y = direction > 0 ? MIDDLE + 5 : MIDDLE - 5 - height;
    svg.append(shape('rect', { class: name, x: left + index * PITCH, y, width: BAR, height, rx: 2 }));
  });
}

/** @param {string} tag @param {Record<string, string | number>} attributes */
function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
