// Owns: the one way by which HTML enters the page. Only text that the host has
// rendered and sanitized (the fields called `html`) may come through here; the
// Content-Security-Policy lets no other code make HTML from a string.

const policy = globalThis.trustedTypes?.createPolicy("overlord", { createHTML: (html) => html });

/**
 * The host's sanitized HTML as nodes. A template is inert: nothing in it loads or runs
 * before it is put into the page.
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function fromHost(html) {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  return template.content;
}
