// Owns: what was refused, written down and decided otherwise lately, as lists. All
// of it is what users, agents and components said: it goes in as text.

import { ago } from "./admin-rules.js";
import { byId, el } from "./dom.js";

const made = {};

function fill(id, items, nothing, row) {
  const text = JSON.stringify(items);
  if (made[id] === text) return;
  made[id] = text;
  byId(id).replaceChildren(...(items.length > 0 ? items.map(row) : [el("li", { class: "soft" }, nothing)]));
}

export function showRefusals(refusals) {
  fill("refusals", refusals, "Nobody has been refused since the host started.", (one) =>
    el("li", {}, ago(one.at), " ", el("strong", {}, one.user), " ", el("code", {}, one.event), el("p", {}, one.message)),
  );
}

export function showAudit({ on, lines }) {
  const nothing = on ? "Nothing has been written since the host started." : "The audit log is turned off (audit.file).";
  fill("audit", lines, nothing, (one) => el("li", {}, ago(one.at), " ", el("span", { class: "line" }, one.line)));
}

export function showDivergences(divergences) {
  byId("divergences-panel").hidden = divergences.length === 0;
  fill("divergences", divergences, "", (one) =>
    el(
      "li",
      {},
      ago(one.at),
      " ",
      el("strong", {}, one.user ?? `${one.slot}/${one.entry}`),
      el("p", {}, `${one.slot}/${one.entry}: what serves said `, el("q", {}, one.serving), ", the candidate ", el("q", {}, one.candidate)),
    ),
  );
}
