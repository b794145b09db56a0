"""Runs the load generator against the mock, a bare proxy and the gateway in one run, and prints a table with ratios.

Argument: the gateway's home. tools/bench starts everything and calls this.
"""

import glob
import json
import os
import subprocess
import sys
import time
import urllib.request

import books
import dialects
import ruled
from load import BENCH, COMPLETIONS, GATEWAY, PROXY, run
from table import show

HOME = sys.argv[1]
KEY = open(HOME + "/demo-key").read().strip()
MOCK = "http://127.0.0.1:19100/v1/chat/completions"
MOCK60 = "http://127.0.0.1:19160/v1/chat/completions"


def server():
    """The pid of the gateway."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline").read().split("\0")
            home = f"LLMGATEWAY_HOME={HOME}" in open(f"/proc/{pid}/environ").read()
        except OSError:
            continue
        if words[0].endswith("/llmgateway") and "serve" in words and home:
            return pid


def servers():
    """The pids of the gateway's private Postgres and Redis."""
    with open(glob.glob(HOME + "/servers*/**/postmaster.pid", recursive=True)[0], encoding="utf-8") as file:
        yield int(file.readline())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                words = file.read()
        except OSError:
            continue
        if words.startswith("redis-server") and HOME in words:
            yield int(pid)


def bench_pid(name):
    with open(f"{BENCH}/run/{name}.pid", encoding="utf-8") as file:
        return int(file.read())


def memory(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


pid = server()
show("measurement", "value", "ratio", "wanted")
show("memory at rest", f"{memory(pid):.0f} MiB", "", "< 80 MiB")
proxy = run("bench-http.sh", PROXY, "x")
show("nginx proxy_pass, 64 connections", f"{proxy['rps']:.0f}/s")
gateway = run("bench-http.sh", COMPLETIONS, KEY)
show("paid completions, 64 connections", f"{gateway['rps']:.0f}/s", f"{gateway['rps'] / proxy['rps']:.3f} of nginx", ">= 0.1 of nginx")
KEYS = ruled.keys(GATEWAY, (0, 20))
PLAIN = KEYS[0]
rps, of_plain = ruled.ratio(PLAIN, KEYS[20], lambda key: run("bench-http.sh", COMPLETIONS, key))
show("with 20 IAM rules on the key", f"{rps:.0f}/s", f"{of_plain:.3f} of none", ">= 0.95 of none")
for dialect, (cpu, rps, ratio) in dialects.costs(
        HOME + "/answers", lambda model: run("bench-http.sh", COMPLETIONS, PLAIN, pid, MODEL=model)).items():
    show(
        f"completions by a provider of the dialect {dialect}", f"{rps:.0f}/s, {cpu:.0f} us CPU", f"{ratio:.2f} of openai",
        "" if dialect == "openai" else "<= 2 of openai")
rate = run("bench-rate.sh", COMPLETIONS, KEY, "1000")
show("paid completions at 1,000/s: p50, p99", f"{rate['ms']['p50']} / {rate['ms']['p99']} ms", "", "< 2, < 8 ms")
# Three times what it reaches, by more connections than are let in at once: what is refused must not take from what is answered.
flood = run("bench-rate.sh", COMPLETIONS, KEY, str(round(3 * gateway["rps"])), CONNS="4096")
show(
    "answered while three times as much is asked, p99", f"{flood['rps']:.0f}/s, {flood['ms']['p99']:.0f} ms",
    f"{flood['rps'] / gateway['rps']:.2f} of alone", ">= 0.8 of alone")
stream = run("bench-stream.sh", COMPLETIONS, KEY, MODEL="mock-c20-i0")
show("streams of 20 chunks, 64 connections", f"{stream['rps']:.0f}/s", "", ">= 1,500/s")
direct = run("bench-rate.sh", MOCK60, "x", "500")
added = run("bench-rate.sh", COMPLETIONS, KEY, "500", MODEL="mock-60ms")
show(
    "added to a provider of 60 ms at 500/s: p50, p99",
    f"{added['ms']['p50'] - direct['ms']['p50']:.2f} / {added['ms']['p99'] - direct['ms']['p99']:.2f} ms", "", "< 2, < 6 ms")
show("memory after it", f"{memory(pid):.0f} MiB")


def open_streams(count):
    """The gateway's memory while so many streams are open, and how many were."""
    # They last 10 s, so that all of them are open when it is looked at.
    load = subprocess.Popen(
        [f"{BENCH}/load", "-s", "-u", COMPLETIONS, "-k", KEY, "-m", "mock-c100-i100", "-c", str(count), "-t", "8"],
        stdout=subprocess.PIPE, text=True)
    time.sleep(7)
    used = memory(pid)
    metrics = urllib.request.urlopen(GATEWAY + "/metrics", timeout=10).read().decode()
    open_now = next((line.split()[-1] for line in metrics.splitlines() if line.startswith("llmgateway_requests_in_flight ")), "?")
    load.communicate(timeout=60)
    return used, open_now


without = books.without_books(pid, HOME + "/without-books")
try:
    books.compare(
        {
            "direct": (MOCK, "x", bench_pid("mock"), []),
            "nginx proxy_pass": (PROXY, "x", bench_pid("nginx"), []),
            "books off": (f"http://127.0.0.1:{books.PORT}/v1/chat/completions", PLAIN, without.pid, list(servers())),
            "books on": (COMPLETIONS, PLAIN, pid, list(servers())),
        })
finally:
    without.terminate()
    without.wait(timeout=60)
used, open_now = open_streams(1000)
show(f"memory with {float(open_now):.0f} open streams", f"{used:.0f} MiB", "", "< 200 MiB with 1,000")
for name, result in [("completions", gateway), ("at a rate", rate), ("streams", stream)]:
    bad = {k: v for k, v in result.items() if k in ("non2xx", "socket_errors", "timeouts") and v} | {
        k: v for k, v in (result.get("errors") or {}).items() if v}
    if bad:
        show(f"errors, {name}", json.dumps(bad))
