// @ts-check
/**
 * Calls of tools and their results, from the events of the protocol. Pure.
 * @module
 */

/** @typedef {{call_id: string, name: string, given: string, result: string | null}} Call `given`: the arguments as the model wrote them; `result`
 *   null: awaited */

export class ToolCalls {
  /** @type {Call[]} oldest first */
  calls = [];

  /** @param {Record<string, any>} event @returns {boolean} something is new */
  take(event) {
    const item = event.item;
    if (event.type === 'response.function_call_arguments.done') return this.#call(event.call_id, event.name, event.arguments);
    if (item?.type === 'function_call' && item.status === 'completed') return this.#call(item.call_id, item.name, item.arguments);
    if (item?.type === 'function_call_output') return this.#result(item.call_id, String(item.output ?? ''));
    return false;
  }

  /** @param {string} call_id @param {string | undefined} name @param {string | undefined} given */
  #call(call_id, name, given) {
    const known = this.#known(call_id);
    if (!known) {
      this.calls.push({ call_id, name: name ?? '', given: given ?? '', result: null });
      return true;
    }
    if (known.name !== '' || !name) return false;
    known.name = name;
    return true;
  }

  /** @param {string} call_id @param {string} result */
  #result(call_id, result) {
    const known = this.#known(call_id);
    if (!known || known.result === result) return false;
    known.result = result;
    return true;
  }

  /** @param {string} call_id */
  #known(call_id) {
    return this.calls.find((call) => call.call_id === call_id);
  }
}
