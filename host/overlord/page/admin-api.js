// Owns: the addresses for administrators, and a component on its way to the host.
// Knows nothing of the page. The interface is docs/api.md's.

import { Api, Failure } from "./api.js";

/** The largest component that the host takes. */
export const COMPONENT_BYTES_MAX = 64 * 1024 * 1024;

export class AdminApi extends Api {
  async #json(path, options) {
    return (await this.send(`/admin/api/${path}`, options)).json();
  }

  rules() {
    return this.#json("rules");
  }

  figures() {
    return this.#json("figures");
  }

  async refusals() {
    return (await this.#json("refusals")).refusals;
  }

  audit() {
    return this.#json("audit");
  }

  async divergences() {
    return (await this.#json("divergences")).divergences;
  }

  /** @param {File} file @param {string} slot @param {string|null} entry */
  async load(file, slot, entry) {
    const search = new URLSearchParams({ slot });
    if (entry) search.set("entry", entry);
    let response;
    try {
      response = await fetch(`/admin/api/candidate?${search}`, {
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/wasm" },
        body: file,
      });
    } catch {
      throw new Failure("offline", 0, "The host does not answer, or the file cannot be read.");
    }
    if (!response.ok) throw await Failure.of(response);
    return response.json();
  }

  shadow() {
    return this.#json("candidate/shadow", { method: "POST" });
  }

  canary(percent) {
    return this.#json("candidate/canary", { method: "POST", body: { percent } });
  }

  promote() {
    return this.#json("candidate/promote", { method: "POST" });
  }

  abort() {
    return this.#json("candidate", { method: "DELETE" });
  }

  rollBack(to) {
    return this.#json("rollback", { method: "POST", body: { to } });
  }

  quarantine(digest, reason) {
    return this.#json("quarantine", { method: "POST", body: { digest, reason } });
  }

  release(digest) {
    return this.#json(`quarantine/${digest}`, { method: "DELETE" });
  }
}
