"""A job alone in its minute: wall time from the shell that cron starts to the end of `true`.

A probe in the box does by turns what crond does for either: starts `sh -c true` and waits for it, as under
bare cron, and starts `sh -c 'echo job >/run/cronbox/trigger'`, whose run the agent ends. What crond itself
does before (wake, fork, PAM) is the same for both, and left out of both.
"""

from __future__ import annotations

import json
import statistics
from datetime import datetime
from typing import Any, NamedTuple

JOB = "lone"
PROBE = f"""
import json, os, sys, time
LOG = "/log/cron.log"

def shell(command):
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ), 0)

bare, fired = [], []
with open(LOG) as log:
    log.seek(0, 2)
    for _ in range(int(sys.argv[1])):
        begun = time.time_ns()
        shell("true")
        bare.append(time.time_ns() - begun)
        time.sleep(0.05)
        fired.append(time.time_ns())
        shell("echo {JOB} >/run/cronbox/trigger")
        time.sleep(0.1)
    events = [json.loads(line) for line in log]
ends = [event["t"] for event in events if event["type"] == "finished" and event["job"] == "{JOB}"]
print(json.dumps({{"bare": bare, "fired": fired, "ends": ends}}))
"""


class LoneRun(NamedTuple):
    """Medians in milliseconds."""

    bare: float
    box: float


def lone_run(container: Any, times: int) -> LoneRun:
    """Fire the box's job so many times, `sh -c true` between."""
    code, output = container.exec_run(["python3", "-c", PROBE, str(times)], demux=True)
    assert code == 0, output
    seen = json.loads(output[0])
    ends = [datetime.fromisoformat(end).timestamp() for end in seen["ends"]]
    walls = [end * 1e3 - fired / 1e6 for end, fired in zip(ends, seen["fired"], strict=True)]
    return LoneRun(statistics.median(seen["bare"]) / 1e6, statistics.median(walls))
