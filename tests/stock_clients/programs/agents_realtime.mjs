// @openai/agents-realtime in Node: a text turn, a spoken turn, a barge-in, a tool call, and a text turn of npm openai.
//
//   node agents_realtime.mjs GIVEN_JSON
//
// Prints one JSON object: what each scenario found, or why it failed.
// The SDK drops events that do not fit its schemas without a word, so the scenarios look for what those events cause.

import { appendFileSync, readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import { run } from './scenarios.mjs';

const given = JSON.parse(process.argv[2]);
const FRAME_BYTES = 960;
const FRAME_MS = 20;

const getTime = tool({
  name: 'get_time',
  description: 'The time of day.',
  parameters: z.object({}),
  execute: async () => '16:20',
});

/** Streams 20 ms of PCM16 at 24 kHz every 20 ms until it is stopped: what is said, else silence. */
class Microphone {
  #waiting = Buffer.alloc(0);
  #stopped = false;

  constructor(append) {
    this.#run(append);
  }

  say(wav) {
    const file = readFileSync(wav);
    this.#waiting = Buffer.concat([this.#waiting, file.subarray(file.indexOf('data') + 8)]);
  }

  stop() {
    this.#stopped = true;
  }

  async #run(append) {
    for (let due = performance.now(); !this.#stopped; due += FRAME_MS) {
      const frame = Buffer.alloc(FRAME_BYTES);
      this.#waiting.copy(frame);
      this.#waiting = this.#waiting.subarray(FRAME_BYTES);
      append(frame.buffer.slice(frame.byteOffset, frame.byteOffset + FRAME_BYTES));
      await pause(Math.max(0, due + FRAME_MS - performance.now()));
    }
  }
}

/** A connected session, all of whose events are queued; any error event rejects the wait that meets it. */
class Call {
  events = [];
  #wake = () => {};

  static async open(tools = []) {
    const call = new Call();
    const transport = new OpenAIRealtimeWebSocket({ url: `${given.realtime_url}?model=gpt-realtime` });
    const agent = new RealtimeAgent({ name: 'assistant', instructions: 'Be brief.', tools });
    call.session = new RealtimeSession(agent, { transport, model: 'gpt-realtime', tracingDisabled: true });
    const names = ['audio', 'audio_interrupted', 'agent_end', 'agent_tool_start', 'agent_tool_end', 'error'];
    for (const name of names) call.session.on(name, (...values) => call.#take(name, values));
    call.session.on('transport_event', (event) => {
      record(event);
      call.#take(`server:${event.type}`, [event]);
    });
    await call.session.connect({ apiKey: 'sk-local' });
    return call;
  }

  #take(name, values) {
    this.events.push({ name, values });
    this.#wake();
  }

  async next(wanted, from = 0) {
    for (let index = from; ; index += 1) {
      while (index >= this.events.length) await new Promise((resolve) => (this.#wake = resolve));
      const { name, values } = this.events[index];
      if (name === 'error' || name === 'server:error') throw new Error(`error event: ${JSON.stringify(values)}`);
      if (name === wanted) return { index, value: values[0] };
    }
  }

  has(name) {
    return this.events.some((event) => event.name === name);
  }
}

const recordedTo = process.env.BARGEIN_TEST_EVENTS_DIR;
function record(event) {
  if (!recordedTo || !event.event_id) return;
  const line = JSON.stringify({ dialect: 'ga', test: 'agents_realtime.mjs', event });
  appendFileSync(`${recordedTo}/stock-node-${process.pid}.jsonl`, `${line}\n`);
}

const scenarios = {
  async text_turn() {
    const call = await Call.open();
    call.session.sendMessage('Who are you?');
    const { value } = await call.next('server:response.done');
    await call.next('agent_end');
    call.session.close();
    return { status: value.response.status, audio: call.has('audio') };
  },

  async spoken_turn() {
    const call = await Call.open();
    const microphone = new Microphone((audio) => call.session.sendAudio(audio));
    microphone.say(given.question);
    const { value } = await call.next('server:response.done');
    await call.next('server:conversation.item.input_audio_transcription.completed');
    microphone.stop();
    call.session.close();
    return { status: value.response.status, audio: call.has('audio'), history: call.session.history.length };
  },

  async barge_in() {
    const call = await Call.open();
    const microphone = new Microphone((audio) => call.session.sendAudio(audio));
    call.session.sendMessage('Tell me a story.');
    const { index: heard } = await call.next('audio');
    microphone.say(given.interruption);
    const { index: interrupted } = await call.next('audio_interrupted', heard);
    const { index, value: cut } = await call.next('server:response.done', heard);
    await call.next('server:conversation.item.truncated', heard);
    const { value: answer } = await call.next('server:response.done', index + 1);
    microphone.stop();
    call.session.close();
    return { interrupted: interrupted > heard, cut_status: cut.response.status, status: answer.response.status };
  },

  async tool_call() {
    const call = await Call.open([getTime]);
    call.session.sendMessage('What time is it?');
    const { index } = await call.next('agent_tool_end');
    const { value } = await call.next('server:response.done', index);
    call.session.close();
    return { called: call.has('agent_tool_start'), status: value.response.status };
  },

  /** npm openai always dials wss; a plain server is reached by making its connection ourselves. */
  async npm_openai_text_turn() {
    const { port, hostname } = new URL(given.http_url);
    const client = new OpenAI({ apiKey: 'sk-local', baseURL: `${given.http_url}/v1` });
    const createConnection = () => connectTcp({ host: hostname, port: Number(port) });
    const socket = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { createConnection } }, client);
    const done = new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('response.done', resolve);
    });
    await new Promise((resolve) => socket.on('session.created', resolve));
    const content = [{ type: 'input_text', text: 'Who are you?' }];
    socket.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    socket.send({ type: 'response.create' });
    const { response } = await done;
    socket.close();
    return { status: response.status };
  },
};

await run(scenarios, given.deadline_s);
