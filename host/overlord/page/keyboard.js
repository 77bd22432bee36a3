// Owns: the keys that work everywhere, the help that lists them, and the drawer in
// which the sessions are where the window is narrow.

import { byId, isTyping } from "./dom.js";

/**
 * Single letters work while nothing is typed; with Alt a key works anywhere.
 * @param {{newSession: () => void, search: () => void, write: () => void, stop: () => void, toEnd: () => void}} does
 */
export function listenForKeys(does) {
  const dialog = byId("keys");
  byId("keys-open").addEventListener("click", () => dialog.showModal());
  byId("keys-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  const plain = { n: does.newSession, "/": does.search, i: does.write, "?": () => dialog.showModal(), End: does.toEnd };
  const alt = { KeyN: does.newSession, Period: does.stop };
  document.addEventListener("keydown", (event) => {
    if (document.documentElement.dataset.view !== "app" || dialog.open || event.ctrlKey || event.metaKey) return;
    const action = event.altKey ? alt[event.code] : !isTyping(event.target) && plain[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** @returns {{open: () => void, close: () => void}} */
export function drawer() {
  const shell = byId("shell");
  const main = byId("main");
  const opener = byId("drawer-open");
  const backdrop = byId("backdrop");
  const isOpen = () => shell.classList.contains("drawer");
  const set = (open) => {
    shell.classList.toggle("drawer", open);
    main.inert = open;
    backdrop.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
  };
  const close = () => {
    if (!isOpen()) return;
    set(false);
    opener.focus();
  };
  const open = () => {
    if (!matchMedia("(max-width: 52rem)").matches) return;
    set(true);
    byId("drawer-close").focus();
  };
  opener.addEventListener("click", open);
  byId("drawer-close").addEventListener("click", close);
  backdrop.addEventListener("click", close);
  byId("sidebar").addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  matchMedia("(max-width: 52rem)").addEventListener("change", () => set(false));
  return { open, close };
}
