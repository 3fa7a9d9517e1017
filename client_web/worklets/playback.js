// @ts-check
/// <reference types="audioworklet" />
/**
 * The reply's sound, as an AudioWorkletProcessor: `bargein-playback`. No input, one mono output, one node for the life of the
 * context. The work is in PlaybackEngine. A track is one reply item; its id is the page's, never used again. Positions
 * are samples of the reply at 24 kHz, times are context times of the output.
 *
 * | message | direction | fields | meaning |
 * |---|---|---|---|
 * | `audio` | page → worklet | `track`, `start_sample`, `pcm` ArrayBuffer (transferred), `offset` first byte | sound of a track; of a flushed one it is dropped and counted |
 * | `finish` | page → worklet | `track` | no more sound of it: play to the last sample |
 * | `hold` | page → worklet | `gain`: 0 to 1, 0 if left out | 0: fade out in 5 ms and keep everything; answered by `stopped` (`held`). More: play on, so quietly, within 5 ms; answered by `ducked` |
 * | `resume` | page → worklet | — | as loud as before, from the held sample if it was paused; answered by `started` (`resume`) |
 * | `flush` | page → worklet | `id`, `tracks` (list, or null: all) | fade out in 5 ms and drop them; ends a hold if there were any; answered by `flushed` |
 * | `report` | page → worklet | `report_ms` | the longest `span` |
 * | `close` | page → worklet | — | end: the processor is let go |
 * | `started` | worklet → page | `track` \| null, `sample`, `time_s`, `reason`: `start`, `resume` | the first sample that sounds; null: a resume with nothing to play |
 * | `span` | worklet → page | `track`, `from_sample`, `to_sample`, `time_s` of the first, `peak`, `rms` | so much was played; spans join without gap or overlap |
 * | `stopped` | worklet → page | `track` \| null, `sample`, `time_s`, `reason`: `ended`, `underrun`, `held`, `flushed` | silence from here; `sample` is the first one not heard; null: a hold with nothing to play |
 * | `ducked` | worklet → page | `track` \| null, `sample`, `time_s` | quiet from here on, and played on; null: nothing is playing |
 * | `flushed` | worklet → page | `id`, `time_s`, `tracks`: [`{track, samples, dropped_samples}`] | exactly so much was heard; once per `flush` |
 * | `tick` | worklet → page | `time_s`, `queued_samples`, `start_ms`, `underruns`, `late_samples`, `overflow_samples` | every 100 ms, playing or not: counters, and a clock that no background tab slows down |
 */

import { PlaybackEngine } from '../audio/playback_engine.js';

class PlaybackProcessor extends AudioWorkletProcessor {
  #open = true;
  #engine = new PlaybackEngine(sampleRate, (message) => this.port.postMessage(message));

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.type === 'close') this.#open = false;
      else this.#engine.handle(data);
    };
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs @returns {boolean} */
  process(_inputs, outputs) {
    const [first, ...others] = outputs[0];
    this.#engine.render(first, currentTime);
    for (const channel of others) channel.set(first);
    return this.#open;
  }
}

registerProcessor('bargein-playback', PlaybackProcessor);
