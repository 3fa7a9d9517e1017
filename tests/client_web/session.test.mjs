// The whole engine without sound: what it says to a server, what it tells a page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Peer, useBrowserSocket } from './support/peer.mjs';
import { recorded } from './support/session.mjs';

useBrowserSocket();
let peer;
let session;

beforeEach(async () => {
  peer = await Peer.start();
});
afterEach(async () => {
  await session?.voice.stop();
  await peer.stop();
});

/** A session that is up. */
async function up(options = {}) {
  session = recorded({ url: peer.url, ...options });
  assert.equal(await session.voice.start(), true);
  const connection = await peer.connection();
  await connection.take('session.update');
  return { ...session, connection };
}

const reply = { response_id: 'resp_1', item_id: 'item_A', output_index: 0, content_index: 0 };

describe('connecting', () => {
  test('offers both subprotocols and the token, and asks for the page\'s session in 24 kHz PCM', async () => {
    session = recorded({ url: peer.url, token: 'ek_1', session: { instructions: 'Be brief.', audio: { output: { voice: 'echo' } } } });
    assert.equal(await session.voice.start(), true);
    const connection = await peer.connection();
    assert.equal(connection.request.headers['sec-websocket-protocol'].replaceAll(' ', ''), 'realtime,bargein.v1,openai-insecure-api-key.ek_1');
    const { session: wished } = await connection.take('session.update');
    const format = { type: 'audio/pcm', rate: 24_000 };
    assert.deepEqual(wished, {
      type: 'realtime',
      instructions: 'Be brief.',
      audio: { input: { format, transcription: { model: 'gpt-transcribe' } }, output: { format, voice: 'echo' } },
    });
    assert.deepEqual(session.of('state').map(({ state }) => state), ['connecting', 'listening']);
    const { resumed, connection: number, extended } = await session.take('session');
    assert.deepEqual({ resumed, number, extended }, { resumed: null, number: 1, extended: true });
  });

  test('a token is fetched anew for every connection', async () => {
    let n = 0;
    session = recorded({ url: peer.url, getToken: async () => `ek_${++n}` });
    await session.voice.start();
    (await peer.connection()).ws.close(1012);
    const second = await peer.connection(2);
    assert.match(second.request.headers['sec-websocket-protocol'], /openai-insecure-api-key\.ek_2/);
  });

  test('stop closes with 1000 and can be followed by start', async () => {
    const { voice, connection } = await up();
    await voice.stop();
    assert.equal((await connection.end()).code, 1000);
    assert.equal(voice.state, 'disconnected');
    assert.equal(await voice.start(), true);
    assert.equal(voice.state, 'listening');
  });

  test('start is harmless twice, stop is harmless any time', async () => {
    const { voice } = await up();
    assert.equal(await voice.start(), true);
    assert.equal(peer.connections.length, 1);
    await voice.stop();
    await voice.stop();
  });

  test('stop while connecting settles start', async () => {
    peer.greeting = false;
    session = recorded({ url: peer.url });
    const started = session.voice.start();
    await peer.connection();
    await session.voice.stop();
    assert.equal(await started, false);
  });

  test('an address that is none is told, not thrown', async () => {
    session = recorded({ url: 'gopher://example.test/' });
    assert.equal(await session.voice.start(), false);
    const { code, detail } = await session.take('error', ({ fatal }) => fatal);
    assert.equal(code, 'server_unreachable');
    assert.match(detail, /must begin with wss:/);
  });
});

