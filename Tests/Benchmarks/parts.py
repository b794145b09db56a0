"""Runs the benchmarks of the parts and prints the rest of tools/bench's table.

Arguments: the executable `benchmarks`, minutes of appending behind an open snapshot. BENCH_DATABASE and APPEND_DATABASE are a
superuser's URLs of databases to use, BENCH_EVENTS the size of the ledger.
"""

import json
import os
import subprocess
import sys

from table import show

PROGRAM, MINUTES = sys.argv[1:3]
EVENTS = os.environ.get("BENCH_EVENTS", "1000000")
FAST = {"balances": 200_000, "usage": 200_000, "journal": 80_000, "requests": 80_000}


def lines(*arguments):
    """The JSON lines of one benchmark, as they come."""
    with subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            yield json.loads(line)
    if running.returncode:
        sys.exit(f"benchmarks {arguments[0]} failed")


def rate(figures, name="events_per_second"):
    return f"{figures[name]:,.0f}/s"


for figures in lines("append", "--database", os.environ["APPEND_DATABASE"], "--snapshot-minutes", MINUTES):
    if figures["benchmark"] == "append":
        show(f"append, {figures['callers']} callers", rate(figures), f"{figures['ratio']:.2f} of insert", ">= 0.6 of plain insert")
    elif figures["benchmark"] == "append_behind_snapshot":
        show(
            f"append behind a snapshot of {figures['minutes']:.0f} min, last part", rate(figures, "last_events_per_second"),
            f"{figures['ratio']:.2f} of first", ">= 0.9 of the first part")

for figures in lines("verify", "--database", os.environ["BENCH_DATABASE"], "--events", EVENTS):
    show(f"ledger verify, {figures['events']:,} events", rate(figures), f"{figures['ratio_to_copy']:.2f} of COPY", ">= 200,000/s")

for figures in lines("rebuild", "--database", os.environ["BENCH_DATABASE"], "--events", EVENTS):
    name = figures["projection"]
    show(
        f"rebuild {name}, {figures['events']:,} events", rate(figures, "apply_events_per_second"),
        f"{figures['ratio']:.2f} of reading", f">= {FAST[name]:,}/s")
    if not figures["equal"]:
        sys.exit(f"the rebuild of {name} is not equal to the live tables")
