// How is it written down? The lines of audit-jsonl, byte for byte: JSON as Python writes it, one event a
// line. Knows nothing of files.

// How many characters of a field's text the line keeps. Other texts are names and ids, and stay whole.
const KEPT = { message: 500, error: 500, result_preview: 300 };

// The last second that every time zone can write within the year 9999.
const LAST_SECOND = 253402207200n;

// A record that is thrown is the function's error; an exception of any other kind would be a trap.
function fault(message) {
  return { message };
}

function kept(name, text) {
  if (!Object.hasOwn(KEPT, name)) return text;
  let end = 0;
  let left = KEPT[name];
  for (const character of text) {
    if (left === 0) return text.slice(0, end);
    left -= 1;
    end += character.length;
  }
  return text;
}

// As Python's repr: the fewest digits that mean it, an exponent below -4 and above 15.
function real(number) {
  if (!Number.isFinite(number)) return String(number);
  const [mantissa, power] = number.toExponential().split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 16) {
    const text = Object.is(number, -0) ? "-0" : String(number);
    return text.includes(".") ? text : `${text}.0`;
  }
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

function written(name, value) {
  switch (value.tag) {
    case "text":
      return JSON.stringify(kept(name, value.val));
    case "number":
      return value.val.toString();
    case "real":
      return real(value.val);
    case "flag":
      return value.val ? "true" : "false";
    default:
      return "null";
  }
}

function timestamp(event) {
  const second = event.at / 1000n;
  if (second > LAST_SECOND) {
    throw fault(`writing the audit event '${event.name}': ${event.at} ms is later than the year 9999; set the clock`);
  }
  return new Date(Number(second) * 1000).toISOString().replace(".000Z", "Z");
}

function format(settings, event) {
  if (settings.length > 0) {
    throw fault(`reading the audit's settings: there is no '${settings[0][0]}'; this policy has no settings`);
  }
  const names = new Set(["event", "timestamp"]);
  const parts = [`"event": ${JSON.stringify(event.name)}`];
  for (const { name, value } of event.fields) {
    if (names.has(name)) {
      throw fault(
        `writing the audit event '${event.name}': it has the field '${name}' twice, and a line can have it once; rename one`,
      );
    }
    names.add(name);
    parts.push(`${JSON.stringify(name)}: ${written(name, value)}`);
  }
  parts.push(`"timestamp": "${timestamp(event)}"`);
  return `{${parts.join(", ")}}`;
}

export const audit = { format };
