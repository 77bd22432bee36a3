// Owns: signing in: the token in the address, the field for it, the words when it
// did not work. What is shown to someone signed in is app.js's.

import { byId } from "./dom.js";

/** Takes the token out of the address, where it would be copied along. @returns {string|null} */
export function takeToken() {
  const token = tokenIn(location.hash);
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/** The token in a sign-in address; what is no address is taken for the token itself. */
function tokenIn(text) {
  return new URLSearchParams(text.slice(text.indexOf("#") + 1)).get("token");
}

export class SignIn {
  #api;
  #field = byId("sign-in-token");
  #error = byId("sign-in-error");
  #why = byId("sign-in-why");
  #onSignedIn;

  /** @param {import("./api.js").Api} api @param {() => Promise<void>} onSignedIn */
  constructor(api, onSignedIn) {
    this.#api = api;
    this.#onSignedIn = onSignedIn;
    byId("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#field.value.trim();
      const token = text.includes("#") ? tokenIn(text) : text;
      if (token) this.exchange(token);
      else this.#tell("This is no sign-in address: it ends with #token= and a token.");
    });
    byId("sign-in-again").addEventListener("click", async () => {
      await this.#onSignedIn();
      this.#tell("No application signs you in here so far.");
    });
  }

  /** @param {string} why one is here */
  show(why) {
    this.#why.textContent = why;
    this.#tell("");
    this.#field.value = "";
    byId("sign-in-title").focus({ preventScroll: true });
  }

  /** @param {string} token @returns {Promise<boolean>} whether it was taken */
  async exchange(token) {
    try {
      await this.#api.login(token);
    } catch (failure) {
      this.#tell(failure.message);
      return false;
    }
    this.#field.value = "";
    await this.#onSignedIn();
    return true;
  }

  #tell(words) {
    this.#error.textContent = words;
    this.#field.setAttribute("aria-invalid", String(words !== ""));
  }
}
