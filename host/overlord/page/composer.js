// Owns: the box in which a question is written: its draft, its length, when it may
// be sent, and what is said next to it when it may not. Sends nothing itself.

import { draft, keepDraft } from "./store.js";
import { byId, el, icon, isTouch } from "./dom.js";
import { countdown } from "./time.js";

/** The count appears when this part of the limit is used. */
const COUNT_FROM = 0.9;
const TICK_MS = 250;

export class Composer {
  #box = byId("question");
  #send = byId("send");
  #count = byId("count");
  #notice = byId("notice");
  #key = null;
  #limit = 10_000;
  #heldUntil = 0;
  #ticker = null;
  #onSend;
  #say;

  /** @param {{onSend: (message: string) => void, say: (words: string) => void}} page */
  constructor({ onSend, say }) {
    this.#onSend = onSend;
    this.#say = say;
    this.#box.addEventListener("input", () => this.#changed());
    this.#box.addEventListener("keydown", (event) => this.#pressed(event));
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** @param {number} characters Unicode code points, as the host counts them */
  setLimit(characters) {
    this.#limit = characters;
    this.#changed();
  }

  /** @param {string|null} id the session whose draft is to be in the box */
  open(id) {
    this.#key = id;
    this.#box.value = draft(id);
    this.notice(null);
    this.#changed();
  }

  /** The session that had no id has got one; the draft stays in the box. */
  adopt(id) {
    keepDraft(null, "");
    this.#key = id;
    keepDraft(id, this.#box.value);
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  /** Puts a question (back) into the box, before what is there. @param {string} text */
  put(text) {
    const here = this.#box.value;
    this.#box.value = here && here !== text ? `${text}\n\n${here}` : text;
    this.#changed();
    if (!isTouch()) this.focus();
  }

  /**
   * The host did not take the question: it goes back into the box of its session,
   * which may not be the open one any more.
   * @param {string|null} id @param {string} text @param {import("./api.js").Failure} failure
   */
  refused(id, text, failure) {
    if (id === this.#key) this.put(text);
    else keepDraft(id, text);
    if (failure.kind === "signed-out") return;
    const why = failure.retryAfterMs && failure.kind === "wait" ? "Too many questions for now." : failure.message;
    const words = `${why} Your question is back in the box.`;
    if (failure.retryAfterMs) this.hold(failure.retryAfterMs, words);
    else this.notice(words);
  }

  /** @param {string|null} words what stands above the box; null takes it away */
  notice(words, action = null) {
    this.#notice.hidden = words === null;
    this.#notice.replaceChildren();
    if (words === null) return;
    const close = el(
      "button",
      { type: "button", class: "icon-button small", "aria-label": "Dismiss", click: () => this.notice(null) },
      icon("close"),
    );
    this.#notice.append(el("p", {}, words), ...(action ? [action] : []), close);
    this.#say(words);
  }

  /** Nothing can be sent for so long; the button comes back by itself. */
  hold(milliseconds, words) {
    this.#heldUntil = Date.now() + milliseconds;
    this.notice(words, el("span", { class: "clock", id: "hold-clock", "aria-hidden": "true" }));
    clearInterval(this.#ticker);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  #tick() {
    const left = this.#heldUntil - Date.now();
    if (left <= 0) {
      clearInterval(this.#ticker);
      this.#heldUntil = 0;
      delete this.#send.dataset.wait;
      this.notice(null);
      this.#say("You can send again.");
    } else {
      this.#send.dataset.wait = countdown(left);
      const clock = document.getElementById("hold-clock");
      if (clock) clock.textContent = `Again in ${countdown(left)}`;
    }
    this.#changed();
  }

  #changed() {
    const text = this.#box.value;
    keepDraft(this.#key, text);
    const length = text.length < this.#limit * COUNT_FROM ? text.length : [...text].length;
    const over = length > this.#limit;
    this.#count.textContent =
      length < this.#limit * COUNT_FROM
        ? ""
        : `${length.toLocaleString("en")} of ${this.#limit.toLocaleString("en")} characters`;
    this.#count.classList.toggle("over", over);
    this.#box.setAttribute("aria-invalid", String(over));
    const held = this.#heldUntil > 0;
    this.#send.classList.toggle("held", held);
    this.#send.disabled = held || over || text.trim() === "";
    this.#send.setAttribute("aria-label", held ? "Send, not yet" : "Send");
    this.#send.title = over ? "The question is too long" : "";
    this.#grow();
  }

  /** For browsers without `field-sizing`; the style sheet limits the height. */
  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }

  #pressed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !isTouch()) {
      event.preventDefault();
      this.#submit();
    }
    if (event.key === "Escape") this.#box.blur();
  }

  #submit() {
    if (this.#send.disabled) return;
    const text = this.#box.value;
    this.#box.value = "";
    this.notice(null);
    this.#changed();
    // Until the host has the question, a reload must find it in the box.
    keepDraft(this.#key, text);
    if (!isTouch()) this.focus();
    this.#onSend(text);
  }

  /** The host has the question; the box keeps what was written since. */
  sent(id) {
    keepDraft(id, id === this.#key ? this.#box.value : "");
  }
}
