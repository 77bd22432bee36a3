// Owns: what is said in passing: to screen readers, and in short notes at the foot
// of the window that go away by themselves.

import { byId, el, icon } from "./dom.js";

const TOAST_MS = 8000;
/** What is said again must change the text, or nobody hears it. */
const SPOKEN_CHARACTERS = 500;

/** Says something to whoever uses a screen reader. @param {string} words */
export function say(words) {
  const spoken = byId("spoken");
  const text = words.slice(0, SPOKEN_CHARACTERS);
  spoken.textContent = spoken.textContent === text ? `${text}\u00a0` : text;
}

export class Toasts {
  #root = byId("toasts");

  clear() {
    this.#root.replaceChildren();
  }

  /** @param {string} words @param {string} [label] of the button @param {() => void} [action] */
  show(words, label, action) {
    const toast = el("div", { class: "toast" }, el("p", {}, words));
    const close = () => toast.remove();
    if (action) {
      toast.append(
        el(
          "button",
          {
            type: "button",
            class: "link",
            click: () => {
              close();
              action();
            },
          },
          label,
        ),
      );
    }
    toast.append(
      el(
        "button",
        { type: "button", class: "icon-button small", "aria-label": "Dismiss", click: close },
        icon("close"),
      ),
    );
    let timer = setTimeout(close, TOAST_MS);
    const wait = () => clearTimeout(timer);
    const again = () => {
      timer = setTimeout(close, TOAST_MS);
    };
    toast.addEventListener("pointerenter", wait);
    toast.addEventListener("focusin", wait);
    toast.addEventListener("pointerleave", again);
    toast.addEventListener("focusout", again);
    this.#root.append(toast);
  }
}
