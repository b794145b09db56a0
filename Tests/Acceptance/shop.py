"""What scenarios of organizations share: a provider of their own, the commands of an operator, and answers that must be good."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Provider(ThreadingHTTPServer):
    """Answers chat completions, and knows how often it was asked and with which credential."""

    daemon_threads = True

    def __init__(self, port):
        self.asked, self.status = 0, 200
        self.credentials = []
        # Credentials that are refused.
        self.unknown = set()
        super().__init__(("127.0.0.1", port), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.answer(
            {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1730000000, "model": body["model"],
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )

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


def command(*arguments):
    done = subprocess.run([os.environ["LLMGATEWAY_EXECUTABLE"], *arguments, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
