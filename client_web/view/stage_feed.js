// @ts-check
/**
 * What a VoiceSession tells, put on the stage.
 * @module
 */

/** @typedef {import('./timeline_model.js').TimelineModel} TimelineModel */
/** @typedef {(name: string, handle: (detail: any) => void) => void} On listens to an event of the session */

/** @param {On} on @param {TimelineModel} model */
export function feedStage(on, model) {
  on('arrived', (/** @type {import('../session.js').ArrivedDetail} */ sound) => model.arrive(sound.item_id, sound.start_sample, sound.samples));
  on('audio', (/** @type {import('../session.js').AudioDetail} */ sound) => {
    if (sound.sent) model.addAudio(sound.lane, sound.samples, sound.start_ms, sound.item_id, sound.start_sample);
  });
  on('vad', (/** @type {import('../session.js').VadDetail} */ vad) => model.speech(vad.speech, vad.at_ms));
  on('hold', (/** @type {import('../session.js').HoldDetail} */ hold) => model.hold(hold.item_id, hold.at_ms));
  on('resume', (/** @type {import('../session.js').HoldDetail} */ hold) => model.resume(hold.item_id, hold.at_ms));
  on('flush', (/** @type {import('../session.js').FlushDetail} */ flush) =>
    model.flush(flush.item_id, flush.at_ms, flush.dropped_samples, flush.reason !== 'stop', flush.samples));
  on('cut', (/** @type {import('../session.js').CutDetail} */ cut) => model.cut(cut.item_id, cut.unheard_text));
  on('underrun', (/** @type {import('../session.js').UnderrunDetail} */ gap) => model.underrun(gap.item_id, gap.at_ms));
  on('latency', (/** @type {import('../session.js').LatencyDetail} */ found) => {
    if (found.kind === 'response' || found.kind === 'barge_in') model.latency({ kind: found.kind, from_ms: found.from_ms, at_ms: found.at_ms, ms: found.ms });
  });
  on('transcript', (/** @type {import('../session.js').TranscriptDetail} */ entry) => {
    if (entry.ending) model.ended(entry.item_id, entry.ending);
  });
}
