// Owns: the wire form of server-sent events. EventSource cannot POST, so the page
// reads them from fetch. No DOM and no network here: text in, events out.

/** @typedef {{type: string, data: string, id: string|null}} WireEvent */

/** Takes the stream in pieces as they come, whatever their borders. */
export class EventParser {
  #rest = "";
  #skipLineFeed = false;
  #type = "";
  #data = [];
  #id = null;

  /**
   * @param {string} text the next piece
   * @returns {WireEvent[]} those it completed. Comments are nothing.
   */
  push(text) {
    const events = [];
    if (this.#skipLineFeed && text.startsWith("\n")) text = text.slice(1);
    if (text) this.#skipLineFeed = text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") this.#finish(events);
      else this.#field(line);
    }
    return events;
  }

  #finish(events) {
    if (this.#data.length > 0) {
      events.push({ type: this.#type || "message", data: this.#data.join("\n"), id: this.#id });
    }
    this.#type = "";
    this.#data = [];
    this.#id = null;
  }

  #field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }
}
