"""Whatever a client sends is answered with a 4xx that names the field, and the gateway goes on.

Arguments: the gateway's key. Environment: GATEWAY_URL. The last line that it prints says how many requests of that key were refused,
by status.
"""

import collections
import http.client
import json
import os
import sys
import urllib.parse

URL = urllib.parse.urlparse(os.environ["GATEWAY_URL"])
KEY = sys.argv[1]
# Refusals of a known key, by status. What is refused before the key is looked at is nobody's.
denied = collections.Counter()


def send(body, headers=None, key=KEY, path="/v1/chat/completions"):
    connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=60)
    all_headers = {"content-type": "application/json"}
    if key:
        all_headers["authorization"] = "Bearer " + key
    all_headers.update(headers or {})
    connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), all_headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def refused(name, body, status=400, param=None, is_counted=True, **arguments):
    got, answer = send(body, **arguments)
    error = (answer or {}).get("error") or {}
    assert got == status, (name, got, answer)
    assert set(error) >= {"message", "type", "param", "code"} and error["message"], (name, answer)
    assert error["param"] == param, (name, answer)
    if is_counted:
        denied[status] += 1
    print("refused", name)


HELLO = [{"role": "user", "content": "hi"}]
refused("malformed JSON", b'{"model": "echo", "messages": [')
refused("an empty body", b"")
refused("an array", b"[]")
refused("no model", {"messages": HELLO}, param="model")
refused("a model of a wrong type", {"model": 7, "messages": HELLO}, param="model")
refused("no messages", {"model": "echo"}, param="messages")
refused("a message without a role", {"model": "echo", "messages": [{"content": "x"}]}, param="messages[0].role")
refused("a later message without a role", {"model": "echo", "messages": HELLO + [{"content": "x"}]}, param="messages[1].role")
refused("negative max_tokens", {"model": "echo", "messages": HELLO, "max_tokens": -5}, param="max_tokens")
refused("a fractional max_tokens", {"model": "echo", "messages": HELLO, "max_tokens": 1.5}, param="max_tokens")
refused("stream of a wrong type", {"model": "echo", "messages": HELLO, "stream": "yes"}, param="stream")
for name, text in (
        ("NUL in a string", b"a\\u0000b"), ("a raw NUL", b"a\x00b"), ("invalid UTF-8", b"\xff\xfe"), ("half a surrogate", b"\\ud800")):
    refused(name, b'{"model":"echo","messages":[{"role":"user","content":"' + text + b'"}]}', param="messages[0].content")
    refused(name + " in the model", b'{"model":"' + text + b'","messages":[{"role":"user","content":"x"}]}', param="model")
refused("a duplicate key", b'{"model":"echo","model":"gpt-4o","messages":[{"role":"user","content":"x"}]}', param="model")
refused("an escaped name", b'{"\\u006dodel":"echo","messages":[{"role":"user","content":"x"}]}', param="model")
refused(
    "a deep nest", b'{"model":"echo","messages":[{"role":"user","content":"x"}],"x":' + b"[" * 5000 + b"]" * 5000 + b"}", param="x")
refused("an unknown model", {"model": "nothing", "messages": HELLO}, param="model")
refused("no key", {"model": "echo", "messages": HELLO}, status=401, is_counted=False, key=None)
refused("a wrong key", {"model": "echo", "messages": HELLO}, status=401, is_counted=False, key="llmgtwy_nobody")
refused(
    "a long request id", {"model": "echo", "messages": HELLO}, param="x-request-id", is_counted=False,
    headers={"x-request-id": "x" * 500})
# Who is refused before anything of the request is read can name it as well, in the words of either SDK.
for path in ("/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/key"):
    for headers in ({}, {"x-request-id": "x" * 500}):
        connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=60)
        connection.request("GET" if path == "/v1/key" else "POST", path, b"{}", headers)
        answer = connection.getresponse()
        text = json.loads(answer.read())
        connection.close()
        assert answer.status in (400, 401) and answer.headers["x-request-id"].startswith("req_"), (path, answer.headers)
        assert ("request-id" in answer.headers) == path.startswith("/v1/messages"), (path, answer.headers)
        assert path != "/v1/messages" or text["request_id"] == answer.headers["request-id"], (path, text)
# Two bytes a value, which would take gigabytes as a tree, at the entrances that make one.
many = b"[" + b"[1]," * (1 << 17) + b"1]"
for path, rest in (("/v1/responses", b'"input":"hi"'), ("/v1/messages", b'"max_tokens":5,"messages":[]')):
    status, answer = send(b'{"model":"echo",' + rest + b',"x":' + many + b"}", path=path)
    assert status == 400 and "values" in answer["error"]["message"], answer
    denied[status] += 1
    print("refused", path, "with too many values")
refused("an oversize body", b'{"model":"echo","messages":[{"role":"user","content":"' + b"x" * (21 << 20) + b'"}]}', status=413)
refused("no such route", {"x": 1}, status=404, is_counted=False, path="/v1/nothing")
refused(
    "10,000 messages", {"model": "echo", "messages": [{"role": "user", "content": f"m{i}"} for i in range(10_000)]}, param="messages")

status, answer = send({"model": "echo", "messages": HELLO})
assert status == 200, (status, answer)
print("the gateway goes on")
print(json.dumps(denied))
