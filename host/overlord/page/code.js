// Owns: what the page adds to rendered text: a frame with the language and a copy
// button around code, a frame that scrolls around wide tables, the direction of
// writing. One block stays one element, which is what streaming counts on.

import { el, icon } from "./dom.js";

const COPIED_FOR_MS = 2000;

/** @param {DocumentFragment} blocks changed in place, and returned */
export function dress(blocks) {
  for (const block of [...blocks.children]) {
    if (!block.matches("pre, table")) block.setAttribute("dir", "auto");
  }
  for (const box of blocks.querySelectorAll("input[type=checkbox]")) {
    box.setAttribute("aria-label", box.checked ? "done" : "not done");
  }
  for (const pre of blocks.querySelectorAll("pre")) frame(pre);
  for (const table of blocks.querySelectorAll("table")) {
    const wide = el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Table" });
    table.replaceWith(wide);
    wide.append(table);
  }
  return blocks;
}

function frame(pre) {
  const language = pre.dataset.lang ?? "";
  const box = el("div", { class: "code-box", dir: "ltr" });
  pre.replaceWith(box);
  pre.setAttribute("tabindex", "0");
  pre.setAttribute("role", "group");
  pre.setAttribute("aria-label", language ? `Code, ${language}` : "Code");
  box.append(el("div", { class: "code-bar" }, el("span", { class: "code-lang" }, language), copyButton()), pre);
}

function copyButton() {
  return el(
    "button",
    { type: "button", class: "copy", "aria-label": "Copy code" },
    icon("copy"),
    el("span", {}, "Copy"),
  );
}

/**
 * One listener for all copy buttons below an element, since streaming replaces them.
 * @param {HTMLElement} root @param {(words: string) => void} say
 */
export function listenForCopy(root, say) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button.copy");
    if (!button) return;
    const pre = button.closest(".code-box").querySelector("pre");
    const done = await copy(pre);
    const words = button.querySelector("span");
    words.textContent = done ? "Copied" : "Select and copy by hand";
    say(done ? "Code copied" : "The browser does not let the page copy");
    setTimeout(() => {
      words.textContent = "Copy";
    }, COPIED_FOR_MS);
  });
}

/** Without TLS browsers give a page no clipboard; the older way still works there. */
async function copy(pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(pre);
    return document.execCommand("copy");
  }
}
