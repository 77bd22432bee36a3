// Owns: how the standing of the rules looks: slots and their plots, the candidate,
// what has served, what may not. Elements are made anew only where something other
// than a number has changed, so that nobody's focus is lost to a new number.

import { differences, short } from "./admin-changes.js";
import { Plot, short as number, time as spent, whole } from "./admin-plots.js";
import { byId, el } from "./dom.js";
import { exact, relative } from "./time.js";

const STEPS_MAX = 120;
const STAGES = ["loaded", "shadow", "canary"];
const STAGE_WORDS = {
  loaded: "loaded: it may serve, and is asked nothing yet",
  shadow: "in shadow: it is asked beside what serves, and only compared",
  canary: "in a canary",
};
const rate = (value) => `${number(value)}/s`;

/** A time that keeps up with the clock. */
export function ago(at) {
  return el("time", { datetime: new Date(at).toISOString(), title: exact(at), "data-at": at }, relative(at));
}

export function keepUp() {
  for (const node of document.querySelectorAll("time[data-at]")) {
    const words = relative(Number(node.dataset.at));
    if (node.textContent !== words) node.textContent = words;
  }
}

/** A digest, short; the whole one when it is hovered, and on the clipboard when it is clicked. */
export function digest(all, say) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(all);
      say("The digest is on the clipboard.");
    } catch {
      say(`The browser does not let the page copy: ${all}`);
    }
  };
  return el("button", { type: "button", class: "digest", title: all, click: copy }, el("span", { class: "unseen" }, "Copy the digest "), short(all));
}

export class Rules {
  #ask;
  #say;
  #made = {};
  #plots = new Map();
  #counts = null;

  /** @param {(kind: string, ...what: unknown[]) => void} ask @param {(words: string) => void} say */
  constructor(ask, say) {
    this.#ask = ask;
    this.#say = say;
  }

