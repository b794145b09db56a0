"""Provider keys: whose account pays, in which order they are tried, what is charged, and where a URL may not lead.

Arguments: the ports at which the house's provider alpha and an organization's own service are expected; a gateway of the same
ledger that lets no URL lead to private addresses.
"""

import json
import os
import string
import sys
import uuid

import httpx

from shop import Provider, command, ok

HOUSE, OWN, STRICT = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
house, own = Provider(HOUSE), Provider(OWN)
own_url = f"http://127.0.0.1:{OWN}/v1"

owner = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
ok(owner.post("/auth/sign-up/email", json={"email": "o@example.org", "password": "correct horse battery", "name": "O"}))
organization = ok(owner.post("/orgs", json={"name": "Own"}))["organization"]["id"]
project = ok(owner.post("/projects", json={"name": "P", "organizationId": organization, "mode": "api-keys"}))["project"]["id"]
key = ok(owner.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": None}))["apiKey"]["token"]


def mode(name):
    ok(owner.patch(f"/projects/{project}", json={"mode": name}))


def bring(token, status=200, **fields):
    body = {"provider": "alpha", "token": token, "organizationId": organization, "baseUrl": own_url} | fields
    answer = owner.post("/keys/provider", json={name: value for name, value in body.items() if value is not None})
    assert answer.status_code == status, answer.text
    assert token not in answer.text, "a credential came back"
    return answer.json()["providerKey"] if status == 200 else answer.json()


def complete(model="alpha/both", at=url, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5} | fields
    return httpx.post(at + "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}, timeout=60)


def charged():
    return json.loads(command("balance", "--organization", organization))["charged"]


def outcomes(kind="completed"):
    lines = command("ledger", "events", "--type", "request." + kind, "--organization", organization, "--limit", "10000")
    return [json.loads(line)["data"] for line in lines.splitlines()]


def in_events(id):
    """Events have identifiers as UUIDs; people see them in base 62."""
    number = 0
    for digit in id.split("_")[1]:
        number = number * 62 + (string.digits + string.ascii_uppercase + string.ascii_lowercase).index(digit)
    return str(uuid.UUID(int=number))


def used(credential):
    """The account that was used last; the other provider was not asked."""
    before = house.asked
    answer = ok(complete())
    assert own.credentials[-1] == credential and house.asked == before, (own.credentials, house.asked, before)
    assert answer["usage"]["cost"] == 0, answer["usage"]
    return answer


# Without a key of its own, a project of this mode asks nobody; the house's account is not its.
refused = complete()
assert refused.status_code == 400 and refused.json()["error"]["code"] == "no_provider_key", refused.text
assert house.asked == 0 and own.asked == 0

# A credential is tried before it is taken.
own.unknown = {"sk-wrong"}
assert bring("sk-wrong", 400)["field"] == "token"
own.unknown = set()
first = bring("sk-first-0123456789abcdef")
assert own.credentials[-1] == "sk-first-0123456789abcdef"

# The very next request has it, needs no credits, and is not charged.
used("sk-first-0123456789abcdef")
assert charged() == "0", charged()
outcome = outcomes()[-1]
assert outcome["credential"] == "organization" and outcome["provider_key"] == in_events(first["id"]), outcome
assert outcome["price"]["total"] == 0 and outcome["held"] == 0 and outcome["cost"]["total"] > 0, outcome

# Several keys: in their order, the next where one fails; switched off and on; in another order.
second = bring("sk-second-0123456789abcdef")
used("sk-first-0123456789abcdef")
own.unknown = {"sk-first-0123456789abcdef"}
used("sk-second-0123456789abcdef")
attempts = outcomes()[-1]["attempts"]
assert [a["provider_key"] for a in attempts] == [in_events(first["id"]), in_events(second["id"])], attempts
own.unknown = set()
ok(owner.patch(f"/keys/provider/{first['id']}", json={"status": "inactive"}))
used("sk-second-0123456789abcdef")
ok(owner.patch(f"/keys/provider/{first['id']}", json={"status": "active"}))
used("sk-first-0123456789abcdef")
order = {"organizationId": organization, "provider": "alpha", "providerKeyIds": [second["id"], first["id"]]}
ok(owner.put("/keys/provider/order", json=order))
used("sk-second-0123456789abcdef")

# Streams go the same way.
with httpx.stream("POST", url + "/v1/chat/completions", headers={"authorization": f"Bearer {key}"},
                  json={"model": "echo", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}) as stream:
    assert stream.status_code == 400, "echo is the house's"

# The house's account is used only for credits.
mode("credits")
refused = complete()
assert refused.status_code == 402, refused.text
command("credits", "grant", "--organization", organization, "--amount", "1", "--kind", "paid")
asked = own.asked
answer = ok(complete())
assert house.asked == 1 and own.asked == asked and answer["usage"]["cost"] > 0, answer
spent = charged()
assert spent != "0"

# Hybrid: its own first, the house where those fail, at the house's price.
mode("hybrid")
used("sk-second-0123456789abcdef")
assert charged() == spent
own.status = 500
answer = ok(complete())
assert house.asked == 2 and answer["usage"]["cost"] > 0
assert charged() != spent
outcome = outcomes()[-1]
assert outcome["credential"] == "house" and [a.get("provider_key") for a in outcome["attempts"]] == [
    in_events(second["id"]), in_events(first["id"]), None], outcome
own.status = 200
# A limit of the project binds what is charged, and not what its own account pays.
ok(owner.patch(f"/projects/{project}", json={"usageLimit": "0"}))
used("sk-second-0123456789abcdef")
own.status = 500
assert complete().status_code >= 500 and house.asked == 2, "nobody may pay for the house's account"
# Whose key failed is known, and nothing is charged for it.
outcome = outcomes("failed")[-1]
assert outcome["credential"] == "organization" and outcome["provider"] == "alpha" and outcome["provider_key"] in (
    in_events(first["id"]), in_events(second["id"])), outcome
assert outcome["charged"] == 0 and outcome["cost"]["total"] == 0, outcome
own.status = 200
# That its account is thought to have no room is a guess, and no reason to refuse what another one can't be paid for; nor is it where
# it is the free one.
long = [{"role": "user", "content": "one " * 2_000}]
asked = own.asked
ok(complete("tight", messages=long))
assert own.asked == asked + 1 and house.asked == 2 and outcomes()[-1]["credential"] == "organization"
mode("credits")
ok(complete("tight-gratis", messages=long))
assert house.asked == 3 and outcomes()[-1]["provider"] == "alpha" and outcomes()[-1]["charged"] == 0, outcomes()[-1]
mode("hybrid")
ok(owner.patch(f"/projects/{project}", json={"usageLimit": None}))
# What its account finds too long goes where there is room.
own.status = 400
ok(complete("tight", messages=long))
assert outcomes()[-1]["provider"] == "gamma" and outcomes()[-1]["credential"] == "house", outcomes()[-1]
refused = complete()
assert refused.status_code == 400, refused.text
own.status = 200

# A custom provider is whatever the organization says; its models are called by its name.
assert complete("acme/any-model").status_code == 400
bring("sk-custom-0123456789abcdef", provider="custom", name="acme")
answer = ok(complete("acme/any-model"))
assert answer["metadata"]["used_provider"] == "acme" and own.credentials[-1] == "sk-custom-0123456789abcdef", answer
assert answer["usage"]["cost"] == 0
ids = {k["description"]: k["id"] for k in ok(owner.get("/keys/api", params={"projectId": project}))["apiKeys"]}
for kind, value, status in (
    ("deny_providers", {"providers": ["custom:acme"]}, 403), ("deny_providers", {"providers": ["custom"]}, 403),
    ("allow_providers", {"providers": ["acme"]}, 200), ("allow_models", {"models": ["acme/any-model"]}, 200),
    ("allow_models", {"models": ["other"]}, 403),
):
    rule = ok(owner.post(f"/keys/api/{ids['k']}/iam", json={"ruleType": kind, "ruleValue": value}))["rule"]["id"]
    answer = complete("acme/any-model")
    assert answer.status_code == status, (kind, value, answer.text)
    ok(owner.delete(f"/keys/api/{ids['k']}/iam/{rule}"))
mode("credits")
assert complete("acme/any-model").status_code == 400
mode("hybrid")

# Where nothing may lead to private addresses, none is taken, and one that was taken elsewhere leads nowhere: the address is
# looked at when the connection is made, so no answer of a name server changes it.
strict = httpx.Client(base_url=STRICT, headers={"origin": STRICT}, cookies=owner.cookies, timeout=60)
strict.headers["authorization"] = "Bearer " + owner.cookies["better-auth.session_token"].split(".")[0]
before = own.asked
for target in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "0x7f000001", "2130706433"):
    body = {"provider": "custom", "name": "inside", "token": "t", "organizationId": organization,
            "baseUrl": f"https://{target}:{OWN}/v1"}
    answer = strict.post("/keys/provider", json=body)
    assert answer.status_code == 400 and answer.json()["field"] == "baseUrl", (target, answer.text)
answer = strict.post("/keys/provider", json=body | {"baseUrl": own_url})
assert answer.status_code == 400 and answer.json()["field"] == "baseUrl", answer.text
answer = complete("acme/any-model", at=STRICT)
assert answer.status_code >= 400, answer.text
assert own.asked == before, "a private address was reached"

# Which key paid is in the log, and can be looked for.
for each, mode_used in ((first, "api-keys"), (second, "api-keys")):
    for _ in range(300):
        found = ok(owner.get("/logs", params={"providerKeyId": each["id"], "orgId": organization}))["logs"]
        if found:
            break
    assert found and all(log["providerKeyId"] == each["id"] and log["usedMode"] == mode_used for log in found), found
assert any(log["usedMode"] == "credits" for log in ok(owner.get("/logs", params={"orgId": organization}))["logs"])

# What is deleted is gone: from the list of those that work, from the gateway, and from the database.
for each in ok(owner.get("/keys/provider"))["providerKeys"]:
    ok(owner.delete(f"/keys/provider/{each['id']}"))
mode("api-keys")
assert complete().status_code == 400 and complete("acme/any-model").status_code == 400
rotated = json.loads(command("provider-keys", "rotate"))
assert rotated == {"rotated": 0, "unreadable": 0}, rotated
house.shutdown()
own.shutdown()
