// Push to talk over HTTP, in JavaScript with npm openai: one question, one spoken answer, heard while it is made.
//
//   npm install openai
//   node examples/push_to_talk.mjs "Who are you?"        # or a WAV file with a spoken question
//
// The answer comes as server-sent events. It is played by `ffplay` (of FFmpeg) where that is installed, and written to
// reply.wav.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.BARGEIN_URL ?? 'http://127.0.0.1:8765/v1',
  apiKey: process.env.BARGEIN_KEY ?? 'none',
});
const question = process.argv.slice(2).join(' ') || 'Who are you?';
const content = question.endsWith('.wav')
  ? [{ type: 'input_audio', input_audio: { data: readFileSync(question, 'base64'), format: 'wav' } }]
  : question;

const player = spawn('ffplay', '-loglevel quiet -nodisp -autoexit -f s16le -ar 24000 -'.split(' '), {
  stdio: ['pipe', 'ignore', 'ignore'],
});
player.on('error', () => console.error('ffplay is not installed: the answer is only written to reply.wav'));
player.stdin.on('error', () => {});

const stream = await client.chat.completions.create({
  model: 'gpt-audio-1.5',
  modalities: ['text', 'audio'],
  audio: { voice: 'alloy', format: 'pcm16' },
  messages: [{ role: 'user', content }],
  stream: true,
});
const sound = [];
for await (const chunk of stream) {
  const { transcript = '', data = '' } = chunk.choices[0].delta.audio ?? {};
  process.stdout.write(transcript);
  sound.push(Buffer.from(data, 'base64'));
  player.stdin.write(sound.at(-1));
}
process.stdout.write('\n');
player.stdin.end();
writeFileSync('reply.wav', wav(Buffer.concat(sound)));

/** PCM16, mono, 24 kHz, as a WAV file. */
function wav(samples) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // mono
  head.writeUInt32LE(24_000, 24);
  head.writeUInt32LE(48_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
