// Owns: the start of the page for administrators, when it looks again, and how its
// parts hear of each other. It changes nothing by itself.

import { AdminApi } from "./admin-api.js";
import { changes } from "./admin-changes.js";
import { confirm } from "./admin-confirm.js";
import { showAudit, showDivergences, showRefusals } from "./admin-lists.js";
import { Rules, keepUp } from "./admin-rules.js";
import { byId } from "./dom.js";

const LOOK_MS = 5000;
const api = new AdminApi();
const change = changes(api);
const rules = new Rules(ask, say);
let standing = null;
let waiting = null;
/** Whether there is something to look at for whoever is here. */
let wanted = false;
let looked = Promise.resolve();

/** Said to those who see and to those who listen; the next look puts the state back. */
function say(words) {
  byId("spoken").textContent = words;
  byId("state").textContent = words;
}

function ask(kind, what) {
  if (!standing) return;
  const made = change[kind](standing, what);
  const { act } = made;
  confirm({ ...made, act: async () => {
    const words = await act();
    await look();
    return words;
  } }, say);
}

function outside(title, words) {
  byId("outside-title").textContent = title;
  byId("outside-text").textContent = words;
  byId("outside").hidden = false;
  byId("inside").hidden = true;
  standing = null;
  document.documentElement.dataset.view = "outside";
}

async function start() {
  let me;
  try {
    me = await api.me();
  } catch (failure) {
    if (failure.kind === "signed-out") return;
    outside("Rules", `${failure.message} It is tried again.`);
    setTimeout(start, LOOK_MS);
    return;
  }
  if (!me.roles.includes("admin")) {
    outside("Not for you", `This page is for administrators: it needs the role admin, which ${me.user} does not have.`);
    return;
  }
  wanted = true;
  await look();
}

/** One look after the other: what is shown last was asked for last. */
function look() {
  clearTimeout(waiting);
  looked = looked.then(lookOnce);
  return looked;
}

/** Everything at once. */
async function lookOnce() {
  try {
    const [now, figures, refusals, audit, divergences] = await Promise.all([
      api.rules(),
      api.figures(),
      api.refusals(),
      api.audit(),
      api.divergences(),
    ]);
    standing = now;
    rules.show(now);
    rules.draw(figures, now);
    showRefusals(refusals);
    showAudit(audit);
    showDivergences(divergences);
    keepUp();
    byId("outside").hidden = true;
    byId("inside").hidden = false;
    document.documentElement.dataset.view = "inside";
  } catch (failure) {
    if (failure.kind === "signed-out") return;
    if (failure.status === 403) {
      wanted = false;
      outside("Not for you", failure.message);
      return;
    }
    const words = `${failure.message} What is shown may be old; it is looked at again.`;
    if (standing) byId("state").textContent = words;
    else outside("Rules", words);
  }
  again();
}

/** Nobody looks at what is hidden. */
function again() {
  clearTimeout(waiting);
  if (!document.hidden) waiting = setTimeout(look, LOOK_MS);
}

api.addEventListener("signed-out", () => {
  wanted = false;
  clearTimeout(waiting);
  byId("confirm").close();
  outside("Not signed in", "Sign in at the sessions, as somebody with the role admin, and come back.");
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(waiting);
  else if (wanted) look();
});
byId("load").addEventListener("click", () => ask("load"));
await start();
