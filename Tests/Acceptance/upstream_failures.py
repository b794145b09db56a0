"""Every failure of a provider, plain and streamed: the client hears the provider's status in OpenAI's envelope.

Arguments: key. Environment: GATEWAY_URL.
"""

import json
import os
import sys

import httpx

URL = os.environ["GATEWAY_URL"] + "/v1/chat/completions"
HEADERS = {"authorization": "Bearer " + sys.argv[1]}
client = httpx.Client(timeout=30)


def send(model, stream):
    answer = client.post(URL, headers=HEADERS, json={
        "model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100})
    return answer.status_code, answer


for model, status in [("mock-429", 429), ("mock-500", 500), ("mock-503", 503), ("mock-401", 401), ("mock-400", 400)]:
    for stream in (False, True):
        got, answer = send(model, stream)
        assert got == status, (model, stream, got, answer.text)
        assert answer.json()["error"]["message"], answer.text
        if status == 429:
            assert int(answer.headers["retry-after"]) >= 1
for model in ["mock-drop", "mock-reset", "mock-badjson"]:
    got, answer = send(model, False)
    assert got == 502 and answer.json()["error"]["type"] == "upstream_error", (model, got, answer.text)
got, answer = send("mock-reset", True)
assert got == 502, (got, answer.text)
for model in ["mock-drop", "mock-sseerr", "mock-badjson"]:
    got, answer = send(model, True)
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert got == 200 and "[DONE]" not in lines, (model, lines[-2:])
    assert "error" in json.loads(lines[-1]), (model, lines[-2:])
got, answer = send("mock-nousage", False)
assert got == 200 and answer.json()["usage"]["completion_tokens"] > 0 and answer.json()["metadata"]["estimated"], answer.text
got, answer = send("mock", False)
assert got == 200 and answer.json()["usage"]["completion_tokens"] == 64, answer.text
print("every failure is told")
