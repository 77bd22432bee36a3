// Owns: how one session looks in the list, its name while it is being changed, and
// the menu of what can be done with it. Does nothing itself: it calls.

import { byId, el, icon } from "./dom.js";
import { exact, relative } from "./time.js";

const TITLE_CHARACTERS = 200;
const EDGE_PX = 8;

/** @typedef {{session_id: string, title: string|null, modified: number, size: number, state?: string, deleted_at?: number, restorable_until?: number}} Session */

/** @param {Session} session */
export function titleOf(session) {
  return session.title || "Untitled session";
}

/** @param {Session} session @param {{current: boolean, onMenu: (button: HTMLElement) => void}} options */
export function sessionRow(session, { current, onMenu }) {
  const title = titleOf(session);
  const link = el(
    "a",
    { href: `#/s/${session.session_id}`, "aria-current": current ? "page" : null, title },
    el("span", { class: "row-title", dir: "auto" }, title),
    el("span", { class: "row-meta" }, timeOf(session.modified), badge(session.state)),
  );
  const more = el(
    "button",
    {
      type: "button",
      class: "icon-button more",
      "aria-label": `Actions for ${title}`,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    },
    icon("more"),
  );
  more.addEventListener("click", () => onMenu(more));
  return el("li", { class: "session", "data-session": session.session_id }, link, more);
}

/** @param {Session} session @param {() => void} onRestore */
export function deletedRow(session, onRestore) {
  const title = titleOf(session);
  return el(
    "li",
    { class: "session deleted", "data-session": session.session_id },
    el(
      "div",
      { class: "row-words" },
      el("span", { class: "row-title", dir: "auto", title }, title),
      el(
        "span",
        { class: "row-meta", title: `Deleted ${exact(session.deleted_at)}` },
        `gone ${relative(session.restorable_until)}`,
      ),
    ),
    el(
      "button",
      { type: "button", class: "button small", "aria-label": `Restore ${title}`, click: onRestore },
      "Restore",
    ),
  );
}

function timeOf(at) {
  return el("time", { datetime: new Date(at).toISOString(), title: exact(at), "data-at": at }, relative(at));
}

function badge(state) {
  return state ? el("span", { class: `badge ${state}` }, state) : null;
}

/** Keeps "3 min. ago" true. @param {HTMLElement} root */
export function refreshTimes(root) {
  for (const time of root.querySelectorAll("time[data-at]")) {
    time.textContent = relative(Number(time.dataset.at));
  }
}

/**
 * Turns a row into a field. Enter and leaving it keep the name, Escape does not.
 * @param {HTMLElement} row @param {Session} session
 * @returns {Promise<string|null>} the new title, or null
 */
export function editTitle(row, session) {
  return new Promise((resolve) => {
    const field = el("input", {
      type: "text",
      value: session.title ?? "",
      maxlength: TITLE_CHARACTERS,
      "aria-label": `New title of ${titleOf(session)}`,
      dir: "auto",
      placeholder: "Empty: the session's own title",
    });
    const form = el("form", { class: "rename" }, field);
    const content = [...row.children];
    let open = true;
    const finish = (title) => {
      if (!open) return;
      open = false;
      form.replaceWith(...content);
      resolve(title);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      finish(field.value.trim());
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      finish(null);
    });
    field.addEventListener("blur", () =>
      finish(field.value.trim() === (session.title ?? "") ? null : field.value.trim()),
    );
    row.replaceChildren(form);
    field.focus();
    field.select();
  });
}

/** The one menu for all rows. */
export class SessionMenu {
  #menu = byId("session-menu");
  #button = null;
  #onChoice = () => {};

  constructor() {
    this.#menu.addEventListener("keydown", (event) => this.#pressed(event));
    this.#menu.addEventListener("click", (event) => {
      const item = event.target.closest("[data-does]");
      if (!item) return;
      this.#menu.hidePopover();
      this.#onChoice(item.dataset.does);
    });
    this.#menu.addEventListener("toggle", (event) => {
      this.#button?.setAttribute("aria-expanded", String(event.newState === "open"));
      if (event.newState === "open") this.#items[0].focus();
    });
  }

  get isOpen() {
    return this.#menu.matches(":popover-open");
  }

  get #items() {
    return [...this.#menu.querySelectorAll("[role=menuitem]")];
  }

  /**
   * @param {HTMLElement} button under which the menu opens, and which gets the focus back
   * @param {{markdown: string, jsonl: string}} addresses of the two exports
   * @param {(choice: string) => void} onChoice
   */
  open(button, addresses, onChoice) {
    this.#button = button;
    this.#onChoice = onChoice;
    for (const item of this.#menu.querySelectorAll("a")) item.href = addresses[item.dataset.does];
    this.#menu.showPopover();
    const place = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#menu;
    const below = place.bottom + 4;
    const top = below + height > innerHeight - EDGE_PX ? place.top - height - 4 : below;
    this.#menu.style.top = `${Math.max(EDGE_PX, top)}px`;
    this.#menu.style.left = `${Math.max(EDGE_PX, Math.min(place.right - width, innerWidth - width - EDGE_PX))}px`;
  }

  #pressed(event) {
    const items = this.#items;
    const here = items.indexOf(document.activeElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape") event.stopPropagation();
    if (event.key === "Tab") this.#menu.hidePopover();
    if (event.key === "Escape" || event.key === "Tab") this.#button.focus();
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length).focus();
  }
}
