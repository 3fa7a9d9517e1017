// @ts-check
/** Functions of the page that the model may call. One response may call several: all are answered, then it goes on once. */

import { message } from '../protocol.js';

export class Tools {
  /** @type {Map<string, import('../session.js').ToolFunction>} */
  #functions = new Map();
  /** @type {Map<string, Promise<void>[]>} by response_id */
  #running = new Map();
  #send;
  #onFailed;

  /** @param {(event: Record<string, any>) => boolean} send @param {(error: unknown, name: string) => void} onFailed */
  constructor(send, onFailed) {
    this.#send = send;
    this.#onFailed = onFailed;
  }

  /** @param {string} name @param {import('../session.js').ToolFunction} fn */
  register(name, fn) {
    this.#functions.set(name, fn);
  }

  /** `response.function_call_arguments.done`. Unregistered functions are somebody else's. @param {Record<string, any>} event */
  call({ response_id, call_id, name, arguments: text }) {
    const fn = this.#functions.get(name);
    if (!fn) return;
    const running = this.#running.get(response_id) ?? [];
    running.push(this.#answer(fn, call_id, name, text));
    this.#running.set(response_id, running);
  }

  /** `response.done`: when its calls are answered, the model goes on. @param {Record<string, any>} response */
  async responseDone({ id, status }) {
    const running = this.#running.get(id);
    if (!running) return;
    this.#running.delete(id);
    await Promise.all(running);
    if (status === 'completed') this.#send(message.respond());
  }

  /** @param {import('../session.js').ToolFunction} fn @param {string} call_id @param {string} name @param {string} text */
  async #answer(fn, call_id, name, text) {
    let output;
    try {
      output = await fn(JSON.parse(text || '{}'), { call_id, name });
    } catch (error) {
      this.#onFailed(error, name);
      output = { error: error instanceof Error ? error.message : String(error) };
    }
    this.#send(message.functionOutput(call_id, typeof output === 'string' ? output : JSON.stringify(output ?? null)));
  }
}
