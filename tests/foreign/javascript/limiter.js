// May they ask now? A rolling window and a cap on questions at once: the rule of limit-window, with the
// same settings, the same cell and the same words. Knows nothing of clocks: time comes with the call.

const BOUNDS = {
  window_s: [1n, 31622400n],
  max: [0n, 8000n],
  concurrency: [0n, 1000n],
  queue: [0n, 32n],
};

const WHY = { max: " (what the limiter remembers of a caller must fit into 64 KiB)" };

const VERSION = 1;
const TIME_BYTES = 8;
const U32_MAX = 0xffffffffn;

// A record that is thrown is the function's error; an exception of any other kind would be a trap.
function fault(message) {
  return { message };
}

function read(pairs) {
  const settings = { window_s: 3600n, max: 60n, concurrency: 1n, queue: 0n };
  const given = new Set();
  for (const [key, value] of pairs) {
    const doing = "reading the limiter's settings";
    if (!Object.hasOwn(BOUNDS, key)) {
      throw fault(`${doing}: there is no '${key}'; there are window_s, max, concurrency and queue`);
    }
    if (given.has(key)) {
      throw fault(`${doing}: '${key}' is given more than once; leave one`);
    }
    const [least, most] = BOUNDS[key];
    // Twenty digits are more than any bound has; a million of them take a while to become a number.
    const number = /^\+?[0-9]{1,20}$/.test(value) ? BigInt(value.replace("+", "")) : -1n;
    if (number < least || number > most) {
      const why = WHY[key] ?? "";
      throw fault(`${doing}: ${key} is '${value}'; it must be a whole number from ${least} to ${most}${why}`);
    }
    given.add(key);
    settings[key] = number;
  }
  return settings;
}

// The times of the questions that still count, oldest first, and whether a clock that was set back has
// changed any of them.
function remembered(cell, now, windowMs) {
  const doing = "reading a caller's cell";
  if (cell.length === 0) return { times: [], corrected: false };
  if (cell[0] !== VERSION) {
    throw fault(
      `${doing}: version ${cell[0]} is not known, only ${VERSION} is; clear the cell, or use the policy that wrote it`,
    );
  }
  const count = (cell.length - 1) / TIME_BYTES;
  if (!Number.isInteger(count) || count > BOUNDS.max[1]) {
    throw fault(`${doing}: ${cell.length} bytes are not what this policy writes; clear the cell`);
  }
  const view = new DataView(cell.buffer, cell.byteOffset, cell.byteLength);
  const times = [];
  let before = 0n;
  let corrected = false;
  for (let at = 1; at < cell.length; at += TIME_BYTES) {
    const time = view.getBigUint64(at, true);
    if (time < before) throw fault(`${doing}: its times do not ascend; clear the cell`);
    before = time;
    corrected ||= time > now;
    if (time + windowMs >= now) times.push(time < now ? time : now);
  }
  return { times, corrected };
}

function written(times) {
  const cell = new Uint8Array(1 + TIME_BYTES * times.length);
  const view = new DataView(cell.buffer);
  cell[0] = VERSION;
  times.forEach((time, index) => view.setBigUint64(1 + TIME_BYTES * index, time, true));
  return cell;
}

function refuse(event, message, retryAfterS) {
  return { tag: "refuse", val: { event, message, retryAfterS } };
}

function rateLimited(times, max, windowMs, now) {
  if (max === 0) return refuse("rate_limited", "Rate limit exceeded", undefined);
  const free = times[times.length - max] + windowMs;
  const seconds = (free - now) / 1000n + 1n;
  const retry = Number(seconds < U32_MAX ? seconds : U32_MAX);
  return refuse("rate_limited", `Rate limit exceeded; retry in ${retry}s`, retry);
}

function admit(pairs, demand, cell) {
  const settings = read(pairs);
  const { now, running, waiting } = demand;
  const [max, concurrency, queue] = [settings.max, settings.concurrency, settings.queue].map(Number);
  const windowMs = settings.window_s * 1000n;
  // Where there is a queue nobody overtakes it.
  const room = running < concurrency && (queue === 0 || waiting === 0);
  if (demand.facts.some((fact) => fact.name === "queued-since")) {
    // It was counted when it came.
    return { verdict: { tag: room ? "admit" : "wait" }, cell: undefined };
  }
  const { times, corrected } = remembered(cell, now, windowMs);
  if (times.length >= max) {
    const verdict = rateLimited(times, max, windowMs, now);
    return { verdict, cell: corrected ? written(times) : undefined };
  }
  times.push(now);
  let verdict;
  if (room) verdict = { tag: "admit" };
  else if (concurrency > 0 && waiting < queue) verdict = { tag: "wait" };
  else verdict = refuse("concurrency_blocked", "A previous question is still being processed", undefined);
  return { verdict, cell: written(times) };
}

export const limiter = { admit };
