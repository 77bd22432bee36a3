// Owns: the runs of the open session: asking, following, stopping, finding again
// after a reload. Decides which of them are listened to. How a run looks is
// run-view.js's, how its events arrive run-stream.js's.

import { RunStream } from "./run-stream.js";
import { RunView } from "./run-view.js";

/**
 * Browsers open six connections to a host over HTTP/1.1, for all tabs together, so
 * only the run that is answered and the next one have one; the rest is looked up.
 */
const STREAMS_MAX = 2;
const LOOK_MS = 2000;
/** A host restarts in seconds, but the clocks of transcript and run may differ a little. */
const CLOCK_SLACK_MS = 2000;

/**
 * @typedef {object} Page what live.js needs of the rest of the page
 * @property {(view: RunView) => void} onChange
 * @property {(view: RunView) => void} onEnd
 * @property {(message: string) => void} putBack
 * @property {(failure: Error) => void} onFailure
 */

export class Live {
  #api;
  #root;
  #page;
  #sessionId = null;
  /** @type {Map<RunView, RunStream|null>} in the order of asking */
  #runs = new Map();
  #timer = null;

  /** @param {import("./api.js").Api} api @param {HTMLElement} root @param {Page} page */
  constructor(api, root, page) {
    this.#api = api;
    this.#root = root;
    this.#page = page;
  }

