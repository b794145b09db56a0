"""The playground's own key and completions, what an installation reports, and what its administrators see."""

import contextlib
import json
import os
import select
import socket
import time
import urllib.parse

import httpx

from shop import command, ok, verified

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
PASSWORD = "correct horse battery"


def signed_up(email):
    person = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    ok(person.post("/auth/sign-up/email", json={"email": email, "password": PASSWORD, "name": "P"}))
    return person


owner = signed_up("player@example.org")
organization = ok(owner.get("/orgs"))["organizations"][0]["id"]
project = ok(owner.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]
command("credits", "grant", "--organization", organization, "--amount", "10", "--kind", "paid")
command("credits", "grant", "--organization", organization, "--amount", "2.5")
ask = {"model": "echo", "messages": [{"role": "user", "content": "Hello there"}]}


def complete(client, **fields):
    return client.post("/chat/completion", json=ask | fields)


# Without a key nobody is answered, and the field is named.
assert ok(owner.get("/playground/key")) == {"hasKey": False}
refused = complete(owner)
assert refused.status_code == 400 and refused.json()["error"]["param"] == "apiKey", refused.text
for wrong in (7, "", [], {}):
    refused = complete(owner, apiKey=wrong)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "apiKey", (wrong, refused.text)
assert complete(owner, apiKey="llmgtwy_nobody").status_code == 401

answer = owner.post("/playground/ensure-key", json={"projectId": project})
token = ok(answer)["token"]
cookie = answer.headers["set-cookie"]
assert cookie.startswith(f"llmgateway_playground_key={token};") and "HttpOnly" in cookie and "SameSite=Lax" in cookie, cookie
assert ok(owner.get("/playground/key")) == {"hasKey": True}
keys = [key for key in ok(owner.get("/keys/api"))["apiKeys"] if key["description"] == "Auto-generated playground key"]
assert len(keys) == 1 and token not in json.dumps(keys) and keys[0]["usageLimit"] is None, keys

# It opens the gateway as any key does; in the body, or held by the browser.
expected = ok(httpx.post(url + "/v1/chat/completions", headers={"authorization": f"Bearer {token}"}, json=ask, timeout=60))
message = expected["choices"][0]["message"]
for answer in (complete(httpx.Client(base_url=url, timeout=60), apiKey=token), complete(owner), complete(owner, apiKey=None)):
    assert ok(answer) == {"content": message["content"], "role": "assistant"}, answer.text
with owner.stream("POST", "/chat/completion", json=ask | {"stream": True}) as stream:
    assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
    events = [line[6:] for line in stream.iter_lines() if line.startswith("data: ")]
assert events[-1] == "[DONE]"
deltas = [json.loads(event)["choices"] for event in events[:-1]]
assert "".join(c[0]["delta"].get("content") or "" for c in deltas if c) == message["content"], events
# What a chat completion refuses is refused here.
for change, status in (({"messages": "no"}, 400), ({"model": "nothing"}, 400), ({"max_tokens": -1}, 400)):
    assert complete(owner, **change).status_code in (status, 404), complete(owner, **change).text
# Images make a request large. Who shows a key before it is read may send as much as an application; others may not.
for client, key, size, status in (
    (owner, {}, 3, 200), (owner, {}, 21, 413), (httpx.Client(base_url=url, timeout=60), {"apiKey": token}, 3, 413),
    (httpx.Client(base_url=url, timeout=60, cookies={"llmgateway_playground_key": "llmgtwy_nobody"}), {}, 3, 413),
):
    huge = client.post("/chat/completion", content=json.dumps(ask | key).encode() + b" " * (size << 20))
    assert huge.status_code == status, (key, size, huge.text)
# A cookie that nobody needs is not looked at: as an unknown token it would count for its address, which may try 30 of those.
stale = httpx.Client(base_url=url, timeout=60, cookies={"llmgateway_playground_key": "llmgtwy_nobody"})
for _ in range(40):
    ok(complete(stale, apiKey=token))
assert complete(owner, apiKey="llmgtwy_nobody").status_code == 401
raw = owner.post("/chat/completion", content=b'{"apiKey":', headers={"content-type": "application/json"})
assert raw.status_code == 400, raw.text
twice = b'{"model":"echo","model":"echo","messages":[{"role":"user","content":"a"}]}'
assert owner.post("/chat/completion", content=twice).status_code == 400

