"""GET /v1/key and GET /v1/credits: what a key may still spend agrees with what it was charged, and a key that opens nothing
learns nothing."""

import datetime
import decimal
import json
import os
import subprocess
import time

import httpx

from shop import command, ok

Decimal = decimal.Decimal
url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
owner = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
ok(owner.post("/auth/sign-up/email", json={"email": "q@example.org", "password": "correct horse battery", "name": "Q"}))
organization = ok(owner.get("/orgs"))["organizations"][0]["id"]
project = ok(owner.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]


def new_key(**fields):
    body = {"description": "k", "projectId": project, "usageLimit": None} | fields
    return ok(owner.post("/keys/api", json=body))["apiKey"]


def ask(path, token):
    return httpx.get(url + path, headers={"authorization": f"Bearer {token}"}, timeout=60)


def read(path, token):
    return json.loads(ask(path, token).text, parse_float=Decimal, parse_int=Decimal)


def dated(answer):
    """The answer without the moment it is of, which has passed."""
    when = answer["data"].pop("as_of")
    assert datetime.datetime.fromisoformat(when) <= datetime.datetime.now(datetime.UTC), when
    return answer


plain = new_key()
assert dated(ok(ask("/v1/key", plain["token"]))) == {
    "devPlan": "none",
    "data": {
        "id": plain["id"], "label": plain["token"][:12] + "…", "status": "active", "usage": 0, "limit": None,
        "limit_remaining": None, "period": None, "requests_per_minute": None, "tokens_per_minute": None, "expires_at": None,
        "is_free_tier": True, "is_management_key": False,
    },
}, ask("/v1/key", plain["token"]).text
assert dated(ok(ask("/v1/credits", plain["token"]))) == {
    "credits": "0", "data": {"total_credits": 0, "total_usage": 0, "remaining_credits": 0}}

command("credits", "grant", "--organization", organization, "--amount", "10", "--kind", "paid")
limited = new_key(
    usageLimit="2.5", periodUsageLimit="1", periodUsageDurationValue=2, periodUsageDurationUnit="month", requestsPerMinute=600,
    expiresAt="2999-01-01T00:00:00Z")
for _ in range(3):
    ok(httpx.post(
        url + "/v1/chat/completions", headers={"authorization": f"Bearer {limited['token']}"}, timeout=60,
        json={"model": "echo", "messages": [{"role": "user", "content": "What is left? " * 50}]}))
end = time.monotonic() + 60
while True:
    charged = Decimal(json.loads(command("balance", "--organization", organization))["charged"])
    data = read("/v1/key", limited["token"])["data"]
    if charged > 0 and data["usage"] == data["period"]["usage"] == charged:
        break
    assert time.monotonic() < end, (charged, data)
    time.sleep(0.05)
assert data["limit"] == Decimal("2.5") and data["limit_remaining"] == Decimal("2.5") - charged, data
assert data["requests_per_minute"] == 600 and data["expires_at"].startswith("2999-01-01T00:00:00"), data
assert not data["is_free_tier"]
period = data["period"]
assert period["limit"] == 1 and period["limit_remaining"] == 1 - charged and period["unit"] == "month" and period["count"] == 2
begin, reset = (datetime.datetime.fromisoformat(period[name]) for name in ("started_at", "resets_at"))
assert begin.month % 2 == 1 and begin.day == reset.day == 1 and (reset.month - begin.month) % 12 == 2, period
credits = dated(read("/v1/credits", plain["token"]))
assert credits == {
    "credits": str(10 - charged), "data": {"total_credits": 10, "total_usage": charged, "remaining_credits": 10 - charged}
}, (credits, charged)

# Every movement but what requests cost, newest first, adding up to what was credited.
command("credits", "grant", "--organization", organization, "--amount", "0.5", "--kind", "promotional")
end = time.monotonic() + 60
while len(moved := ok(owner.get(f"/orgs/{organization}/transactions"))["transactions"]) < 2:
    assert time.monotonic() < end, moved
    time.sleep(0.05)
assert [(m["type"], m["amount"], m["creditAmount"]) for m in moved] == [
    ("credit_gift", None, "0.5"), ("credit_manual_payment", "10", "10")], moved
first = ok(owner.get(f"/orgs/{organization}/transactions", params={"limit": 1}))
assert first["transactions"] == moved[:1] and first["pagination"]["hasMore"], first
rest = ok(owner.get(f"/orgs/{organization}/transactions", params={"cursor": first["pagination"]["nextCursor"]}))
assert rest["transactions"] == moved[1:] and not rest["pagination"]["hasMore"], rest

# Who was sent by an organization is counted once the account is made; a reference that names nobody changes nothing.
for number, reference in enumerate([organization, organization, "org_0000000000000000000000", "x-1"]):
    visitor = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    sent = visitor.post("/referral", json={"ref": reference})
    assert ok(sent) == {"success": True} and "Max-Age=2592000" in sent.headers["set-cookie"], sent.headers
    ok(visitor.post("/auth/sign-up/email", json={
        "email": f"v{number}@example.org", "password": "correct horse battery", "name": "V"}))
    assert len(ok(visitor.get("/orgs"))["organizations"]) == 1
assert ok(owner.get(f"/orgs/{organization}/referral-stats")) == {"referredCount": 2}
for wrong in ("", "a;b", "a" * 65):
    refused = httpx.post(url + "/referral", json={"ref": wrong})
    assert refused.status_code == 400 and refused.json()["field"] == "ref", refused.text

# It is a key's answer: what does not open the gateway opens neither of them.
for path in ("/v1/key", "/v1/credits"):
    for token in ("llmgtwy_nothing", "x"):
        refused = ask(path, token)
        assert refused.status_code == 401 and "error" in refused.json(), refused.text
    assert httpx.get(url + path).status_code == 401
    assert owner.get(path).status_code == 401, "a session is no key"

# A credit that was mistyped before there was a bound on them: the most that can be said is said, also where charges go on from there.
mistake = "UPDATE balances.organizations SET adjusted = -20000000000000000000 WHERE charged > 0"
subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", os.environ["MIGRATION_DATABASE_URL"], "-c", mistake], check=True)
least = Decimal("-9223372036.854775808")
beyond = dated(read("/v1/credits", plain["token"]))["data"]
assert beyond == {"total_credits": least, "total_usage": charged, "remaining_credits": least}, beyond
assert Decimal(ok(owner.get("/orgs"))["organizations"][0]["credits"]) == least

ok(owner.patch(f"/keys/api/{plain['id']}", json={"status": "inactive"}))
assert ask("/v1/key", plain["token"]).status_code == 401
old = limited["token"]
new = ok(owner.post(f"/keys/api/{limited['id']}/roll"))["apiKey"]["token"]
assert ask("/v1/key", old).status_code == 401 and ask("/v1/key", new).status_code == 200
ok(owner.delete(f"/projects/{project}"))
assert ask("/v1/credits", new).status_code == 410
print("quota: passed")
