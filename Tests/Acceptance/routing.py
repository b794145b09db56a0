"""Where requests go when they may go to several providers: by price while all answer, elsewhere while one does not, and back when
it does again.

Arguments: the gateway's key, the ports of the providers alpha (the cheaper one, with the keys first and second) and beta.
Environment: GATEWAY_URL, OTHER_URL (another gateway of the same ledger), TEST_SEED.
"""

import json
import os
import random
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx

import shop
from shop import command, ok

KEY, ALPHA, BETA = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
URL, OTHER = os.environ["GATEWAY_URL"], os.environ["OTHER_URL"]
LARGEST, SECONDS = (int(os.environ["LLMGATEWAY_" + name]) for name in ("MAX_ANSWER_BYTES", "ANSWER_SECONDS"))
generator = random.Random(int(os.environ["TEST_SEED"]))
lock = threading.Lock()
client = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=40))


class Answer(shop.Answer):
    """As a provider answers that may be asked to fail, to wait or to be left alone."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with lock:
            self.server.bodies.append(body)
            fails = generator.random() < self.server.share
        if body["model"] == "slow":
            time.sleep(self.server.delay)
            self.server.goes_on.wait(30)
            fails = self.server is alpha
        if fails:
            return self.say(503, {"error": {"message": "overloaded", "type": "server_error"}})
        if body["model"] == "busy" and self.server.retry_after:
            return self.say(429, {"error": {"message": "slow down"}}, {"retry-after": str(self.server.retry_after)})
        if body["model"] == "uneven" and self.server.is_short:
            return self.say(400, {"error": {"message": "too long", "type": "invalid_request_error"}})
        credential = self.headers["authorization"].removeprefix("Bearer ")
        self.server.credentials.append(credential)
        if credential in self.server.unknown:
            return self.say(401, {"error": {"message": "no such key"}})
        if body.get("stream"):
            return self.stream(self.server.begins_with)
        self.say(200, {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1730000000, "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            "padding": "x" * {"large": LARGEST, "wide": LARGEST * 15 // 16}.get(body["model"], 0)})

    def stream(self, begins_with):
        """What is asked for first, and then, unless that is an error or the end, a whole answer."""
        if begins_with == "refusal":
            return self.say(200, {"error": {"message": "too long", "type": "invalid_request_error", "code": 400}})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        if begins_with == "error":
            self.wfile.write(b'data: {"error": {"message": "overloaded", "type": "server_error"}}\n\n')
        if begins_with == "comment":
            self.wfile.write(b": patience\n\n")
        if begins_with in ("error", "nothing"):
            return
        for delta, reason in (({"role": "assistant", "content": "Hi"}, None), ({}, "stop")):
            chunk = {
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1730000000, "model": "m",
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def say(self, status, value, headers={}):
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers | {"content-type": "application/json", "content-length": str(len(data))}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data[:-1])
        if len(data) < LARGEST and len(data) > LARGEST / 2:
            self.server.written += 1
            self.server.ends.wait(30)
        self.wfile.write(data[-1:])


class Provider(shop.ThreadingHTTPServer):
    daemon_threads = True
    # A provider that was stopped can be started again at once.
    allow_reuse_address = True

    def __init__(self, port):
        self.bodies, self.credentials, self.unknown, self.share, self.retry_after = [], [], set(), 0, 0
        self.connections, self.begins_with, self.delay, self.is_short = [], "", 0, False
        # While it is clear, the last bytes of a wide answer are not sent.
        self.ends = threading.Event()
        self.ends.set()
        # How many of those are written but for that.
        self.written = 0
        # While it is clear, it says nothing to who asks for the slow model.
        self.goes_on = threading.Event()
        self.goes_on.set()
        super().__init__(("127.0.0.1", port), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        connection = super().get_request()
        self.connections.append(connection[0])
        return connection

    def stop(self):
        """As a process that is killed: its connections go too."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def asking(model):
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}


def ask(model="both", headers={}, url=URL, **fields):
    return client.post(
        url + "/v1/chat/completions", json=asking(model) | fields, headers={"authorization": f"Bearer {KEY}"} | headers)


def used(answer):
    return ok(answer)["metadata"]["used_provider"]


def routing_of(answer):
    return json.loads(answer["metadata"]["routing"])


def until(check, what, seconds=30):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def last_outcome(kind="completed"):
    lines = command("ledger", "events", "--type", "request." + kind, "--limit", "10000").splitlines()
    return json.loads(lines[-1])["data"]


def asked_for(provider, model):
    return len([body for body in provider.bodies if body["model"] == model])


alpha, beta = Provider(ALPHA), Provider(BETA)

