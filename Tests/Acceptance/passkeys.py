"""Accounts, sessions and passkeys against a running gateway, with a software authenticator as the device."""

import base64
import os

import httpx
from soft_webauthn import SoftWebauthnDevice

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(value):
    if isinstance(value, dict):
        return {name: encoded(member) for name, member in value.items()}
    if isinstance(value, bytes):
        # The device gives its id as base64url that is padded already; everything else is raw.
        return base64.urlsafe_b64encode(value).decode().rstrip("=")
    return value


def credential(answer):
    answer = encoded(answer)
    answer["id"] = answer["rawId"]
    return {"response": answer}


def ok(response):
    assert response.status_code == 200, (response.status_code, response.text)
    return response.json()


browser = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
account = {"email": "ada@example.org", "password": "correct horse battery", "name": "Ada"}
user = ok(browser.post("/auth/sign-up/email", json=account))["user"]
assert ok(browser.get("/auth/get-session"))["user"]["id"] == user["id"]

device = SoftWebauthnDevice()
options = ok(browser.get("/auth/passkey/generate-register-options"))
options["challenge"] = decoded(options["challenge"])
options["user"]["id"] = decoded(options["user"]["id"])
passkey = ok(
    browser.post(
        "/auth/passkey/verify-registration",
        json={**credential(device.create({"publicKey": options}, url)), "name": "Soft key"},
    )
)
assert passkey["name"] == "Soft key"

stranger = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
assert ok(stranger.get("/auth/get-session")) is None


def sign_in(origin):
    options = ok(stranger.get("/auth/passkey/generate-authenticate-options"))
    options["challenge"] = decoded(options["challenge"])
    body = credential(device.get({"publicKey": options}, origin))
    return body, stranger.post("/auth/passkey/verify-authentication", json=body)


_, refused = sign_in("https://evil.example")
assert refused.status_code == 401, refused.text
body, accepted = sign_in(url)
assert ok(accepted)["user"]["id"] == user["id"]
assert ok(stranger.get("/user/me"))["user"]["email"] == account["email"]
again = stranger.post("/auth/passkey/verify-authentication", json=body)
assert again.status_code == 401, again.text

forged = browser.delete("/user/me", headers={"origin": "https://evil.example"})
assert forged.status_code == 403, forged.text
assert ok(browser.delete(f"/user/me/passkeys/{passkey['id']}"))["message"]
_, gone = sign_in(url)
assert gone.status_code == 401, gone.text

ok(browser.post("/auth/sign-out"))
assert browser.get("/user/me").status_code == 401
wrong = browser.post("/auth/sign-in/email", json={**account, "password": "wrong horse battery"})
nobody = browser.post("/auth/sign-in/email", json={**account, "email": "nobody@example.org"})
assert (wrong.status_code, wrong.json()) == (nobody.status_code, nobody.json()) == (401, wrong.json())
token = ok(browser.post("/auth/sign-in/email", json=account))["token"]
bearer = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=60)
assert ok(bearer.get("/user/me"))["user"]["id"] == user["id"]
ok(bearer.delete("/user/me"))
assert bearer.get("/user/me").status_code == 401
print("passkeys: passed")
