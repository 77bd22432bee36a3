// Owns: how one message looks: who, when, what was said, and what was done on the
// way (tools, thinking, refusals, errors). The same elements serve the history and
// a run that is under way. Knows nothing of scrolling or of the host's addresses.

import { el } from "./dom.js";
import { fromHost } from "./host-html.js";
import { dress } from "./code.js";
import { exact, stamp } from "./time.js";

/**
 * @typedef {{kind: "tool-call"|"tool-result"|"denied"|"thinking", id?: string, name?: string, text?: string, failed?: boolean}} Aside
 * @typedef {{role: "user"|"assistant", kind: string, text: string, timestamp?: string, offset: number, asides?: Aside[], html?: string}} Message
 */

const HINT_CHARACTERS = 120;
const HINT_FIELDS = ["command", "file_path", "path", "pattern", "query", "url", "description", "prompt"];

/** @param {Message} message */
export function messageArticle(message) {
  const at = message.timestamp ? Date.parse(message.timestamp) : NaN;
  if (message.kind === "marker") return marker(message.text);
  const article = emptyArticle(message.role, at);
  const asides = message.asides ?? [];
  for (const aside of asides) if (aside.kind === "thinking") article.append(thinking(aside.text));
  if (message.kind === "error") article.append(errorBox(message.text));
  else if (message.text && message.role === "user") article.append(plainText(message.text));
  else if (message.text) article.append(prose(message.html, message.text));
  for (const aside of asides) {
    if (aside.kind === "tool-call") article.append(toolCall(aside.id, aside.name, aside.text));
    else if (aside.kind === "tool-result") article.append(strayResult(aside));
    else if (aside.kind === "denied") article.append(strayRefusal(aside));
  }
  return article;
}

/** @param {"user"|"assistant"} role @param {number} at milliseconds, or NaN where unknown */
export function emptyArticle(role, at) {
  const who = role === "user" ? "You" : "Agent";
  const head = el("header", { class: "who" }, el("h2", {}, who));
  if (!Number.isNaN(at)) {
    head.append(timeOf(at));
  }
  return el("article", { class: `message ${role}`, "data-role": role }, head);
}

export function timeOf(at) {
  return el("time", { datetime: new Date(at).toISOString(), title: exact(at) }, stamp(at));
}

export function plainText(text) {
  return el("div", { class: "said", dir: "auto" }, text);
}

/** Text as the host rendered it; as plain text where it did not. */
export function prose(html, text = "") {
  if (html === undefined || html === null) return plainText(text);
  const box = el("div", { class: "prose" });
  box.append(dress(fromHost(html)));
  return box;
}

export function marker(text) {
  return el("p", { class: "marker", "data-role": "marker" }, text);
}

export function errorBox(text) {
  return el("div", { class: "box error" }, el("strong", {}, "Error"), el("p", {}, text));
}

export function denied(name, text) {
  return el(
    "div",
    { class: "box denied" },
    el("strong", {}, "Not permitted"),
    el(
      "p",
      {},
      name
        ? `The agent asked to use ${name}, and was not allowed to.`
        : "The agent asked for something it is not allowed.",
    ),
    text ? el("p", { class: "quiet" }, text) : null,
  );
}

function thinking(text) {
  return el(
    "details",
    { class: "fold thinking" },
    el("summary", {}, el("span", { class: "fold-name" }, "Thinking")),
    el("div", { class: "said", dir: "auto" }, text),
  );
}

/** A folded tool call; its result comes later, by `fillResult`. */
export function toolCall(id, name, input) {
  const call = el(
    "details",
    { class: "fold tool", "data-call": id },
    el(
      "summary",
      {},
      el("span", { class: "fold-name" }, name || "Tool"),
      el("span", { class: "hint" }, hint(input)),
      el("span", { class: "outcome" }),
    ),
  );
  call.append(labelled("Input", readable(input)));
  return call;
}

/** @param {HTMLElement} call @param {{failed?: boolean, output?: string}} result */
export function fillResult(call, { failed = false, output = "" }) {
  call.classList.toggle("failed", failed);
  call.classList.add("ended");
  call.querySelector(".outcome").textContent = failed ? "failed" : "done";
  call.querySelector(".result")?.remove();
  const result = labelled(failed ? "Error" : "Result", output || "(nothing)");
  result.classList.add("result");
  call.append(result);
}

/** A result whose call is not at hand (yet): on a page further up, or cut away. */
function strayResult(aside) {
  const stray = toolCall(undefined, aside.name || "Result", "");
  stray.classList.add("stray");
  stray.dataset.resultOf = aside.id ?? "";
  stray.querySelector(".labelled").remove();
  fillResult(stray, { failed: aside.failed, output: aside.text });
  return stray;
}

/** A refusal is the result of a call too; its words are that call's once it is at hand. */
function strayRefusal(aside) {
  const stray = denied(aside.name, aside.text);
  stray.classList.add("stray");
  stray.dataset.resultOf = aside.id ?? "";
  return stray;
}

/** Results move into their calls, once both are below `root`. What is left empty goes. */
export function joinResults(root) {
  for (const stray of root.querySelectorAll(".stray")) {
    const call = root.querySelector(`[data-call="${CSS.escape(stray.dataset.resultOf)}"]`);
    if (!call) continue;
    const article = stray.closest("article");
    if (stray.matches(".denied")) {
      const name = call.querySelector(".fold-name").textContent;
      fillResult(call, { failed: true, output: stray.querySelector(".quiet")?.textContent });
      call.after(denied(name));
      stray.remove();
      if (article.children.length === 1) article.remove();
      continue;
    }
    const output = stray.querySelector(".result pre").textContent;
    fillResult(call, { failed: stray.classList.contains("failed"), output });
    stray.remove();
    if (article.children.length === 1) article.remove();
  }
}

/** Only the first of the agent's messages in a row is headed; a result alone is the agent's doing. */
export function regroup(root) {
  let before = null;
  for (const article of root.querySelectorAll("[data-role]")) {
    if (
      article.children.length > 1 &&
      article.querySelectorAll(":scope > .stray").length === article.children.length - 1
    ) {
      article.className = "message assistant";
      article.dataset.role = "assistant";
      article.querySelector("h2").textContent = "Agent";
    }
    const role = article.dataset.role;
    article.classList.toggle("continues", role === "assistant" && before === "assistant");
    before = role;
  }
}

function labelled(label, text) {
  return el(
    "div",
    { class: "labelled" },
    el("p", { class: "label" }, label),
    el("pre", { class: "raw", tabindex: "0", role: "group", "aria-label": label, dir: "auto" }, text),
  );
}

/**
 * A tool's input, a field a line; of several lines where the text is. JSON would show those in
 * one, with escapes. What is no object is shown as it is.
 */
function readable(input) {
  let fields;
  try {
    fields = JSON.parse(input);
  } catch {
    return input ?? "";
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return input;
  const lines = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    return text.includes("\n") ? `${name}:\n${text}` : `${name}: ${text}`;
  });
  return lines.join("\n");
}

/** The part of a tool's input that says most, on one line. */
function hint(input) {
  let fields;
  try {
    fields = JSON.parse(input);
  } catch {
    return "";
  }
  if (typeof fields !== "object" || fields === null) return "";
  const name = HINT_FIELDS.find((field) => typeof fields[field] === "string");
  return name ? fields[name].replace(/\s+/g, " ").slice(0, HINT_CHARACTERS) : "";
}
