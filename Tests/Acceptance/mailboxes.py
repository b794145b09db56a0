"""Mail through a real SMTP server: verification, an address that has an account, a new password, and servers that refuse.

Arguments: the port that the gateway's SMTP_URL names; nobody listens there when this begins.
"""

import email
import os
import re
import sys
import time

import httpx
from aiosmtpd.controller import Controller

PORT = int(sys.argv[1])
HOME = os.environ["LLMGATEWAY_HOME"]
url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")


class Mailbox:
    """Keeps what it takes; refuses whom it is told to, for now or for good."""

    def __init__(self):
        self.mails = []
        self.refusals = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        if answer := self.refusals.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"

    def next(self, to, subject):
        """The next mail to somebody; the limit only bounds a scenario that fails."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for index, (recipients, mail) in enumerate(self.mails):
                if recipients == [to] and subject in mail["subject"]:
                    del self.mails[index]
                    assert mail["to"] == to, mail["to"]
                    return mail.get_payload(decode=True).decode()
            time.sleep(0.02)
        raise AssertionError((to, subject, self.mails))


def link(text):
    return re.search(r"http://\S+", text).group()


def client():
    return httpx.Client(base_url=url, headers={"origin": url}, timeout=60, follow_redirects=False)


def post(path, body, status=200, browser=None):
    answer = (browser or client()).post(path, json=body)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    return answer.json()


def account(address):
    return {"email": address, "password": "correct horse battery", "name": "Ada"}


def confirm(text, person):
    """Opens a link as a stranger would, which changes nothing, and then as who has the account and is not signed in."""
    assert client().get(link(text)).status_code == 401, text
    post("/auth/sign-in/email", person, status=403)
    token = re.search(r"token=([^&\s]+)", text).group(1)
    post("/auth/verify-email", {"token": token, "password": "another horse battery"}, status=400)
    post("/auth/verify-email", {"token": token, "password": person["password"]})
    assert client().get(link(text)).status_code == 400, text


def files(end):
    folder = HOME + "/mail"
    return [name for name in os.listdir(folder) if name.endswith(end)] if os.path.isdir(folder) else []


# The server is away: the mail waits, and comes when it is back.
ada = account("ada@example.org")
first = post("/auth/sign-up/email", ada)
end = time.monotonic() + 60
while not files(".eml"):
    assert time.monotonic() < end, "no mail lies in the spool"
    time.sleep(0.02)
mailbox = Mailbox()
controller = Controller(mailbox, hostname="127.0.0.1", port=PORT)
controller.start()
try:
    verification = mailbox.next("ada@example.org", "Confirm")
    assert not mailbox.mails

    # Until the mailbox is confirmed nobody signs in with it, and the link works once, for who has the account.
    confirm(verification, ada)
    assert link(mailbox.next("ada@example.org", "Confirm")) != link(verification)
    browser = client()
    post("/auth/sign-in/email", ada, browser=browser)
    assert browser.get("/auth/get-session").json()["user"]["email"] == "ada@example.org"

    # Whoever comes has an organization, and can invite another; the mail names the invitation, and no text of a person.
    organizations = browser.get("/orgs").json()["organizations"]
    assert [found["name"] for found in organizations] == ["Default Organization"], organizations
    team = f"/team/{organizations[0]['id']}"
    invite = post(team + "/members", {"email": "bob@example.org", "role": "developer"}, browser=browser)["invite"]
    text = mailbox.next("bob@example.org", "invited")
    assert invite["id"] in text and organizations[0]["id"] in text and "Ada" not in text, text
    bob = account("bob@example.org")
    post("/auth/sign-up/email", bob)
    confirm(mailbox.next("bob@example.org", "Confirm"), bob)
    mailbox.next("bob@example.org", "Confirm")
    guest = client()
    post("/auth/sign-in/email", bob, browser=guest)
    assert [found["id"] for found in guest.get("/user/me/invites").json()["invites"]] == [invite["id"]]
    post(f"{team}/invites/{invite['id']}/accept", {}, browser=guest)
    assert {found["role"] for found in guest.get("/orgs").json()["organizations"]} == {"owner", "developer"}

    # Who tries an address that has an account sees what a new one sees; only the mailbox's owner is told.
    again = post("/auth/sign-up/email", {**ada, "name": "Eve", "password": "another horse battery"})
    assert again.keys() == first.keys() and again["user"].keys() == first["user"].keys(), (first, again)
    assert again["user"]["id"] != first["user"]["id"] or again == first
    mailbox.next("ada@example.org", "already have an account")

    # A new password by mail ends the sessions, and the old one opens nothing. A stranger's address is answered alike.
    asked = post("/auth/request-password-reset", {"email": "ada@example.org"})
    assert post("/auth/request-password-reset", {"email": "nobody@example.org"}) == asked
    reset = link(mailbox.next("ada@example.org", "new password"))
    token = re.search(r"token=([^&\s]+)", reset).group(1)
    new = {**ada, "password": "a new horse battery"}
    post("/auth/reset-password", {"token": token, "newPassword": new["password"]})
    mailbox.next("ada@example.org", "password was changed")
    post("/auth/reset-password", {"token": token, "newPassword": "once more, horse"}, status=400)
    assert browser.get("/user/me").status_code == 401
    post("/auth/sign-in/email", ada, status=401)
    post("/auth/sign-in/email", new, browser=browser)

    # A server that asks for patience is asked again; one that refuses for good leaves the mail to be looked at.
    mailbox.refusals["slow@example.org"] = "451 later"
    post("/auth/sign-up/email", account("slow@example.org"))
    time.sleep(0.3)
    del mailbox.refusals["slow@example.org"]
    mailbox.next("slow@example.org", "Confirm")
    mailbox.refusals["gone@example.org"] = "550 nobody here"
    post("/auth/sign-up/email", account("gone@example.org"))
    end = time.monotonic() + 60
    while not files(".failed"):
        assert time.monotonic() < end, os.listdir(HOME + "/mail")
        time.sleep(0.02)
    assert not files(".eml"), os.listdir(HOME + "/mail")

    # An address can't bring a header or a second recipient with it.
    for address in ["x@example.org\r\nBcc: eve@example.org", "x@example.org>,<eve@example.org", "a b@example.org"]:
        refused = client().post("/auth/sign-up/email", json=account(address))
        assert refused.status_code == 400, (address, refused.status_code, refused.text)
    assert not mailbox.mails, [mail["subject"] for _, mail in mailbox.mails]
finally:
    controller.stop()
