// Drives a PlaybackEngine like an audio thread does, keeping everything that came out.

import { PlaybackEngine } from '../../../client_web/audio/playback_engine.js';

const QUANTUM = 128;

export class Player {
  constructor(rate_hz = 24_000, options = {}) {
    this.rate_hz = rate_hz;
    this.messages = [];
    this.output = [];
    this.quanta = 0;
    this.engine = new PlaybackEngine(rate_hz, (message) => this.messages.push(message), options);
  }

  get time_s() {
    return (this.quanta * QUANTUM) / this.rate_hz;
  }

  /** Render at least this much. Returns what came out. */
  run(ms) {
    const from = this.output.length;
    for (let left = Math.ceil((ms * this.rate_hz) / 1000 / QUANTUM); left > 0; left--) {
      const block = new Float32Array(QUANTUM).fill(NaN);
      this.engine.render(block, this.time_s);
      this.output.push(...block);
      this.quanta++;
    }
    return this.output.slice(from);
  }

  audio(track, start_sample, samples) {
    this.engine.handle({ type: 'audio', track, start_sample, pcm: samples.slice().buffer });
  }

  say(message) {
    this.engine.handle(message);
  }

  of(type) {
    return this.messages.filter((message) => message.type === type);
  }

  /** The stretches played, checked to join without gap or overlap. */
  heard(track) {
    return this.of('span').filter((span) => span.track === track);
  }
}
