// Owns: the dialog that says what will happen before it does. What is said is the
// caller's; a change that the host refuses leaves it open with the host's words.

import { byId } from "./dom.js";

const dialog = byId("confirm");
let pending = null;

/**
 * @param {{title: string, body: Node[], yes: string, grave?: boolean, act: () => Promise<string>}} change
 *   `act` makes the change and gives what is said afterwards
 * @param {(words: string) => void} say
 */
export function confirm({ title, body, yes, grave = false, act }, say) {
  byId("confirm-title").textContent = title;
  byId("confirm-body").replaceChildren(...body);
  byId("confirm-error").textContent = "";
  const button = byId("confirm-yes");
  button.textContent = yes;
  button.classList.toggle("grave", grave);
  pending = { act, say };
  dialog.showModal();
  // A change wants a deliberate step: the first stop is a field, or the way out.
  (dialog.querySelector("#confirm-body input, #confirm-body select") ?? byId("confirm-no")).focus();
}

byId("confirm-no").addEventListener("click", () => dialog.close());
dialog.addEventListener("cancel", (event) => {
  if (dialog.hasAttribute("aria-busy")) event.preventDefault();
});
byId("confirm-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!pending || dialog.hasAttribute("aria-busy")) return;
  const { act, say } = pending;
  dialog.setAttribute("aria-busy", "true");
  byId("confirm-error").textContent = "";
  try {
    const words = await act();
    dialog.close();
    say(words);
  } catch (error) {
    byId("confirm-error").textContent = error.message;
  } finally {
    dialog.removeAttribute("aria-busy");
  }
});
dialog.addEventListener("close", () => {
  pending = null;
});
