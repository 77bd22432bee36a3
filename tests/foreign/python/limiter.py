"""May they ask now? A rolling window and a cap on questions at once: the rule of limit-window, with the
same settings, the same cell and the same words. Knows nothing of clocks: time comes with the call."""

import re
import struct

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.limiter import Outcome, Refusal, Verdict_Admit, Verdict_Refuse, Verdict_Wait
from wit_world.imports.types import Fault

BOUNDS = {"window_s": (1, 31_622_400), "max": (0, 8000), "concurrency": (0, 1000), "queue": (0, 32)}
WHY = {"max": " (what the limiter remembers of a caller must fit into 64 KiB)"}

VERSION = 1
TIME_BYTES = 8
U32_MAX = 0xFFFF_FFFF


class Limiter(exports.Limiter):
    def admit(self, settings, demand, cell):
        rule = read(settings)
        now, window_ms = demand.now, rule["window_s"] * 1000
        # Where there is a queue nobody overtakes it.
        room = demand.running < rule["concurrency"] and (rule["queue"] == 0 or demand.waiting == 0)
        if any(fact.name == "queued-since" for fact in demand.facts):
            # It was counted when it came.
            return Outcome(Verdict_Admit() if room else Verdict_Wait(), None)
        times, corrected = remembered(cell, now, window_ms)
        if len(times) >= rule["max"]:
            refusal = rate_limited(times, rule["max"], window_ms, now)
            return Outcome(Verdict_Refuse(refusal), written(times) if corrected else None)
        times.append(now)
        if room:
            verdict = Verdict_Admit()
        elif rule["concurrency"] > 0 and demand.waiting < rule["queue"]:
            verdict = Verdict_Wait()
        else:
            message = "A previous question is still being processed"
            verdict = Verdict_Refuse(Refusal("concurrency_blocked", message, None))
        return Outcome(verdict, written(times))


def fault(message):
    return Err(Fault(message))


def read(pairs):
    doing = "reading the limiter's settings"
    rule, given = {"window_s": 3600, "max": 60, "concurrency": 1, "queue": 0}, set()
    for key, value in pairs:
        if key not in BOUNDS:
            raise fault(f"{doing}: there is no '{key}'; there are window_s, max, concurrency and queue")
        if key in given:
            raise fault(f"{doing}: '{key}' is given more than once; leave one")
        least, most = BOUNDS[key]
        # Twenty digits are more than any bound has; Python refuses to read thousands of them.
        number = int(value) if re.fullmatch(r"\+?[0-9]{1,20}", value) else -1
        if not least <= number <= most:
            why = WHY.get(key, "")
            raise fault(f"{doing}: {key} is '{value}'; it must be a whole number from {least} to {most}{why}")
        given.add(key)
        rule[key] = number
    return rule


def remembered(cell, now, window_ms):
    """The times of the questions that still count, oldest first, and whether a clock that was set back
    has changed any of them."""
    doing = "reading a caller's cell"
    if not cell:
        return [], False
    if cell[0] != VERSION:
        raise fault(
            f"{doing}: version {cell[0]} is not known, only {VERSION} is; "
            "clear the cell, or use the policy that wrote it"
        )
    count, rest = divmod(len(cell) - 1, TIME_BYTES)
    if rest or count > BOUNDS["max"][1]:
        raise fault(f"{doing}: {len(cell)} bytes are not what this policy writes; clear the cell")
    times = struct.unpack_from(f"<{count}Q", cell, 1)
    if any(later < earlier for earlier, later in zip(times, times[1:])):
        raise fault(f"{doing}: its times do not ascend; clear the cell")
    return [min(time, now) for time in times if time + window_ms >= now], any(time > now for time in times)


def written(times):
    return struct.pack(f"<B{len(times)}Q", VERSION, *times)


def rate_limited(times, most, window_ms, now):
    if most == 0:
        return Refusal("rate_limited", "Rate limit exceeded", None)
    free = times[len(times) - most] + window_ms
    seconds = min((free - now) // 1000 + 1, U32_MAX)
    return Refusal("rate_limited", f"Rate limit exceeded; retry in {seconds}s", seconds)
