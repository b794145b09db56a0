"""Rules of API keys: obeyed by the very next request, binding for failover, told with their ids, recorded as denials.

Arguments: the ports at which the providers alpha and beta are expected; a gateway of the same ledger; how many keys are switched
off under traffic.
"""

import concurrent.futures
import json
import os
import sys
import threading
import time

import httpx

from shop import Provider, command, ok

ALPHA, BETA, OTHER, KEYS = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")


alpha, beta = Provider(ALPHA), Provider(BETA)
owner = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
account = {"email": "owner@example.org", "password": "correct horse battery", "name": "Owner"}
ok(owner.post("/auth/sign-up/email", json=account))
organization = ok(owner.post("/orgs", json={"name": "Rules"}))["organization"]["id"]
command("credits", "grant", "--organization", organization, "--amount", "100", "--kind", "paid")
project = ok(owner.post("/projects", json={"name": "P", "organizationId": organization}))["project"]["id"]
gateways = [httpx.Client(base_url=at, timeout=60) for at in (url, OTHER)]


def new_key():
    return ok(owner.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": None}))["apiKey"]


def complete(token, model="both", at=0, **headers):
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    return gateways[at].post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {token}"} | headers)


key = new_key()
turn = 0


def rule(kind, **value):
    return ok(owner.post(f"/keys/api/{key['id']}/iam", json={"ruleType": kind, "ruleValue": value}))["rule"]["id"]


def change(rule, **body):
    ok(owner.patch(f"/keys/api/{key['id']}/iam/{rule}", json=body))


def remove(rule):
    ok(owner.delete(f"/keys/api/{key['id']}/iam/{rule}"))


def allowed(model="both", provider=None, **headers):
    """Both gateways obey at once, whichever is asked first."""
    global turn
    turn += 1
    for at in ((0, 1), (1, 0))[turn % 2]:
        answer = ok(complete(key["token"], model, at, **headers))
        assert provider is None or answer["metadata"]["used_provider"] == provider, answer["metadata"]


def refused(rules, model="both", **headers):
    global turn
    turn += 1
    for at in ((0, 1), (1, 0))[turn % 2]:
        answer = complete(key["token"], model, at, **headers)
        assert answer.status_code == 403, (answer.status_code, answer.text)
        error = answer.json()["error"]
        assert error["code"] == "permission_denied" and error["type"] == "invalid_request_error", error
        assert error["message"].startswith("Access denied: "), error
        assert all(rule in error["message"] for rule in rules), (rules, error)


allowed(provider="alpha")

# Models, by id or alias, and whatever is changed holds for the next request.
first = rule("deny_models", models=["both"])
refused([first])
refused([first], model="either")
refused([first], model="alpha/both")
allowed("echo")
change(first, status="inactive")
allowed()
change(first, status="active")
refused([first])
change(first, ruleValue={"models": ["echo"]})
allowed()
refused([first], model="echo")
remove(first)
allowed("echo")


# What `auto` means depends on the request, on the rules, and on who has an account: the cheapest models of the catalogue have none.
def automatic(used, key=key, text="Hi", **more):
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], "max_tokens": 5} | more
    answer = gateways[0].post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key['token']}"})
    if used is None:
        assert answer.status_code in (400, 403), answer.text
        return answer.json()["error"]
    metadata = ok(answer)["metadata"]
    assert metadata["used_model"] == used and metadata["requested_model"] == "auto", metadata
    return metadata


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
automatic("auto-small")
automatic("auto-large", text="word " * 1200)
automatic("auto-large", tools=TOOLS)
automatic("auto-large", reasoning_effort="low")
automatic("auto-large", response_format={"type": "json_object"})
automatic("auto-large", messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}])
automatic("auto-small", no_reasoning=True)
automatic("echo-free", free_models_only=True)
assert automatic(None, text="word " * 200_000)["param"] == "model"
assert automatic(None, free_models_only=True, reasoning_effort="low")["param"] == "free_models_only"
assert automatic(None, model="both", no_reasoning=True)["param"] == "no_reasoning"
automatic(None, tools=TOOLS, no_reasoning=True)
not_small = rule("deny_models", models=["auto-small"])
automatic("auto-large")
neither = rule("deny_providers", providers=["beta"])
automatic(None)
remove(not_small)
automatic("auto-small")
remove(neither)

# By the names that clients send: a model at one provider, and `auto`.
place = rule("deny_models", models=["alpha/both"])
allowed(provider="beta")
allowed("beta/both", provider="beta")
refused([place], model="alpha/both")
change(place, ruleValue={"models": ["beta/either", "auto"]})
allowed(provider="alpha")
refused([place], model="beta/both")
automatic(None)
allowed("auto-small")
remove(place)
place = rule("allow_models", models=["beta/both", "auto"])
allowed("either", provider="beta")
refused([place], model="alpha/both")
refused([place], model="auto-small")
automatic("auto-small")
remove(place)

