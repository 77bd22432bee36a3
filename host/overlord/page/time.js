// Owns: time in words. Pure but for the clock, which callers may pass in.

const UNITS = [
  ["year", 365 * 86400],
  ["month", 30 * 86400],
  ["week", 7 * 86400],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const relativeFormat = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const yearFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** "3 min. ago", "yesterday"; "just now" within a minute. */
export function relative(milliseconds, now = Date.now()) {
  const seconds = (milliseconds - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relativeFormat.format(Math.trunc(seconds / size), unit);
  }
  return "just now";
}

/** The whole date and time, for titles. */
export function exact(milliseconds) {
  return exactFormat.format(milliseconds);
}

/** A message's time: the clock today, the day too this year, else the date. */
export function stamp(milliseconds, now = Date.now()) {
  const then = new Date(milliseconds);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString()) return clockFormat.format(then);
  return (then.getFullYear() === today.getFullYear() ? dayFormat : yearFormat).format(then);
}

/** How long something took: "0.4 s", "12 s", "3 min 5 s". */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** What is left of a wait, rounded up: "0:42", "1:02:09". */
export function countdown(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
