// @ts-check
/**
 * The microphone: asked for, swapped, lost. Its sound comes as 20 ms frames at 24 kHz from worklets/capture.js.
 */

/** @type {MediaTrackConstraints} what a voice conversation wants; wishes, not demands */
const WISHES = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** @typedef {{pcm: ArrayBuffer, peak: number, rms: number, time_s: number}} MicrophoneFrame */

/**
 * @typedef {object} MicrophoneHandlers
 * @property {(frame: MicrophoneFrame) => void} onFrame
 * @property {() => void} onLost the device was unplugged, or its permission withdrawn
 */

/** Why the browser has no microphone to offer at all; null: it may have. @returns {string | null} code of a trouble */
export function microphoneObstacle() {
  if (globalThis.isSecureContext === false) return 'insecure_context';
  if (!globalThis.navigator?.mediaDevices?.getUserMedia) return 'microphone_unsupported';
  return null;
}

export class Microphone {
  #handlers;
  #constraints;
  /** @type {string | null} */
  #wanted_id = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  /** Raised by every open() and close(): a permission prompt may be answered long after it is wanted. */
  #turn = 0;

  /** @param {MediaTrackConstraints} constraints laid over the usual wishes @param {MicrophoneHandlers} handlers */
  constructor(constraints, handlers) {
    this.#constraints = { ...WISHES, ...constraints };
    this.#handlers = handlers;
  }

  get isOpen() {
    return this.#track !== null;
  }

  /** @returns {MediaTrackSettings | null} what the browser gave of the wishes */
  get granted() {
    return this.#track?.getSettings() ?? null;
  }

  get label() {
    return this.#track?.label ?? null;
  }

  /** Chosen by choose(); null: the default. */
  get wanted_id() {
    return this.#wanted_id;
  }

  get device_id() {
    return this.granted?.deviceId ?? this.#wanted_id;
  }

  /** For the next open(). @param {string | null} id null: the default @param {MediaTrackConstraints} [constraints] */
  choose(id, constraints) {
    this.#wanted_id = id;
    Object.assign(this.#constraints, constraints);
  }

  /**
   * Open the chosen device, in place of the one that is open.
   *
   * @param {AudioContext} context its worklets loaded
   * @returns {Promise<boolean>} false: closed or opened again meanwhile
   * @throws {DOMException} of getUserMedia; the old device stays open
   */
  async open(context) {
    const turn = ++this.#turn;
    const device = this.#wanted_id ? { deviceId: { exact: this.#wanted_id } } : {};
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...this.#constraints, ...device } });
    if (turn !== this.#turn) {
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    this.#node ??= this.#capture(context);
    const source = context.createMediaStreamSource(stream);
    this.#release();
    source.connect(this.#node);
    this.#source = source;
    this.#track = stream.getAudioTracks()[0];
    this.#track.onended = () => {
      this.#release();
      this.#handlers.onLost();
    };
    return true;
  }

  close() {
    this.#turn++;
    this.#release();
    this.#node?.port.postMessage({ type: 'close' });
    this.#node?.disconnect();
    this.#node = null;
  }

  /** Let the open device go. */
  #release() {
    this.#source?.disconnect();
    if (this.#track) this.#track.onended = null;
    this.#track?.stop();
    this.#source = null;
    this.#track = null;
  }

  /** @param {AudioContext} context @returns {AudioWorkletNode} */
  #capture(context) {
    const node = new AudioWorkletNode(context, 'bargein-capture', { numberOfInputs: 1, numberOfOutputs: 1 });
    node.port.onmessage = ({ data }) => this.#handlers.onFrame(data);
    // Its output is silence: some browsers only run what leads to the destination.
    node.connect(context.destination);
    return node;
  }
}

/**
 * @returns {Promise<{microphones: import('./session.js').Device[], speakers: import('./session.js').Device[]}>} empty lists
 *   where the browser tells nothing
 */
export async function listDevices() {
  const devices = (await globalThis.navigator?.mediaDevices?.enumerateDevices?.()) ?? [];
  /** @param {MediaDeviceKind} kind @param {string} word */
  const named = (kind, word) =>
    devices
      .filter((device) => device.kind === kind && device.deviceId !== '')
      .map((device, n) => ({ id: device.deviceId, label: device.label || `${word} ${n + 1}` }));
  return { microphones: named('audioinput', 'Microphone'), speakers: named('audiooutput', 'Speaker') };
}
