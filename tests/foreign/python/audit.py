"""How is it written down? The lines of audit-jsonl, byte for byte: what Python's own json writes, one
event a line. Knows nothing of files."""

import datetime
import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.audit import Value_Absent, Value_Text
from wit_world.imports.types import Fault

# How many characters of a field's text the line keeps. Other texts are names and ids, and stay whole.
KEPT = {"message": 500, "error": 500, "result_preview": 300}

# The last second that every time zone can write within the year 9999.
LAST_SECOND = 253_402_207_200

EPOCH = datetime.datetime(1970, 1, 1)


class Audit(exports.Audit):
    def format(self, settings, event):
        if settings:
            raise fault(
                f"reading the audit's settings: there is no '{settings[0][0]}'; this policy has no settings"
            )
        line = {"event": event.name}
        for field in event.fields:
            if field.name in line or field.name == "timestamp":
                raise fault(
                    f"writing the audit event '{event.name}': it has the field '{field.name}' twice, "
                    "and a line can have it once; rename one"
                )
            line[field.name] = written(field)
        line["timestamp"] = timestamp(event)
        return json.dumps(line, ensure_ascii=False)


def fault(message):
    return Err(Fault(message))


def written(field):
    if isinstance(field.value, Value_Absent):
        return None
    if isinstance(field.value, Value_Text):
        return field.value.value[: KEPT.get(field.name)]
    return field.value.value


def timestamp(event):
    second = event.at // 1000
    if second > LAST_SECOND:
        raise fault(
            f"writing the audit event '{event.name}': {event.at} ms is later than the year 9999; set the clock"
        )
    return (EPOCH + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
