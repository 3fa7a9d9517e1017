// @ts-check
/**
 * The receipt of a call: what it was, in figures. Pure.
 * @module
 */

import { ENDINGS } from '../engine/endings.js';
import { clock } from './timeline_geometry.js';
import { countWords } from './transcript_model.js';

/** @typedef {import('./transcript_model.js').Entry} Entry */
/** @typedef {{amount: number, currency: string, whole: boolean}} Cost `whole`: everything in it has a known price; else it was more */
/** @typedef {{name: string, value: string, unit: string, label: string}} Figure */

/**
 * @param {object} call
 * @param {number} call.length_ms
 * @param {readonly Entry[]} call.said
 * @param {readonly {kind: string, ms: number}[]} call.latencies
 * @param {Cost | null} call.cost null: not known
 * @returns {Figure[]} a figure that nobody knows is left out
 */
export function receipt({ length_ms, said, latencies, cost }) {
  const cut = said.filter((entry) => entry.role === 'assistant' && entry.ending !== null && ENDINGS[entry.ending].interruption);
  const unheard = said.reduce((sum, entry) => sum + (entry.interrupted ? countWords(entry.unheard) : 0), 0);
  const silence_ms = median(latencies.filter(({ kind }) => kind === 'barge_in').map(({ ms }) => ms));
  const answer_ms = median(latencies.filter(({ kind }) => kind === 'response').map(({ ms }) => ms));
  const figures = [
    { name: 'length', value: clock(length_ms), unit: '', label: 'length' },
    { name: 'interruptions', value: String(cut.length), unit: '', label: cut.length === 1 ? 'interruption' : 'interruptions' },
    { name: 'silence', value: silence_ms === null ? '' : String(Math.round(silence_ms)), unit: 'ms', label: 'until it fell silent' },
    { name: 'answer', value: answer_ms === null ? '' : String(Math.round(answer_ms)), unit: 'ms', label: 'until it answered' },
    { name: 'unheard', value: String(unheard), unit: '', label: unheard === 1 ? 'word not heard' : 'words not heard' },
    { name: 'cost', value: cost === null || cost.amount === 0 ? '' : money(cost), unit: '', label: cost?.whole === false ? 'cost at least' : 'cost' },
  ];
  return figures.filter(({ value }) => value !== '');
}

/** @param {Pick<Cost, 'amount' | 'currency'>} cost @returns {string} small sums with as many places as they need */
export function money({ amount, currency }) {
  const maximumFractionDigits = amount >= 1 ? 2 : 4;
  return new Intl.NumberFormat('en', { style: 'currency', currency, minimumFractionDigits: 2, maximumFractionDigits }).format(amount);
}

/** @param {number[]} values @returns {number | null} */
function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