some, more = rule("allow_models", models=["echo"]), rule("allow_models", models=["either"])
allowed()
allowed("echo")
remove(more)
refused([some])
remove(some)

# A denied provider is never asked, not by name, not as the next best.
denied = rule("deny_providers", providers=["alpha"])
alpha.asked = 0
allowed(provider="beta")
refused([denied], model="alpha/both")
beta.status = 500
assert complete(key["token"]).status_code >= 500
assert alpha.asked == 0, alpha.asked
remove(denied)
allowed(provider="alpha")
denied = rule("deny_providers", providers=["beta"])
alpha.status, beta.asked = 500, 0
assert complete(key["token"]).status_code >= 500
assert beta.asked == 0, beta.asked
remove(denied)
alpha.status = beta.status = 200
only = rule("allow_providers", providers=["beta"])
allowed(provider="beta")
refused([only], model="echo")
remove(only)

# Prices are US dollars a token; types must all allow.
cheap = rule("allow_pricing", maxInputPrice="0.000002")
alpha.status = 500
assert complete(key["token"]).status_code >= 500, "the dear one must not be the way out"
alpha.status = 200
allowed(provider="alpha")
refused([cheap], model="beta/both")
only = rule("allow_providers", providers=["beta"])
assert complete(key["token"]).status_code == 403
remove(only)
remove(cheap)
paid = rule("deny_pricing", pricingType="paid")
refused([paid])
allowed("echo-free")
remove(paid)

# Addresses count only as those say who are trusted to.
inside = rule("allow_ip_cidrs", ipCidrs=["203.0.113.0/24", "2001:db8::/32"])
refused([inside])
allowed(**{"x-forwarded-for": "203.0.113.9"})
allowed(**{"x-forwarded-for": "2001:db8::1"})
refused([inside], **{"x-forwarded-for": "203.0.113.9, 198.51.100.1"})
block = rule("deny_ip_cidrs", ipCidrs=["203.0.113.128/25"])
refused([block], **{"x-forwarded-for": "203.0.113.200"})
allowed(**{"x-forwarded-for": "203.0.113.9"})
remove(block)


# They bind what is read with the key as well, and what is read counts in no limit.
def reads(path, status, method="GET", at=(0, 1), **headers):
    for gateway in at:
        answer = gateways[gateway].request(method, path, headers={"authorization": f"Bearer {key['token']}"} | headers)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        if status == 403:
            assert answer.json()["error"]["code"] == "permission_denied", answer.text


near = {"x-forwarded-for": "203.0.113.9"}
ok(owner.patch(f"/keys/api/limit/{key['id']}", json={"requestsPerMinute": 1000}))
stored = ok(gateways[0].post(
    "/v1/responses", json={"model": "echo", "input": "A secret."}, headers={"authorization": f"Bearer {key['token']}"} | near))
kept = f"/v1/responses/{stored['id']}"
for path, method in ((kept, "GET"), (kept, "DELETE"), ("/v1/key", "GET"), ("/v1/credits", "GET")):
    reads(path, 403, method)
for path in (kept, "/v1/key", "/v1/credits"):
    reads(path, 200, **near)
change(inside, status="inactive")
reads(kept, 200)
own = ok(owner.post(f"/team/{organization}/members/me/iam", json={
    "ruleType": "allow_ip_cidrs", "ruleValue": {"ipCidrs": ["203.0.113.0/24"]}}))["rule"]["id"]
reads(kept, 403)
ok(owner.delete(f"/team/{organization}/members/me/iam/{own}"))
ok(owner.patch(f"/keys/api/limit/{key['id']}", json={"requestsPerMinute": 1}))
for _ in range(3):
    reads("/v1/key", 200)
ok(owner.patch(f"/keys/api/limit/{key['id']}", json={"requestsPerMinute": None}))
reads(kept, 200, "DELETE", at=(0,))
remove(inside)

