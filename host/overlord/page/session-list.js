// Owns: the list of sessions at the side: which are in it, in which order, searching,
// paging, and what changes them (rename, delete, restore). How a row looks is
// session-row.js's; which session is open is app.js's.

import { byId } from "./dom.js";
import { deletedRow, editTitle, refreshTimes, SessionMenu, sessionRow, titleOf } from "./session-row.js";

const TYPING_MS = 200;
const MINUTE_MS = 60_000;

/**
 * @typedef {object} Page what the list needs of the rest of the page
 * @property {(title: string|null) => void} onTitle the open session has this title now
 * @property {(id: string) => void} onDeleted
 * @property {(id: string) => void} onRestored
 * @property {import("./notices.js").Toasts} toasts
 */

export class SessionList {
  #api;
  #page;
  #list = byId("sessions");
  #note = byId("sessions-note");
  #more = byId("sessions-more");
  #search = byId("search");
  #deletedButton = byId("show-deleted");
  #menu = new SessionMenu();
  /** @type {import("./session-row.js").Session[]} */
  #sessions = [];
  #next = null;
  #current = null;
  #deleted = false;
  #editing = false;
  #loading = false;
  #abort = new AbortController();

  /** @param {import("./api.js").Api} api @param {Page} page */
  constructor(api, page) {
    this.#api = api;
    this.#page = page;
    let timer;
    this.#search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#reload(), TYPING_MS);
    });
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") this.#list.querySelector("a, button")?.focus();
    });
    this.#list.addEventListener("keydown", (event) => this.#pressed(event));
    this.#deletedButton.addEventListener("click", () => this.#showDeleted(!this.#deleted));
    this.#more.addEventListener("click", () => this.#loadMore());
    new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) this.#loadMore();
      },
      { rootMargin: "200px" },
    ).observe(this.#more);
    setInterval(() => refreshTimes(this.#list), MINUTE_MS);
  }

  /** Whether any session of the list is being answered: then it is worth looking again. */
  get isBusy() {
    return this.#sessions.some((session) => session.state);
  }

  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  /** @param {string|null} id */
  setCurrent(id) {
    this.#current = id;
    for (const link of this.#list.querySelectorAll("a")) {
      const here = link.closest("li").dataset.session === id;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.#tellTitle();
  }

  clear() {
    this.#sessions = [];
    this.#search.value = "";
    this.#deleted = false;
    this.#list.replaceChildren();
  }

  /** The first page anew; what was loaded further down stays. */
  async refresh() {
    const fresh = await this.#fetch(null);
    if (!fresh || this.#editing || this.#menu.isOpen) return;
    const known = new Set(fresh.sessions.map((session) => session.session_id));
    const oldest = fresh.sessions.at(-1)?.modified ?? 0;
    const further =
      fresh.next === null
        ? []
        : this.#sessions.filter((session) => !known.has(session.session_id) && session.modified <= oldest);
    if (further.length === 0) this.#next = fresh.next;
    this.#sessions = [...fresh.sessions, ...further];
    this.#draw();
  }

  /** Another search or another list: what is on its way belongs to the one before. */
  async #reload() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#sessions = [];
    this.#next = null;
    this.#more.hidden = true;
    await this.refresh();
  }

  async #loadMore() {
    const cursor = this.#next;
    if (cursor === null || this.#loading) return;
    this.#loading = true;
    const page = await this.#fetch(cursor);
    this.#loading = false;
    if (!page || cursor !== this.#next) return;
    this.#next = page.next;
    const known = new Set(this.#sessions.map((session) => session.session_id));
    this.#sessions.push(...page.sessions.filter((session) => !known.has(session.session_id)));
    this.#draw();
  }

  async #fetch(cursor) {
    const { signal } = this.#abort;
    try {
      return await this.#api.sessions({ q: this.#search.value.trim(), cursor, deleted: this.#deleted, signal });
    } catch (failure) {
      if (!signal.aborted && this.#sessions.length === 0) this.#note.textContent = failure.message;
      return null;
    }
  }

  #draw() {
    const focused = document.activeElement?.closest?.("#sessions li")?.dataset.session;
    const wasMore = document.activeElement?.matches?.(".more");
    this.#list.replaceChildren(...this.#sessions.map((session) => this.#row(session)));
    if (focused) {
      const row = this.#rowOf(focused);
      row?.querySelector(wasMore ? ".more" : "a, button")?.focus({ preventScroll: true });
    }
    this.#more.hidden = this.#next === null;
    this.#note.textContent = this.#sessions.length > 0 ? "" : this.#emptyWords();
    this.#tellTitle();
  }

  #emptyWords() {
    if (this.#search.value.trim()) return "No title contains this.";
    return this.#deleted ? "Nothing deleted that could be restored." : "No sessions yet. The first question makes one.";
  }

  #row(session) {
    if (this.#deleted) return deletedRow(session, () => this.#restore(session));
    const current = session.session_id === this.#current;
    return sessionRow(session, { current, onMenu: (button) => this.#openMenu(session, button) });
  }

  #rowOf(id) {
    return this.#list.querySelector(`[data-session="${CSS.escape(id)}"]`);
  }

  #tellTitle() {
    if (this.#deleted) return;
    const session = this.#sessions.find((one) => one.session_id === this.#current);
    if (session) this.#page.onTitle(session.title);
  }

  #openMenu(session, button) {
    const id = session.session_id;
    const addresses = {
      markdown: this.#api.exportAddress(id, "markdown"),
      jsonl: this.#api.exportAddress(id, "jsonl"),
    };
    this.#menu.open(button, addresses, (choice) => {
      if (choice === "rename") this.#rename(session);
      else if (choice === "delete") this.#delete(session);
      else button.focus();
    });
  }

  async #rename(session) {
    const row = this.#rowOf(session.session_id);
    if (!row) return;
    this.#editing = true;
    const title = await editTitle(row, session);
    this.#editing = false;
    row.querySelector(".more").focus();
    if (title === null) return;
    await this.#try(async () => {
      session.title = (await this.#api.rename(session.session_id, title)).title;
      this.#draw();
      if (!title) await this.refresh();
    });
  }

  async #delete(session) {
    const row = this.#rowOf(session.session_id);
    const neighbour = row?.nextElementSibling ?? row?.previousElementSibling;
    await this.#try(async () => {
      await this.#api.remove(session.session_id);
      neighbour?.querySelector("a").focus();
      this.#sessions = this.#sessions.filter((one) => one !== session);
      this.#draw();
      this.#page.onDeleted(session.session_id);
      this.#page.toasts.show(`Deleted “${titleOf(session)}”.`, "Undo", () => this.#restore(session));
    });
  }

  async #restore(session) {
    await this.#try(async () => {
      await this.#api.restore(session.session_id);
      this.#page.toasts.show(`Restored “${titleOf(session)}”.`);
      await this.#reload();
      this.#page.onRestored(session.session_id);
    });
  }

  async #try(action) {
    try {
      await action();
    } catch (failure) {
      this.#page.toasts.show(failure.message);
    }
  }

  async #showDeleted(deleted) {
    this.#deleted = deleted;
    this.#deletedButton.setAttribute("aria-pressed", String(deleted));
    this.#list.replaceChildren();
    await this.#reload();
  }

  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.matches("input")) return;
    const rows = [...this.#list.children];
    const to = rows.indexOf(event.target.closest("li")) + step;
    event.preventDefault();
    if (to < 0) this.#search.focus();
    else rows[to]?.querySelector("a, button").focus();
  }
}