  show(standing) {
    const { serving, candidate, previous, quarantined } = standing;
    const once = (name, value, make) => {
      const text = JSON.stringify(value);
      if (this.#made[name] === text) return;
      this.#made[name] = text;
      make();
    };
    once("serving", [serving, candidate?.entries, previous[0]], () => this.#serving(standing));
    const stage = candidate && { ...candidate, compared: 0, diverged: 0, dropped: 0 };
    once("candidate", [stage, serving.number], () => this.#candidate(standing));
    if (candidate && this.#counts) {
      this.#counts.textContent =
        candidate.stage === "shadow"
          ? `${candidate.compared} compared, ${candidate.diverged} differ, ${candidate.dropped} left out`
          : "";
    }
    once("previous", [previous, serving], () => this.#previous(standing));
    once("quarantine", quarantined, () => this.#quarantine(standing));
    const alive = standing.alive === 1 ? "1 generation is alive" : `${standing.alive} generations are alive`;
    byId("state").textContent = `Generation ${serving.number} serves; ${alive}.`;
  }

  #serving(standing) {
    const { serving, candidate, previous } = standing;
    byId("serving-words").replaceChildren(
      `Generation ${serving.number}, since `,
      ago(serving.since),
      `, by ${serving.by}: ${serving.why}`,
    );
    const find = (entries, entry) => entries?.find((one) => one.slot === entry.slot && one.entry === entry.entry);
    const rows = serving.entries.map((entry) => {
      const name = entry.slot === entry.entry ? entry.slot : `${entry.slot}/${entry.entry}`;
      const next = find(candidate?.entries, entry);
      const before = find(previous[0]?.entries, entry);
      const line = (words, one) =>
        el("div", {}, el("dt", {}, words), el("dd", {}, digest(one.digest, this.#say), el("span", { class: "soft" }, one.component, ...(one.loaded ? [", loaded ", ago(one.loaded)] : []))));
      const versions = el("dl", { class: "versions" }, line("Serves", entry));
      if (next && next.digest !== entry.digest) versions.append(line("Candidate", next));
      if (before && before.digest !== entry.digest) versions.append(line("Before", before));
      const plots = el("div", { class: "plots" }, ...this.#plotsOf(entry).map((plot) => plot.node));
      const button = (words, label, act) =>
        el("button", { type: "button", class: "button small", "aria-label": `${label} ${name}`, click: act }, words);
      return el(
        "li",
        { class: "slot", "data-slot": entry.slot, "data-entry": entry.entry },
        el(
          "div",
          { class: "slot-head" },
          el("h3", {}, el("span", { class: "slot-name" }, entry.slot), el("span", { class: "soft" }, entry.entry)),
          button("Load…", "Load a component into", () => this.#ask("load", `${entry.slot}/${entry.entry}`)),
          button("Quarantine…", "Quarantine the component of", () => this.#ask("quarantine", entry)),
        ),
        versions,
        plots,
      );
    });
    byId("slots").replaceChildren(...rows);
  }

  /** The plots of an entry stay the same elements for as long as the page is open. */
  #plotsOf(entry) {
    const key = `${entry.slot}/${entry.entry}`;
    if (!this.#plots.has(key)) {
      const of = (name, tone, words) => new Plot(name, key, tone, words);
      this.#plots.set(key, [
        of("Decisions", "plain", rate),
        of("Latency p99", "plain", spent),
        of("Refusals", "plain", whole),
        of("Faults", "bad", whole),
        of("Divergences", "bad", whole),
      ]);
    }
    return this.#plots.get(key);
  }

  /** @param {object} figures @param {object} standing */
  draw(figures, standing) {
    const minutes = Math.round(figures.took_ms.reduce((sum, ms) => sum + ms, 0) / 60000);
    byId("plots-words").textContent =
      figures.took_ms.length === 0
        ? "The first figures come in some seconds."
        : `The plots show the last ${minutes < 1 ? "minute" : `${minutes} min`}, each as high as its highest value. Refusals, faults and divergences are numbers of that time; of 100 decisions 99 were faster than the latency says.`;
    const nothing = figures.took_ms.map(() => 0);
    const unknown = figures.took_ms.map(() => null);
    for (const entry of standing.serving.entries) {
      const found = figures.entries.find((one) => one.slot === entry.slot && one.digest === entry.digest);
      const next = standing.candidate?.entries.find((one) => one.slot === entry.slot && one.entry === entry.entry);
      const other = next && figures.entries.find((one) => one.slot === next.slot && one.digest === next.digest);
      const [decisions, latency, refusals, faults, divergences] = this.#plotsOf(entry);
      const perSecond = (found?.decisions ?? nothing).map((count, at) => (count * 1000) / Math.max(1, figures.took_ms[at]));
      const sum = (counts) => counts.reduce((all, count) => all + count, 0);
      const differ = nothing.map((_, at) => Math.max(found?.divergences[at] ?? 0, other?.divergences[at] ?? 0));
      decisions.draw(perSecond, STEPS_MAX);
      const mean = [...(found?.mean_us ?? [])].reverse().find((value) => value !== null);
      latency.draw(found?.p99_us ?? unknown, STEPS_MAX, null, mean === undefined ? "" : ` On average ${spent(mean)}.`);
      refusals.draw(found?.refusals ?? nothing, STEPS_MAX, sum(found?.refusals ?? nothing));
      faults.draw(found?.faults ?? nothing, STEPS_MAX, sum(found?.faults ?? nothing));
      divergences.draw(differ, STEPS_MAX, sum(differ));
    }
  }

  #candidate(standing) {
    const { candidate, serving } = standing;
    this.#counts = null;
    if (!candidate) {
      byId("candidate-body").replaceChildren(
        el("p", { class: "soft" }, "There is none. Load a component: it is compared, given to some of the callers, and promoted from here."),
      );
      return;
    }
    const at = STAGES.indexOf(candidate.stage);
    const steps = ["Loaded", "Shadow", "Canary", "Promoted"].map((words, step) =>
      el("li", { class: step < at ? "past" : step === at ? "here" : "", "aria-current": step === at ? "step" : null }, words),
    );
    const percent = el("input", { type: "number", id: "percent", min: "0.01", max: "100", step: "any", value: candidate.percent || 5, "aria-label": "Percent of the callers", inputmode: "decimal" });
    const button = (words, kind, primary = false) =>
      el("button", { type: "button", class: `button${primary ? " primary" : ""}`, click: () => this.#ask(kind) }, words);
    const canary = el("form", { class: "canary", submit: (event) => {
      event.preventDefault();
      const value = Number(percent.value);
      if (value > 0 && value <= 100) this.#ask("canary", value);
      else this.#say("A share of the callers is more than 0 percent and at most 100.");
    } }, percent, el("span", { "aria-hidden": "true" }, "%"), el("button", { type: "submit", class: "button" }, at === 2 ? "Change the canary…" : "Canary…"));
    this.#counts = el("p", { id: "candidate-counts", role: "status" });
    const all = differences(serving.entries, candidate.entries).map((one) =>
      el("li", {}, el("span", {}, one.name), " ", one.from ? digest(one.from, this.#say) : "nothing", " → ", one.to ? digest(one.to, this.#say) : "nothing"),
    );
    const share = candidate.stage === "canary" ? ` of ${candidate.percent} % of the callers` : "";
    byId("candidate-body").replaceChildren(
      el("ol", { class: "steps", "aria-label": "How far it has come" }, ...steps),
      el("p", {}, `It is ${STAGE_WORDS[candidate.stage]}${share}, since `, ago(candidate.since), `, by ${candidate.by}.`),
      this.#counts,
      el("ul", { class: "exchange" }, ...all),
      el(
        "div",
        { class: "acts" },
        button("Shadow…", "shadow"),
        canary,
        button("Promote…", "promote", true),
        button("Let go…", "abort"),
      ),
    );
  }

  #previous(standing) {
    const rows = standing.previous.map((served) => {
      const all = differences(standing.serving.entries, served.entries);
      return el(
        "li",
        { "data-generation": served.number },
        el(
          "div",
          { class: "row-words" },
          el("strong", {}, `Generation ${served.number}`),
          el("span", { class: "soft" }, served.until ? " until " : "", served.until ? ago(served.until) : "", `, by ${served.by}: ${served.why}`),
          all.length === 0
            ? el("p", { class: "soft" }, "The same components as now.")
            : el("ul", { class: "exchange" }, ...all.map((one) => el("li", {}, one.name, " ", one.to ? digest(one.to, this.#say) : "nothing"))),
        ),
        el("button", { type: "button", class: "button small", click: () => this.#ask("rollBack", served) }, "Roll back…", el("span", { class: "unseen" }, ` to generation ${served.number}`)),
      );
    });
    byId("previous").replaceChildren(...(rows.length > 0 ? rows : [el("li", { class: "soft" }, "Nothing else has served yet.")]));
  }

  #quarantine(standing) {
    const rows = standing.quarantined.map((one) =>
      el(
        "li",
        { "data-digest": one.digest },
        el(
          "div",
          { class: "row-words" },
          el("strong", {}, one.component ?? "A component"),
          " ",
          digest(one.digest, this.#say),
          el("p", { class: "soft" }, one.slot ? `${one.slot}, ` : "", ago(one.at), `, by ${one.by}: ${one.why}`),
        ),
        el("button", { type: "button", class: "button small", click: () => this.#ask("release", one) }, "Release…", el("span", { class: "unseen" }, ` ${one.component ?? short(one.digest)}`)),
      ),
    );
    byId("quarantine").replaceChildren(...(rows.length > 0 ? rows : [el("li", { class: "soft" }, "Nothing is in quarantine.")]));
  }
}
