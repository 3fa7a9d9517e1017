// @ts-check
/**
 * Plays a piece of the recording again, both sides mixed.
 * @module
 */

import { RATE_HZ } from './recording.js';
import { wavFile } from './wav.js';

/** @typedef {import('./recording.js').Recording} Recording */

export class Replay {
  #recording;
  #on_change;
  /** @type {{player: HTMLAudioElement, from_ms: number, address: string} | null} */
  #playing = null;

  /** @param {Recording} recording @param {{onChange: (playing: boolean) => void}} options */
  constructor(recording, { onChange }) {
    this.#recording = recording;
    this.#on_change = onChange;
  }

  /** Page-clock time that is being played; null when nothing is. @returns {number | null} */
  get position_ms() {
    return this.#playing ? this.#playing.from_ms + this.#playing.player.currentTime * 1000 : null;
  }

  /**
   * @param {number} from_ms page clock
   * @param {number} to_ms
   * @param {{volume: number, output_id: string}} output volume 0 … 1
   * @returns {Promise<boolean>} false when there is no sound, or the browser refused to play it
   */
  async play(from_ms, to_ms, { volume, output_id }) {
    this.stop();
    const { left, right } = this.#recording.stereo(from_ms, to_ms);
    if (left.length === 0) return false;
    const address = URL.createObjectURL(new Blob([wavFile([mixed(left, right)], RATE_HZ)], { type: 'audio/wav' }));
    const player = new Audio(address);
    player.volume = volume;
    this.#playing = { player, from_ms, address };
    player.addEventListener('ended', () => this.#ended(player));
    this.#on_change(true);
    try {
      if (output_id !== '' && 'setSinkId' in player) await player.setSinkId(output_id);
      await player.play();
      return true;
    } catch {
      this.#ended(player);
      return false;
    }
  }

  stop() {
    if (!this.#playing) return;
    this.#playing.player.pause();
    this.#ended(this.#playing.player);
  }

  /** @param {HTMLAudioElement} player */
  #ended(player) {
    if (this.#playing?.player !== player) return;
    URL.revokeObjectURL(this.#playing.address);
    this.#playing = null;
    this.#on_change(false);
  }
}

/** @param {Int16Array} left @param {Int16Array} right @returns {Int16Array} their sum, clipped at full scale */
function mixed(left, right) {
  return left.map((sample, index) => Math.max(-32_768, Math.min(32_767, sample + right[index])));
}
