"""With `x-debug: true` what the gateway sent to a provider and what came from it are kept as they were, where bodies are kept at all.

Arguments: the port at which the gateway looks for the provider. Environment: GATEWAY_URL, and that of the commands.
"""

import asyncio
import json
import os
import re
import sys
import threading

import httpx

from anthropic_server import AnthropicServer
from shop import command, ok, until

SECRET = "upstream-secret"
url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
server, ready = AnthropicServer(SECRET), threading.Event()


async def serve():
    await server.start(int(sys.argv[1]))
    ready.set()
    await asyncio.Event().wait()


threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
assert ready.wait(10)


def shop(email, level):
    person = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    ok(person.post("/auth/sign-up/email", json={"email": email, "password": "correct horse battery", "name": "D"}))
    organization = ok(person.get("/orgs"))["organizations"][0]["id"]
    command("credits", "grant", "--organization", organization, "--amount", "10", "--kind", "paid")
    command("organizations", "set-retention", "--organization", organization, "--level", level)
    project = ok(person.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]
    return person, ok(person.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": None}))["apiKey"]["token"]


owner, token = shop("debug@example.org", "retain")
other, their_token = shop("other@example.org", "none")


def ask(token, model="claude", debug="true", **fields):
    answer = httpx.post(
        url + "/v1/chat/completions", timeout=60,
        headers={"authorization": f"Bearer {token}"} | ({"x-debug": debug} if debug else {}),
        json={"model": model, "messages": [{"role": "user", "content": "Zoë"}]} | fields)
    return answer.headers["x-llmgateway-request-id"]


def log(person, request, kept="requestBody"):
    """The request, once the read model and what is kept have come."""
    def found():
        answer = person.get(f"/logs/{request}")
        one = ok(answer)["log"] if answer.status_code == 200 else {}
        return one if one.get("status") in ("completed", "failed") and (kept is None or one[kept]) else None

    return until(found, request)


def digests(request):
    events = [json.loads(line) for line in command("ledger", "events", "--stream", f"request/{request}").splitlines()]
    return events[-1]["data"].get("bodies")


# Whole and streamed: the provider's own format, and not the one that the client speaks.
for stream in (False, True):
    request = ask(token, stream=stream)
    one = log(owner, request, "upstreamResponse")
    assert json.loads(one["upstreamRequest"]) == server.bodies[-1], one
    assert "max_tokens" in one["upstreamRequest"] and "max_tokens" not in one["requestBody"], one
    if stream:
        assert one["upstreamResponse"].startswith("event: message_start") and "message_stop" in one["upstreamResponse"], one
    else:
        answer = json.loads(one["upstreamResponse"])
        assert answer["type"] == "message" and answer["usage"]["input_tokens"] == 100, answer
    assert SECRET not in json.dumps(one)
    assert set(digests(request)) == {"prompt", "completion", "upstream_request", "upstream_answer"}, digests(request)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests(request).values())

# Without the header, or with another value of it, no more is kept than ever; and where nothing is kept, nothing is.
for debug in (None, "false"):
    request = ask(token, debug=debug)
    one = log(owner, request, "responseBody")
    assert one["upstreamRequest"] is None and one["upstreamResponse"] is None, one
    assert set(digests(request)) == {"prompt", "completion"}, digests(request)
request = ask(their_token)
one = log(other, request, None)
names = ("requestBody", "responseBody", "upstreamRequest", "upstreamResponse")
assert [one[name] for name in names] == [None] * 4 and digests(request) is None, one
assert SECRET not in command("ledger", "events", "--limit", "10000")

# What a provider refuses is what one wants to see; what it says of the gateway's own account is nobody's.
one = log(owner, ask(token, model="claude-error-invalid_request_error"), "upstreamResponse")
assert "It was asked for." in one["upstreamResponse"] and one["upstreamRequest"] and one["responseBody"] is None, one
one = log(owner, ask(token, model="claude-error-authentication_error"), "upstreamRequest")
assert one["upstreamResponse"] is None, one
