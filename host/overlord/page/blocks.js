// Owns: changing rendered text into its next version with as little change as
// possible, so that it does not jump, and a selection or a scrolled code block in
// what stays survives. Works on any nodes; knows nothing of where they come from.

/**
 * Of the parent's child elements the first `keep` stay untouched; those after them
 * become the fragment's.
 * @param {Element} parent @param {number} keep @param {DocumentFragment} next
 */
export function patchBlocks(parent, keep, next) {
  const wanted = [...next.children];
  const present = [...parent.children].slice(keep);
  wanted.forEach((block, index) => {
    const old = present[index];
    if (!old) parent.append(block);
    else if (isAlike(old, block)) morph(old, block);
    else old.replaceWith(block);
  });
  for (const left of present.slice(wanted.length)) left.remove();
}

function isAlike(old, next) {
  return old.nodeType === next.nodeType && old.nodeName === next.nodeName;
}

/** Makes `old` equal to `next`, touching only what differs. */
function morph(old, next) {
  if (old.nodeType !== 1) {
    morphText(old, next);
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const wanted = [...next.childNodes];
  const present = [...old.childNodes];
  wanted.forEach((node, index) => {
    const before = present[index];
    if (!before) old.append(node);
    else if (isAlike(before, node)) morph(before, node);
    else before.replaceWith(node);
  });
  for (const left of present.slice(wanted.length)) left.remove();
}

/** Text that only grows is appended to: a selection in it then stays where it is. */
function morphText(old, next) {
  if (old.data === next.data) return;
  if (next.data.startsWith(old.data)) old.appendData(next.data.slice(old.data.length));
  else old.data = next.data;
}
