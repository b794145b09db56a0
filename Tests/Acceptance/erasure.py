"""T18: a person deletes the account. What said something about them is in no table, dump, mail or log any more; the chain
verifies, balances are what they were, and every projection is rebuilt to the same digest.

Environment: GATEWAY_URL, MIGRATION_DATABASE_URL, LLMGATEWAY_HOME and what the operator's commands need.
"""

import glob
import json
import os
import subprocess
import time

import httpx

from shop import command, ok, verified

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
home = os.environ["LLMGATEWAY_HOME"]
AGENT = "needle-agent-Qx7/1.0"
NEEDLES = {
    "address": "quillfeather.xavier@example.org", "name": "Xavier Quillfeather", "agent": AGENT,
    "organization": "Quillfeather Works", "key": "laptop of Xavier", "prompt": "my dog is called Barnabas",
    "chat": "what I told the machine in May",
    "billing": "Quillfeather Ltd",
}


def person(email, name, agent="python"):
    client = httpx.Client(base_url=url, headers={"origin": url, "user-agent": agent}, timeout=60)
    ok(client.post("/auth/sign-up/email", json={"email": email, "password": "correct horse battery", "name": name}))
    return client


def complete(token, text, status=200):
    answer = httpx.post(
        url + "/v1/chat/completions", timeout=60, headers={"authorization": f"Bearer {token}", "user-agent": AGENT},
        json={"model": "echo", "messages": [{"role": "user", "content": text}]})
    assert answer.status_code == status, (answer.status_code, answer.text)


def new_key(client, project, description):
    return ok(client.post("/keys/api", json={"description": description, "projectId": project, "usageLimit": None}))["apiKey"]


def dump():
    """Everything that is in the database, as text; bodies are in hexadecimal."""
    arguments = ["pg_dump", "--data-only", "--dbname", os.environ["MIGRATION_DATABASE_URL"]]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


