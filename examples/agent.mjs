// An agent with a tool of your own, in JavaScript with @openai/agents-realtime.
//
//   npm install @openai/agents-realtime zod
//   node examples/agent.mjs "What time is it?"
//
// In a browser the same session takes the microphone and the loudspeaker by itself.

import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

const url = (process.env.BARGEIN_URL ?? 'http://127.0.0.1:8765/v1').replace('http', 'ws');
const question = process.argv.slice(2).join(' ') || 'What time is it?';

const getTime = tool({
  name: 'get_time',
  description: 'The time of day.',
  parameters: z.object({}),
  execute: async () => new Date().toTimeString().slice(0, 5),
});

const agent = new RealtimeAgent({
  name: 'clock',
  instructions: 'You are a talking clock. Be brief.',
  tools: [getTime],
});
const transport = new OpenAIRealtimeWebSocket({ url: `${url}/realtime?model=gpt-audio-1.5` });
const session = new RealtimeSession(agent, { transport, tracingDisabled: true });

let bytes = 0;
session.on('audio', (event) => (bytes += event.data.byteLength));
session.on('agent_tool_end', (_context, _agent, called, result) => console.log(`[${called.name}: ${result}]`));
session.on('error', ({ error }) => {
  console.error(error);
  process.exit(1);
});
session.on('agent_end', (_context, _agent, said) => {
  if (!bytes) return; // The tool was called; the answer comes next.
  console.log(said);
  console.log(`${(bytes / 48_000).toFixed(1)} s of speech`);
  session.close();
});

await session.connect({ apiKey: process.env.BARGEIN_KEY ?? 'none' });
session.sendMessage(question);
