"""The table that tools/bench prints, and the same lines for programs: BENCH_JSON is a file that each is added to."""

import json
import os
import re


def number(text):
    """The first figure in a text."""
    found = re.search(r"-?\d[\d,]*(\.\d+)?", text)
    return float(found[0].replace(",", "")) if found else None


def record(line):
    """Adds a line for programs."""
    if os.environ.get("BENCH_JSON"):
        with open(os.environ["BENCH_JSON"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def show(name, value, ratio="", target=""):
    print(f"{name:<58} {value:>22} {ratio:>16} {target:>24}", flush=True)
    if name != "measurement":
        record({
            "measurement": name, "value": number(value), "ratio": number(ratio), "shown": value, "beside": ratio, "wanted": target})
