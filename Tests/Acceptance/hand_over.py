"""Somebody makes an account with another's address, where none is asked to be confirmed, and opens it to themselves: its reader
gets it by a new password, with the credits, and alone."""

import os
import re
import time

import httpx

from shop import command, mails, ok, verified

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
ADA = "ada@example.org"


def client():
    return httpx.Client(base_url=url, headers={"origin": url}, timeout=60)


def person(address):
    browser = client()
    ok(browser.post("/auth/sign-up/email", json={"email": address, "password": "correct horse battery", "name": "N"}))
    return browser


def complete(token):
    body = {"model": "echo", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    return httpx.post(url + "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {token}"}, timeout=60)


def organizations(browser):
    return [found["id"] for found in ok(browser.get("/orgs"))["organizations"]]


def new_key(browser, project):
    return ok(browser.post("/keys/api", json={"description": "k", "projectId": project, "usageLimit": None}))["apiKey"]["token"]


def link(before=None):
    """The token of the mail that another password is asked with."""
    ok(client().post("/auth/request-password-reset", json={"email": ADA}))
    end = time.monotonic() + 30
    while True:
        text = "".join(mails(ADA)).replace("=\n", "")
        tokens = re.findall(r"reset-password\?token=(?:3D)?([A-Za-z0-9_-]{43})", text)
        if tokens and tokens[-1] != before:
            return tokens[-1]
        assert time.monotonic() < end, "no mail came"
        time.sleep(0.05)


eve, second = person(ADA), person("second@example.org")
organization = organizations(eve)[0]
project = ok(eve.get(f"/orgs/{organization}/projects"))["projects"][0]["id"]
command("credits", "grant", "--organization", organization, "--amount", "10", "--kind", "paid")
verified(second, "second@example.org")
team = f"/team/{organization}"
invite = ok(eve.post(team + "/members", json={"email": "second@example.org", "role": "admin"}))["invite"]["id"]
ok(second.post(f"{team}/invites/{invite}/accept", json={}))
ok(eve.post(team + "/members", json={"email": "third@example.org", "role": "owner"}))
keys = [new_key(browser, project) for browser in (eve, second)]
for key in keys:
    ok(complete(key))

first = link()
password = {"token": first, "newPassword": "a horse of her own"}
ok(client().post("/auth/reset-password", json=password))
for key in keys:
    assert complete(key).status_code == 401, "a key outlived whoever made it"
assert eve.get("/user/me").status_code == 401
assert organization not in organizations(second)
ada = client()
ok(ada.post("/auth/sign-in/email", json={"email": ADA, "password": password["newPassword"]}))
assert organizations(ada) == [organization]
members = ok(ada.get(team + "/members"))
assert [member["role"] for member in members["members"]] == ["owner"] and members["invites"] == [], members
ok(complete(new_key(ada, project)))

# What she opens is hers: another password later ends sessions alone.
token = new_key(ada, project)
ok(client().post("/auth/reset-password", json={"token": link(first), "newPassword": "another horse of hers"}))
ok(complete(token))
print("hand over: passed")