def found():
    """Which needles are where."""
    places = {"the database": dump().lower()}
    for path in glob.glob(home + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                places[path] = file.read().decode("utf-8", "replace").lower()
    hits = set()
    for kind, needle in NEEDLES.items():
        for place, text in places.items():
            if needle.lower() in text or needle.encode().hex() in text:
                hits.add((kind, place))
    return hits


def balance(organization):
    return {
        name: value for name, value in json.loads(command("balance", "--organization", organization)).items()
        if name in ("credited", "charged", "balance")}


def caught_up():
    """Waits until every projection is at the ledger's end, and names them."""
    end = time.monotonic() + 60
    while True:
        states = json.loads(command("projections", "status"))
        if all(state["position"] == state["head"] for state in states):
            return [state["name"] for state in states]
        assert time.monotonic() < end, states
        time.sleep(0.1)


xavier = person(NEEDLES["address"], NEEDLES["name"], AGENT)
verified(xavier, NEEDLES["address"])
olga = person("olga@example.org", "Olga")

# An organization of Xavier's alone.
own = ok(xavier.get("/orgs"))["organizations"][0]["id"]
ok(xavier.patch(f"/orgs/{own}", json={
    "name": NEEDLES["organization"], "billingCompany": NEEDLES["billing"], "billingEmail": NEEDLES["address"]}))
command("credits", "grant", "--organization", own, "--amount", "10", "--kind", "paid")
command("organizations", "set-retention", "--organization", own, "--level", "retain")
own_project = ok(xavier.get(f"/orgs/{own}/projects"))["projects"][0]["id"]
# Answers are kept to be given again.
ok(xavier.patch(f"/projects/{own_project}", json={"cachingEnabled": True, "cacheDurationSeconds": 31_536_000}))
own_key = new_key(xavier, own_project, NEEDLES["key"])

# One that he belongs to, and one that he owns with a member.
shared = ok(olga.get("/orgs"))["organizations"][0]["id"]
command("credits", "grant", "--organization", shared, "--amount", "10", "--kind", "paid")
shared_project = ok(olga.get(f"/orgs/{shared}/projects"))["projects"][0]["id"]
invite = ok(olga.post(f"/team/{shared}/members", json={"email": NEEDLES["address"], "role": "developer"}))["invite"]["id"]
ok(xavier.post(f"/team/{shared}/invites/{invite}/accept"))
ok(olga.patch(f"/orgs/{shared}", json={"billingEmail": NEEDLES["address"], "billingCompany": "Olga Inc"}))
olgas_key = new_key(olga, shared_project, "server")
his_key = new_key(xavier, shared_project, "his own")

chat = ok(xavier.post("/chats", json={"title": "T", "model": "echo"}))["chat"]["id"]
ok(xavier.post(f"/chats/{chat}/messages", json={"role": "user", "content": NEEDLES["chat"]}))

for _ in range(3):
    complete(own_key["token"], NEEDLES["prompt"])
    complete(his_key["token"], "hello")
    complete(olgas_key["token"], "hello")

# Everything that is looked for can be found: a search that finds nothing anyway would prove nothing.
end = time.monotonic() + 30
while {kind for kind, _ in found()} != set(NEEDLES):
    assert time.monotonic() < end, set(NEEDLES) - {kind for kind, _ in found()}
    time.sleep(0.1)

# Somebody who could have typed the address anywhere takes nothing out of what others wrote.
impostor = person("someone@example.org", "S")
ok(olga.post(f"/team/{shared}/members", json={"email": "someone@example.org", "role": "developer"}))
ok(impostor.delete("/user/me"))
assert any(i["email"] == "someone@example.org" for i in ok(olga.get(f"/team/{shared}/members"))["invites"])

# Whoever is the only owner must first say who is the next.
verified(olga, "olga@example.org")
invite = ok(xavier.post(f"/team/{own}/members", json={"email": "olga@example.org", "role": "developer"}))["invite"]["id"]
ok(olga.post(f"/team/{own}/invites/{invite}/accept"))
refused = xavier.delete("/user/me")
assert refused.status_code == 400 and "only owner" in refused.json()["message"], refused.text
complete(own_key["token"], NEEDLES["prompt"])
complete(his_key["token"], "hello")
olgas = next(m["id"] for m in ok(olga.get(f"/team/{own}/members"))["members"] if m["user"]["email"] == "olga@example.org")
ok(xavier.delete(f"/team/{own}/members/{olgas}"))

caught_up()
before = {organization: balance(organization) for organization in (own, shared)}
ok(xavier.delete("/user/me"))

assert xavier.get("/user/me").status_code == 401
again = httpx.post(
    url + "/auth/sign-in/email", headers={"origin": url},
    json={"email": NEEDLES["address"], "password": "correct horse battery"})
assert again.status_code == 401, again.text
# Nothing that he had opens anything; Olga's organization goes on without him.
complete(own_key["token"], "hello", 410)
complete(his_key["token"], "hello", 401)
assert [m["user"]["email"] for m in ok(olga.get(f"/team/{shared}/members"))["members"]] == ["olga@example.org"]
assert ok(olga.get("/orgs"))["organizations"][0]["billingCompany"] == "Olga Inc"
audit = ok(olga.get(f"/orgs/{shared}/audit", params={"limit": 100}))
assert audit, "the audit trail is still there"

# What lies beside an organization's requests goes behind the answer. The agent of his requests with the shared organization's
# key is that organization's: it stays until retention forgets it.
end = time.monotonic() + 60
while True:
    left = {kind for kind, _ in found()} - {"agent"}
    if not left:
        break
    assert time.monotonic() < end, found()
    time.sleep(0.2)

projections = caught_up()
assert "balances" in projections, projections
for projection in projections:
    command("projections", "compare", projection)  # fails when they differ
after = {organization: balance(organization) for organization in (own, shared)}
assert before == after, (before, after)
command("ledger", "verify")
