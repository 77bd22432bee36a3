// Owns: what can be changed, and the words that say beforehand what will happen:
// which digests, whom it touches, how to undo it.

import { COMPONENT_BYTES_MAX } from "./admin-api.js";
import { el } from "./dom.js";

export const short = (digest) => digest.slice(0, 12);
const key = (entry) => `${entry.slot}/${entry.entry}`;

/** Which entries differ between two generations. */
export function differences(from, to) {
  const before = new Map(from.map((entry) => [key(entry), entry]));
  const after = new Map(to.map((entry) => [key(entry), entry]));
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => ({ name, from: before.get(name)?.digest ?? null, to: after.get(name)?.digest ?? null }))
    .filter((one) => one.from !== one.to);
}

function exchange(from, to) {
  const all = differences(from, to);
  if (all.length === 0) return el("p", {}, "The components are the same as those that serve now.");
  const words = (digest) => (digest ? el("code", { title: digest }, short(digest)) : "nothing");
  const rows = all.map((one) =>
    el("li", {}, el("span", {}, one.name), " ", words(one.from), " → ", words(one.to)),
  );
  return el("ul", { class: "exchange" }, ...rows);
}

const facts = (whom, undo) =>
  el(
    "dl",
    { class: "facts" },
    el("div", {}, el("dt", {}, "Whom it touches"), el("dd", {}, whom)),
    el("div", {}, el("dt", {}, "How to undo it"), el("dd", {}, undo)),
  );
const p = (...words) => el("p", {}, ...words);

/** @param {import("./admin-api.js").AdminApi} api */
export function changes(api) {
  return {
    load(standing, slot = null) {
      const entries = standing.serving.entries;
      const file = el("input", { type: "file", id: "load-file", accept: ".wasm,application/wasm" });
      const place = el(
        "select",
        { id: "load-place" },
        ...entries.map((entry) =>
          el("option", { value: key(entry), selected: slot === key(entry) }, `${key(entry)} (${short(entry.digest)})`),
        ),
      );
      return {
        title: "Load a component",
        yes: "Load as candidate",
        body: [
          p("It is checked like a changed file: what it imports and exports, its own cases, its slot's settings."),
          el("label", { for: "load-file" }, "Component (.wasm)"),
          file,
          el("label", { for: "load-place" }, "Where it is to serve"),
          place,
          facts("Nobody, until it is put into a canary or promoted.", "Let go of the candidate."),
        ],
        act: async () => {
          const chosen = file.files[0];
          if (!chosen) throw new Error("Choose a file first.");
          if (chosen.size > COMPONENT_BYTES_MAX) throw new Error("A component has at most 64 MiB.");
          const at = entries.find((entry) => key(entry) === place.value);
          await api.load(chosen, at.slot, at.entry);
          return "The component is loaded as the candidate.";
        },
      };
    },

    shadow: (standing) => ({
      title: "Compare the candidate?",
      yes: "Compare",
      body: [
        p("From now on the candidate decides beside what serves, on a copy of the state. What it decides is compared, counted, and not used."),
        exchange(standing.serving.entries, standing.candidate.entries),
        facts("Nobody: every answer is still made by what serves.", "Let go of the candidate."),
      ],
      act: async () => (await api.shadow(), "The candidate is compared on live traffic."),
    }),

    canary: (standing, percent) => ({
      title: `Serve ${percent} % of the callers?`,
      yes: `Serve ${percent} %`,
      body: [
        p("The candidate decides for a share of the callers, always the same ones."),
        exchange(standing.serving.entries, standing.candidate.entries),
        facts(
          `About ${percent} of 100 users, from their next request. What is being answered ends under the rules it began with.`,
          `Let go of the candidate: they are back under generation ${standing.serving.number} with their next request.`,
        ),
      ],
      act: async () => (await api.canary(percent), `The candidate serves ${percent} % of the callers.`),
    }),

    promote: (standing) => ({
      title: "Promote the candidate?",
      yes: "Promote",
      body: [
        exchange(standing.serving.entries, standing.candidate.entries),
        facts(
          "Everybody, from their next request. What is being answered ends under the rules it began with.",
          `Roll back to generation ${standing.serving.number}, which is kept.`,
        ),
      ],
      act: async () => {
        const after = await api.promote();
        return `Generation ${after.serving.number} serves.`;
      },
    }),

    abort: (standing) => ({
      title: "Let go of the candidate?",
      yes: "Let go",
      body: [
        exchange(standing.candidate.entries, standing.serving.entries),
        facts(
          standing.candidate.stage === "canary"
            ? `The ${standing.candidate.percent} % of the callers that it serves: generation ${standing.serving.number} decides for them from their next request.`
            : "Nobody: it served nobody.",
          "Load the component again.",
        ),
      ],
      act: async () => (await api.abort(), "There is no candidate any more."),
    }),

    rollBack: (standing, served) => ({
      title: `Roll back to generation ${served.number}?`,
      yes: `Roll back to ${served.number}`,
      grave: true,
      body: [
        p("What has served before serves again, at once."),
        exchange(standing.serving.entries, served.entries),
        facts(
          "Everybody, from their next request. What is being answered ends under the rules it began with.",
          `Roll back to generation ${standing.serving.number}, which is kept.`,
        ),
      ],
      act: async () => {
        const after = await api.rollBack(served.number);
        return `Generation ${after.serving.number} serves.`;
      },
    }),

    quarantine(standing, entry) {
      const reason = el("input", { id: "reason", type: "text", maxlength: "500", autocomplete: "off" });
      const serves = standing.serving.entries.some((one) => one.digest === entry.digest);
      return {
        title: `Quarantine ${entry.component}?`,
        yes: "Quarantine",
        grave: true,
        body: [
          p("The component with this digest is kept from serving, wherever its file lies:"),
          p(el("code", { class: "whole-digest" }, entry.digest)),
          el("label", { for: "reason" }, "Why (for the audit log; may be left empty)"),
          reason,
          facts(
            serves
              ? "Everybody: it serves now, so the host goes back to the last generation without it, or says here why it cannot."
              : "Nobody now: it does not serve everybody.",
            "Release it, below Quarantine.",
          ),
        ],
        act: async () => (await api.quarantine(entry.digest, reason.value), `${entry.component} is in quarantine.`),
      };
    },

    release: (standing, one) => ({
      title: `Release ${one.component ?? short(one.digest)}?`,
      yes: "Release",
      body: [
        p("The component with this digest may serve again:"),
        p(el("code", { class: "whole-digest" }, one.digest)),
        facts("Nobody, until it is loaded, its file changes, or a generation with it is brought back.", "Quarantine it again."),
      ],
      act: async () => (await api.release(one.digest), "It is released."),
    }),
  };
}