  /** The runs of the session that have not ended. */
  get active() {
    return [...this.#runs.keys()].filter((view) => !view.ended);
  }

  get running() {
    return this.active.find((view) => view.state === "running") ?? null;
  }

  /** Stops listening to all; the runs go on. What is being sent is let arrive first. */
  leave() {
    clearTimeout(this.#timer);
    this.#sessionId = null;
    for (const [view, stream] of this.#runs) {
      view.dispose();
      if (view.state !== "sending") stream?.close();
    }
    this.#runs.clear();
    this.#root.replaceChildren();
  }

  /** What has ended is in the history too, and goes from here when that is read anew. */
  dropEnded() {
    for (const view of [...this.#runs.keys()].filter((one) => one.ended)) this.#forget(view);
  }

  /**
   * @param {import("./message.js").Message[]} messages of the history's end
   * @returns those that no run under way tells again
   */
  untold(messages) {
    for (const view of this.active) {
      const begins = beginning(messages, view);
      if (begins >= 0) return messages.slice(0, begins);
    }
    return messages;
  }

  /**
   * Shows what the host knows of a session's runs.
   * @param {string} sessionId @param {object[]} runs from GET /agent/runs
   * @param {import("./message.js").Message[]} messages the end of its history
   * @returns {import("./message.js").Message[]} those that no run shown here tells again
   */
  take(sessionId, runs, messages) {
    this.#sessionId = sessionId;
    const newest = Date.parse(messages.at(-1)?.timestamp ?? "") || 0;
    const last = runs.at(-1);
    const shown = runs.filter(
      (run) =>
        ["queued", "running"].includes(run.state) ||
        (run === last &&
          ["failed", "interrupted"].includes(run.state) &&
          (run.ended_at ?? 0) + CLOCK_SLACK_MS > newest),
    );
    let kept = messages;
    for (const run of shown) {
      const view = this.#add(run.message, run.asked_at);
      view.runId = run.run_id;
      const begins = beginning(kept, view);
      if (run.state === "interrupted") {
        if (begins >= 0) view.hideQuestion();
        view.apply("error", { reason: "interrupted" });
        continue;
      }
      if (begins >= 0) kept = kept.slice(0, begins);
      view.setState(run.state === "failed" ? "running" : run.state, {
        position: run.position,
        startedAt: run.started_at,
      });
    }
    this.#listen();
    return kept;
  }

  /**
   * Asks. Throws where the host does not take the question; nothing of it is shown then.
   * @param {string} sessionId @param {string} message
   */
  async ask(sessionId, message) {
    this.#sessionId = sessionId;
    const view = this.#add(message, Date.now());
    const stream = this.#stream(view);
    this.#runs.set(view, stream);
    this.#page.onChange(view);
    try {
      await stream.ask(sessionId, message);
    } catch (failure) {
      const still = this.#runs.has(view);
      this.#forget(view);
      if (!(await this.#found(failure, sessionId, message, still))) throw failure;
    }
    this.#listen();
  }

  /** A question whose answer never came may have arrived all the same. */
  async #found(failure, session, message, still) {
    if (failure.kind !== "offline") return false;
    try {
      const runs = await this.#api.runs({ session });
      const run = runs.find((one) => one.message === message && !this.#knows(one.run_id));
      if (run && still) this.take(session, [run], []);
      return Boolean(run);
    } catch {
      return false;
    }
  }

  /** @param {RunView} view stops it, or withdraws it from the queue */
  async cancel(view) {
    view.stopping = true;
    this.#page.onChange(view);
    try {
      const { state } = await this.#api.cancel(view.runId);
      if (state === "cancelled") view.apply("error", { reason: "cancelled" });
      if (view.ended) this.#ended(view);
    } catch (failure) {
      view.stopping = false;
      this.#page.onChange(view);
      this.#page.onFailure(failure);
    }
  }

  /** The network is back, or the tab is looked at again. */
  hurry() {
    for (const stream of this.#runs.values()) stream?.hurry();
  }

  /** Looks for runs that another tab or device has started in this session. */
  async look() {
    const session = this.#sessionId;
    if (!session) return;
    clearTimeout(this.#timer);
    try {
      const runs = await this.#api.runs({ session, ended: true });
      if (session !== this.#sessionId) return;
      for (const run of runs) this.#update(run);
    } catch {
      // It is looked again in a moment; what is shown says that it waits.
    }
    this.#listen();
  }

  #update(run) {
    const view = [...this.#runs.keys()].find((one) => one.runId === run.run_id);
    if (!view && ["queued", "running"].includes(run.state) && !this.active.some((one) => one.state === "sending")) {
      this.take(this.#sessionId, [run], []);
      for (const taken of this.active) if (taken.runId === run.run_id) this.#page.onChange(taken);
    } else if (view && !view.ended && this.#runs.get(view) === null && run.state === "queued") {
      view.setState("queued", { position: run.position });
    } else if (view && !view.ended && this.#runs.get(view) === null) {
      this.#attach(view);
    }
  }

  #knows(runId) {
    return [...this.#runs.keys()].some((view) => view.runId === runId);
  }

  #add(message, askedAt) {
    const actions = { withdraw: (view) => this.cancel(view), putBack: (text) => this.#page.putBack(text) };
    const view = new RunView(message, askedAt, actions);
    this.#runs.set(view, null);
    this.#root.append(view.element);
    return view;
  }

  #forget(view) {
    view.dispose();
    this.#runs.get(view)?.close();
    this.#runs.delete(view);
    view.element.remove();
    this.#page.onChange(view);
  }

  #stream(view) {
    const stream = new RunStream(this.#api, {
      onEvent: (type, data) => {
        if (!this.#runs.has(view)) {
          stream.close();
          return;
        }
        const before = view.state;
        view.apply(type, data);
        if (view.ended) this.#ended(view);
        else if (view.state !== before) {
          this.#page.onChange(view);
          this.#listen();
        }
      },
      onConnection: (connection) => view.setConnection(connection),
      onLost: (failure) => {
        this.#runs.set(view, null);
        if (failure.kind === "signed-out") return;
        view.lose(
          failure.kind === "missing"
            ? "The host no longer knows this question. What was said is in the session, if anything was."
            : failure.message,
        );
        this.#ended(view);
      },
    });
    return stream;
  }

  #attach(view) {
    const stream = this.#stream(view);
    this.#runs.set(view, stream);
    stream.follow(view.runId);
  }

  #ended(view) {
    this.#runs.get(view)?.close();
    this.#runs.set(view, null);
    this.#page.onEnd(view);
    this.look();
  }

  /** The oldest runs have a connection; where others wait, a timer looks after them. */
  #listen() {
    clearTimeout(this.#timer);
    const known = this.active.filter((view) => view.runId);
    known.forEach((view, place) => {
      const stream = this.#runs.get(view);
      if (place < STREAMS_MAX && !stream) this.#attach(view);
      if (place >= STREAMS_MAX && stream) {
        stream.close();
        this.#runs.set(view, null);
      }
    });
    if (known.length > STREAMS_MAX) this.#timer = setTimeout(() => this.look(), LOOK_MS);
  }
}

/** Where in the history a run's question is, or -1. */
function beginning(messages, { message: question, askedAt }) {
  return messages.findIndex(
    ({ role, text, timestamp }) =>
      role === "user" && text.trim() === question.trim() && Date.parse(timestamp) + CLOCK_SLACK_MS >= askedAt,
  );
}
