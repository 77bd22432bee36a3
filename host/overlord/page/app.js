// Owns: the start, which session is open, and how the parts hear of each other.
// Each part has a file of its own; this one is where to begin reading.

import { Api } from "./api.js";
import { listenForCopy } from "./code.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { byId, isTouch } from "./dom.js";
import { emptyState, showAccount, showBanner } from "./account.js";
import { drawer, listenForKeys } from "./keyboard.js";
import { Live } from "./live.js";
import { say, Toasts } from "./notices.js";
import { SessionList } from "./session-list.js";
import { SignIn, takeToken } from "./sign-in.js";
import { forgetAll, keepDraft, lastSession, rememberSession } from "./store.js";

/** How often the list is looked at again while something is being answered, and otherwise. */
const BUSY_LOOK_MS = 5000;
const IDLE_LOOK_MS = 30_000;
const START_RETRY_MS = 2000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const api = new Api();
const toasts = new Toasts();
const side = drawer();
const status = byId("status");
const signIn = new SignIn(api, start);
const composer = new Composer({ onSend: send, say });
const live = new Live(api, byId("live"), {
  onChange: showState,
  onEnd: runEnded,
  putBack: (message) => composer.put(message),
  onFailure: (failure) => composer.notice(failure.message),
});
const conversation = new Conversation(
  api,
  {
    scroller: byId("scroller"),
    content: byId("content"),
    pages: byId("pages"),
    live: byId("live"),
    above: byId("above"),
    below: byId("below"),
    jump: byId("jump"),
  },
  live,
);
const sessions = new SessionList(api, {
  onTitle: showTitle,
  onDeleted: (id) => {
    if (id === openId) newSession();
  },
  onRestored: (id) => go(id),
  toasts,
});

/** @type {object|null} who is signed in, as GET /agent/me has it */
let me = null;
/** @type {string|null} the open session; null is a new one, which has no id yet */
let openId = null;
/** The timer of the next look at the list. */
let looking = null;