describe('talking by keyboard', () => {
  test('a message and a request for a response; the reply is written as it comes', async () => {
    const { voice, connection, take } = await up();
    assert.equal(voice.sendText('hello'), true);
    const { item } = await connection.take('conversation.item.create');
    assert.deepEqual(item.content, [{ type: 'input_text', text: 'hello' }]);
    await connection.take('response.create');
    connection.send({ type: 'conversation.item.added', previous_item_id: null, item: { ...item, id: 'item_U', status: 'completed' } });
    const mine = await take('transcript');
    assert.deepEqual([mine.role, mine.source, mine.text, mine.final], ['user', 'text', 'hello', true]);
    await take('state', ({ state }) => state === 'thinking');
    connection.send({ type: 'response.created', response: { id: 'resp_1', conversation_id: 'conv_1', status: 'in_progress' } });
    connection.send({ type: 'response.output_item.added', response_id: 'resp_1', output_index: 0, item: { id: 'item_A', type: 'message', role: 'assistant', status: 'in_progress', content: [] } });
    connection.send({ type: 'conversation.item.added', previous_item_id: 'item_U', item: { id: 'item_A', type: 'message', role: 'assistant', status: 'in_progress', content: [] } });
    connection.send({ type: 'response.output_audio_transcript.delta', ...reply, delta: 'Good ' });
    connection.send({ type: 'response.output_audio_transcript.delta', ...reply, delta: 'day.' });
    const theirs = await take('transcript', ({ text }) => text === 'Good day.');
    assert.deepEqual([theirs.role, theirs.final, theirs.heard, theirs.unheard, theirs.previous_item_id], ['assistant', false, 'Good day.', '', 'item_U']);
    connection.send({ type: 'response.done', response: { id: 'resp_1', conversation_id: 'conv_1', status: 'completed', output: [], status_details: null } });
    assert.equal((await take('transcript', ({ final, role }) => final && role === 'assistant')).text, 'Good day.');
    await take('state', ({ state }) => state === 'listening');
    assert.deepEqual(voice.transcript().map(({ item_id }) => item_id), ['item_U', 'item_A']);
  });

  test('nothing can be said before there is a session', () => {
    session = recorded({ url: peer.url });
    assert.equal(session.voice.sendText('hello'), false);
    assert.equal(session.voice.interrupt(), false);
    assert.equal(session.voice.send({ type: 'response.create' }), false);
  });

  test('interrupt cancels the response in progress', async () => {
    const { voice, connection, take } = await up();
    connection.send({ type: 'response.created', response: { id: 'resp_1', conversation_id: 'conv_1', status: 'in_progress' } });
    await take('state', ({ state }) => state === 'thinking');
    assert.equal(voice.interrupt(), true);
    assert.equal((await connection.take('response.cancel')).response_id, 'resp_1');
    await take('state', ({ state }) => state === 'listening');
    assert.equal(voice.interrupt(), false, 'once is enough');
  });

  test('the server\'s cut splits the reply: heard, and unheard', async () => {
    const { connection, take } = await up();
    connection.send({ type: 'response.output_item.added', response_id: 'resp_1', item: { id: 'item_A', type: 'message', role: 'assistant', status: 'in_progress', content: [] } });
    connection.send({ type: 'response.output_audio_transcript.delta', ...reply, delta: 'The weather in Paris is sunny.' });
    connection.send({ type: 'bargein.cut', response_id: 'resp_1', item_id: 'item_A', heard_samples: 9, heard_text: 'The weather', unheard_text: ' in Paris is sunny.' });
    const cut = await take('transcript', ({ interrupted }) => interrupted);
    assert.deepEqual([cut.heard, cut.unheard, cut.exact, cut.final], ['The weather', ' in Paris is sunny.', true, true]);
    assert.equal((await take('cut')).heard_text, 'The weather');
  });

  test('a flush is answered even when the reply had no sound', async () => {
    const { connection } = await up();
    connection.send({ type: 'bargein.flush', response_id: 'resp_1', item_id: 'item_A' });
    const { response_id, item_id, samples } = await connection.take('bargein.flushed');
    assert.deepEqual({ response_id, item_id, samples }, { response_id: 'resp_1', item_id: 'item_A', samples: 0 });
  });
});

