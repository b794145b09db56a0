"""The response cache: equal requests of one project are answered alike and for nothing; whatever differs is asked anew.

The built-in provider names each answer after the request that it was made for, so that an answer that was given before is known by
its id.
"""

import decimal
import json
import os
import sys
import time

import httpx

from shop import Answer, Provider, command, ok

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
PASSWORD = "correct horse battery"


def shop(email, amount="10"):
    person = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    ok(person.post("/auth/sign-up/email", json={"email": email, "password": PASSWORD, "name": "C"}))
    organization = ok(person.get("/orgs"))["organizations"][0]["id"]
    command("credits", "grant", "--organization", organization, "--amount", amount, "--kind", "paid")
    return person, organization


def project(person, organization, **settings):
    made = {"name": "P", "organizationId": organization, "cachingEnabled": True, "cacheDurationSeconds": 600} | settings
    return ok(person.post("/projects", json=made))["project"]["id"]


def key(person, of):
    return ok(person.post("/keys/api", json={"description": "k", "projectId": of, "usageLimit": None}))["apiKey"]["token"]


def chat(token, headers={}, path="/v1/chat/completions", **fields):
    body = {"model": "echo", "messages": [{"role": "user", "content": "Say it again"}], "max_tokens": 50} | fields
    answer = httpx.post(url + path, headers={"authorization": f"Bearer {token}"} | headers, json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


def name(answer):
    """Which request the answer was made for."""
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()["id"]
    return json.loads(next(line[6:] for line in answer.text.splitlines() if line.startswith("data: {")))["id"]


def ok_answer(answer):
    assert answer.status_code == 200, answer.text
    return answer


def hit(answer):
    return answer.headers.get("x-llmgateway-cache") == "HIT"


def kept(token, **fields):
    """Asks until the first answer is kept, and returns what is given again."""
    first = chat(token, **fields)
    assert not hit(first), first.headers
    end = time.monotonic() + 20
    while True:
        again = chat(token, **fields)
        if hit(again):
            return first, again
        assert time.monotonic() < end, "nothing is kept"
        first = again
        time.sleep(0.05)


owner, organization = shop("cache@example.org")
caching = project(owner, organization)
token, colleague = key(owner, caching), key(owner, caching)

# Whole: the same answer, for nothing, and it says so.
first, again = kept(token)
assert name(again) == name(first) and again.json()["choices"] == first.json()["choices"]
assert first.json()["usage"]["cost"] > 0 and first.json()["metadata"].get("cached") is None
assert again.json()["usage"]["cost"] == 0 and again.json()["metadata"]["cached"] == "true", again.text
assert again.json()["usage"]["completion_tokens"] == first.json()["usage"]["completion_tokens"]
assert again.headers["x-llmgateway-request-id"] != first.headers["x-llmgateway-request-id"]
# The order of members means nothing; another key of the project is served as well.
swapped = b'{"max_tokens": 50, "messages": [{"content": "Say it again", "role": "user"}], "model": "echo"}'
reordered = httpx.post(
    url + "/v1/chat/completions", headers={"authorization": f"Bearer {colleague}"}, content=swapped, timeout=60)
assert hit(reordered) and name(reordered) == name(first), reordered.text

# Streamed: another request than the whole one; all events come again, whether or not usage is wanted.
first, again = kept(token, stream=True)
assert name(again) == name(first) and again.text.endswith("data: [DONE]\n\n")
assert "\"usage\"" not in again.text.replace("\"usage\":null", "") and again.text == first.text, (first.text, again.text)
first, again = kept(token, stream=True, stream_options={"include_usage": True})
costs = [json.loads(line[6:])["usage"]["cost"] for line in again.text.splitlines()
         if line.startswith("data: {") and json.loads(line[6:]).get("usage")]
assert costs == [0], again.text

# In Anthropic's format too, which is another request than the same words in OpenAI's.
first, again = kept(token, path="/v1/messages")
assert again.json()["content"] == first.json()["content"] and again.json()["type"] == "message"

# Whatever can change the answer makes another request.
known, _ = kept(token, user="a")
tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
for change in (
    {"user": "b"}, {"temperature": 0.1}, {"max_tokens": 51}, {"seed": 1}, {"stop": ["x"]}, {"tools": tools},
    {"tools": tools, "tool_choice": "none"}, {"reasoning_effort": "low"}, {"n": 2}, {"verbosity": "low"},
    {"messages": [{"role": "user", "content": "Say it again "}]}, {"response_format": {"type": "json_object"}},
    {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Say it again"}]},
):
    different = httpx.post(
        url + "/v1/chat/completions", headers={"authorization": f"Bearer {token}"}, timeout=60,
        json={"model": "echo", "messages": [{"role": "user", "content": "Say it again"}], "max_tokens": 50, "user": "a"} | change)
    assert not hit(different), change

# With x-no-cache the provider is asked, and the new answer takes the place of the old one.
fresh = chat(token, headers={"x-no-cache": "true"}, user="a")
assert not hit(fresh) and name(fresh) != name(known)
end = time.monotonic() + 20
while name(chat(token, user="a")) != name(fresh):
    assert time.monotonic() < end
    time.sleep(0.05)

# Nobody else's: another project of the organization, another organization.
default = ok(owner.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]
assert default != caching
ok(owner.patch(f"/projects/{default}", json={"cachingEnabled": True, "cacheDurationSeconds": 600}))
other = key(owner, default)
stranger, theirs = shop("other@example.org")
their_token = key(stranger, project(stranger, theirs))
for outsider in (other, their_token):
    assert not hit(chat(outsider, user="a"))

# A hit is an event of its own, charged nothing, with what it saved; the books agree.
lines = command("ledger", "events", "--organization", organization, "--type", "request.completed", "--limit", "10000")
events = [json.loads(line) for line in lines.splitlines()]
hits = [event["data"] for event in events if event["data"]["cached"]]
asked = [event["data"] for event in events if not event["data"]["cached"]]
assert hits and all(
    data["charged"] == 0 and data["held"] == 0 and data["cost"]["total"] == 0 and data["attempts"] == [] and data["saved"] > 0
    and data["provider"] == "echo" for data in hits), hits
assert asked and all("saved" not in data and data["charged"] > 0 for data in asked)
assert {data["saved"] for data in hits} <= {data["price"]["total"] for data in asked}
charged = decimal.Decimal(json.loads(command("balance", "--organization", organization))["charged"])
assert charged * 10**9 == sum(data["charged"] for data in asked), charged
end = time.monotonic() + 30
while True:
    logs = ok(owner.get(f"/logs?projectId={caching}&limit=100"))["logs"]
    if sum(log["cached"] for log in logs) == len(hits):
        break
    assert time.monotonic() < end, logs
    time.sleep(0.1)


# A bound that the gateway lowered, because little was left, makes another answer: whoever has more does not get that one.
poor, poor_organization = shop("poor@example.org", amount="1")
saving = key(poor, project(poor, poor_organization))
large = {"model": "echo-large", "messages": [{"role": "user", "content": "How much is left?"}]}


def ask():
    answer = httpx.post(
        url + "/v1/chat/completions", headers={"authorization": f"Bearer {saving}"}, json=large, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


assert 0 < json.loads(ask().json()["metadata"]["added_parameters"])["max_completion_tokens"] < 128_000
time.sleep(0.5)
assert not hit(ask())
command("credits", "grant", "--organization", poor_organization, "--amount", "100", "--kind", "paid")
assert not hit(ask())
end = time.monotonic() + 20
while not hit(ask()):
    assert time.monotonic() < end, "a whole answer is not kept"
    time.sleep(0.05)


class Inputs(Answer):
    """Answers with vectors and verdicts too, no two of them alike."""

    def do_POST(self):
        if self.path == "/v1/chat/completions":
            return super().do_POST()
        self.rfile.read(int(self.headers["content-length"]))
        number = self.server.asked
        if self.path.endswith("/moderations"):
            return self.answer({"id": f"modr-{number}", "model": "m", "results": [{"flagged": False}]})
        self.answer({
            "object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, number]}],
            "usage": {"prompt_tokens": 3, "total_tokens": 3}})


# A provider that the organization sets up anew under the same name is another one.
provider = Provider(int(sys.argv[1]))
provider.RequestHandlerClass = Inputs
ok(poor.patch(f"/projects/{ok(poor.get(f'/orgs/{poor_organization}/projects'))['projects'][0]['id']}",
              json={"mode": "api-keys", "cachingEnabled": True, "cacheDurationSeconds": 600}))
own = key(poor, ok(poor.get(f"/orgs/{poor_organization}/projects"))["projects"][0]["id"])


def bring(token):
    return ok(poor.post("/keys/provider", json={
        "provider": "custom", "name": "acme", "token": token, "organizationId": poor_organization,
        "baseUrl": f"http://127.0.0.1:{sys.argv[1]}/v1"}))["providerKey"]["id"]


brought = bring("sk-first-0123456789abcdef")
first, again = kept(own, model="acme/m")
assert again.json()["usage"]["cost"] == 0
ok(poor.delete(f"/keys/provider/{brought}"))
bring("sk-second-0123456789abcdef")
assert not hit(chat(own, model="acme/m")) and provider.credentials[-1] == "sk-second-0123456789abcdef"
kept(own, model="acme/m", user="again")

# Vectors and verdicts are given again as well, of the same texts alone.
for path, member in (("embeddings", "data"), ("moderations", "results")):
    def judged(text):
        return ok_answer(httpx.post(
            f"{url}/v1/{path}", headers={"authorization": f"Bearer {own}"}, json={"model": "acme/m", "input": text}, timeout=60))

    seen = [judged("Say it again")]
    assert not hit(seen[0]), seen[0].headers
    end = time.monotonic() + 20
    while not hit(again := judged("Say it again")):
        assert time.monotonic() < end, f"nothing of {path} is kept"
        seen.append(again)
        time.sleep(0.05)
    asked = provider.asked
    # Whichever was kept by then.
    said = [(answer.json()[member], answer.json().get("id")) for answer in seen]
    assert (again.json()[member], again.json().get("id")) in said, again.text
    assert again.json()["metadata"]["cached"] == "true" and provider.asked == asked, again.text
    assert not hit(judged("Say it once more")) and provider.asked == asked + 1

# What a provider could not finish is not given again; what it cut off or left out is.
for reason, is_kept in (("error", False), (None, False), ("length", True), ("content_filter", True)):
    provider.reason = reason
    for stream in (False, True):
        asked = {"model": "acme/m", "user": f"because {reason}", "stream": stream}
        if is_kept:
            kept(own, **asked)
            continue
        for _ in range(3):
            assert not hit(chat(own, **asked)), asked
            time.sleep(0.3)
provider.reason = "stop"

# A key that is switched off is not served from the cache, and neither is one that may not use the provider.
made = ok(owner.post("/keys/api", json={"description": "k", "projectId": caching, "usageLimit": None}))["apiKey"]
assert hit(chat(made["token"], user="a"))
ok(owner.post(f"/keys/api/{made['id']}/iam", json={"ruleType": "deny_providers", "ruleValue": {"providers": ["echo"]}}))
body = {"model": "echo", "messages": [{"role": "user", "content": "Say it again"}], "max_tokens": 50, "user": "a"}
headers = {"authorization": f"Bearer {made['token']}"}
assert httpx.post(url + "/v1/chat/completions", headers=headers, json=body).status_code == 403
ok(owner.patch(f"/keys/api/{made['id']}", json={"status": "inactive"}))
assert httpx.post(url + "/v1/chat/completions", headers=headers, json=body).status_code == 401

# Errors are not kept.
for _ in range(2):
    refused = httpx.post(
        url + "/v1/chat/completions", headers={"authorization": f"Bearer {token}"}, json=body | {"max_tokens": -1})
    assert refused.status_code == 400 and not hit(refused)

# The switch is obeyed by the very next request, and so is a shorter time.
assert hit(chat(token, user="a"))
ok(owner.patch(f"/projects/{caching}", json={"cachingEnabled": False}))
assert not hit(chat(token, user="a"))
ok(owner.patch(f"/projects/{caching}", json={"cachingEnabled": True}))
kept(token, user="shorter")
ok(owner.patch(f"/projects/{caching}", json={"cacheDurationSeconds": 10}))
time.sleep(10.5)
assert not hit(chat(token, user="shorter"))

# What nobody is given any more does not lie there until the time is over that it was kept for.
ok(owner.patch(f"/projects/{caching}", json={"cacheDurationSeconds": 31_536_000}))
kept(token, user="gone")
# It is looked for every 30 s. A sweep that is late finds it when it is looked for once more.
for attempt in range(3):
    ok(owner.patch(f"/projects/{caching}", json={"cachingEnabled": False}))
    time.sleep(35)
    ok(owner.patch(f"/projects/{caching}", json={"cachingEnabled": True}))
    if not hit(chat(token, user="gone")):
        break
    assert attempt < 2, "it lies there still"
command("ledger", "verify")
print("cache: passed")
