"""What was asked is found again: pages, filters, days, and sums that agree with the balance."""

import decimal
import json
import os
import subprocess
import time

import httpx

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
Decimal = decimal.Decimal


def ok(answer):
    assert answer.status_code in (200, 201), (answer.request.url, answer.status_code, answer.text)
    return answer.json()


def command(*arguments):
    done = subprocess.run([os.environ["LLMGATEWAY_EXECUTABLE"], *arguments, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def person(email):
    client = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    ok(client.post("/auth/sign-up/email", json={"email": email, "password": "correct horse battery", "name": "P"}))
    return client


owner, stranger = person("owner@example.org"), person("stranger@example.org")
organization = ok(owner.get("/orgs"))["organizations"][0]["id"]
project = ok(owner.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]
command("credits", "grant", "--organization", organization, "--amount", "10", "--kind", "paid")
keys = [
    ok(owner.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": None}))["apiKey"] for _ in range(2)]

command("organizations", "set-retention", "--organization", organization, "--level", "retain")

# Where a request comes from, and headers of the application's own.
LABELS = {
    1: {"x-source": "https://www.shop.example/cart", "X-LLMGateway-Tenant": 'Zoë "&" co'.encode()},
    2: {"http-referer": "http://blog.example/post?draft=1", "x-llmgateway-tenant": "b", "x-llmgateway-run": "7"},
}
for wrong in ({"x-source": "a b"}, {"x-source": ""}, {f"x-llmgateway-{n}": "v" for n in range(17)}, {"x-llmgateway-a": "v" * 513}):
    refused = httpx.post(
        url + "/v1/chat/completions", headers={"authorization": f"Bearer {keys[0]['token']}", **wrong},
        json={"model": "echo", "messages": []})
    assert refused.status_code == 400 and refused.json()["error"]["param"].startswith("x-"), (wrong, refused.text)

sent = []
for number in range(23):
    model = ("echo", "echo-large", "echo-free")[number % 3]
    answer = httpx.post(
        url + "/v1/chat/completions", timeout=60,
        headers={"authorization": f"Bearer {keys[number % 2]['token']}", "x-request-id": f"client-{number}",
                 **LABELS.get(number % 4, {})},
        json={"model": model, "messages": [{"role": "user", "content": "word " * (number + 1)}],
              **({"max_tokens": 2} if number % 5 == 0 else {})})
    is_cut = ok(answer)["choices"][0]["finish_reason"] == "length"
    sent.append((answer.headers["x-llmgateway-request-id"], model, number % 2, is_cut))

# The read models come within a moment; the limit only bounds a scenario that fails.
end = time.monotonic() + 60
while True:
    found = ok(owner.get("/logs", params={"limit": 100}))
    if len(found["logs"]) == len(sent) and all(log["status"] == "completed" for log in found["logs"]):
        break
    assert time.monotonic() < end, found
    time.sleep(0.05)
assert found["pagination"] == {"nextCursor": None, "hasMore": False, "limit": 100}, found["pagination"]


def pages(**filters):
    ids, cursor, count = [], None, 0
    while True:
        page = ok(owner.get("/logs", params={"limit": 4, **filters, **({"cursor": cursor} if cursor else {})}))
        ids += [log["id"] for log in page["logs"]]
        cursor, count = page["pagination"]["nextCursor"], count + 1
        assert page["pagination"]["hasMore"] == (cursor is not None) and count < 20
        if cursor is None:
            return ids


newest_first = [request for request, *_ in reversed(sent)]
assert pages() == newest_first
assert pages(orderBy="createdAt_asc") == newest_first[::-1]
for number, key in enumerate(keys):
    assert pages(apiKeyId=key["id"]) == [request for request, _, at, _ in reversed(sent) if at == number]
assert pages(projectId=project) == newest_first
assert pages(model="echo-large") == [request for request, model, *_ in reversed(sent) if model == "echo-large"]
assert pages(provider="echo", model="all") == newest_first
assert pages(provider="openai") == []
assert sum(is_cut for *_, is_cut in sent) >= 3
cut = [request for request, _, _, is_cut in reversed(sent) if is_cut]
assert pages(unifiedFinishReason="length_limit") == cut, (pages(unifiedFinishReason="length_limit"), cut)
middle = next(log["createdAt"] for log in found["logs"] if log["id"] == sent[10][0])
before = pages(endDate=middle)
assert pages(startDate=middle) + before == newest_first and sent[9][0] in before

log = found["logs"][0]
assert log["usedModel"] == f"echo/{sent[-1][1]}" and log["clientRequestId"] == "client-22" and log["apiKeyId"] == keys[0]["id"]
assert log["totalTokens"] == log["promptTokens"] + log["completionTokens"] > 0

by_label = lambda label: [request for number, (request, *_) in reversed(list(enumerate(sent))) if number % 4 == label]
assert pages(source="shop.example/cart") == by_label(1) and pages(source="blog.example/post") == by_label(2)
# Beside the ledger they come a moment later.
end = time.monotonic() + 30
while pages(customHeaderKey="Tenant") != sorted(by_label(1) + by_label(2), key=newest_first.index):
    assert time.monotonic() < end, pages(customHeaderKey="tenant")
    time.sleep(0.05)
assert pages(customHeaderKey="tenant", customHeaderValue="b") == by_label(2)
assert pages(customHeaderKey="tenant", customHeaderValue="c") == pages(customHeaderKey="other") == []
assert owner.get("/logs", params={"customHeaderValue": "b"}).json()["field"] == "customHeaderKey"
labelled = next(log for log in ok(owner.get("/logs", params={"limit": 100}))["logs"] if log["id"] == by_label(2)[0])
assert labelled["customHeaders"] == {"run": "7", "tenant": "b"} and labelled["source"] == "blog.example/post", labelled

# One request whole.
for number in (1, 2, 3):
    end = time.monotonic() + 30
    while (one := ok(owner.get(f"/logs/{sent[number][0]}"))["log"])["responseBody"] is None:
        assert time.monotonic() < end, one
        time.sleep(0.05)
    assert json.loads(one["requestBody"])["messages"][0]["content"] == "word " * (number + 1), one
    assert json.loads(one["responseBody"])["choices"][0]["message"]["content"], one
    assert one["customHeaders"].get("tenant") == {1: 'Zoë "&" co', 2: "b"}.get(number), one
assert stranger.get(f"/logs/{sent[0][0]}").status_code == 404 == owner.get("/logs/req_x").status_code

for path in ("/logs", "/activity?days=1", "/logs/unique-models"):
    join = "&" if "?" in path else "?"
    for name, value, status in [("orgId", organization, 403), ("projectId", project, 403)]:
        assert stranger.get(f"{path}{join}{name}={value}").status_code == status, (path, name)
assert stranger.get("/logs", params={"apiKeyId": keys[0]["id"]}).status_code == 404
assert ok(stranger.get("/logs"))["logs"] == [] and ok(stranger.get("/activity?days=7"))["activity"] == []
for wrong in ({"limit": 0}, {"cursor": "x"}, {"orderBy": "cost"}, {"startDate": "yesterday"}):
    refused = owner.get("/logs", params=wrong)
    assert refused.status_code == 400 and refused.json()["field"] == next(iter(wrong)), refused.text
assert owner.get("/activity").json()["field"] == "days"

# The same money everywhere: rows, days, and the balance.
charged = Decimal(command("balance", "--organization", organization)["charged"])
assert charged > 0
assert sum(Decimal(log["cost"]) for log in found["logs"]) == charged
end = time.monotonic() + 60
while True:
    days = ok(owner.get("/activity", params={"days": 2, "projectId": project}))["activity"]
    if sum(day["requestCount"] for day in days) == len(sent):
        break
    assert time.monotonic() < end, days
    time.sleep(0.05)
assert sum(Decimal(day["cost"]) for day in days) == charged
for day in days:
    assert Decimal(day["inputCost"]) + Decimal(day["outputCost"]) + Decimal(day["requestCost"]) == Decimal(day["cost"])
    assert sum(model["requestCount"] for model in day["modelBreakdown"]) == day["requestCount"]
    assert day["errorRate"] == 0 and day["cacheRate"] == 0
assert ok(owner.get("/logs/unique-models")) == {"models": ["echo", "echo-free", "echo-large"], "providers": ["echo"]}
