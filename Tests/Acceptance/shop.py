"""What scenarios of organizations share: a provider of their own, the commands of an operator, and answers that must be good."""

import glob
import json
import os
import re
import subprocess
import sys
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Provider(ThreadingHTTPServer):
    """Answers chat completions, and knows how often it was asked and with which credential."""

    daemon_threads = True

    def __init__(self, port):
        self.asked, self.status = 0, 200
        # Why its answers end.
        self.reason = "stop"
        self.credentials = []
        # Credentials that are refused.
        self.unknown = set()
        super().__init__(("127.0.0.1", port), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body.get("stream"):
            return self.stream(body["model"])
        self.answer(
            {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1730000000, "model": body["model"],
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": self.server.reason}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )

    def stream(self, model):
        self.server.asked += 1
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for delta, reason in (({"role": "assistant", "content": "Hi"}, None), ({}, self.server.reason)):
            event = {
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1730000000, "model": model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def do_GET(self):
        self.answer({"object": "list", "data": []})

    def answer(self, good):
        self.server.asked += 1
        credential = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.server.credentials.append(credential)
        status = 401 if credential in self.server.unknown else self.server.status
        body = json.dumps(good if status == 200 else {"error": {"message": "no", "type": "server_error"}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ok(answer):
    assert answer.status_code in (200, 201), (answer.request.url, answer.status_code, answer.text)
    return answer.json()


def stripe_server(port):
    """A Stripe of the test's own; whoever starts it kills it."""
    folder = os.path.dirname(os.path.abspath(__file__))
    child = subprocess.Popen(
        [sys.executable, os.path.join(folder, "stripe_server.py"), str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True)
    assert json.loads(child.stdout.readline())["ready"]
    return child


def command(*arguments):
    done = subprocess.run([os.environ["LLMGATEWAY_EXECUTABLE"], *arguments, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(check, what, seconds=45):
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, (what, found)
        time.sleep(0.2)


def credits(person, organization):
    return Decimal(ok(person.get(f"/orgs/{organization}"))["organization"]["credits"])


def reaches(person, organization, amount):
    until(lambda: credits(person, organization) == Decimal(amount), f"credits of {amount}, not {credits(person, organization)}")


def mails(address):
    """The mails to an address that no server has taken."""
    found = []
    for path in sorted(glob.glob(os.environ["LLMGATEWAY_HOME"] + "/mail/*.eml*")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if f"\nTo: {address}" in text.replace("\r\n", "\n"):
            found.append(text)
    return found


def verified(client, address):
    """Opens the link of the mail that asks whether the address is theirs."""
    ok(client.post("/auth/send-verification-email", json={"email": address}))
    end = time.monotonic() + 30
    while True:
        links = [link for mail in mails(address) for link in re.findall(r"/auth/verify-email\?\S+", mail.replace("=\n", ""))]
        if links:
            break
        assert time.monotonic() < end, "no mail came"
        time.sleep(0.05)
    answer = client.get(links[-1], follow_redirects=False)
    assert answer.status_code in (200, 302), answer.text
    assert ok(client.get("/user/me"))["user"]["emailVerified"], links
