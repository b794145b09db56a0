"""The management API as its users call it, with curl: every call answers in the documented shape.

Paths, bodies and shapes are those that existing clients of this API send and read.
"""

import json
import os
import subprocess

URL = os.environ["GATEWAY_URL"]
TEXT, FLAG, WHOLE, LIST, NONE = str, bool, int, list, type(None)


def curl(method, path, body=None, token=None, cookie=None, status=200):
    command = ["curl", "-sS", "--max-time", "30", "-X", method, URL + path, "-w", "\n%{http_code}"]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    if cookie:
        command += ["-H", f"Cookie: better-auth.session_token={cookie}"]
    text, code = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rsplit("\n", 1)
    assert int(code) == status, (method, path, code, text)
    return json.loads(text)


def fits(value, shape, at="answer"):
    """A shape is a type, a value that must be there, a member's shape by name, or a list of the shapes of its elements."""
    if isinstance(shape, tuple):
        assert isinstance(value, shape), (at, value)
    elif isinstance(shape, type):
        assert type(value) is shape, (at, value)
    elif isinstance(shape, dict):
        assert isinstance(value, dict), (at, value)
        for name, inner in shape.items():
            assert name in value, (at, name, value)
            fits(value[name], inner, f"{at}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list) and len(value) == len(shape), (at, value)
        for index, inner in enumerate(shape):
            fits(value[index], inner, f"{at}[{index}]")
    else:
        assert value == shape, (at, value, shape)
    return value


USER = {"id": TEXT, "email": TEXT, "name": (TEXT, NONE), "onboardingCompleted": FLAG, "emailVerified": FLAG, "isAdmin": FLAG}
account = {"email": "user@example.com", "password": "oldpass123", "name": "John Doe"}
session = fits(curl("POST", "/auth/sign-up/email", account), {"token": TEXT, "user": {"email": "user@example.com"}})["token"]

# The person.
person = fits(curl("GET", "/user/me", token=session, cookie=session), {"user": USER})["user"]
assert person["id"].startswith("usr_") and person["name"] == "John Doe" and not person["isAdmin"]
fits(curl("GET", "/user/me", cookie=session), {"user": person})
# The name changes at once; the address when the link in the mail to it was opened.
changed = curl("PATCH", "/user/me", {"name": "Jane Smith", "email": "jane@example.com"}, session)
fits(changed, {"user": USER | {"name": "Jane Smith", "email": "user@example.com"}, "message": TEXT})
done = curl("POST", "/user/me/complete-onboarding", {}, session)
fits(done, {"user": USER | {"onboardingCompleted": True}, "message": TEXT})
fits(curl("PUT", "/user/password", {"currentPassword": "oldpass123", "newPassword": "newpass456"}, session), {"message": TEXT})
session = curl("POST", "/auth/sign-in/email", account | {"password": "newpass456"})["token"]
fits(curl("DELETE", "/user/me/passkeys/passkey_id_123", token=session), {"message": TEXT})

# Organizations and projects.
organization = fits(curl("GET", "/orgs", token=session), {"organizations": [{
    "id": TEXT, "createdAt": TEXT, "updatedAt": TEXT, "name": TEXT, "billingEmail": (TEXT, NONE), "billingCompany": (TEXT, NONE),
    "billingAddress": (TEXT, NONE), "billingTaxId": (TEXT, NONE), "billingNotes": (TEXT, NONE), "credits": TEXT, "plan": "free",
    "planExpiresAt": (TEXT, NONE), "retentionLevel": TEXT, "status": "active", "autoTopUpEnabled": FLAG,
    "autoTopUpThreshold": (TEXT, NONE), "autoTopUpAmount": (TEXT, NONE), "referralEarnings": TEXT,
}]})["organizations"][0]["id"]
second = {"name": "Second"}
second = fits(curl("POST", "/orgs", second, session), {"organization": {"id": TEXT, "status": "active", "plan": "free"} | second})
second = f"/orgs/{second['organization']['id']}"
billing = {"name": "Renamed", "billingEmail": "billing@example.com", "retentionLevel": "retain"}
fits(curl("PATCH", second, billing, session), {"message": TEXT, "organization": billing})
fits(curl("DELETE", second, token=session), {"message": TEXT})
assert [found["id"] for found in curl("GET", "/orgs", token=session)["organizations"]] == [organization]
PROJECT = {
    "id": TEXT, "createdAt": TEXT, "updatedAt": TEXT, "name": TEXT, "organizationId": organization, "cachingEnabled": FLAG,
    "cacheDurationSeconds": WHOLE, "mode": TEXT, "status": "active"}
made = {"name": "Production API", "organizationId": organization, "cachingEnabled": True, "cacheDurationSeconds": 300,
        "mode": "hybrid"}
project = fits(curl("POST", "/projects", made, session, status=201), {"project": PROJECT | made})["project"]["id"]
fits(curl("GET", f"/orgs/{organization}/projects", token=session), {"projects": [PROJECT, PROJECT]})
fits(curl("GET", f"/projects/{project}", token=session), {"project": PROJECT})
fits(curl("PATCH", f"/projects/{project}", {"mode": "credits"}, session), {"message": TEXT, "project": PROJECT | {"mode": "credits"}})

# API keys: the token is shown once.
new = {"description": "Production API Key", "projectId": project, "usageLimit": "100.00"}
KEY = {"id": TEXT, "description": TEXT, "status": "active", "usageLimit": TEXT, "usage": "0", "projectId": project,
       "createdBy": person["id"], "createdAt": TEXT, "updatedAt": TEXT}
key = fits(curl("POST", "/keys/api", new, session), {"apiKey": KEY | {"token": TEXT}})["apiKey"]
assert key["token"].startswith("llmgtwy_") and float(key["usageLimit"]) == 100
listed = fits(curl("GET", f"/keys/api?projectId={project}&filter=all", token=session), {
    "apiKeys": [KEY | {
        "maskedToken": TEXT, "creator": {"id": person["id"], "name": "Jane Smith", "email": "user@example.com"}, "iamRules": []}],
    "planLimits": {"currentCount": 1, "maxKeys": WHOLE, "plan": "free"}, "userRole": "owner",
})
assert "token" not in listed["apiKeys"][0] and key["token"] not in json.dumps(listed)
path = f"/keys/api/{key['id']}"
fits(curl("PATCH", path, {"status": "inactive"}, session), {"message": TEXT, "apiKey": {"id": key["id"], "status": "inactive"}})
raised = curl("PATCH", f"/keys/api/limit/{key['id']}", {"usageLimit": "200.00"}, session)
assert float(fits(raised, {"message": TEXT, "apiKey": {"usageLimit": TEXT}})["apiKey"]["usageLimit"]) == 200

# IAM rules.
RULE = {"id": TEXT, "createdAt": TEXT, "updatedAt": TEXT, "apiKeyId": key["id"], "ruleType": TEXT, "ruleValue": dict,
        "status": "active"}
models = {"ruleType": "allow_models", "ruleValue": {"models": ["gpt-4o", "claude-3-5-sonnet"]}, "status": "active"}
rule = fits(curl("POST", path + "/iam", models, session), {"message": TEXT, "rule": RULE | models})["rule"]["id"]
prices = {"pricingType": "free", "maxInputPrice": 0.000001, "maxOutputPrice": 0.000002}
priced = curl("POST", path + "/iam", {"ruleType": "allow_pricing", "ruleValue": prices, "status": "active"}, session)
value = fits(priced, {"message": TEXT, "rule": RULE})["rule"]["ruleValue"]
assert value["pricingType"] == "free" and float(value["maxInputPrice"]) == 0.000001 and float(value["maxOutputPrice"]) == 0.000002
fits(curl("GET", path + "/iam", token=session), {"rules": [RULE, RULE]})
more = {"ruleValue": {"models": ["gpt-4o", "claude-3-5-sonnet", "gemini-2.0-flash"]}}
fits(curl("PATCH", f"{path}/iam/{rule}", more, session), {"message": TEXT, "rule": RULE | more})
fits(curl("DELETE", f"{path}/iam/{rule}", token=session), {"message": TEXT})
fits(curl("DELETE", path, token=session), {"message": TEXT})
fits(curl("GET", f"/keys/api?projectId={project}", token=session), {"apiKeys": [{"id": key["id"], "status": "deleted"}]})

# What is left of part 2, empty as it is now.
fits(curl("GET", f"/orgs/{organization}/transactions", token=session), {"transactions": []})
fits(curl("GET", f"/orgs/{organization}/referral-stats", token=session), {"referredCount": 0})
fits(curl("GET", f"/team/{organization}/members", token=session), {
    "members": [{"id": TEXT, "userId": person["id"], "role": "owner", "createdAt": TEXT, "user": {
        "id": person["id"], "email": TEXT, "name": TEXT}}]})
fits(curl("GET", "/keys/provider", token=session), {"providerKeys": []})
fits(curl("GET", "/logs?limit=100", token=session), {"logs": [], "pagination": {"nextCursor": None, "hasMore": False, "limit": 100}})
fits(curl("GET", "/logs/unique-models", token=session), {"models": [], "providers": []})
fits(curl("GET", "/activity?days=7", token=session), {"activity": []})

CHAT = {"id": TEXT, "title": TEXT, "model": TEXT, "status": "active", "createdAt": TEXT, "updatedAt": TEXT, "messageCount": WHOLE}
chat = fits(curl("POST", "/chats", {"title": "T", "model": "gpt-4o"}, session, status=201), {"chat": CHAT})["chat"]["id"]
fits(curl("GET", "/chats", token=session), {"chats": [CHAT], "pagination": {"nextCursor": None, "hasMore": False, "limit": 200}})
said = curl("POST", f"/chats/{chat}/messages", {"role": "user", "content": "Hi"}, session, status=201)
fits(said, {"message": {"id": TEXT, "role": "user", "content": "Hi", "images": NONE, "reasoning": NONE, "tools": NONE, "sequence": 1}})
fits(curl("GET", f"/chats/{chat}", token=session), {"chat": CHAT | {"messageCount": 1}, "messages": [said["message"]]})
fits(curl("PATCH", f"/chats/{chat}", {"title": "U"}, session), {"chat": CHAT | {"title": "U"}})
fits(curl("DELETE", f"/chats/{chat}", token=session), {"message": TEXT})

# The playground, and the installation itself.
fits(curl("GET", "/playground/key", token=session), {"hasKey": False})
played = fits(curl("POST", "/playground/ensure-key", {"projectId": project}, session), {"ok": True, "token": TEXT})["token"]
question = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}], "stream": False, "apiKey": played}
curl("POST", "/chat/completion", question, session, status=402)
beacon = {"uuid": "6f0cde5e-3c77-4d9c-8a38-222222222222", "type": "self-host", "timestamp": "2026-11-24T20:33:40.000Z",
          "version": "1.0.0", "providers": ["openai", "anthropic"]}
