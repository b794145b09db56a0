"""What the ledger hears of refused requests: which limit it was, found by the ids that the client knows; nothing of a key that is
gone."""

import json
import os

import httpx

from shop import command, ok, until

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
owner = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
ok(owner.post("/auth/sign-up/email", json={"email": "d@example.org", "password": "correct horse battery", "name": "D"}))
organization = ok(owner.get("/orgs"))["organizations"][0]["id"]
project = ok(owner.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]
command("credits", "grant", "--organization", organization, "--amount", "10", "--kind", "paid")
LEAST = "0.000000001"
HELLO = json.dumps({"model": "echo", "messages": [{"role": "user", "content": "hi"}]}).encode()


def new_key():
    return ok(owner.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": None}))["apiKey"]


def ask(token, name, body=HELLO, **headers):
    return httpx.post(
        url + "/v1/chat/completions", content=body, timeout=60,
        headers={"authorization": f"Bearer {token}", "content-type": "application/json", "x-request-id": name} | headers)


def limit(kind, id, limit=None):
    """Sets a limit, or takes it away, until gateways know it."""
    arguments = (f"{kind}s", "set-limit", f"--{kind}", id) + (("--usage-limit", limit) if limit else ())
    until(lambda: json.loads(command(*arguments))["applied"], arguments)


def found(name):
    lines = command("ledger", "events", "--client-request-id", name, "--organization", organization).splitlines()
    return [json.loads(line) for line in lines]


def recorded(name, answer, status, reason, scope=None, model="echo"):
    """The refusal is an event of the request's own, at once."""
    assert answer.status_code == status, (name, answer.status_code, answer.text)
    assert answer.headers["x-request-id"] == name
    [event] = found(name)
    assert event["type"] == "request.denied", event
    assert event["stream"] == "request/" + answer.headers["x-llmgateway-request-id"], (event, answer.headers)
    data = {field: event["data"][field] for field in ("status", "reason", "scope", "model", "count")}
    assert data == {"status": status, "reason": reason, "scope": scope, "model": model, "count": 1}, (name, event)


# The limit of the key and that of the project are refused with one and the same code, and are two reasons.
key = new_key()
limit("key", key["id"], LEAST)
recorded("by-key", ask(key["token"], "by-key"), 402, "key_limit", "api_key")
limit("key", key["id"])
limit("project", project, LEAST)
recorded("by-project", ask(key["token"], "by-project"), 402, "project_limit", "project")
limit("project", project, "none")

# What is refused before it is read is recorded as well.
large = b'{"model":"echo","messages":[{"role":"user","content":"' + b"x" * (21 << 20) + b'"}]}'
recorded("large", ask(key["token"], "large", large), 413, "request_too_large", model=None)
packed = ask(key["token"], "packed", **{"content-encoding": "gzip"})
recorded("packed", packed, 415, "unsupported_media_type", model=None)
broken = ask(key["token"], "broken", b'{"model": "echo", "messages": [')
recorded("broken", broken, 400, "invalid_json", model=None)

# The second of a minute is only counted.
key = new_key()
for name in ("nothing-1", "nothing-2"):
    unknown = ask(key["token"], name, HELLO.replace(b"echo", b"nothing"))
    assert unknown.status_code == 400, unknown.text
assert len(found("nothing-1")) == 1 and len(found("nothing-2")) <= 1, found("nothing-2")

# Whoever finds a key that was revoked fills no ledger with it.
ok(ask(key["token"], "good"))
ok(owner.delete(f"/keys/api/{key['id']}"))
until(lambda: ask(key["token"], "going").status_code == 401, "the key is gone")
for name in ("gone-1", "gone-2"):
    gone = ask(key["token"], name)
    assert gone.status_code == 401, gone.text
    assert found(name) == [], found(name)
gone = ask(key["token"], "gone-3", b"{")
assert gone.status_code == 401 and found("gone-3") == [], gone.text