describe('the live session', () => {
  test('update answers with what the server made of it', async () => {
    const { voice, connection } = await up();
    const updated = voice.update({ audio: { output: { voice: 'ash' } } });
    const { session: asked } = await connection.take('session.update');
    assert.deepEqual(asked, { type: 'realtime', audio: { output: { voice: 'ash', format: { type: 'audio/pcm', rate: 24_000 } } } });
    connection.send({ type: 'session.updated', session: { type: 'realtime' } });
    connection.send({ type: 'session.updated', session: { type: 'realtime', audio: { output: { voice: 'ash' } } } });
    await updated;
  });

  test('a refused update throws the server\'s words, and is not asked for again', async () => {
    const { voice, connection } = await up();
    const updated = voice.update({ audio: { output: { voice: 'nobody' } } });
    const { event_id } = await connection.take('session.update');
    connection.send({ type: 'error', error: { type: 'invalid_request_error', code: 'invalid_value', param: 'session.audio.output.voice', message: 'No such voice.', event_id } });
    await assert.rejects(updated, { message: 'No such voice.', code: 'invalid_value', param: 'session.audio.output.voice' });
    connection.ws.close(1012);
    const { session: asked } = await (await peer.connection(2)).take('session.update');
    assert.equal(asked.audio.output.voice, undefined);
  });

  test('push-to-talk is turn detection null, from the page or from the server', async () => {
    const { voice, take, connection } = await up();
    assert.equal(voice.pushToTalk, false);
    void voice.update({ audio: { input: { turn_detection: null } } });
    assert.equal((await take('state', ({ pushToTalk }) => pushToTalk)).pushToTalk, true);
    voice.press();
    await take('state', ({ state }) => state === 'user-speaking');
    await connection.take('input_audio_buffer.clear');
    voice.release();
    await connection.take('input_audio_buffer.clear');
    await take('state', ({ state }) => state === 'listening');
  });

  test('functions are called and answered, then the model goes on, once', async () => {
    const { voice, connection } = await up();
    voice.registerTool('add', ({ a, b }) => a + b);
    voice.registerTool('fail', () => { throw new Error('no such city'); });
    const call = (name, call_id, args) => ({ type: 'response.function_call_arguments.done', response_id: 'resp_1', item_id: 'i', call_id, name, arguments: args });
    connection.send({ type: 'response.created', response: { id: 'resp_1', conversation_id: 'c' } });
    connection.send(call('add', 'call_1', '{"a": 2, "b": 3}'));
    connection.send(call('fail', 'call_2', ''));
    connection.send(call('unknown', 'call_3', '{}'));
    connection.send({ type: 'response.done', response: { id: 'resp_1', status: 'completed', output: [] } });
    await connection.take('response.create');
    const outputs = connection.received.filter(({ type }) => type === 'conversation.item.create').map(({ item }) => [item.call_id, item.output]);
    assert.deepEqual(outputs.sort(), [['call_1', '5'], ['call_2', '{"error":"no such city"}']]);
    assert.equal((await session.take('error', ({ code }) => code === 'tool_failed')).fatal, false);
    assert.equal(connection.received.filter(({ type }) => type === 'response.create').length, 1);
  });
});

