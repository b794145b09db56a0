"""The load generator of the shared bench folder, whose copy is BENCH_FOLDER, and whom it is sent to."""

import json
import os
import subprocess
import sys

BENCH = os.environ["BENCH_FOLDER"]
GATEWAY = f"http://127.0.0.1:{os.environ['LLMGATEWAY_PORT']}"
COMPLETIONS = GATEWAY + "/v1/chat/completions"
PROXY = "http://127.0.0.1:19200/v1/chat/completions"
SECONDS = os.environ["BENCH_SECONDS"]


def run(script, *arguments, **environment):
    """The figures that a script prints."""
    done = subprocess.run(
        [f"{BENCH}/{script}", *arguments], capture_output=True, text=True,
        env=os.environ | {"SECS": SECONDS, "WARM": "2", "MODEL": "mock"} | environment)
    if done.returncode:
        sys.exit(f"{script} failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])
