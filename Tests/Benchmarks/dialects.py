"""What a change of dialect costs: the gateway's CPU for a request at providers of each dialect that give the same answer, beside the
dialect that needs no translation, in turn."""

import json
import os
import statistics
import subprocess
import time
import urllib.request

PORT = 19300
TEXT = "The quick brown fox jumps over the lazy dog and says so. " * 5
ANSWERS = {
    "openai": ("/v1/chat/completions", {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1730000000, "model": "static",
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": None}, "logprobs": None,
            "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 80, "completion_tokens": 64, "total_tokens": 144, "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0}}}),
    "anthropic": ("/v1/messages", {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "static", "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {
            "input_tokens": 80, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 64,
            "service_tier": "standard"}}),
    "gemini": ("/v1beta/models/static:generateContent", {
        "candidates": [{"content": {"parts": [{"text": TEXT}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 80, "candidatesTokenCount": 64, "totalTokenCount": 144},
        "modelVersion": "static", "responseId": "r1"}),
    "bedrock": ("/model/static/converse", {
        "output": {"message": {"role": "assistant", "content": [{"text": TEXT}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 80, "outputTokens": 64, "totalTokens": 144}, "metrics": {"latencyMs": 1}}),
    "responses": ("/v1/responses", {
        "id": "resp_1", "object": "response", "created_at": 1730000000, "status": "completed", "error": None,
        "incomplete_details": None, "model": "static", "output": [{
            "id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}]}],
        "usage": {
            "input_tokens": 80, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 64,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 144}}),
}


def start(folder):
    """Answers at the port what the providers would, by nginx."""
    places = "".join(
        f"location = {path} {{ return 200 '{json.dumps(answer)}'; }}\n" for path, answer in ANSWERS.values())
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(f"""worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
            events {{ worker_connections 2048; }}
            http {{ access_log off; default_type application/json; keepalive_requests 100000000; client_body_buffer_size 64k;
            {"".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
            server {{ listen 127.0.0.1:{PORT} backlog=4096; {places} }} }}""")
    server = subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{PORT}/v1/messages", b"{}"), timeout=1)
            return server
        except OSError:
            time.sleep(0.05)
    server.terminate()
    raise SystemExit("nginx does not answer; see " + folder)


def costs(folder, measure, turns=int(os.environ.get("BENCH_TURNS") or 3)):
    """By dialect: microseconds of the gateway's CPU a request, requests a second, and the CPU over that without translation.

    - measure: of a model, the load generator's figures.
    """
    server = start(folder)
    try:
        found = {dialect: [] for dialect in ANSWERS}
        for turn in range(turns):
            for dialect in ANSWERS if turn % 2 else reversed(ANSWERS):
                result = measure(f"static-{dialect}")
                assert not result.get("non2xx"), (dialect, result)
                found[dialect].append((result["cpu_us_per_req"], result["rps"]))
    finally:
        server.terminate()
        server.wait()
    medians = {
        dialect: (statistics.median(cpu for cpu, _ in values), statistics.median(rate for _, rate in values))
        for dialect, values in found.items()}
    return {dialect: (cpu, rate, cpu / medians["openai"][0]) for dialect, (cpu, rate) in medians.items()}