describe('trouble', () => {
  test('a model that fails is told in plain words, and the next turn works', async () => {
    const { connection, take, voice } = await up();
    connection.send({ type: 'response.created', response: { id: 'resp_1', conversation_id: 'c' } });
    connection.send({ type: 'response.done', response: { id: 'resp_1', status: 'failed', output: [], status_details: { type: 'failed', error: { code: 'upstream_unavailable', message: 'HTTP 503' } } } });
    const told = await take('error', ({ code }) => code === 'model_failed');
    assert.equal(told.title, 'The model could not answer');
    assert.equal(told.detail, 'upstream_unavailable: HTTP 503');
    assert.equal(told.fatal, false);
    assert.equal(voice.state, 'listening');
  });

  test('a restart is announced, counted down, survived, and said to be a new session', async () => {
    const { connection, take } = await up();
    connection.ws.close(1012, 'restarting');
    assert.equal((await take('error', ({ code }) => code === 'server_restarting')).fatal, false);
    const { attempt, attempts, delay_ms, code } = await take('reconnecting');
    assert.deepEqual({ attempt, attempts, delay_ms, code }, { attempt: 1, attempts: 10, delay_ms: 0, code: 1012 });
    await take('state', ({ state }) => state === 'reconnecting');
    await take('state', ({ state }) => state === 'listening');
    assert.equal((await take('session', ({ connection: n }) => n === 2)).resumed, false);
    assert.equal((await take('recovered')).code, 'server_restarting');
  });

  test('the resume token is offered with the last seq, and a resumed session says so', async () => {
    peer.greeting = false;
    session = recorded({ url: peer.url });
    const started = session.voice.start();
    const first = await peer.connection();
    first.greet({ bargein: { resume_token: 'rt_1', epoch: 3, window_s: 30, report_ms: 100 } });
    await started;
    first.send({ type: 'rate_limits.updated', rate_limits: [] });
    await session.take('wire', ({ type }) => type === 'rate_limits.updated');
    first.ws.terminate();
    const second = await peer.connection(2);
    const asked = new URL(second.request.url, peer.url).searchParams;
    assert.deepEqual([asked.get('resume'), asked.get('epoch'), asked.get('seq')], ['rt_1', '3', '1']);
    second.greet({ bargein: { resume_token: 'rt_2', epoch: 4, window_s: 30, report_ms: 100, resumed: true } });
    assert.equal((await session.take('session', ({ connection }) => connection === 2)).resumed, true);
  });

  for (const [code, trouble] of [[4401, 'token_rejected'], [4403, 'forbidden'], [4409, 'superseded'], [1008, 'policy'], [1009, 'too_big']]) {
    test(`${code} is not tried again`, async () => {
      const { connection, take, voice } = await up();
      connection.ws.close(code);
      assert.equal((await take('error', (detail) => detail.code === trouble)).fatal, true);
      assert.equal(voice.state, 'error');
      assert.equal(peer.connections.length, 1);
    });
  }

  test('1000 from the server ends it in peace', async () => {
    const { connection, take, of } = await up();
    connection.ws.close(1000);
    await take('state', ({ state }) => state === 'disconnected');
    assert.deepEqual(of('error').filter(({ code }) => code !== 'audio_unsupported'), []);
  });

  test('idle and expired are told by the error before the close, and are not tried again', async () => {
    const { connection, take } = await up();
    connection.send({ type: 'error', error: { type: 'invalid_request_error', code: 'session_expired', message: 'Your session hit the maximum duration of 60 minutes.' } });
    connection.ws.close(1001);
    assert.equal((await take('error', ({ fatal }) => fatal)).code, 'session_expired');
  });

  test('a full server: asked over HTTP, told, and tried again after Retry-After', async () => {
    peer.refuse = { status: 503 };
    peer.http = () => ({ status: 503, headers: { 'Retry-After': '7', 'Access-Control-Expose-Headers': 'Retry-After' } });
    session = recorded({ url: peer.url });
    void session.voice.start();
    assert.equal((await session.take('error', ({ code }) => code !== 'audio_unsupported')).code, 'server_full');
    const { delay_ms, reason } = await session.take('reconnecting');
    assert.equal(delay_ms, 7000);
    assert.equal(reason, 'The server is full');
    peer.refuse = null;
    session.voice.reconnectNow();
    await session.take('state', ({ state }) => state === 'listening');
    assert.equal((await session.take('recovered', ({ code }) => code === 'server_full')).code, 'server_full');
  });

  test('a server whose model does not answer is not a full one: what it refused is told', async () => {
    peer.refuse = { status: 401 };
    peer.http = (path) => (path === '/readyz'
      ? { status: 503, body: JSON.stringify({ status: 'not_ready', error: { code: 'model_unreachable' } }) }
      : { status: 401 });
    session = recorded({ url: peer.url, token: 'wrong' });
    assert.equal(await session.voice.start(), false);
    assert.equal((await session.take('error', ({ fatal }) => fatal)).code, 'token_rejected');
  });

  for (const [token, code] of [[undefined, 'token_required'], ['wrong', 'token_rejected']]) {
    test(`a server that wants a key: ${code}`, async () => {
      peer.refuse = { status: 401 };
      peer.http = (path) => ({ status: path === '/readyz' ? 200 : 401 });
      session = recorded({ url: peer.url, token });
      assert.equal(await session.voice.start(), false);
      assert.equal((await session.take('error', ({ fatal }) => fatal)).code, code);
    });
  }

  test('no server at all: tried again and again, then it ends with a way on', async () => {
    const { url } = peer;
    await peer.stop();
    session = recorded({ url });
    void session.voice.start();
    const { code, retry, action, help } = await session.take('error', ({ code }) => code !== 'audio_unsupported');
    assert.equal(code, 'server_unreachable');
    assert.ok(retry && action && help);
    const attempts = [];
    for (let n = 1; n <= 10; n++) {
      attempts.push((await session.take('reconnecting', ({ attempt }) => attempt === n)).delay_ms);
      session.voice.reconnectNow();
    }
    assert.deepEqual(attempts, [0, 300, 1200, 2700, 4800, 7000, 7000, 7000, 7000, 7000]);
    assert.equal((await session.take('error', ({ fatal }) => fatal)).code, 'server_unreachable');
    assert.equal(session.voice.state, 'error');
    peer = await Peer.start();
  });

  test('a black hole is found by the ping nobody answers', async () => {
    const { connection, take } = await up({ pingIntervalMs: 50, pingTimeoutMs: 100 });
    await take('latency', ({ kind }) => kind === 'round_trip');
    connection.pongs = false;
    assert.equal((await take('error', ({ code }) => code === 'socket_lost')).code, 'socket_lost');
    assert.equal((await take('session', ({ connection: n }) => n === 2)).resumed, false);
  });

  test('a message nobody can read ends it in words', async () => {
    const { connection, take } = await up();
    connection.ws.send('not json');
    assert.equal((await take('error', ({ fatal }) => fatal)).code, 'protocol_error');
  });

  test('unknown events and events of other clients are ignored', async () => {
    const { connection, take, voice, of } = await up();
    connection.send({ type: 'bargein.sparkle' });
    connection.send({ type: 'response.mcp_call.in_progress', item_id: 'x' });
    connection.ws.send(Buffer.concat([Buffer.from([1, 9]), Buffer.alloc(22)]));
    await take('wire', ({ type }) => type === 'binary');
    assert.equal(voice.state, 'listening');
    assert.equal(of('error').filter(({ fatal }) => fatal).length, 0);
  });
});