/** The session that the address names; null where it names none. */
function named() {
  const id = location.hash.replace(/^#\/s\//, "");
  return UUID.test(id) ? id : null;
}

function show(view) {
  document.documentElement.dataset.view = view;
  if (view !== "app") document.title = "Overlord";
  byId("starting").hidden = view !== "starting";
  byId("sign-in").hidden = view !== "signed-out";
  byId("shell").hidden = view !== "app";
}

/** Whoever comes next finds nothing: a draft that stayed in the box would be kept again. */
function forgetOther() {
  forgetAll();
  openId = null;
  composer.open(null);
}

/** Finds out who is there; until the host answers, it says so and tries again. */
async function start() {
  for (;;) {
    try {
      const before = me?.user;
      me = await api.me();
      if (before && before !== me.user) {
        forgetOther();
      }
      break;
    } catch (failure) {
      if (failure.kind === "signed-out") return;
      byId("starting-text").textContent = `${failure.message} Trying again…`;
      show("starting");
      await new Promise((resolve) => {
        setTimeout(resolve, failure.retryAfterMs ?? START_RETRY_MS);
      });
    }
  }
  showAccount(me);
  showBanner(me);
  composer.setLimit(me.message_characters_max);
  show("app");
  sessions.refresh();
  const last = lastSession();
  await open(openId ?? named() ?? (UUID.test(last) ? last : null));
}

function signedOut() {
  if (document.documentElement.dataset.view === "signed-out") return;
  live.leave();
  signIn.show(
    me
      ? "You are signed out. What you were writing is kept, and is there again once you are signed in."
      : "Ask an agent on this machine, and read what it answered.",
  );
  show("signed-out");
}

async function signOut() {
  try {
    await api.logout();
    const user = me?.user;
    forgetOther();
    me = null;
    sessions.clear();
    conversation.clear();
    toasts.clear();
    showTitle(null);
    say("");
    history.replaceState(null, "", location.pathname);
    await start();
    if (me)
      toasts.show(
        `Overlord's own sign-in is gone; another application still signs you in${user === me.user ? "" : ` as ${me.user}`}. Sign out there too.`,
      );
  } catch (failure) {
    toasts.show(failure.message);
  }
}

function go(id) {
  if (location.hash === `#/s/${id}`) open(id);
  else location.hash = `#/s/${id}`;
}

/** Opens a session at its end, with the runs that go on in it. @param {string|null} id */
async function open(id) {
  openId = id;
  rememberSession(id);
  const address = id ? `#/s/${id}` : location.pathname;
  if (location.hash !== (id ? address : "")) history.replaceState(null, "", address);
  side.close();
  live.leave();
  conversation.clear();
  showTitle(null);
  sessions.setCurrent(id);
  composer.open(id);
  showState();
  if (!isTouch()) composer.focus();
  if (!id) return;
  byId("messages").setAttribute("aria-busy", "true");
  try {
    // In this order: what has ended before the history is read is surely in it.
    const runs = await api.runs({ session: id, ended: true }).catch(() => []);
    await conversation.open(id, (messages) => live.take(id, runs, messages));
  } catch (failure) {
    if (id !== openId || failure.name === "AbortError") return;
    if (failure.kind === "missing" || failure.status === 400) {
      toasts.show("That session is not here (any more). This is a new one.");
      newSession();
    } else if (failure.kind !== "signed-out") {
      byId("above").hidden = false;
      byId("above").textContent = `${failure.message} The session could not be read.`;
    }
  }
  if (id !== openId) return;
  byId("messages").removeAttribute("aria-busy");
  showState();
}

function newSession() {
  if (location.hash) history.pushState(null, "", location.pathname);
  open(null);
  composer.focus();
}

/** @param {string} message */
async function send(message) {
  let id = openId;
  try {
    if (!id) {
      id = await api.newSession();
      keepDraft(null, "");
      openId = id;
      rememberSession(id);
      history.replaceState(null, "", `#/s/${id}`);
      composer.adopt(id);
      sessions.setCurrent(id);
    }
    keepDraft(id, message);
    await conversation.toEnd();
    const asking = live.ask(id, message);
    conversation.follow();
    await asking;
    composer.sent(id);
    sessions.refresh();
    lookAgain();
  } catch (failure) {
    composer.refused(id, message, failure);
  }
  showState();
}

function stop() {
  const view = live.running;
  if (!view?.runId) return;
  live.cancel(view);
  if (!isTouch()) composer.focus();
}

function runEnded(view) {
  showState();
  sessions.refresh();
  say(view.spoken);
  if (view.retryAfterMs) composer.hold(view.retryAfterMs, "Too many questions for now.");
}

/** The words below the box, the stop button, and what is shown where nothing was said. */
function showState() {
  const running = live.running;
  const waiting = live.active.filter((view) => view.state === "queued").length;
  byId("stop").hidden = !running?.runId || running.stopping;
  status.textContent = !navigator.onLine
    ? "You are offline. What is being answered goes on."
    : [running && (running.stopping ? "Stopping" : "Answering"), waiting ? `${waiting} waiting` : ""]
        .filter(Boolean)
        .join(", ");
  const isEmpty =
    conversation.size === 0 &&
    byId("live").childElementCount === 0 &&
    byId("messages").getAttribute("aria-busy") === null &&
    byId("above").hidden;
  byId("empty").hidden = !isEmpty;
  if (isEmpty) byId("empty").replaceChildren(emptyState(me, (text) => composer.put(text)));
}

/** @param {string|null} title of the open session; null where it has none (yet) */
function showTitle(title) {
  const words = title || (openId ? "Untitled session" : "New session");
  byId("title").textContent = words;
  byId("title").title = words;
  document.title = `${words} · Overlord`;
}

/**
 * The list changes by what is done in other tabs too; a hidden tab asks nothing. Called again it begins
 * anew: where a question was just asked it must not wait as long as where nothing happens.
 */
function lookAgain() {
  clearTimeout(looking);
  looking = setTimeout(
    async () => {
      if (me && !document.hidden && document.documentElement.dataset.view === "app") await sessions.refresh();
      lookAgain();
    },
    sessions.isBusy || live.active.length > 0 ? BUSY_LOOK_MS : IDLE_LOOK_MS,
  );
}

function backAgain() {
  if (document.hidden || document.documentElement.dataset.view !== "app") return;
  live.hurry();
  live.look();
  sessions.refresh();
  showState();
}

api.addEventListener("signed-out", signedOut);
window.addEventListener("online", backAgain);
window.addEventListener("offline", showState);
document.addEventListener("visibilitychange", backAgain);
window.addEventListener("hashchange", () => {
  const token = takeToken();
  if (token) signIn.exchange(token);
  else if (me) open(named());
});
document.querySelector(".skip").addEventListener("click", (event) => {
  // Its address would be another session's.
  event.preventDefault();
  composer.focus();
});
byId("new-session").addEventListener("click", newSession);
byId("sign-out").addEventListener("click", signOut);
byId("stop").addEventListener("click", stop);
listenForCopy(byId("messages"), say);
listenForKeys({
  newSession,
  search: () => {
    side.open();
    sessions.focusSearch();
  },
  write: () => composer.focus(),
  stop,
  toEnd: () => conversation.toEnd(),
});

const token = takeToken();
if (token && !(await signIn.exchange(token))) {
  const words = byId("sign-in-error").textContent;
  await start();
  if (me) toasts.show(words);
  else byId("sign-in-error").textContent = words;
} else if (!token) {
  await start();
}
lookAgain();
