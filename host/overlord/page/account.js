// Owns: what GET /agent/me says, in words: who is signed in, what answers, what is
// wrong with it, and what a new session offers to begin with.

import { byId, el } from "./dom.js";

const EXAMPLES = [
  "What is in this directory?",
  "Explain the newest change in this repository.",
  "Which tests are there, and how do I run them?",
];
const DEMO_EXAMPLES = ["demo:help", ...EXAMPLES.slice(0, 2)];

/** @typedef {{user: string, roles: string[], agent: string, agent_found: boolean, demo: boolean, workspace: string, own_cookie: boolean, message_characters_max: number}} Me */

function agentName(me) {
  return me.demo ? "the demo agent" : me.agent;
}

/** @param {Me} me */
export function showAccount(me) {
  byId("account-initial").textContent = [...me.user][0]?.toUpperCase() ?? "?";
  byId("account-user").textContent = me.user;
  byId("account-agent").textContent = me.demo ? "demo agent" : me.agent;
  byId("account-workspace").textContent = me.workspace;
  byId("account-workspace").title = `The agent works in ${me.workspace}`;
  byId("admin-link").hidden = !me.roles.includes("admin");
  byId("sign-out").hidden = !me.own_cookie;
}

/** @param {Me} me */
export function showBanner(me) {
  const banner = byId("banner");
  banner.hidden = me.agent_found && !me.demo;
  banner.classList.toggle("bad", !me.agent_found);
  banner.replaceChildren();
  if (!me.agent_found) {
    banner.append(
      el("strong", {}, "The agent is missing. "),
      `The program “${me.agent}” is not on the host's machine, so questions cannot be answered. Whoever runs the host can install it; nothing here needs to be restarted.`,
    );
  } else if (me.demo) {
    banner.append(
      el("strong", {}, "Demo. "),
      "No model answers here. Ask ",
      el("code", {}, "demo:help"),
      " to see what it can show.",
    );
  }
}

/**
 * @param {Me|null} me
 * @param {(text: string) => void} use puts an example into the box
 */
export function emptyState(me, use) {
  if (!me) return el("div");
  const examples = (me.demo ? DEMO_EXAMPLES : EXAMPLES).map((text) =>
    el("li", {}, el("button", { type: "button", class: "example", click: () => use(text) }, text)),
  );
  return el(
    "div",
    { class: "welcome" },
    el("h2", {}, "Ask something"),
    el(
      "p",
      {},
      `Your question goes to ${agentName(me)}, which works in `,
      el("code", {}, me.workspace),
      ". The answer appears as it is made, and goes on even if you close this page.",
    ),
    el("ul", { class: "examples", "aria-label": "Examples" }, ...examples),
    el(
      "p",
      { class: "quiet only-wide" },
      el("kbd", {}, "Enter"),
      " sends, ",
      el("kbd", {}, "n"),
      " begins a new session, ",
      el("kbd", {}, "?"),
      " lists the keys.",
    ),
  );
}
