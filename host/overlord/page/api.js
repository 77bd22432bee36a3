// Owns: every address of the host, and what may go wrong on the way to it.
// Knows nothing of the page. The interface is docs/api.md's.

/** @typedef {"offline"|"signed-out"|"wait"|"stopping"|"missing"|"refused"} FailureKind */

/** Why a request has no answer. `message` is a sentence for people. */
export class Failure extends Error {
  /** @param {FailureKind} kind @param {number} status 0 where nothing came back */
  constructor(kind, status, message, retryAfterMs = null) {
    super(/[.!?…]$/.test(message) ? message : `${message}.`);
    this.kind = kind;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  static async of(response) {
    const kinds = { 401: "signed-out", 404: "missing", 429: "wait", 503: "stopping" };
    const seconds = Number.parseFloat(response.headers.get("retry-after") ?? "");
    const detail = await response.json().then(
      (body) => sentence(body.detail),
      () => null,
    );
    return new Failure(
      kinds[response.status] ?? "refused",
      response.status,
      detail ?? `The host answered with status ${response.status}.`,
      Number.isFinite(seconds) ? seconds * 1000 : null,
    );
  }
}

/** `detail` is a sentence, or for 422 a list of what is wrong. */
function sentence(detail) {
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) return detail.map((one) => one.msg).join("; ");
  return null;
}

/** Says `signed-out` whenever any answer is 401, so that no caller can forget it. */
export class Api extends EventTarget {
  /**
   * The response as it is, where it is a success; throws a Failure otherwise.
   * @param {string} path
   * @param {{method?: string, query?: Record<string, unknown>, body?: unknown, headers?: Record<string,string>, signal?: AbortSignal}} [options]
   */
  async send(path, { method = "GET", query = {}, body, headers = {}, signal } = {}) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
    }
    const init = { method, headers: { accept: "application/json", ...headers }, signal };
    if (method !== "GET") {
      init.headers["content-type"] = "application/json";
      init.body = JSON.stringify(body ?? {});
    }
    let response;
    try {
      response = await fetch(search.size > 0 ? `${path}?${search}` : path, init);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Failure("offline", 0, navigator.onLine ? "The host does not answer." : "You are offline.");
    }
    if (response.ok) return response;
    const failure = await Failure.of(response);
    if (failure.kind === "signed-out" && path !== "/login") {
      this.dispatchEvent(new Event("signed-out"));
    }
    throw failure;
  }

  async #json(path, options) {
    return (await this.send(path, options)).json();
  }

  login(token) {
    return this.send("/login", { method: "POST", body: { token } });
  }

  logout() {
    return this.send("/logout", { method: "POST" });
  }

  me() {
    return this.#json("/agent/me");
  }

  async newSession() {
    return (await this.#json("/agent/sessions/new", { method: "POST" })).session_id;
  }

  sessions({ q, cursor, deleted, signal }) {
    return this.#json("/agent/sessions", { query: { q, cursor, deleted: deleted || null }, signal });
  }

  rename(id, title) {
    return this.#json(`/agent/sessions/${id}/rename`, { method: "POST", body: { title } });
  }

  remove(id) {
    return this.#json(`/agent/sessions/${id}/delete`, { method: "POST" });
  }

  restore(id) {
    return this.#json(`/agent/sessions/${id}/restore`, { method: "POST" });
  }

  /** @param {"markdown"|"jsonl"} format */
  exportAddress(id, format) {
    return `/agent/sessions/${id}/export?format=${format}`;
  }

  history(id, query, signal) {
    return this.#json(`/agent/sessions/${id}/history`, { query: { ...query, detailed: true, html: true }, signal });
  }

  async runs({ session = null, ended = false, signal } = {}) {
    const query = { session_id: session, ended: ended || null };
    return (await this.#json("/agent/runs", { query, signal })).runs;
  }

  cancel(runId) {
    return this.#json(`/agent/runs/${runId}/cancel`, { method: "POST" });
  }

  ask(session_id, message, signal) {
    const headers = { accept: "text/event-stream" };
    return this.send("/agent/ask", {
      method: "POST",
      query: { html: true },
      body: { session_id, message },
      headers,
      signal,
    });
  }

  runEvents(runId, lastEventId, signal) {
    const headers = { accept: "text/event-stream" };
    if (lastEventId) headers["last-event-id"] = lastEventId;
    return this.send(`/agent/runs/${runId}/events`, { query: { html: true }, headers, signal });
  }
}
