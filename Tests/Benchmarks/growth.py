"""How the gateway bears growth: paid completions a second as the ledger, the number of keys, of organizations and of rules grow, each
beside a bare proxy at the same moment, because the machine changes more than the gateway does.

Arguments: the gateway's home, the executable `benchmarks`, a superuser's URL of the gateway's database.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request

import ruled
from load import BENCH, COMPLETIONS, GATEWAY, PROXY, SECONDS, run
from table import record, show

HERE = os.path.dirname(os.path.abspath(__file__))
HOME, PROGRAM, DATABASE = sys.argv[1:]
TURNS = int(os.environ.get("BENCH_TURNS") or 3)
SIZES = [int(size) for size in os.environ.get("BENCH_GROWTH", "100000,1000000").split(",")]
SHOPS = [(100, 1_000), (100, 100_000), (10_000, 10_000)]


def beside(measure):
    """Medians in turn: requests a second, and over those of the proxy."""
    found, ratios = [], []
    for _ in range(TURNS):
        proxied = run("bench-http.sh", PROXY, "x", WARM="1")["rps"]
        result = measure()
        assert not result.get("non2xx"), result
        found.append(result["rps"])
        ratios.append(result["rps"] / proxied)
    return statistics.median(found), statistics.median(ratios)


def lines(measurements):
    """Prints each, and its share of the proxy over that of the first: (name, what grew, requests a second and ratio)."""
    first = None
    for name, grown, (rate, ratio) in measurements:
        first = first or ratio
        show(name, f"{rate:.0f}/s", f"{ratio / first:.2f} of the first", "flat")
        record({"measurement": "growth", "rps": rate, "of_nginx": ratio, "of_first": ratio / first} | grown)


def by(key):
    return beside(lambda: run("bench-http.sh", COMPLETIONS, key))


def benchmark(*arguments):
    done = subprocess.run([PROGRAM, *arguments, "--database", DATABASE], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"benchmarks {arguments[0]} failed: {done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def settled():
    """Waits until all projections have followed the ledger."""
    for _ in range(7200):
        metrics = urllib.request.urlopen(GATEWAY + "/metrics", timeout=60).read().decode()
        lags = [
            float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("llmgateway_projection_lag_events{")]
        assert lags, "the metrics do not say how far the projections are"
        if max(lags) < 100:
            return
        time.sleep(0.5)
    raise SystemExit("the projections do not follow")


def events(key):
    for size in SIZES:
        found = benchmark("fill", "--events", str(size))["events"]
        settled()
        yield f"paid completions on a ledger of {found:,} events", {"events": found}, by(key)


def rotate(tokens, seconds):
    """Completions by all keys of a file in turn."""
    done = subprocess.run(
        ["wrk", "-t1", "-c64", f"-d{seconds}s", "--timeout", "10s", "-s", HERE + "/tokens.lua", COMPLETIONS],
        capture_output=True, text=True, env=os.environ | {"TOKENS": tokens, "MODEL": "mock"})
    line = next((line for line in done.stdout.splitlines() if line.startswith("JSON ")), None)
    assert line, done.stdout + done.stderr
    return json.loads(line[5:])


def shops():
    for organizations, keys in SHOPS:
        tokens = f"{HOME}/tokens-{organizations}-{keys}"
        benchmark("shops", "--organizations", str(organizations), "--keys", str(keys), "--tokens", tokens)
        settled()
        # Each key once, so that what is read at its first request is there.
        rotate(tokens, max(2, keys // 2_000))
        yield (
            f"by {keys:,} keys of {organizations:,} organizations in turn", {"organizations": organizations, "keys": keys},
            beside(lambda: rotate(tokens, SECONDS)))


KEYS = ruled.keys(GATEWAY)
lines((f"paid completions by a key with {count} IAM rules", {"rules": count}, by(key)) for count, key in KEYS.items())
lines(shops())
lines(events(KEYS[0]))