# By price, and what was weighed is told and recorded.
answer = ok(ask())
routing = routing_of(answer)
assert answer["metadata"]["used_provider"] == routing["selected_provider"] == "alpha", answer
assert routing["selection_reason"] in ("price-only-no-metrics", "weighted-score"), routing
scores = {score["provider_id"]: score["score"] for score in routing["provider_scores"]}
assert scores["alpha"] == 0 and abs(scores["beta"] - 0.12) < 0.001, scores
recorded = last_outcome()
assert recorded["routing"]["provider"] == "alpha" and [c["score"] for c in recorded["routing"]["candidates"]] == [0, 120], recorded
assert "routing" not in ok(ask("keys"))["metadata"]

# Who has no room for a prompt and its answer is asked last, as cheap as it is; where nobody has, the provider says so.
for words, limit, provider in ((100, 5, "alpha"), (10_000, 5, "beta"), (5_000, 4_096, "beta"), (110_000, 5, "alpha")):
    answer = ok(ask("uneven", messages=[{"role": "user", "content": "one " * words}], max_tokens=limit))
    assert answer["metadata"]["used_provider"] == routing_of(answer)["selected_provider"] == provider, (words, limit, answer["metadata"])
# It is an estimate: where the others fail, it is asked all the same.
beta.share = 1
answer = ok(ask("uneven", messages=[{"role": "user", "content": "one " * 10_000}], max_tokens=5))
assert answer["metadata"]["used_provider"] == "alpha" and asked_for(beta, "uneven") == 3, answer["metadata"]
# Where it has no room indeed, the client hears that the others failed, and not to make its request shorter.
alpha.is_short = True
refused = ask("uneven", messages=[{"role": "user", "content": "one " * 10_000}], max_tokens=5)
assert refused.status_code == 503 and asked_for(beta, "uneven") == 4, refused.text
alpha.is_short = False
beta.share = 0
ok(ask("uneven", messages=[{"role": "user", "content": "one " * 10_000}], max_tokens=5))

# What the client says about routing is for the gateway alone.
for strategy in ("auto", "price", "throughput", "latency"):
    ok(ask(routing=strategy))
assert all("routing" not in body for body in alpha.bodies + beta.bodies)
for fields, headers, param in (
        ({"routing": "best"}, {}, "routing"), ({"routing": 5}, {}, "routing"), ({}, {"x-no-fallback": "maybe"}, "x-no-fallback"),
        ({}, {"x-session-id": "x" * 300}, "x-session-id")):
    refused = ask(headers=headers, **fields)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == param, refused.text

# A bound that the client didn't name goes along where the model surely takes it, and where credits are short; a figure beyond the
# model's maximum, or beyond what the prompt leaves of its context, would be refused.
for model, sent in (("both", {"max_tokens": 4096}), ("open", {}), ("narrow", {})):
    metadata = ok(ask(model, max_tokens=None))["metadata"]
    assert json.loads(metadata.get("added_parameters", "{}")) == sent, (model, metadata)
    assert alpha.bodies[-1].get("max_tokens") == sent.get("max_tokens"), alpha.bodies[-1]
assert ok(ask("open"))["metadata"].get("added_parameters") is None and alpha.bodies[-1]["max_tokens"] == 5

# Usage is asked for in every stream, but where a provider refuses that.
assert ask("open", stream=True).status_code == 200 and alpha.bodies[-1]["stream_options"] == {"include_usage": True}
for options in (None, {"include_usage": True}):
    assert ask("plain", stream=True, stream_options=options).status_code == 200
    assert not beta.bodies[-1].get("stream_options"), beta.bodies[-1]

# What an answer had beyond OpenAI's format goes back, but where a provider refuses that.
answered = {"role": "assistant", "content": "Hi", "reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text"}]}
for model, provider, sent in (("open", alpha, answered), ("plain", beta, {"role": "assistant", "content": "Hi"})):
    ok(ask(model, messages=[answered, {"role": "user", "content": "Hi"}]))
    assert provider.bodies[-1]["messages"] == [sent, {"role": "user", "content": "Hi"}], provider.bodies[-1]