fits(curl("POST", "/beacon", beacon), {"success": True, "message": TEXT})
curl("GET", "/admin/metrics", token=session, status=403)

# Health and models are for everybody.
fits(curl("GET", "/"), {"message": TEXT, "version": TEXT, "health": {
    "status": TEXT, "database": {"connected": True}, "redis": {"connected": True}}})
found = fits(curl("GET", "/v1/models", token=key["token"]), {"data": LIST})["data"]
fits(next(model for model in found if model["id"] == "gpt-4o"), {
    "id": "gpt-4o", "name": TEXT, "created": WHOLE, "family": "openai",
    "architecture": {"input_modalities": LIST, "output_modalities": LIST}, "providers": LIST,
    "pricing": {"prompt": TEXT, "completion": TEXT}, "context_length": WHOLE, "json_output": FLAG, "structured_outputs": FLAG,
    "free": FLAG})
for flag in ("exclude_deprecated=true", "include_deactivated=true"):
    fits(curl("GET", f"/v1/models?{flag}", token=key["token"]), {"data": LIST})

# And the end.
fits(curl("GET", "/user/me", status=401), {"error": True, "status": 401, "message": TEXT})
fits(curl("DELETE", "/user/me", token=session), {"message": TEXT})
curl("GET", "/user/me", token=session, status=401)
print("curl examples: passed")
