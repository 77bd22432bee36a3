// Owns: how a run looks while it goes on and when it has ended: the question, the
// answer as it grows, its place in the queue, how it ended. Does what events say;
// knows nothing of where they come from.

import { el } from "./dom.js";
import { fromHost } from "./host-html.js";
import { dress } from "./code.js";
import { patchBlocks } from "./blocks.js";
import { denied, emptyArticle, errorBox, fillResult, plainText, prose, timeOf, toolCall } from "./message.js";
import { duration } from "./time.js";

const ENDED = ["done", "failed", "cancelled", "interrupted"];

export class RunView {
  runId = null;
  /** @type {"sending"|"queued"|"running"|"done"|"failed"|"cancelled"|"interrupted"} */
  state = "sending";
  /** Whether it was told to stop, and has not ended yet. */
  stopping = false;
  /** Where the limiter refused it in the end: when it may be asked again. */
  retryAfterMs = null;
  #question;
  #answer;
  #foot = el("div", { class: "run-foot" });
  #startedAt;
  #clock = null;
  #segments = new Map();
  #stale = false;
  #connection = "connected";
  #position = null;
  #actions;

  /**
   * @param {string} message the question
   * @param {number} askedAt milliseconds
   * @param {{withdraw: (view: RunView) => void, putBack: (message: string) => void}} actions
   */
  constructor(message, askedAt, actions) {
    this.message = message;
    this.askedAt = askedAt;
    this.#actions = actions;
    this.#startedAt = askedAt;
    this.#question = emptyArticle("user", askedAt);
    this.#question.append(plainText(message));
    this.#answer = emptyArticle("assistant", NaN);
    this.#answer.hidden = true;
    this.element = el("div", { class: "run", "data-testid": "run" }, this.#question, this.#answer, this.#foot);
    this.#showFoot();
  }

  get ended() {
    return ENDED.includes(this.state);
  }

  /** The question is already to be seen above, in the history. */
  hideQuestion() {
    this.#question.remove();
  }

  /** What was said so far, for a screen reader. */
  get text() {
    return [...this.#segments.values()].map((segment) => segment.innerText).join("\n");
  }

  /** What is said of the end to a screen reader. */
  get spoken() {
    const words = { cancelled: "Stopped.", interrupted: "The answer was interrupted.", failed: "There is no answer." };
    return words[this.state] ?? `Answer: ${this.text}`;
  }

  setState(state, { position = null, startedAt = null } = {}) {
    if (this.ended) return;
    if (state === "running" && this.state !== "running") this.#startedAt = startedAt ?? Date.now();
    this.state = state;
    this.#position = position;
    this.element.dataset.state = state;
    if (state === "running") this.#clock ??= setInterval(() => this.#showFoot(), 1000);
    this.#showFoot();
  }

  setConnection(connection) {
    if (this.#connection === connection) return;
    this.#connection = connection;
    this.#showFoot();
  }

  /** @param {string} type @param {object} data as docs/api.md has them */
  apply(type, data) {
    if (this.ended) return;
    if (type === "run" || type === "state") {
      this.runId = data.run_id ?? this.runId;
      this.setState(data.state, data);
    } else if (type === "resume") {
      this.#stale = data.resume === "gap";
    } else if (type === "done") {
      this.#done(data);
    } else if (type === "error") {
      this.#error(data);
    } else {
      this.#part(type, data);
    }
  }

  /** The rest of the answer cannot be had; `words` say why. */
  lose(words) {
    if (this.ended) return;
    this.#end("failed", el("p", {}, words), this.#putBack());
  }

  dispose() {
    clearInterval(this.#clock);
  }

  #part(type, data) {
    if (this.#stale) this.#clear();
    this.#showAnswer();
    if (type === "html") this.#html(data);
    else if (type === "tool") this.#tool(data);
    else if (type === "denied") this.#answer.append(denied(data.name));
    else if (type === "note") this.#answer.append(el("p", { class: "marker" }, data.text));
  }

  #showAnswer() {
    if (!this.#answer.hidden) return;
    this.#answer.hidden = false;
    this.#answer.querySelector("header").append(timeOf(this.#startedAt));
  }

  /** After a gap the text is told anew; what was shown stays until then. */
  #clear() {
    this.#stale = false;
    this.#segments.clear();
    for (const part of [...this.#answer.children].slice(1)) part.remove();
  }

  #html({ segment, keep, html }) {
    let box = this.#segments.get(segment);
    if (!box) {
      box = el("div", { class: "prose" });
      this.#segments.set(segment, box);
      this.#answer.append(box);
    }
    patchBlocks(box, keep, dress(fromHost(html)));
  }

  #tool(data) {
    const known = this.#answer.querySelector(`[data-call="${CSS.escape(data.id)}"]`);
    if (data.name !== undefined && !known) this.#answer.append(toolCall(data.id, data.name, data.input));
    else if (known && data.name === undefined) fillResult(known, data);
  }

  #done(data) {
    if (data.is_error) {
      this.#showAnswer();
      this.#answer.append(errorBox(data.result));
    } else if (this.text.trim() === "" && (data.html || data.result)) {
      this.#showAnswer();
      this.#answer.append(prose(data.html, data.result));
    }
    const turns = data.num_turns > 1 ? `, ${data.num_turns} turns` : "";
    this.#end(data.is_error ? "failed" : "done", el("p", { class: "quiet" }, `${duration(data.duration_ms)}${turns}`));
  }

  #error({ reason, detail, retry_after_s: seconds }) {
    this.retryAfterMs = seconds ? seconds * 1000 : null;
    if (reason === "cancelled") {
      const words = this.state === "running" ? "Stopped. What was said so far is kept." : "Withdrawn.";
      this.#end("cancelled", el("p", { class: "quiet" }, words), this.state === "running" ? null : this.#putBack());
    } else if (reason === "interrupted") {
      this.#end(
        "interrupted",
        el("p", {}, "The host was restarted while this was being answered. The rest of the answer is lost."),
        this.#putBack(),
      );
    } else {
      this.#showAnswer();
      this.#answer.append(errorBox(detail || "There is no answer."));
      this.#end("failed", this.#putBack());
    }
  }

