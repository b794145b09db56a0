"""What HTTP/1.1 asks of a server beside its messages, byte for byte over sockets.

Arguments: the gateway's key. Environment: GATEWAY_URL.
"""

import gzip
import json
import os
import socket
import sys
import time
import urllib.parse

URL = urllib.parse.urlparse(os.environ["GATEWAY_URL"])
KEY = sys.argv[1].encode()
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + KEY + b"\r\n"


def body(**fields):
    return json.dumps({"model": "echo", "messages": [{"role": "user", "content": "hi"}]} | fields).encode()


def connect():
    connection = socket.create_connection((URL.hostname, URL.port))
    connection.settimeout(20)
    return connection


def until(connection, end=None):
    """What comes up to `end`, or to the end of the connection."""
    text = b""
    while end is None or end not in text:
        piece = connection.recv(65536)
        if not piece:
            assert end is None, text
            break
        text += piece
    return text


def exchange(request, end=None):
    with connect() as connection:
        connection.sendall(request)
        return until(connection, end)


def status(answer):
    return int(answer.split(b" ", 2)[1])


length = b"Content-Length: %d\r\n" % len(body())

# Connections end as they are asked to; each of these answers is read to the end of its connection.
for value in (b"close", b"Close", b"keep-alive, close"):
    answer = exchange(b"GET /v1/models/echo HTTP/1.1\r\nHost: x\r\nConnection: " + value + b"\r\n\r\n")
    assert status(answer) == 200 and b"connection: close\r\n" in answer.lower(), answer
stream = body(stream=True)
answer = exchange(POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Content-Length: %d\r\n\r\n" % len(stream) + stream)
assert answer.startswith(b"HTTP/1.0 200") and b"chunked" not in answer and answer.endswith(b"data: [DONE]\n\n"), answer
print("connections end")

# A body that waits for leave.
with connect() as connection:
    connection.sendall(POST + b"Expect: 100-continue\r\n" + length + b"\r\n")
    assert until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body())
    assert status(until(connection, b"}")) == 200
answer = exchange(POST + b"Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n")
assert status(answer) == 413, answer
assert status(exchange(POST + b"Expect: else\r\n" + length + b"\r\n")) == 417
print("expectations")

# The head alone, and the next answer after it.
for path in (b"/", b"/v1/models", b"/v1/models/echo", b"/metrics", b"/docs", b"/auth/ok"):
    head = exchange(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status(head) == 200 and head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1, (path, head)
with connect() as connection:
    for path, expected in ((b"/v1/nothing", 404), (b"/v1/chat/completions", 405), (b"/orgs", 401)):
        connection.sendall(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        head = until(connection, b"\r\n\r\n")
        assert status(head) == expected and head.endswith(b"\r\n\r\n"), (path, head)
    connection.sendall(b"GET /auth/ok HTTP/1.1\r\nHost: x\r\n\r\n")
    assert until(connection, b"}").startswith(b"HTTP/1.1 200"), path
for method, path, allow in (
    (b"GET", b"/v1/chat/completions", b"POST"), (b"DELETE", b"/v1/models", b"GET, HEAD"), (b"PUT", b"/", b"GET, HEAD"),
    (b"OPTIONS", b"/v1/messages", b"POST"), (b"PUT", b"/v1/responses/resp_x", b"DELETE, GET, HEAD"),
    (b"PUT", b"/orgs", b"GET, HEAD, POST"),
):
    answer = exchange(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status(answer) == 405 and b"allow: " + allow.lower() + b"\r\n" in answer.lower(), answer
    assert b'"error":' in answer, answer
print("methods")

# Heads that are none.
for request, expected in (
    (b"GARBAGE\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 30_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(200)) + b"\r\n", 431),
):
    answer = exchange(request)
    assert status(answer) == expected and b'{"error":{' in answer, answer
print("heads")

# Bodies that nobody reads.
with connect() as connection:
    connection.sendall(POST.replace(KEY, b"nobody") + b"Content-Length: 1000000\r\n\r\n{")
    began = time.monotonic()
    answer = until(connection)
    assert status(answer) == 401 and b"connection: close" in answer.lower(), answer
    try:
        while time.monotonic() < began + 30:
            connection.sendall(b" ")
            time.sleep(0.2)
    except OSError:
        pass
    assert time.monotonic() < began + 15, "a client that is refused may send for ever"
zipped = gzip.compress(body())
answer = exchange(POST + b"Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(zipped) + zipped)
assert status(answer) == 415 and b"content-encoding" in answer, answer
print("bodies")

# A key beside what a proxy adds.
message = json.dumps({"model": "echo", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}).encode()
answer = exchange(
    b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic YTpi\r\nx-api-key: " + KEY
    + b"\r\nContent-Length: %d\r\n\r\n" % len(message) + message)
assert status(answer) == 200, answer
print("keys")