describe('golden messages', () => {
  const golden = JSON.parse(readFileSync(new URL('../wire/golden/bargein-v1.json', import.meta.url)));

  for (const { name, message, hex } of golden.filter(({ direction }) => direction === 'server_to_client')) {
    if (message?.type === 'session.created') {
      test(`begins a session: ${name}`, async () => {
        peer.greeting = false;
        session = recorded({ url: peer.url });
        const started = session.voice.start();
        (await peer.connection()).ws.send(JSON.stringify(message));
        assert.equal(await started, true);
        assert.equal((await session.take('session')).session.id, message.session.id);
      });
      continue;
    }
    test(`is understood: ${name}`, async () => {
      const { connection, take, of, voice } = await up();
      connection.ws.send(message ? JSON.stringify(message) : Buffer.from(hex, 'hex'));
      connection.send({ type: 'rate_limits.updated', rate_limits: [] });
      await take('wire', ({ type }) => type === (message?.type ?? 'binary'));
      await take('wire', ({ type }) => type === 'rate_limits.updated');
      assert.deepEqual(of('error').filter(({ code }) => code !== 'audio_unsupported'), []);
      assert.equal(voice.stats().link.connections, 1);
    });
  }

  test('what they say reaches the page', async () => {
    const { connection, take } = await up();
    const say = (type) => connection.ws.send(JSON.stringify(golden.find(({ message }) => message?.type === type).message));
    say('bargein.vad');
    const { speech, input_ms, level_db } = await take('vad');
    assert.deepEqual({ speech, input_ms, level_db }, { speech: true, input_ms: 4280, level_db: -31.5 });
    say('bargein.latency');
    const { ms, after, stages } = await take('latency', ({ kind }) => kind === 'server');
    assert.deepEqual([ms, after, Object.values(stages).reduce((a, b) => a + b)], [792, 'response', 792]);
    say('bargein.flush');
    const { item_id } = await connection.take('bargein.flushed');
    say('bargein.cut');
    assert.equal((await take('cut')).item_id, item_id);
  });
});

describe('a stock Realtime server', () => {
  test('is spoken to without bargein messages', async () => {
    peer.protocols = ['realtime'];
    const { voice, connection, take } = await up({ pingIntervalMs: 10 });
    assert.equal((await take('session')).extended, false);
    voice.sendText('hello');
    await connection.take('response.create');
    assert.deepEqual(connection.received.filter(({ type }) => type.startsWith('bargein')), []);
  });
});
