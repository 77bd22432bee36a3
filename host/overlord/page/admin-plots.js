// Owns: a small plot of the last minutes, as SVG, with its numbers in words for
// those who do not see it. Knows no host and nothing of what is drawn.

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 36;
let made = 0;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** A number as short as it can be read: 0, 0.04, 3.2, 850, 12k. */
export function short(number) {
  if (number === 0) return "0";
  if (number < 0.095) return number.toFixed(2);
  if (number < 9.95) return number.toFixed(1);
  if (number < 9999.5) return String(Math.round(number));
  return `${Math.round(number / 1000)}k`;
}

/** How many. */
export function whole(number) {
  return number < 9999.5 ? String(number) : `${Math.round(number / 1000)}k`;
}

/** Microseconds in the unit that fits. */
export function time(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${short(us / 1000)} ms`;
  return `${short(us / 1_000_000)} s`;
}

/** One plot: made once, drawn again and again. */
export class Plot {
  #line = svg("path", { class: "plot-line" });
  #ground = svg("path", { class: "plot-ground" });
  #title;
  #desc;
  #value = document.createElement("strong");

  /** @param {string} name what is drawn @param {string} of of whom @param {"plain"|"bad"} tone @param {(value: number) => string} words */
  constructor(name, of, tone, words) {
    this.words = words;
    made += 1;
    this.#title = svg("title", { id: `plot-${made}-title` });
    this.#desc = svg("desc", { id: `plot-${made}-desc` });
    this.#title.textContent = `${name} of ${of}`;
    const picture = svg(
      "svg",
      {
        class: `plot ${tone}`,
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-labelledby": this.#title.id,
        "aria-describedby": this.#desc.id,
      },
      this.#title,
      this.#desc,
      svg("path", { class: "plot-base", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }),
      this.#ground,
      this.#line,
    );
    const head = document.createElement("p");
    const label = document.createElement("span");
    label.textContent = name;
    head.append(label, this.#value);
    this.node = document.createElement("div");
    this.node.className = "plot-box";
    this.node.append(head, picture);
  }

  /**
   * @param {(number|null)[]} values oldest first @param {number} room how many there may be
   * @param {number|null} total what is said instead of the last value @param {string} note said beside it
   */
  draw(values, room, total = null, note = "") {
    const known = values.filter((value) => value !== null);
    const most = known.length > 0 ? Math.max(...known) : 0;
    const latest = total ?? [...values].reverse().find((value) => value !== null) ?? null;
    const shown = latest === null ? "–" : this.words(latest);
    if (this.#value.textContent !== shown) this.#value.textContent = shown;
    this.node.classList.toggle("loud", (total ?? most) > 0);
    this.#desc.textContent =
      known.length === 0
        ? "Nothing yet."
        : `Now ${shown}; at most ${this.words(most)} in ${values.length} steps of the last minutes.${note}`;
    const step = WIDTH / Math.max(1, room - 1);
    const left = WIDTH - step * (values.length - 1);
    const y = (value) => (HEIGHT - 1 - (most > 0 ? value / most : 0) * (HEIGHT - 4)).toFixed(1);
    let line = "";
    let ground = "";
    let from = null;
    values.forEach((value, at) => {
      const x = (left + at * step).toFixed(1);
      if (value === null) {
        if (from !== null) ground += `V${HEIGHT}H${from}Z`;
        from = null;
        return;
      }
      line += `${from === null ? "M" : "L"}${x} ${y(value)}`;
      ground += from === null ? `M${x} ${HEIGHT}L${x} ${y(value)}` : `L${x} ${y(value)}`;
      from ??= x;
    });
    if (from !== null) ground += `V${HEIGHT}H${from}Z`;
    this.#line.setAttribute("d", line);
    this.#ground.setAttribute("d", ground);
  }
}