# The rules of whoever made the key are a ceiling over it: no rule of the key widens it, nothing goes round it.
ceilings = f"/team/{organization}/members/me/iam"
ceiling = ok(owner.post(ceilings, json={"ruleType": "deny_providers", "ruleValue": {"providers": ["alpha"]}}))["rule"]["id"]
alpha.asked = 0
allowed(provider="beta")
refused([ceiling], model="alpha/both")
only = rule("allow_providers", providers=["alpha"])
refused([only])
remove(only)
beta.status = 500
assert complete(key["token"]).status_code >= 500 and alpha.asked == 0, alpha.asked
beta.status = 200
second = new_key()
assert complete(second["token"], "alpha/both", 1).status_code == 403, "every key that the member made is bound"
ok(owner.delete(f"/keys/api/{second['id']}"))
operators = json.loads(command("keys", "create", "--project", project, "--name", "k"))["token"]
assert complete(operators, "alpha/both").status_code == 200, "nobody's ceiling"
assert [shown["id"] for shown in ok(owner.get(ceilings))["rules"]] == [ceiling]
assert owner.delete(f"/keys/api/{key['id']}/iam/{ceiling}").status_code == 404, "it is no rule of the key"
ok(owner.patch(f"{ceilings}/{ceiling}", json={"status": "inactive"}))
allowed(provider="alpha")
ok(owner.patch(f"{ceilings}/{ceiling}", json={"status": "active", "ruleValue": {"providers": ["beta"]}}))
allowed(provider="alpha")
refused([ceiling], model="beta/both")
ok(owner.delete(f"{ceilings}/{ceiling}"))
# It failed above, so that another would answer in its place.
alone = complete(key["token"], "beta/both", **{"x-no-fallback": "true"})
assert ok(alone)["metadata"]["used_provider"] == "beta"
assert ok(owner.get(ceilings))["rules"] == []

# What belongs to another type is refused when it is written.
wrong = owner.post(f"/keys/api/{key['id']}/iam", json={"ruleType": "deny_pricing", "ruleValue": {"maxInputPrice": "1"}})
assert wrong.status_code == 400 and wrong.json()["field"].startswith("ruleValue"), wrong.text

# A key's limit a period is enforced, says when it ends, and counts what was spent before it was set.
def listed():
    return next(k for k in ok(owner.get("/keys/api", params={"projectId": project}))["apiKeys"] if k["id"] == key["id"])


spent = listed()["usage"]
limits = {"periodUsageLimit": spent, "periodUsageDurationValue": 1, "periodUsageDurationUnit": "month"}
limited = ok(owner.patch(f"/keys/api/limit/{key['id']}", json=limits))["apiKey"]
# Of the last request one read model may hear before the other.
end = time.monotonic() + 60
while limited["currentPeriodUsage"] != limited["usage"]:
    assert time.monotonic() < end, limited
    time.sleep(0.05)
    limited = listed()
assert float(limited["usage"]) >= float(spent) > 0, limited
assert limited["currentPeriodStartedAt"].endswith("-01T00:00:00.000Z"), limited
for at in (0, 1):
    answer = complete(key["token"], at=at)
    # What the new limit counts is read from the ledger first, which takes longer than a request waits where much else runs.
    while answer.status_code == 503 and time.monotonic() < end:
        time.sleep(0.1)
        answer = complete(key["token"], at=at)
    assert answer.status_code == 402 and answer.json()["error"]["code"] == "usage_limit_reached", answer.text
    assert "period" in answer.json()["error"]["message"] and 0 < int(answer.headers["retry-after"]) <= 31 * 86400, answer.headers
ok(owner.patch(f"/keys/api/limit/{key['id']}", json=limits | {"periodUsageLimit": "10"}))
allowed()
ok(owner.patch(f"/keys/api/limit/{key['id']}", json=dict.fromkeys(limits)))
allowed()

# A free model is limited by the credits of the organization: a key that has used up its own limit is not one without any.
spent = ok(owner.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": "0"}))["apiKey"]
assert complete(spent["token"]).status_code == 402
for at in (0, 1, 0):
    ok(complete(spent["token"], "gratis", at))
ok(owner.delete(f"/keys/api/{spent['id']}"))

# Keys that are switched off while they are in use: no request that begins after the answer is served, at either gateway.
# The plan allows a person five keys a project; an operator makes as many as they like.
made = command("keys", "create", "--project", project, "--name", "k", "--count", str(KEYS))
keys = [json.loads(line) for line in made.splitlines()]
assert len({key["token"] for key in keys}) == KEYS
stop = threading.Event()
served_late = []


def traffic(index):
    while not stop.is_set():
        chosen = keys[index % KEYS]
        index += 7
        was_off = chosen.get("off", False)
        answer = complete(chosen["token"], "echo", index % 2)
        if was_off and answer.status_code == 200:
            served_late.append(chosen["key"])
        assert answer.status_code in (200, 401), (answer.status_code, answer.text)


def switch_off(chosen):
    ok(owner.patch(f"/keys/api/{chosen['key']}", json={"status": "inactive"}))
    chosen["off"] = True


with concurrent.futures.ThreadPoolExecutor(8) as pool, concurrent.futures.ThreadPoolExecutor(8) as switches:
    running = [pool.submit(traffic, index) for index in range(8)]
    try:
        list(switches.map(switch_off, keys))
    finally:
        stop.set()
    for done in running:
        done.result()
assert not served_late, served_late

events = [json.loads(line) for line in command(
    "ledger", "events", "--type", "request.denied", "--organization", organization, "--limit", "10000").splitlines()]
assert any(event["data"]["reason"] == "permission_denied" for event in events), events[:3]
alpha.shutdown()
beta.shutdown()
