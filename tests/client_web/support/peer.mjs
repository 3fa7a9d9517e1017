// A scripted server: real sockets, real HTTP, one script per connection.

import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

export class Peer {
  /** Connections in the order they came. */
  connections = [];
  #arrivals = new EventEmitter();
  /** Answers to plain HTTP requests: (path, request) => {status, headers, body}. */
  http = () => ({ status: 404 });
  /** Refuse upgrades with this answer; null accepts them. */
  refuse = null;
  protocols = ['bargein.v1', 'realtime'];
  greeting = true;

  static async start() {
    const peer = new Peer();
    peer.#server = createServer((request, response) => {
      const { status, headers = {}, body = '' } = peer.http(request.url, request);
      response.writeHead(status, { 'Access-Control-Allow-Origin': '*', ...headers }).end(body);
    });
    peer.#sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => peer.protocols.find((name) => offered.has(name)) });
    peer.#server.on('upgrade', (request, socket, head) => {
      peer.upgrades.push(request);
      if (peer.refuse) {
        const { status, headers = {} } = peer.refuse;
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
        socket.end(`HTTP/1.1 ${status} Refused\r\n${lines}Connection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      peer.#sockets.handleUpgrade(request, socket, head, (ws) => peer.#accept(ws, request));
    });
    peer.#server.listen(0, '127.0.0.1');
    await once(peer.#server, 'listening');
    return peer;
  }

  #server;
  #sockets;
  upgrades = [];

  get url() {
    return `ws://127.0.0.1:${this.#server.address().port}/v1/realtime`;
  }

  #accept(ws, request) {
    const connection = new Connection(ws, request);
    this.connections.push(connection);
    if (this.greeting) connection.greet();
    this.#arrivals.emit('connection', connection);
  }

  /** The nth connection (from 1), waited for. */
  async connection(n = 1) {
    while (this.connections.length < n) await once(this.#arrivals, 'connection');
    return this.connections[n - 1];
  }

  async stop() {
    for (const { ws } of this.connections) ws.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

class Connection {
  /** Events received, and binary messages as {type: 'binary', bytes}. */
  received = [];
  closed = null;
  #news = new EventEmitter();
  #seq = 0;

  constructor(ws, request) {
    this.ws = ws;
    this.request = request;
    ws.on('message', (data, binary) => {
      const event = binary ? { type: 'binary', bytes: data } : JSON.parse(data);
      this.received.push(event);
      if (event.type === 'bargein.ping' && this.pongs) this.send({ type: 'bargein.pong', id: event.id });
      this.#news.emit('news');
    });
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#news.emit('news');
    });
  }

  pongs = true;

  greet(more = {}) {
    this.send({
      type: 'session.created',
      session: { type: 'realtime', id: 'sess_1', audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 500 } } } },
      bargein: { resume_token: null, epoch: 0, window_s: 30, report_ms: 100 },
      ...more,
    });
  }

  send(event) {
    this.ws.send(JSON.stringify({ event_id: `event_${this.#seq}`, seq: this.#seq++, ...event }));
  }

  /** Wait for an event by type (or predicate), after the ones already taken. */
  async take(what) {
    const fits = typeof what === 'function' ? what : (event) => event.type === what;
    for (;;) {
      const at = this.received.findIndex((event) => !event.taken && fits(event));
      if (at >= 0) {
        this.received[at].taken = true;
        return this.received[at];
      }
      if (this.closed) throw new Error(`closed (${this.closed.code}) while waiting for ${what}`);
      await once(this.#news, 'news');
    }
  }

  async end() {
    while (!this.closed) await once(this.#news, 'news');
    return this.closed;
  }
}

/** Give Node the browser's WebSocket. */
export function useBrowserSocket() {
  globalThis.WebSocket = WebSocket;
}
