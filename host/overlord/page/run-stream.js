// Owns: following one run's events until its last, over as many connections as it
// takes. Knows of no view: it hands on what comes, and says how the connection is.

import { Failure } from "./api.js";
import { EventParser } from "./events.js";

/** The host writes a comment every 15 seconds; three missed ones mean a dead connection. */
const SILENCE_MS = 47_000;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 10_000;

/**
 * @typedef {object} Handlers
 * @property {(type: string, data: object) => void} onEvent
 * @property {(state: "connected"|"reconnecting") => void} onConnection
 * @property {(failure: Error) => void} onLost the host no longer tells of this run
 */

export class RunStream {
  #api;
  #handlers;
  #abort = new AbortController();
  #lastId = null;
  #failures = 0;
  #runId = null;
  #wake = () => {};
  #known = Promise.withResolvers();

  /** @param {import("./api.js").Api} api @param {Handlers} handlers */
  constructor(api, handlers) {
    this.#api = api;
    this.#handlers = handlers;
  }

  /**
   * Asks, and follows the answer. Throws what goes wrong before the run exists.
   * @returns {Promise<void>} when the host has taken the question
   */
  async ask(sessionId, message) {
    const response = await this.#api.ask(sessionId, message, this.#abort.signal);
    this.#go(response);
    return this.#known.promise;
  }

  /** Follows a run from its beginning. */
  follow(runId) {
    this.#runId = runId;
    this.#go(null);
  }

  /** Stops listening. The run goes on. */
  close() {
    this.#abort.abort();
    this.#wake();
  }

  /** Tries again at once, as when the network is back. */
  hurry() {
    this.#failures = 0;
    this.#wake();
  }

  async #go(response) {
    while (!this.#abort.signal.aborted) {
      try {
        const source = response ?? (await this.#api.runEvents(this.#runId, this.#lastId, this.#abort.signal));
        response = null;
        this.#handlers.onConnection("connected");
        if (await this.#read(source)) return;
      } catch (failure) {
        if (this.#abort.signal.aborted) return;
        response = null;
        if (isFinal(failure)) {
          this.#handlers.onLost(failure);
          return;
        }
        await this.#pause(failure.retryAfterMs ?? 0);
        continue;
      }
      if (!this.#runId) {
        this.#known.reject(
          new Failure("offline", 0, "The connection broke before the host said that it has the question."),
        );
        return;
      }
      await this.#pause(0);
    }
  }

  async #pause(atLeast) {
    if (this.#abort.signal.aborted) return;
    this.#handlers.onConnection("reconnecting");
    const step = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    const wait = Math.max(atLeast, step * (0.75 + Math.random() / 2));
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @returns {Promise<boolean>} whether the last event has come */
  async #read(response) {
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const close = () => reader.cancel().catch(() => {});
    let silence = setTimeout(close, SILENCE_MS);
    this.#abort.signal.addEventListener("abort", close);
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return false;
        clearTimeout(silence);
        silence = setTimeout(close, SILENCE_MS);
        for (const event of parser.push(value)) {
          if (this.#abort.signal.aborted) return true;
          if (this.#take(event)) return true;
        }
      }
    } catch {
      return false;
    } finally {
      clearTimeout(silence);
      this.#abort.signal.removeEventListener("abort", close);
      close();
    }
  }

  #take({ type, data, id }) {
    const fields = JSON.parse(data);
    if (id) {
      this.#lastId = id;
      this.#failures = 0;
    }
    if (type === "run") this.#runId = fields.run_id;
    this.#handlers.onEvent(type, fields);
    if (type === "run") this.#known.resolve();
    return type === "done" || type === "error";
  }
}

/** What a proxy says while the host restarts (502, 504) and "not now" pass; the rest is an answer. */
function isFinal({ status }) {
  return status >= 400 && status < 500 && status !== 429;
}