  #putBack() {
    return el(
      "button",
      { type: "button", class: "button small", click: () => this.#actions.putBack(this.message) },
      "Put the question back",
    );
  }

  #end(state, ...foot) {
    for (const call of this.#answer.querySelectorAll(".tool:not(.ended)")) {
      call.querySelector(".outcome").textContent = "no result";
      call.classList.add("ended");
    }
    this.state = state;
    this.element.dataset.state = state;
    this.dispose();
    this.#foot.replaceChildren(...foot.filter(Boolean));
  }

  #showFoot() {
    if (this.ended) return;
    const parts = [el("span", { class: "pulse", "aria-hidden": "true" })];
    if (this.#connection === "reconnecting")
      parts.push(el("p", {}, "Connection lost. Trying again; the answer goes on meanwhile."));
    else if (this.state === "sending") parts.push(el("p", {}, "Sending…"));
    else if (this.state === "queued")
      parts.push(
        el("p", {}, this.#position ? `Waiting, place ${this.#position} in the queue.` : "Waiting in the queue."),
      );
    else
      parts.push(
        el("p", {}, "Answering…"),
        el(
          "span",
          { class: "clock", "aria-hidden": "true" },
          duration(Math.floor((Date.now() - this.#startedAt) / 1000) * 1000).replace(".0", ""),
        ),
      );
    const withdraw = this.#foot.querySelector(".withdraw");
    if (this.state === "queued") {
      parts.push(
        withdraw ??
          el(
            "button",
            { type: "button", class: "button small withdraw", click: () => this.#actions.withdraw(this) },
            "Withdraw",
          ),
      );
      if (withdraw) {
        this.#foot.querySelector("p").textContent = parts[1].textContent;
        return;
      }
    }
    this.#foot.replaceChildren(...parts);
  }
}
