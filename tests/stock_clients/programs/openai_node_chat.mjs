// npm openai, `client.chat.completions`: its own loops and helpers, in every pair of modalities and streaming.
//
//   node openai_node_chat.mjs GIVEN_JSON BASE_URL
//
// Prints one JSON object: what each scenario found, or why it failed.

import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { run } from './scenarios.mjs';

const given = JSON.parse(process.argv[2]);
const client = new OpenAI({ apiKey: 'sk-local', baseURL: process.argv[3], maxRetries: 0 });
const chat = client.chat.completions;
const model = 'gpt-audio';
const spoken = { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'pcm16' } };
const messages = [{ role: 'user', content: 'Who are you?' }];
const getTime = {
  type: 'function',
  function: {
    name: 'get_time',
    description: 'The time of day.',
    parameters: { type: 'object', properties: {} },
    parse: JSON.parse,
    function: () => ({ time: '16:20' }),
  },
};

/** Bytes of base64, which must be it as a whole. */
function bytes(base64 = '') {
  const raw = Buffer.from(base64, 'base64');
  if (raw.toString('base64') !== base64) throw new Error('that is not base64 as a whole');
  return raw.length;
}

function whole(completion) {
  const [{ message, finish_reason }] = completion.choices;
  return {
    content: message.content,
    transcript: message.audio?.transcript,
    bytes: bytes(message.audio?.data),
    id: message.audio?.id,
    finish: finish_reason,
    tokens: completion.usage?.total_tokens,
  };
}

async function loop(options) {
  let content = '';
  let transcript = '';
  let data = '';
  let finish = null;
  for await (const chunk of await chat.create({ model, messages, stream: true, ...options })) {
    // As the SDK's own examples read it: every chunk has a choice.
    const { delta, finish_reason } = chunk.choices[0];
    content += delta.content ?? '';
    transcript += delta.audio?.transcript ?? '';
    data += delta.audio?.data ?? '';
    finish = finish_reason ?? finish;
  }
  return { content, transcript, bytes: bytes(data), finish };
}

async function helper(options) {
  const stream = chat.stream({ model, messages, ...options });
  let chunks = 0;
  stream.on('chunk', () => { chunks += 1; });
  const completion = await stream.finalChatCompletion();
  return { chunks, ...whole(completion) };
}

/** Some servers send chunks without `choices`. */
const faulty = [{ role: 'system', content: '[[fault: no_choices]]' }, ...messages];

const scenarios = {
  text_whole: async () => whole(await chat.create({ model, messages })),
  text_streamed: () => loop({}),
  spoken_whole: async () => whole(await chat.create({ model, messages, ...spoken })),
  spoken_wav: async () => whole(await chat.create({ model, messages, ...spoken, audio: { voice: 'alloy', format: 'wav' } })),
  spoken_streamed: () => loop(spoken),
  without_choices: () => helper({ ...spoken, messages: faulty }),
  helper_text: () => helper({}),
  helper_spoken: () => helper(spoken),
  helper_usage: () => helper({ ...spoken, stream_options: { include_usage: true } }),

  async heard() {
    const data = readFileSync(given.question).toString('base64');
    const asked = [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data, format: 'wav' } }] }];
    const first = await chat.create({ model, messages: asked, ...spoken });
    const again = [...asked, first.choices[0].message, { role: 'user', content: 'What did you say?' }];
    const second = await chat.create({ model, messages: again, ...spoken });
    return { said: first.choices[0].message.audio.transcript, again: second.choices[0].message.audio.transcript };
  },

  async run_tools() {
    const asked = [{ role: 'user', content: 'What time is it?' }];
    const found = {};
    for (const stream of [false, true]) {
      const runner = chat.runTools({ model, messages: asked, tools: [getTime], stream, ...spoken });
      const completion = await runner.finalChatCompletion();
      found[stream ? 'streamed' : 'whole'] = {
        roles: runner.messages.map(({ role }) => role),
        said: completion.choices[0].message.audio?.transcript,
      };
    }
    return found;
  },

  async refused() {
    const found = {};
    for (const [name, options] of Object.entries({ messages: { messages: [] }, temperature: { temperature: 3 }, n: { n: 500 } })) {
      await chat.create({ model, messages, ...options }).catch((error) => { found[name] = [error.status, error.param, error.code]; });
    }
    return found;
  },
};

await run(scenarios, given.deadline_s);
