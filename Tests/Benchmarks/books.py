"""What the books cost: the provider itself, a bare proxy, a gateway that keeps no books and one that does, side by side, whole
answers and streams, with 1, 64 and 512 connections."""

import json
import os
import statistics
import subprocess
import time
import urllib.request

from load import SECONDS, run
from table import record, show

PORT = 4902
CONNECTIONS = (1, 64, 512)
ROW = "{:<28} {:>11} {:>12} {:>9} {:>9} {:>16} {:>9}"


def environment(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return dict(entry.split("=", 1) for entry in file.read().decode().split("\0") if "=" in entry)


def without_books(pid, home):
    """Starts a second gateway like the process `pid`, on its Postgres and Redis, with a home of its own, and without books."""
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        program = file.read().split("\0")[0]
    os.makedirs(home, exist_ok=True)
    log = open(home + "/log", "w", encoding="utf-8")
    process = subprocess.Popen(
        [program, "serve", "--measure-without-books", "--port", str(PORT)], stdout=log, stderr=log,
        env=environment(pid) | {"LLMGATEWAY_HOME": home, "LLMGATEWAY_PORT": str(PORT)})
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=1) as answer:
                assert "without books" in json.load(answer)["message"]
            return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise SystemExit("the gateway without books does not start; see " + home + "/log")


def figures(result):
    """The load generators name some things differently."""
    times = result.get("ms") or result
    servers = result.get("aux_cpu_cores")
    failed = result.get("non2xx", 0) or sum(
        count for name, count in (result.get("errors") or {}).items() if name in ("non2xx", "badsse", "reset", "connect"))
    return {
        "rps": result["rps"], "p50": times.get("p50"), "p99": times.get("p99"), "cpu": result.get("cpu_us_per_req"),
        "servers_cpu": servers and result["rps"] and servers * 1e6 / result["rps"], "memory": result.get("rss_mb"),
        "failed": failed}


def text(value, digits):
    return "" if value is None else f"{value:,.{digits}f}"


def compare(targets, turns=int(os.environ.get("BENCH_TURNS") or 3)):
    """Prints the table, and the ratio of on to off at 64 connections.

    - targets: by name, an address, a key, the process whose CPU and memory count, and those of the servers that it uses.
    """
    print()
    print(ROW.format("", "connections", "requests/s", "p50 ms", "p99 ms", "CPU us/request", "MiB"), flush=True)
    for kind, script, model in (("whole", "bench-http.sh", "mock"), ("streamed", "bench-stream.sh", "mock-c20-i0")):
        for connections in CONNECTIONS:
            for name, (address, key, pid, servers) in targets.items():
                found = figures(run(
                    script, address, key, str(pid), MODEL=model, CONNS=str(connections), WARM="1",
                    AUX=" ".join(map(str, servers))))
                cpu = " + ".join(text(found[part], 1) for part in ("cpu", "servers_cpu") if found[part] is not None)
                print(
                    ROW.format(
                        f"{name}, {kind}", connections, text(found["rps"], 0), text(found["p50"], 2), text(found["p99"], 2),
                        cpu, text(found["memory"], 0))
                    + (f"  {found['failed']} FAILED" if found["failed"] else ""), flush=True)
                record({"measurement": "beside", "target": name, "kind": kind, "connections": connections} | found)
    print(flush=True)
    rates = {"books off": [], "books on": []}
    for turn in range(turns):
        for name in rates if turn % 2 else reversed(rates):
            address, key, *_ = targets[name]
            rates[name].append(run("bench-http.sh", address, key, WARM="1")["rps"])
    on, off = (statistics.median(rates[name]) for name in ("books on", "books off"))
    show("books on over books off, 64 connections", f"{on:.0f}/s", f"{on / off:.3f} of off", ">= 0.6 of off")
    record({"measurement": "books_on_over_off", "value": on / off, "on": on, "off": off})
