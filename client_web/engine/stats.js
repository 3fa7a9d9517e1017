// @ts-check
/** One picture of a session in figures. Pure. */

import { samplesToMs } from '../audio/pcm.js';

const NO_LINK = {
  connections: 0, attempts: 0, extended: false, buffered_bytes: 0, sent_bytes: 0, received_bytes: 0, last_seq: null, missed_seq: 0,
};

/**
 * @param {object} parts
 * @param {import('../session.js').State} parts.state
 * @param {import('./connector.js').Connector | null} parts.connector
 * @param {import('./equipment.js').Equipment} parts.equipment
 * @param {import('./outbox.js').Outbox} parts.outbox
 * @param {import('../audio/clocks.js').InputClock} parts.inputClock
 * @param {import('./latency.js').LatencyBook} parts.latency
 * @returns {import('../session.js').Stats}
 */
export function statsOf({ state, connector, equipment, outbox, inputClock, latency }) {
  const { sound, speaker, microphone, muted } = equipment;
  const context_rate_hz = sound.context?.sampleRate ?? null;
  const { frames_sent, frames_dropped, frames_waiting } = outbox;
  return {
    state,
    link: connector?.counters() ?? NO_LINK,
    microphone: {
      open: microphone.isOpen,
      muted,
      frames_sent,
      frames_dropped,
      frames_waiting,
      sent_ms: samplesToMs(inputClock.samples),
      context_rate_hz,
    },
    speaker: { ...speaker.counters(), output_latency_ms: sound.output_latency_ms, context_rate_hz, volume: speaker.volume },
    latency: latency.summary(),
  };
}
