// @ts-check
/**
 * Everything the playback worklet does, without a worklet. Pure: time comes in, samples and messages go out.
 *
 * Replies ("tracks", one per item) are played one after the other. A track starts when enough of it is there (60 ms;
 * more after an underrun, less after a long while without), and its position counts the reply's own samples, so a hold
 * goes on at exactly the sample where the output had fallen silent. Whatever cuts sound off, or lets it begin, does it
 * over 5 ms: nothing clicks. The messages in and out are listed in worklets/playback.js.
 */

import { LevelMeter } from './level.js';
import { WIRE_RATE_HZ, bytesToInt16, msToSamples } from './pcm.js';
import { PlaybackTrack } from './playback_track.js';
import { FilterBank } from './resampler.js';

const FADE_S = 0.005;
const FIRST_START_MS = 60;
const LEAST_START_MS = 40;
const MOST_START_MS = 200;
/** An underrun makes the next start wait this much longer… */
const START_GROWTH = 1.5;
/** …and so much playing without one takes 10 ms off again. */
const CALM_S = 10;
const CALM_STEP_MS = 10;
const TICK_S = 0.1;
/** Flushed ids are remembered this long back, for sound that is still on its way. */
const FLUSHED_KEPT = 256;

/** @typedef {(message: Record<string, any>) => void} Send */

export class PlaybackEngine {
  #rateHz;
  #send;
  #bank;
  #fadeSamples;
  #reportS;
  #meter = new LevelMeter();
  /** @type {PlaybackTrack[]} the first one is played */
  #queue = [];
  /** @type {Set<number>} */
  #flushed = new Set();
  #holding = false;
  /** What is played is multiplied by it: less than 1 while a reply is held and not paused. */
  #level = 1;
  /** @type {{answers: Record<string, any>[]} | null} a flush that waits for its fade */
  #fading = null;
  #gain = 0;
  #startMs = FIRST_START_MS;
  #timeS = 0;
  #tickS = -Infinity;
  /** Played since the last underrun, or since the last shortening. */
  #calmS = 0;
  /** @type {{track: number, from: number, timeS: number} | null} sound played and not yet reported */
  #span = null;
  #underruns = 0;
  #lateSamples = 0;
  #overflowSamples = 0;

  /**
   * @param {number} rateHz the context's sample rate
   * @param {Send} send called with each message
   * @param {{reportMs?: number}} [options]
   */
  constructor(rateHz, send, { reportMs = 50 } = {}) {
    this.#rateHz = rateHz;
    this.#send = send;
    this.#bank = new FilterBank(WIRE_RATE_HZ, rateHz);
    this.#fadeSamples = Math.max(1, Math.round(FADE_S * rateHz));
    this.#reportS = reportMs / 1000;
  }

  /** @param {Record<string, any>} message one of those in worklets/playback.js; an unknown one is ignored */
  handle(message) {
    switch (message.type) {
      case 'audio':
        return this.#audio(message.track, message.start_sample, bytesToInt16(message.pcm, message.offset));
      case 'finish':
        return this.#finish(message.track);
      case 'hold':
        return this.#hold(message.gain ?? 0);
      case 'resume':
        return this.#resume();
      case 'flush':
        return this.#flush(message.id, message.tracks);
      case 'report':
        this.#reportS = message.report_ms / 1000;
    }
  }

