// A VoiceSession in Node: real socket, no sound. Its events are kept and can be waited for.

import { once } from 'node:events';
import { VoiceSession } from '../../../client_web/session.js';

const EVENTS = [
  'state', 'session', 'transcript', 'caption', 'response', 'vad', 'hold', 'resume', 'flush', 'cut', 'latency', 'underrun', 'level', 'audio',
  'microphone', 'devices', 'reconnecting', 'wire', 'error', 'recovered',
];

export function recorded(options) {
  const voice = new VoiceSession({ microphone: false, random: () => 0, ...options });
  const seen = [];
  for (const type of EVENTS) voice.addEventListener(type, ({ detail }) => seen.push({ name: type, detail }));
  /** Wait for the first event not taken yet that fits. */
  const take = async (type, fits = () => true) => {
    for (;;) {
      const found = seen.find((event) => !event.taken && event.name === type && fits(event.detail));
      if (found) {
        found.taken = true;
        return found.detail;
      }
      await once(voice, type);
    }
  };
  return { voice, seen, take, of: (type) => seen.filter(({ name }) => name === type).map(({ detail }) => detail) };
}
