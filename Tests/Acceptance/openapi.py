"""Holds the running server to /openapi.json with schemathesis: whatever it allows is answered as it says, and never with a 5xx.

Three walks: a person with an organization of theirs, whose ids stand in the document; an application with an API key; and
nobody. Arguments: an API key, how many examples an operation gets, and the port at which the gateway expects Stripe.
"""

import json
import os
import subprocess
import sys
import tempfile

import httpx

from shop import ok, stripe_server

KEY, EXAMPLES, STRIPE_PORT = sys.argv[1:4]
SEED = os.environ.get("TEST_SEED", "1")
url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# These would end the walk: the session, or what all other operations are about.
ENDS = {
    "signOut", "revokeSessions", "revokeOtherSessions", "changePassword", "setPassword", "deleteUser", "deleteOrganization",
    "deleteProject", "deleteAPIKey", "deleteIAMRule", "rollAPIKey", "withdrawInvite",
}
PASSWORD = "correct horse battery"


def signed_up(email):
    person = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    ok(person.post("/auth/sign-up/email", json={"email": email, "password": PASSWORD, "name": "Ada"}))
    session = ok(person.post("/auth/sign-in/email", json={"email": email, "password": PASSWORD}))
    return person, session["token"], session["user"]["id"]


def narrowed(document, ids, keep):
    """The document with these operations alone, and with the ids of things that are there."""
    document = json.loads(json.dumps(document))
    for path, methods in document["paths"].items():
        for method, operation in list(methods.items()):
            if not keep(path, operation):
                del methods[method]
                continue
            for parameter in operation.get("parameters", []):
                known = ids.get((path.split("/")[1], parameter["name"]))
                if parameter["in"] == "path" and known:
                    parameter["schema"] = {"enum": [known]}
                    parameter["example"] = known
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for name, value in body.get("properties", {}).items():
                if name in ids:
                    body["properties"][name] = {"enum": [ids[name]]}
    document["paths"] = {path: methods for path, methods in document["paths"].items() if methods}
    return document


def walk(name, document, *headers):
    # One worker: Python 3.11's parser, which hypothesis calls, keeps its depth for all threads together, and two at once fail with
    # "AST constructor recursion depth mismatch".
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/openapi.json", "w") as file:
            json.dump(document, file)
        arguments = [part for header in headers for part in ("--header", header)]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", folder + "/openapi.json", "--url", url, "--checks", CHECKS,
             "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED, "--workers", "1",
             "--continue-on-failure", "--request-timeout", "30", "--no-color", *arguments],
            capture_output=True, text=True, cwd=folder, timeout=1200)
    assert done.returncode == 0, f"{name}, seed {SEED}:\n{done.stdout[-12000:]}{done.stderr[-2000:]}"
    print(name, [line.strip() for line in done.stdout.splitlines() if "generated, " in line])


stripe = stripe_server(int(STRIPE_PORT))
try:
    document = ok(httpx.get(url + "/openapi.json", timeout=60))

    owner, token, user = signed_up("owner@example.org")
    organization = ok(owner.post("/orgs", json={"name": "Walk"}))["organization"]["id"]
    project = ok(owner.post("/projects", json={"name": "Walk", "organizationId": organization}))["project"]["id"]
    key = ok(owner.post("/keys/api", json={"description": "Walk", "projectId": project, "usageLimit": None}))["apiKey"]["id"]
    rule = {"ruleType": "deny_models", "ruleValue": {"models": ["m"]}}
    rule = ok(owner.post(f"/keys/api/{key}/iam", json=rule))["rule"]["id"]
    invite = ok(owner.post(f"/team/{organization}/members", json={"email": "b@example.org", "role": "admin"}))["invite"]["id"]
    ids = {
        ("orgs", "id"): organization, ("team", "id"): organization, ("team", "member"): user, ("team", "invite"): invite,
        ("projects", "id"): project, ("keys", "id"): key, ("keys", "rule"): rule, "projectId": project,
        "organizationId": organization,
    }
    people = lambda path, operation: not path.startswith("/v1/") and not path.startswith("/auth/sign-")
    walk(
        "a person", narrowed(document, ids, lambda path, operation: people(path, operation) and operation["operationId"] not in ENDS),
        f"Authorization: Bearer {token}")
    ends = narrowed(document, {}, lambda path, operation: operation["operationId"] in ENDS - {"deleteUser"})
    walk("what ends things", ends, f"Authorization: Bearer {signed_up('second@example.org')[1]}")
    walk(
        "an application", narrowed(document, {"model": "echo"}, lambda path, operation: path.startswith("/v1/")),
        f"Authorization: Bearer {KEY}")
    walk("nobody", narrowed(document, {}, lambda path, operation: not path.startswith("/auth/sign-up")))
finally:
    stripe.kill()