  /**
   * Fill one block.
   *
   * @param {Float32Array} output
   * @param {number} timeS context time of its first sample
   */
  render(output, timeS) {
    this.#timeS = timeS;
    let filled = 0;
    while (filled < output.length) {
      const track = this.#playable(timeS + filled / this.#rateHz);
      if (!track) break;
      filled += this.#play(track, output, filled, timeS);
    }
    output.fill(0, filled);
    const endS = timeS + output.length / this.#rateHz;
    if (this.#span && endS - this.#span.timeS >= this.#reportS) this.#report(endS);
    if (endS - this.#tickS >= TICK_S) this.#tick(endS);
  }

  /** @param {number} id @param {number} startSample @param {Int16Array} samples */
  #audio(id, startSample, samples) {
    if (this.#flushed.has(id)) {
      this.#lateSamples += samples.length;
      return;
    }
    let track = this.#queue.find((queued) => queued.id === id);
    if (!track) {
      track = new PlaybackTrack(id, startSample, this.#bank);
      // The next reply's sound has come: the one before is complete, told or not.
      for (const earlier of this.#queue) earlier.finished = true;
      this.#queue.push(track);
    }
    this.#overflowSamples += track.write(startSample, samples);
    track.writtenS = this.#timeS;
  }

  /** @param {number} id */
  #finish(id) {
    const track = this.#queue.find((queued) => queued.id === id);
    if (track) track.finished = true;
  }

  /** @param {number} gain 0: fade out and keep everything; else play on, so quietly */
  #hold(gain) {
    if (this.#holding) return;
    if (gain > 0) return this.#duck(gain);
    this.#holding = true;
    if (!this.#queue[0]?.playing) this.#stopped(null, this.#timeS, 'held');
  }

  /** @param {number} gain */
  #duck(gain) {
    const first = this.#level === 1;
    this.#level = Math.min(1, gain);
    if (!first) return;
    const { track, sample } = this.#current();
    this.#send({ type: 'ducked', track, sample, time_s: this.#timeS });
  }

  #current() {
    const track = this.#queue[0];
    return track?.playing ? { track: track.id, sample: track.heard } : { track: null, sample: 0 };
  }

  #resume() {
    const ducked = this.#level < 1;
    this.#level = 1;
    if (ducked && !this.#holding) {
      this.#send({ type: 'started', ...this.#current(), time_s: this.#timeS, reason: 'resume' });
      return;
    }
    if (!this.#holding) return;
    this.#holding = false;
    const track = this.#queue[0];
    // One that is still fading out, or was held in play, says `started` with its first sample.
    if (!track?.playing && !track?.held) this.#started(null, this.#timeS, 'resume');
  }

  /** @param {number} id @param {number[] | null} ids null: all */
  #flush(id, ids) {
    const doomed = this.#queue.filter((track) => ids === null || ids.includes(track.id));
    for (const each of ids ?? doomed.map((track) => track.id)) this.#forget(each);
    const answer = { type: 'flushed', id, time_s: this.#timeS, tracks: /** @type {Record<string, number>[]} */ ([]) };
    if (doomed.length) {
      this.#holding = false;
      this.#level = 1;
    }
    const sounding = doomed.find((track) => track.playing && this.#gain > 0);
    for (const track of doomed) {
      if (track === sounding) continue;
      answer.tracks.push(dropped(track));
    }
    this.#queue = this.#queue.filter((track) => track === sounding || !doomed.includes(track));
    if (sounding) {
      this.#fading ??= { answers: [] };
      this.#fading.answers.push(answer);
    } else {
      this.#send(answer);
    }
  }

  /** @param {number} id late sound of it is dropped from now on */
  #forget(id) {
    this.#flushed.add(id);
    if (this.#flushed.size > FLUSHED_KEPT) this.#flushed.delete(this.#flushed.values().next().value ?? id);
  }

  /** @param {number} nowS @returns {PlaybackTrack | null} the track whose next sample is due */
  #playable(nowS) {
    for (;;) {
      const track = this.#queue[0];
      if (!track) return null;
      if (track.playing) return track;
      if (this.#holding) return null;
      const over = track.finished && track.remaining === 0;
      if (!over && !this.#ready(track, nowS)) return null;
      if (!over || track.held) this.#started(track, nowS, track.held ? 'resume' : 'start');
      track.held = false;
      this.#gain = 0;
      track.playing = !over;
      if (!over) return track;
      this.#queue.shift();
      this.#stopped(track, nowS, 'ended');
    }
  }

  /** @param {PlaybackTrack} track @param {number} nowS @returns {boolean} */
  #ready(track, nowS) {
    if (track.remaining === 0) return false;
    if (track.finished || track.held || track.queued >= msToSamples(this.#startMs)) return true;
    return nowS - track.writtenS >= MOST_START_MS / 1000;
  }

  /**
   * @param {PlaybackTrack} track
   * @param {Float32Array} output
   * @param {number} offset
   * @param {number} timeS context time of output[0]
   * @returns {number} samples written
   */
  #play(track, output, offset, timeS) {
    const remaining = track.remaining;
    const target = this.#holding || this.#fading ? 0 : this.#level;
    const step = 1 / this.#fadeSamples;
    this.#span ??= { track: track.id, from: track.heard, timeS: timeS + offset / this.#rateHz };
    const count = Math.min(output.length - offset, remaining);
    const played = count === 0 ? 0 : track.play(output, offset, count, (value, n) => {
      const wanted = this.#gain < target ? Math.min(target, this.#gain + step) : Math.max(target, this.#gain - step);
      if (target === 0 && wanted < step / 2) {
        this.#gain = 0;
        return NaN;
      }
      // Towards the end of what is there the sound fades, whether it is the reply's end or an underrun.
      this.#gain = Math.min(wanted, (remaining - n) * step);
      const shaped = value * this.#gain;
      this.#meter.add(shaped);
      return shaped;
    });
    const endS = timeS + (offset + played) / this.#rateHz;
    this.#calm(played / this.#rateHz);
    if (target === 0 && (this.#gain === 0 || track.remaining === 0)) this.#silenced(track, endS);
    else if (track.remaining === 0) this.#exhausted(track, endS);
    return played;
  }

  /** @param {number} playedS */
  #calm(playedS) {
    this.#calmS += playedS;
    if (this.#calmS < CALM_S) return;
    this.#calmS = 0;
    this.#startMs = Math.max(LEAST_START_MS, this.#startMs - CALM_STEP_MS);
  }

  /** The fade of a hold or a flush is over. @param {PlaybackTrack} track @param {number} endS */
  #silenced(track, endS) {
    this.#gain = 0;
    track.playing = false;
    this.#report(endS);
    if (!this.#fading) {
      track.held = true;
      this.#stopped(track, endS, 'held');
      return;
    }
    this.#queue.shift();
    this.#stopped(track, endS, 'flushed');
    const { answers } = this.#fading;
    this.#fading = null;
    answers[0].tracks.push(dropped(track));
    for (const answer of answers) this.#send({ ...answer, time_s: endS });
  }

  /** Nothing is left to play. @param {PlaybackTrack} track @param {number} endS */
  #exhausted(track, endS) {
    this.#report(endS);
    track.playing = false;
    if (track.finished) {
      this.#queue.shift();
      this.#stopped(track, endS, 'ended');
    } else {
      this.#underruns++;
      this.#calmS = 0;
      this.#startMs = Math.min(MOST_START_MS, this.#startMs * START_GROWTH);
      this.#stopped(track, endS, 'underrun');
    }
  }

  /** @param {PlaybackTrack | null} track @param {number} time_s @param {'start' | 'resume'} reason */
  #started(track, time_s, reason) {
    this.#send({ type: 'started', track: track?.id ?? null, sample: track?.heard ?? 0, time_s, reason });
  }

  /**
   * @param {PlaybackTrack | null} track
   * @param {number} time_s
   * @param {'ended' | 'underrun' | 'held' | 'flushed'} reason
   */
  #stopped(track, time_s, reason) {
    this.#send({ type: 'stopped', track: track?.id ?? null, sample: track?.heard ?? 0, time_s, reason });
  }

  /** @param {number} endS */
  #report(endS) {
    const span = this.#span;
    this.#span = null;
    const track = this.#queue.find((queued) => queued.id === span?.track);
    if (!span || !track || (track.heard === span.from && endS === span.timeS)) return;
    const { peak, rms } = this.#meter.take();
    this.#send({ type: 'span', track: span.track, from_sample: span.from, to_sample: track.heard, time_s: span.timeS, peak, rms });
  }

  /** @param {number} timeS */
  #tick(timeS) {
    this.#tickS = timeS;
    this.#send({
      type: 'tick',
      time_s: timeS,
      queued_samples: this.#queue.reduce((sum, track) => sum + track.queued, 0),
      start_ms: this.#startMs,
      underruns: this.#underruns,
      late_samples: this.#lateSamples,
      overflow_samples: this.#overflowSamples,
    });
  }
}

/** @param {PlaybackTrack} track @returns {Record<string, number>} its part of the answer to a flush */
function dropped(track) {
  return { track: track.id, samples: track.heard, dropped_samples: track.queued };
}