# Strangers do not fill the memory: all bodies have 40 MiB together here, twice the largest. Beyond it they hear 503, and people sign in nevertheless.
parts = urllib.parse.urlparse(url)
crowd = [socket.create_connection((parts.hostname, parts.port)) for _ in range(60)]
for stranger in crowd:
    # One that was answered already need not be read to its end.
    with contextlib.suppress(OSError):
        stranger.sendall(b"POST /stripe/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + b" " * 1_040_000)
answered, _, _ = select.select(crowd, [], [], 20)
assert any(stranger.recv(64).startswith(b"HTTP/1.1 503") for stranger in answered), answered
ok(httpx.post(url + "/auth/sign-in/email", json={"email": "player@example.org", "password": PASSWORD}))
for stranger in crowd:
    stranger.close()

# Another site's page has no use of the cookie.
for path, body in (("/chat/completion", ask), ("/playground/ensure-key", {"projectId": project})):
    forged = owner.post(path, json=body, headers={"origin": "https://evil.example"})
    assert forged.status_code == 403, (path, forged.text)
assert complete(owner).status_code == 200
# The pages of the origins that were named may ask from a browser, and read what is answered, whatever it is.
for path in ("/chat/completion", "/playground/ensure-key"):
    for origin, statuses, allowed in ((url, (204,), url), ("https://evil.example", (404, 405), None)):
        asked = httpx.options(url + path, headers={"origin": origin, "access-control-request-method": "POST"})
        assert asked.status_code in statuses, (path, origin, asked.status_code)
        assert asked.headers.get("access-control-allow-origin") == allowed, (path, origin, asked.headers)
for answer in (complete(owner), complete(owner, model="nothing"), owner.post("/chat/completion", content=b"{")):
    assert answer.headers["access-control-allow-origin"] == url and answer.headers["vary"] == "Origin", answer.headers
    assert answer.headers["access-control-allow-credentials"] == "true", answer.headers

# The browser that holds the key keeps it; another one gets a new token, and the old one opens nothing more.
assert ok(owner.post("/playground/ensure-key", json={"projectId": project}))["token"] == token
second = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
ok(second.post("/auth/sign-in/email", json={"email": "player@example.org", "password": PASSWORD}))
assert ok(second.get("/playground/key")) == {"hasKey": False}
newer = ok(second.post("/playground/ensure-key", json={"projectId": project}))["token"]
assert newer != token
assert complete(owner).status_code == 401 and complete(second).status_code == 200
assert ok(owner.get("/playground/key")) == {"hasKey": False}
# A key that its owner has switched off is not brought back: there is another one.
ok(second.patch(f"/keys/api/{keys[0]['id']}", json={"status": "inactive"}))
assert complete(second).status_code == 401
ok(second.post("/playground/ensure-key", json={"projectId": project}))
assert complete(second).status_code == 200

# The cookie alone is of no use: not after its person has signed out, and not to whoever is signed in in that browser then.
ok(owner.post("/playground/ensure-key", json={"projectId": project}))
assert complete(owner).status_code == 200
kept = owner.cookies["llmgateway_playground_key"]
ok(owner.post("/auth/sign-out"))
assert "llmgateway_playground_key" not in owner.cookies
nobody = httpx.Client(base_url=url, headers={"origin": url}, cookies={"llmgateway_playground_key": kept}, timeout=60)
assert complete(nobody).status_code == 401
stranger = signed_up("stranger@example.org")
stranger.cookies.set("llmgateway_playground_key", kept)
assert complete(stranger).status_code == 401
stranger.cookies.delete("llmgateway_playground_key")
# A person who signs in where another was signed in finds nothing of theirs.
ok(second.post("/auth/sign-in/email", json={"email": "stranger@example.org", "password": PASSWORD}))
assert "llmgateway_playground_key" not in second.cookies
owner = second
ok(owner.post("/auth/sign-in/email", json={"email": "player@example.org", "password": PASSWORD}))
ok(owner.post("/playground/ensure-key", json={"projectId": project}))
assert complete(owner).status_code == 200

for other in (project, "proj_nothing", ""):
    assert stranger.post("/playground/ensure-key", json={"projectId": other}).status_code == 403, other
assert stranger.post("/playground/ensure-key", json={}).status_code == 400
assert httpx.post(url + "/playground/ensure-key", json={"projectId": project}).status_code == 401

# Installations report themselves, and a report that is none names its field.
report = {
    "uuid": "6f0cde5e-3c77-4d9c-8a38-111111111111", "type": "self-host", "timestamp": "2026-11-24T20:33:40Z",
    "version": "v1", "providers": ["openai", "echo"]}
for version in ("v1", "v2"):
    assert ok(httpx.post(url + "/beacon", json=report | {"version": version}))["success"] is True
for field, value in (
    ("uuid", "x"), ("timestamp", "yesterday"), ("type", ""), ("version", "v" * 65), ("version", "a\nb"),
    ("providers", ["x"] * 201), ("providers", "openai"), ("providers", [""]), ("type", None),
):
    refused = httpx.post(url + "/beacon", json=report | {field: value})
    assert refused.status_code == 400 and refused.json()["field"].startswith(field), (field, refused.text)
statuses = [httpx.post(url + "/beacon", json=report).status_code for _ in range(25)]
assert statuses[0] == 200 and statuses[-1] == 429, statuses

# Only administrators see what the installation earned; an address counts once it is verified.
for nobody in (owner, stranger):
    assert nobody.get("/admin/metrics").status_code == 403
assert httpx.get(url + "/admin/metrics").status_code == 401
boss = signed_up("boss@example.org")
assert boss.get("/admin/metrics").status_code == 403
verified(boss, "boss@example.org")
end = time.monotonic() + 30
while True:
    figures = json.loads(boss.get("/admin/metrics").text, parse_float=str, parse_int=str)
    if figures.get("payingCustomers") == "1" or time.monotonic() > end:
        break
    time.sleep(0.1)
assert figures == {
    "totalCreditsIssued": "12.5", "totalRevenue": "10", "netProfit": "-2.5", "totalSignups": "3", "verifiedUsers": "1",
    "payingCustomers": "1"}, figures

# The document by its old name.
assert ok(httpx.get(url + "/json")) == ok(httpx.get(url + "/openapi.json"))
