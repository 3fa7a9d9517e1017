// @ts-check
/// <reference types="audioworklet" />
/**
 * The microphone, as an AudioWorkletProcessor: `bargein-capture`. One input, no output. The work is in CaptureFramer.
 *
 * | message | direction | fields | meaning |
 * |---|---|---|---|
 * | `frame` | worklet → page | `pcm` ArrayBuffer (transferred), `peak`, `rms`, `time_s` | 480 int16 samples at 24 kHz, whatever the context's rate is; `time_s` is the context time of the first |
 * | `close` | page → worklet | — | end: the processor is let go |
 */

import { CaptureFramer } from '../audio/capture_framer.js';

class CaptureProcessor extends AudioWorkletProcessor {
  #open = true;
  #framer = new CaptureFramer(sampleRate, (frame) => this.port.postMessage({ type: 'frame', ...frame }, [frame.pcm]));

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.type === 'close') this.#open = false;
    };
  }

  /** @param {Float32Array[][]} inputs @returns {boolean} */
  process(inputs) {
    this.#framer.push(inputs[0], currentTime);
    return this.#open;
  }
}

registerProcessor('bargein-capture', CaptureProcessor);
