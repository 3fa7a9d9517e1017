// A serverless handler: your page posts a spoken question, and gets the answer as sound while it is made.
//
//   POST /  a WAV file   →   24 kHz PCM16, streamed
//
// It is a plain `fetch` handler, as Cloudflare Workers, Deno Deploy, Bun and Vercel take it; nothing is installed. The
// key stays here: the page never sees it. Set BARGEIN_URL and BARGEIN_KEY.

export default {
  async fetch(request, env = globalThis.process?.env ?? {}) {
    if (request.method !== 'POST') return new Response('POST a WAV file.', { status: 405, headers: { Allow: 'POST' } });
    const question = base64(await request.arrayBuffer());
    const answer = await fetch(`${env.BARGEIN_URL}/chat/completions`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${env.BARGEIN_KEY}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({
        model: 'gpt-audio-1.5',
        modalities: ['text', 'audio'],
        audio: { voice: 'alloy', format: 'pcm16' },
        stream: true,
        messages: [
          { role: 'system', content: 'Answer in one or two sentences.' },
          { role: 'user', content: [{ type: 'input_audio', input_audio: { data: question, format: 'wav' } }] },
        ],
      }),
      signal: request.signal, // Whoever hangs up ends the model's work too.
    });
    if (!answer.ok) return new Response(await answer.text(), { status: 502 });
    const sound = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(soundOfEvents());
    return new Response(sound, { headers: { 'Content-Type': 'audio/L16;rate=24000;channels=1' } });
  },
};

/** Server-sent events in, sound out. */
function soundOfEvents() {
  let rest = '';
  return new TransformStream({
    transform(text, controller) {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith('data: {')) continue;
        const data = JSON.parse(line.slice(6)).choices[0]?.delta.audio?.data;
        if (data) controller.enqueue(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)));
      }
    },
  });
}

function base64(buffer) {
  let text = '';
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}
