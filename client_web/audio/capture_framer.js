// @ts-check
/** The microphone's blocks, at the context's rate, become 20 ms int16 frames at 24 kHz. Pure; worklets/capture.js uses it. */

import { LevelMeter } from './level.js';
import { FRAME_SAMPLES, WIRE_RATE_HZ, floatToInt16 } from './pcm.js';
import { Resampler } from './resampler.js';

/**
 * @typedef {object} CaptureFrame
 * @property {ArrayBuffer} pcm 480 int16 samples
 * @property {number} peak 0 … 1
 * @property {number} rms 0 … 1
 * @property {number} time_s context time of the first sample
 */

export class CaptureFramer {
  #rateHz;
  #onFrame;
  #resampler;
  #meter = new LevelMeter();
  #frame = new Int16Array(FRAME_SAMPLES);
  #filled = 0;
  /** Context time of the stream's first sample; the others are counted from there. */
  #originS = 0;
  #inputSamples = 0;
  #outputSamples = 0;

  /**
   * @param {number} rateHz the context's sample rate
   * @param {(frame: CaptureFrame) => void} onFrame
   */
  constructor(rateHz, onFrame) {
    this.#rateHz = rateHz;
    this.#onFrame = onFrame;
    this.#resampler = new Resampler(rateHz, WIRE_RATE_HZ);
  }

  /**
   * @param {Float32Array[]} channels one block; more than one channel is mixed to mono. None: no microphone connected
   * @param {number} timeS context time of its first sample
   */
  push(channels, timeS) {
    if (channels.length === 0 || channels[0].length === 0) return;
    const expectedS = this.#originS + this.#inputSamples / this.#rateHz;
    // After a pause (another microphone, a suspended device) the count goes on from the new time.
    if (this.#inputSamples === 0 || Math.abs(timeS - expectedS) > 0.001) this.#originS += timeS - expectedS;
    const mono = channels.length === 1 ? channels[0] : mix(channels);
    this.#inputSamples += mono.length;
    for (const value of this.#resampler.process(mono)) this.#take(value);
  }

  /** @param {number} value */
  #take(value) {
    this.#meter.add(value);
    this.#frame[this.#filled++] = floatToInt16(value);
    if (this.#filled < FRAME_SAMPLES) return;
    this.#outputSamples += FRAME_SAMPLES;
    const time_s = this.#originS + (this.#outputSamples - FRAME_SAMPLES) / WIRE_RATE_HZ;
    this.#onFrame({ pcm: this.#frame.buffer, ...this.#meter.take(), time_s });
    this.#frame = new Int16Array(FRAME_SAMPLES);
    this.#filled = 0;
  }
}

/** @param {Float32Array[]} channels @returns {Float32Array} */
function mix(channels) {
  const mono = new Float32Array(channels[0].length);
  for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
  return mono;
}
