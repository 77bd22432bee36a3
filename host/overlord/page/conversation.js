// Owns: the open session's history on the screen: which part of it is there, where
// it is scrolled to. A history may have 100,000 messages, so it opens at its end and
// at most PAGES_MAX pages of it are in the page at once: those far from the eye are
// dropped and read again when they are scrolled to. That, rather than
// `content-visibility`, because every height is then a true one: the scroll bar does
// not jump, and memory does not grow with what was read.

import { joinResults, messageArticle, regroup } from "./message.js";
import { el } from "./dom.js";

const PAGE_MESSAGES = 50;
const PAGES_MAX = 8;
/** How near to an edge the next page is fetched, in heights of the window. */
const NEAR_EDGE = 1.5;
/** Within so many pixels of the end counts as being at the end. */
const AT_END_PX = 40;

export class Conversation {
  #api;
  #parts;
  #abort = new AbortController();
  #sessionId = null;
  /** @type {{element: HTMLElement, before: number|null, after: number|null}[]} */
  #pages = [];
  #cutBelow = false;
  #stick = true;
  #busy = false;
  #live;

  /**
   * @param {import("./api.js").Api} api
   * @param {{scroller: HTMLElement, content: HTMLElement, pages: HTMLElement, live: HTMLElement, above: HTMLElement, below: HTMLElement, jump: HTMLElement}} parts
   * @param {import("./live.js").Live} live
   */
  constructor(api, parts, live) {
    this.#api = api;
    this.#parts = parts;
    this.#live = live;
    parts.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    parts.jump.addEventListener("click", () => this.toEnd());
    const resize = new ResizeObserver(() => this.#resized());
    resize.observe(parts.content);
    resize.observe(parts.scroller);
  }

  /** @returns {number} how many messages are in the page */
  get size() {
    return this.#parts.pages.querySelectorAll("[data-role]").length;
  }

  /** Forgets what is shown; a session without an id has no history. */
  clear() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#sessionId = null;
    this.#pages = [];
    this.#parts.pages.replaceChildren();
    this.#setCutBelow(false);
    this.#stick = true;
    this.#edge(this.#parts.above, null);
    this.#edge(this.#parts.below, null);
  }

  /**
   * Opens a session at its end.
   * @param {string} id
   * @param {(messages: object[]) => object[]} keep which of the last messages are shown here
   */
  async open(id, keep) {
    this.clear();
    this.#sessionId = id;
    const { signal } = this.#abort;
    const page = await this.#api.history(id, { last: PAGE_MESSAGES }, signal);
    if (signal.aborted) return;
    this.#insert({ ...page, messages: keep(page.messages) }, "end");
    this.#resized();
    this.#scrolled();
  }

  /** To the newest, wherever one is; where the end was dropped it is read again. */
  async toEnd() {
    this.#stick = true;
    if (this.#cutBelow && !(await this.#readEnd())) return;
    this.#stick = true;
    this.#resized();
    this.#scrolled();
  }

  async #readEnd() {
    const { signal } = this.#abort;
    try {
      const page = await this.#api.history(this.#sessionId, { last: PAGE_MESSAGES }, signal);
      if (signal.aborted) return false;
      for (const { element } of this.#pages) element.remove();
      this.#pages = [];
      this.#setCutBelow(false);
      this.#insert({ ...page, messages: this.#live.untold(page.messages) }, "end");
      return true;
    } catch (failure) {
      if (!signal.aborted) this.#edge(this.#parts.below, failure.message, () => this.toEnd());
      return false;
    }
  }

  /** Something of one's own was added: it is to be seen. */
  follow() {
    this.#stick = true;
    this.#resized();
  }

  #resized() {
    const { scroller } = this.#parts;
    if (this.#stick && !this.#cutBelow) scroller.scrollTop = scroller.scrollHeight;
    else this.#parts.jump.hidden = this.#isAtEnd();
  }

  #isAtEnd() {
    const { scroller } = this.#parts;
    return !this.#cutBelow && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < AT_END_PX;
  }

  #scrolled() {
    const { scroller, jump } = this.#parts;
    this.#stick = this.#isAtEnd();
    jump.hidden = this.#stick;
    if (this.#busy || !this.#sessionId) return;
    const near = scroller.clientHeight * NEAR_EDGE;
    const first = this.#pages[0];
    if (scroller.scrollTop < near && first && first.before !== null) this.#more("start");
    else if (this.#cutBelow && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < near)
      this.#more("end");
  }

  /** @param {"start"|"end"} where */
  async #more(where) {
    this.#busy = true;
    const { signal } = this.#abort;
    const edge = where === "start" ? this.#parts.above : this.#parts.below;
    const query = where === "start" ? { before: this.#pages[0].before } : { after: this.#pages.at(-1).after };
    this.#edge(edge, "Loading…");
    try {
      const page = await this.#api.history(this.#sessionId, { ...query, last: PAGE_MESSAGES }, signal);
      if (signal.aborted) return;
      this.#keepingPlace(() => this.#take(page, where));
      this.#edge(edge, null);
    } catch (failure) {
      if (!signal.aborted) this.#edge(edge, failure.message, () => this.#more(where));
      return;
    } finally {
      this.#busy = false;
    }
    this.#scrolled();
  }

  #take(page, where) {
    const messages = where === "end" ? this.#live.untold(page.messages) : page.messages;
    const isEnd = where === "end" && messages.length < PAGE_MESSAGES;
    if (isEnd) this.#setCutBelow(false);
    if (messages.length > 0) this.#insert({ ...page, messages }, where);
    while (this.#pages.length > PAGES_MAX) {
      if (where === "start") {
        this.#pages.pop().element.remove();
        this.#setCutBelow(true);
      } else {
        this.#pages.shift().element.remove();
      }
    }
  }

  #insert({ messages, before = null, after = null }, where) {
    const element = el("div", { class: "page" }, ...messages.filter(saysSomething).map(messageArticle));
    const page = { element, before, after };
    if (where === "start") {
      this.#pages.unshift(page);
      this.#parts.pages.prepend(element);
    } else {
      this.#pages.push(page);
      this.#parts.pages.append(element);
    }
    joinResults(this.#parts.pages);
    regroup(this.#parts.pages);
  }

  /**
   * The runs below the history would follow a gap, so they are hidden while there is one.
   * Those that have ended are in the history by now, and are read with it.
   */
  #setCutBelow(cut) {
    if (!cut) this.#edge(this.#parts.below, null);
    if (cut !== this.#cutBelow) this.#live.dropEnded();
    this.#cutBelow = cut;
    this.#parts.live.hidden = cut;
  }

  /** Changes what is above or below, and keeps what one looks at where it is. */
  #keepingPlace(change) {
    const { scroller } = this.#parts;
    const top = scroller.getBoundingClientRect().top;
    const anchor = [...this.#parts.pages.querySelectorAll("[data-role]")].find(
      (message) => message.getBoundingClientRect().bottom > top,
    );
    const place = anchor?.getBoundingClientRect().top;
    scroller.classList.add("unanchored");
    change();
    if (anchor?.isConnected) scroller.scrollTop += anchor.getBoundingClientRect().top - place;
    requestAnimationFrame(() => scroller.classList.remove("unanchored"));
  }

  #edge(edge, words, again = null) {
    edge.hidden = words === null;
    edge.replaceChildren(...(words === null ? [] : [words]));
    if (again) edge.append(" ", el("button", { type: "button", class: "link", click: again }, "Try again"));
  }
}

function saysSomething({ text, asides }) {
  return text !== "" || (asides?.length ?? 0) > 0;
}