# A stream that is an error from its start, or nothing, is no answer: another provider is asked, and nothing is charged for it. Where
# there is no other, the client hears a status.
for begins_with, provider in (("", "alpha"), ("comment", "alpha"), ("error", "beta"), ("nothing", "beta")):
    alpha.begins_with = begins_with
    streamed = ask(stream=True, stream_options={"include_usage": True})
    lines = [line[6:] for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert streamed.status_code == 200 and lines[-1] == "[DONE]" and '"Hi"' in streamed.text, (begins_with, streamed.text)
    assert last_outcome()["provider"] == provider, (begins_with, last_outcome())
for begins_with in ("error", "nothing"):
    alpha.begins_with = begins_with
    assert ask("keys", stream=True).status_code == 502
    failed = last_outcome("failed")
    assert failed["charged"] == 0, failed
# An error that comes whole is told as if no stream had been asked for.
alpha.begins_with = "refusal"
refused = ask("keys", stream=True)
assert refused.status_code == 400 and refused.json()["error"]["message"] == "too long", refused.text
alpha.begins_with = ""
until(lambda: used(ask()) == "alpha", "alpha is back after its broken streams", 30)
# With both of its keys: what an account answers makes its faults forgotten.
for _ in range(4):
    ok(ask("keys"))

# An answer that is larger than a gateway takes would be so anywhere: nobody else is asked, no circuit opens, and what is known of its
# cost is charged.
for count in range(1, 8):
    refused = ask("large")
    assert refused.status_code == 502 and refused.json()["error"]["code"] == "answer_too_large", refused.text
    assert (asked_for(alpha, "large"), asked_for(beta, "large")) == (count, 0)
failed = last_outcome("failed")
assert failed["charged"] > 0 and failed["estimated"] and failed["provider"] == "alpha" and len(failed["attempts"]) == 1, failed

# Answers that are read share their memory: while a wide one is, there is no room for another, and small ones go on.
alpha.ends.clear()
with ThreadPoolExecutor(1) as pool:
    first = pool.submit(ask, "wide")
    until(lambda: alpha.written == 1, "a wide answer is on its way")
    # What the system has taken, the gateway has yet to read.
    time.sleep(2)
    refused = ask("wide")
    assert refused.status_code == 503 and refused.json()["error"]["code"] == "overloaded", refused.text
    assert refused.headers["x-should-retry"] == "false" and (asked_for(alpha, "wide"), asked_for(beta, "wide")) == (2, 0)
    failed = last_outcome("failed")
    assert failed["charged"] > 0 and failed["error"]["code"] == "no_room" and len(failed["attempts"]) == 1, failed
    ok(ask("keys"))
    alpha.ends.set()
    ok(first.result())
ok(ask("wide"))

# However many are asked, an answer has one deadline.
alpha.delay, beta.delay = 1, 3 * SECONDS
began = time.monotonic()
late = ask("slow")
assert late.status_code == 504 and time.monotonic() - began < 2 * SECONDS, (late.text, time.monotonic() - began)
assert (asked_for(alpha, "slow"), asked_for(beta, "slow")) == (2, 1)
assert len(last_outcome("failed")["attempts"]) == 3
# Nor is anybody else asked for a client that has left.
alpha.delay = 0
alpha.goes_on.clear()
leaver = HTTPConnection(urlsplit(URL).netloc)
leaver.request("POST", "/v1/chat/completions", json.dumps(asking("slow")), {
    "authorization": f"Bearer {KEY}", "content-type": "application/json", "x-request-id": "client-left"})
until(lambda: asked_for(alpha, "slow") == 3, "alpha is asked for a client that leaves")
leaver.close()
# By then the gateway has heard of it.
time.sleep(2)
alpha.goes_on.set()
until(lambda: "client-left" in command("ledger", "events", "--type", "request.failed", "--limit", "10000"), "its outcome")
assert asked_for(beta, "slow") == 1 and len(last_outcome("failed")["attempts"]) == 1

# A provider that asks both keys to be left alone is, and no longer.
alpha.retry_after = 5
assert used(ask("busy")) == "beta" and asked_for(alpha, "busy") == 2
again = ok(ask("busy"))
assert routing_of(again)["selection_reason"] == "circuit-open", again
assert asked_for(alpha, "busy") == 2
alpha.retry_after = 0
until(lambda: used(ask("busy")) == "alpha", "alpha is asked again")

# Without fallback the first one's failure is the answer.
alpha.share = 1
asked = len(beta.bodies)
alone = ask(headers={"x-no-fallback": "true"})
assert alone.status_code >= 500 and len(beta.bodies) == asked, alone.text
assert used(ask()) == "beta"

# Three in ten fail at one of two: nobody notices, and soon it is asked less.
alpha.share = 0.3
until(lambda: used(ask()) == "alpha", "alpha is back", 30)
with ThreadPoolExecutor(16) as pool:
    statuses = list(pool.map(lambda _: ask("shaky").status_code, range(1500)))
assert statuses.count(200) == 1500, {status: statuses.count(status) for status in set(statuses)}
attempts = [body for body in alpha.bodies if body["model"] == "shaky"]
assert 5 < len(attempts) < 1400, len(attempts)


def heard():
    """Another gateway knows of it too."""
    scores = routing_of(ok(ask("shaky", url=OTHER)))["provider_scores"]
    return any(score["provider_id"] == "alpha" and score.get("uptime", 100) < 90 for score in scores)


until(heard, "the other gateway has heard")

# A provider that is asked for by name and hardly ever answers is passed over, unless the client wants no other, and asked again when
# it is well.
alpha.share = 1
assert ask("alpha/named").status_code >= 500
asked = ok(ask("beta/named"))
assert "routing" not in asked["metadata"], asked
until(lambda: ask("alpha/named").status_code == 200, "alpha is passed over")
began = time.monotonic()
passed = [ok(ask("alpha/named"))["metadata"] for _ in range(10)]
assert {metadata["used_provider"] for metadata in passed} == {"beta"}, passed
assert {metadata["requested_provider"] for metadata in passed} == {"alpha"}, passed
reasons = [json.loads(metadata["routing"]) for metadata in passed if "routing" in metadata]
# One every two seconds tries whether it is well.
assert len(reasons) >= 8 - int(time.monotonic() - began), passed
assert all(reason["selection_reason"] == "low-uptime-fallback" for reason in reasons), passed
scores = {score["provider_id"]: score for score in reasons[0]["provider_scores"]}
assert scores["alpha"]["score"] == -1 and scores["alpha"]["uptime"] < 90, scores
asked = len(beta.bodies)
assert ask("alpha/named", headers={"x-no-fallback": "true"}).status_code >= 500 and len(beta.bodies) == asked
alpha.share = 0
until(lambda: all(used(ask("alpha/named")) == "alpha" for _ in range(5)), "alpha is asked by its name again", 30)

# One is gone: its requests go on elsewhere at once, and come back within half a minute of its return.
alpha.share = 0
until(lambda: used(ask()) == "alpha", "alpha is back", 30)
alpha.stop()
began = time.monotonic()
assert used(ask()) == "beta" and time.monotonic() - began < 4
SESSIONS = [f"s1-{number}" for number in range(16)]
for session in SESSIONS:
    assert used(ask(headers={"x-session-id": session})) == "beta"
with ThreadPoolExecutor(16) as pool:
    assert all(status == 200 for status in pool.map(lambda _: ask().status_code, range(200)))
# One request now and then tries whether it is back; all others go to the other at once.
began = time.monotonic()
selected = [routing_of(ok(ask()))["selected_provider"] for _ in range(20)]
assert selected.count("beta") >= 17 - 2 * int(time.monotonic() - began), selected
time.sleep(4)
alpha = Provider(ALPHA)
began = time.monotonic()
until(lambda: all(used(ask()) == "alpha" for _ in range(5)), "alpha is back", 30)
print(f"back after {time.monotonic() - began:.1f} s")

# A session stays where its prompt is cached, whichever gateway is asked; others go where it is cheaper. Nobody waits longer than
# 50 ms to hear where that is, so on a machine that stands still for a moment one may go elsewhere.
for url, sessions in ((URL, SESSIONS[::2]), (OTHER, SESSIONS[1::2])):
    stayed = [ok(ask(headers={"x-session-id": session}, url=url)) for session in sessions]
    assert [answer["metadata"]["used_provider"] for answer in stayed].count("beta") >= 4, stayed
    if url == URL:
        assert [routing_of(answer)["selection_reason"] for answer in stayed].count("session-sticky") >= 4, stayed
assert used(ask(headers={"x-session-id": "s2"})) == used(ask(user="s1-not")) == used(ask(prompt_cache_key="k")) == "alpha"

# A key that is refused is followed by the provider's other key, and soon not asked for again.
alpha.unknown = {"first"}
alpha.credentials.clear()
began = time.monotonic()
for _ in range(30):
    ok(ask("keys"))
# Five faults, and then one try after 1 s, 2 s more, 4 s more ...
tries = int(time.monotonic() - began + 1).bit_length()
assert alpha.credentials.count("second") == 30, alpha.credentials
assert 5 <= alpha.credentials.count("first") <= 5 + max(3, tries), alpha.credentials

# What costs nothing is not to be had without end, whichever gateway is asked. One for which Redis takes longer than 200 ms goes on.
statuses = []
while statuses.count(429) < 5 and len(statuses) < 30:
    statuses.append(ask("gift", url=URL if len(statuses) % 2 else OTHER).status_code)
assert statuses[:20] == [200] * 20 and statuses.count(429) == 5, statuses
refused = ask("gift")
assert 1 <= int(refused.headers["retry-after"]) <= 60 and refused.json()["error"]["code"] == "rate_limit_exceeded", refused.text
assert ask("keys").status_code == 200
