"""What is charged where prices have parts of every kind and usage is told in every way, and what is cheapest then.

Arguments: the ports of the providers alpha and beta. Environment: GATEWAY_URL.
"""

import json
import os
import sys
import threading
import time

import httpx

import shop
from shop import command, ok

URL = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")


class Answer(shop.Answer):
    """Answers with the usage, or the events, that it is to answer with."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body.get("stream"):
            return self.stream(body["model"])
        answer = {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1730000000, "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
        self.answer(answer | ({"usage": self.server.usage} if self.server.usage else {}))

    def stream(self, model):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1730000000, "model": model}
        try:
            for event in self.server.events:
                data = event if isinstance(event, str) else json.dumps(head | event)
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()
                time.sleep(self.server.interval)
        except OSError:
            pass


class Provider(shop.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port):
        self.asked, self.status, self.credentials, self.unknown = 0, 200, [], set()
        self.usage, self.events, self.interval = told(1, 1), [], 0
        super().__init__(("127.0.0.1", port), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def told(prompt, completion, **details):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion} | details


def delta(text, reason=None):
    return {"choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": reason}]}


def usage(prompt, completion, **details):
    return {"choices": [], "usage": told(prompt, completion, **details)}


alpha, beta = Provider(int(sys.argv[1])), Provider(int(sys.argv[2]))
owner = httpx.Client(base_url=URL, headers={"origin": URL}, timeout=60)
ok(owner.post("/auth/sign-up/email", json={"email": "charges@example.org", "password": "correct horse battery", "name": "C"}))
organization = ok(owner.get("/orgs"))["organizations"][0]["id"]
project = ok(owner.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]
command("credits", "grant", "--organization", organization, "--amount", "100", "--kind", "paid")
key = ok(owner.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": None}))["apiKey"]
HEADERS = {"authorization": f"Bearer {key['token']}"}
PICTURES = [{"role": "user", "content": [{"type": "text", "text": "Which?"}] + [
    {"type": "image_url", "image_url": {"url": f"https://a.example/{name}.png"}} for name in "ab"]}]


def body(model, **fields):
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50} | fields


def ask(model, **fields):
    return httpx.post(URL + "/v1/chat/completions", json=body(model, **fields), headers=HEADERS, timeout=60)


def outcomes():
    lines = command("ledger", "events", "--organization", organization, "--limit", "10000").splitlines()
    events = [json.loads(line) for line in lines]
    return [event for event in events if event["type"] in ("request.completed", "request.failed", "request.cancelled")]


def last(kind):
    event = outcomes()[-1]
    assert event["type"] == "request." + kind, event
    return event["data"]


def quantities(data):
    return {line["component"]: line["quantity"] for line in data["price"]["lines"]}


# Each image of a prompt has its price beside its tokens, and those have theirs: whole, streamed, and where nothing is told.
PARTS = {"input": 100, "image_input": 900, "output": 3, "image": 2}
COST = 100 * 1_000 + 900 * 8_000 + 3 * 2_000 + 2 * 10_000_000
alpha.usage = told(1000, 3, prompt_tokens_details={"image_tokens": 900})
whole = ok(ask("pictures", messages=PICTURES))
data = last("completed")
assert quantities(data) == PARTS and data["charged"] == COST <= data["held"] and not data["estimated"], data
assert round(whole["usage"]["cost"] * 10**9) == COST, whole
alpha.events = [delta("Hi"), delta("", "stop"), usage(1000, 3, prompt_tokens_details={"image_tokens": 900}), "[DONE]"]
streamed = ask("pictures", messages=PICTURES, stream=True, stream_options={"include_usage": True})
chunks = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
data = last("completed")
assert quantities(data) == PARTS and data["charged"] == COST and not data["estimated"], data
assert [round(chunk["usage"]["cost"] * 10**9) for chunk in chunks if chunk.get("usage")] == [COST], chunks
alpha.usage = None
ok(ask("pictures", messages=PICTURES))
assert quantities(last("completed"))["image"] == 2 and last("completed")["estimated"]
alpha.events = [delta("Hi"), delta("", "stop"), "[DONE]"]
ask("pictures", messages=PICTURES, stream=True)
assert quantities(last("completed"))["image"] == 2 and last("completed")["estimated"]
alpha.usage = told(1, 1)

# No more is charged than was held, and the answer says so beside what the usage comes to.
alpha.usage = told(300_000, 3)
whole = ok(ask("plain"))["usage"]
alpha.events = [delta("Hi"), delta("", "stop"), usage(300_000, 3), "[DONE]"]
streamed = ask("plain", stream=True, stream_options={"include_usage": True})
chunks = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
data = last("completed")
assert 0 < data["charged"] == data["held"] < data["price"]["total"] == 300_006_000, data
for said in (whole, next(chunk["usage"] for chunk in chunks if chunk.get("usage"))):
    assert round(said["cost"] * 10**9) == data["charged"], said
    assert round(said["cost_details"]["total_cost"] * 10**9) == data["price"]["total"], said
alpha.usage = told(1, 1)

# A usage that is told at the beginning counts no more than that: what a stream says after it is charged when the stream breaks,
# ends without another usage, or loses its client.
words = [delta("word") for _ in range(20)]
alpha.events = [usage(10, 0), *words]
assert "error" in ask("plain", stream=True).text
data = last("failed")
assert quantities(data) == {"input": 10, "output": 20} and data["charged"] == 50_000 and data["estimated"], data
alpha.events = [usage(10, 0), *words, delta("", "stop"), "[DONE]"]
streamed = ask("plain", stream=True, stream_options={"include_usage": True})
data = last("completed")
assert quantities(data) == {"input": 10, "output": 20} and data["estimated"], data
assert '"completion_tokens":20' in streamed.text.replace(" ", "").splitlines()[-4], streamed.text
alpha.events, alpha.interval = [usage(10, 0)] + [delta("word") for _ in range(500)], 0.02
before = len(outcomes())
long = body("plain", stream=True, max_tokens=600)
with httpx.stream("POST", URL + "/v1/chat/completions", json=long, headers=HEADERS, timeout=60) as leaving:
    for count, line in enumerate(line for line in leaving.iter_lines() if "word" in line):
        if count == 5:
            break
end = time.monotonic() + 20
while len(outcomes()) == before:
    assert time.monotonic() < end, "its outcome"
    time.sleep(0.05)
data = last("cancelled")
assert quantities(data)["input"] == 10 and 5 <= quantities(data)["output"] < 500 and data["estimated"], data
alpha.interval = 0
# Where nothing is told, a file counts a token for 32 bytes, up to the context: streamed and whole.
alpha.events, alpha.usage = [delta("word"), delta("", "stop"), "[DONE]"], None
for length, least, most in ((320_000, 10_000, 10_100), (8_000_000, 100_000, 100_000)):
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64," + "A" * length}}
    for stream in (True, False):
        answer = ask("plain", stream=stream, messages=[{"role": "user", "content": [file, {"type": "text", "text": "Hi"}]}])
        assert answer.status_code == 200, answer.text
        data = last("completed")
        assert least <= quantities(data)["input"] <= most and data["estimated"], data
        assert data["charged"] == data["price"]["total"] <= data["held"], data
alpha.usage = told(1, 1)
# Zeros at last take nothing back.
alpha.events = [delta("word"), delta("", "stop"), usage(10, 7), usage(0, 0), "[DONE]"]
ask("plain", stream=True)
data = last("completed")
assert quantities(data) == {"input": 10, "output": 7} and not data["estimated"], data


# What is cheapest: with what a request costs beside its tokens, with the discount, where it may go and where somebody pays.
def used(model, **fields):
    metadata = ok(ask(model, **fields))["metadata"]
    return metadata["used_model"], metadata["used_provider"]


JSON = {"response_format": {"type": "json_object"}}
assert used("fee") == ("fee", "beta")
assert used("auto", **JSON) == ("auto-denied", "alpha")
rule = ok(owner.post(f"/keys/api/{key['id']}/iam", json={"ruleType": "deny_providers", "ruleValue": {"providers": ["alpha"]}}))
assert used("auto", **JSON) == ("auto-allowed", "beta")
ok(owner.delete(f"/keys/api/{key['id']}/iam/{rule['rule']['id']}"))
schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
assert used("auto", response_format=schema) == ("auto-paid", "beta")
assert used("auto", messages=PICTURES) == ("auto-discount", "alpha")
tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
assert used("auto", tools=tools) == ("auto-tokens", "alpha")
# What is free at one provider needs no credits there, and is not to be had without end although another is paid.
poor = httpx.Client(base_url=URL, headers={"origin": URL}, timeout=60)
ok(poor.post("/auth/sign-up/email", json={"email": "poor@example.org", "password": "correct horse battery", "name": "P"}))
theirs = ok(poor.get(f"/orgs/{ok(poor.get('/orgs'))['organizations'][0]['id']}/projects"))["projects"][0]["id"]
saving = ok(poor.post("/keys/api", json={"description": "k", "projectId": theirs, "usageLimit": None}))["apiKey"]["token"]
asked = beta.asked
for token, model, limit, seconds in (
        (saving, "mixed", 5, 600), (key["token"], "mixed", 20, 60), (saving, "generous", 50, 600), (key["token"], "generous", 100, 60)):
    # One for which Redis takes longer than 200 ms goes on and is told nothing, whether it was counted or not.
    answers = []
    while [answer.status_code for answer in answers].count(429) < 2 and len(answers) < limit + 7:
        answers.append(httpx.post(
            URL + "/v1/chat/completions", json=body(model, stream=len(answers) == 1),
            headers={"authorization": f"Bearer {token}"}, timeout=60))
    statuses = [answer.status_code for answer in answers]
    assert statuses[:limit] == [200] * limit and statuses.count(429) == 2, [answer.text for answer in answers]
    assert all(answer.json()["usage"]["cost"] == 0 for answer in answers[2:limit])
    # How many more there are, whole and streamed; and when one is to be had again.
    counted = [answer for answer in answers if "x-ratelimit-limit" in answer.headers]
    assert {answer.headers["x-ratelimit-limit"] for answer in counted} == {str(limit)}
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in counted]
    assert left[-2:] == [0, 0] and left[:-2] == sorted(set(left[:-2]), reverse=True), left
    assert set(left) <= set(range(limit)) and len(left) >= limit, left
    for answer in answers:
        assert ("x-ratelimit-reset" in answer.headers) == (answer.status_code == 429), answer.headers
        if answer.status_code == 429:
            wait, reset = int(answer.headers["retry-after"]), int(answer.headers["x-ratelimit-reset"])
            assert 0 < wait <= seconds and abs(reset - time.time() - wait) < 30, answer.headers
assert "x-ratelimit-limit" not in ask("plain").headers
assert beta.asked == asked
assert httpx.post(
    URL + "/v1/chat/completions", json=body("plain"), headers={"authorization": f"Bearer {saving}"}, timeout=60).status_code == 402
command("ledger", "verify")
print("charges: passed")
