// Owns: what the browser remembers. The open session's id is in localStorage, as
// the earlier client kept it; drafts are in sessionStorage, one a session, so that
// a reload or a sign-in loses nothing. Either may be forbidden or full: then the
// page works without.

const SESSION = "overlord_session_id";
const DRAFT = "overlord_draft:";

function quietly(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

/** @returns {string|null} */
export function lastSession() {
  return quietly(() => localStorage.getItem(SESSION));
}

/** @param {string|null} id null where the open session has no id yet */
export function rememberSession(id) {
  quietly(() => (id ? localStorage.setItem(SESSION, id) : localStorage.removeItem(SESSION)));
}

/** @param {string|null} id */
export function draft(id) {
  return quietly(() => sessionStorage.getItem(DRAFT + (id ?? "new"))) ?? "";
}

/** @param {string|null} id @param {string} text nothing is kept of an empty one */
export function keepDraft(id, text) {
  const key = DRAFT + (id ?? "new");
  quietly(() => (text ? sessionStorage.setItem(key, text) : sessionStorage.removeItem(key)));
}

/** After signing out, the next one at this browser is to find nothing. */
export function forgetAll() {
  rememberSession(null);
  const ours = quietly(() => Object.keys(sessionStorage).filter((key) => key.startsWith(DRAFT)));
  for (const key of ours ?? []) quietly(() => sessionStorage.removeItem(key));
}
