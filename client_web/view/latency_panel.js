// @ts-check
/**
 * The latency panel: what the caller feels, in milliseconds, and what went wrong on the way.
 * @module
 */

import { byId, el } from './dom.js';
import { shares } from './latency_stages.js';

/** @typedef {import('../session.js').Stats} Stats */
/** @typedef {import('../session.js').LatencySummary} Summary */
/** @typedef {keyof Stats['latency']} Kind */

/** @type {{kind: Kind, title: string, note: string}[]} */
const FIGURES = [
  { kind: 'response', title: 'End of speech to first sound', note: 'From the end of your turn until you hear the reply.' },
  { kind: 'barge_in', title: 'Interruption to silence', note: 'From the onset of your voice until the reply is silent.' },
  { kind: 'round_trip', title: 'Round trip', note: 'A message to the server and back.' },
];

export class LatencyPanel {
  #root = byId('latency');
  /** @type {Map<Kind, Record<'last' | 'p50' | 'p95' | 'count', HTMLElement>>} */
  #cells = new Map();
  #stages = el('section', { class: 'stages' });
  #counters = el('dl', { class: 'counters' });

  constructor() {
    this.#root.append(...FIGURES.map((figure) => this.#figure(figure)), this.#stages, this.#counters);
    this.show(null);
    this.stages(null, 0);
  }

  /** @param {Stats | null} stats */
  show(stats) {
    for (const { kind } of FIGURES) {
      const cells = this.#cells.get(kind);
      const summary = stats?.latency[kind];
      if (!cells) continue;
      put(cells.last, summary?.last_ms);
      put(cells.p50, summary?.p50_ms);
      put(cells.p95, summary?.p95_ms);
      cells.count.textContent = String(summary?.count ?? 0);
    }
    this.#counters.replaceChildren(...counters(stats).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
  }

  /** @param {Record<string, number> | null} stages milliseconds by stage, of the last reply @param {number} total_ms */
  stages(stages, total_ms) {
    this.#stages.hidden = stages === null;
    if (stages === null) return;
    const rows = shares(stages).map(({ name, ms, share }) => {
      const fill = el('i');
      fill.style.setProperty('width', `${(share * 100).toFixed(1)}%`);
      return el('li', {}, el('span', {}, name), el('span', { class: 'stage-ms' }, `${Math.round(ms)} ms`), el('span', { class: 'bar', 'aria-hidden': 'true' }, fill));
    });
    this.#stages.replaceChildren(el('h3', { class: 'figure-title' }, `Where the last ${Math.round(total_ms)} ms went`), el('ol', {}, ...rows));
  }

  /** @param {{kind: Kind, title: string, note: string}} figure @returns {HTMLElement} */
  #figure({ kind, title, note }) {
    const cells = { last: el('dd'), p50: el('dd'), p95: el('dd'), count: el('dd') };
    this.#cells.set(kind, cells);
    const pair = (/** @type {string} */ name, /** @type {HTMLElement} */ cell, big = false) =>
      el('div', big ? { class: 'big' } : {}, el('dt', {}, name), cell);
    return el('section', { 'data-figure': kind }, el('h3', { class: 'figure-title' }, title), el('p', { class: 'figure-note' }, note),
      el('dl', { class: 'figure-row' }, pair('last', cells.last, true), pair('p50', cells.p50), pair('p95', cells.p95), pair('count', cells.count)));
  }
}

/** @param {HTMLElement} cell @param {number | null | undefined} ms */
function put(cell, ms) {
  if (ms === null || ms === undefined) cell.replaceChildren('–');
  else cell.replaceChildren(String(Math.round(ms)), el('small', {}, 'ms'));
}

/** @param {Stats | null} stats @returns {[string, string][]} */
function counters(stats) {
  return [
    ['Gaps in the reply (underruns)', String(stats?.speaker.underruns ?? 0)],
    ['Reply sound waiting', stats ? `${Math.round(stats.speaker.queued_ms)} ms` : '–'],
    ['Microphone frames dropped', String(stats?.microphone.frames_dropped ?? 0)],
    ['Connections', String(stats?.link.connections ?? 0)],
  ];
}
