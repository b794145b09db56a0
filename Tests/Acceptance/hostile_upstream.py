"""Two tenants whose provider means harm: each of their requests ends in time with an answer or an error in the client's format,
nothing of one's is ever in an answer of another, and each is settled once.

Arguments: the seed, the seconds of the storm, the port of the provider, and of each tenant the organization and the key.
Environment: GATEWAY_URL.
"""

import asyncio
import json
import os
import random
import re
import sys
import time
from decimal import Decimal

import httpx

from hostile_server import KEY, HostileServer, comments, well
from shop import command, until

SEED, SECONDS, PORT = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
TENANTS = list(zip(sys.argv[4::2], sys.argv[5::2], strict=True))
URL = os.environ["GATEWAY_URL"]
MODELS = ["openai", "claude", "gemini", "bedrock-claude", "pro-upstream"]
ENTRANCES = {"/v1/chat/completions": "messages", "/v1/messages": "messages", "/v1/responses": "input"}
# Far beyond the deadline that the gateway is started with.
PATIENCE = 30
server = HostileServer()
WORDS = re.compile(r"(?:whole|stream)-\d+-[0-9a-f]{12}|header-[0-9a-f]{12}")
words, sent = set(), {}


def parsed(text):
    return json.loads(text, parse_float=Decimal)


def is_error(path, value):
    """Whether it is one in the format of the path's clients."""
    error = value.get("error")
    if path == "/v1/messages":
        return value.get("type") == "error" and bool(error["type"] and error["message"])
    return bool(isinstance(error, dict) and error["message"] and error["type"] and error["code"])


def check_whole(path, status, value):
    if status != 200:
        assert 400 <= status <= 599 and is_error(path, value), (status, value)
    elif path == "/v1/chat/completions":
        assert value["choices"], value
    elif path == "/v1/messages":
        assert value["type"] == "message" and "content" in value, value
    else:
        assert value["object"] == "response" and isinstance(value["output"], list), value


def events(body):
    """The data of the events that are whole."""
    found, data = [], None
    for line in re.split(rb"\r\n|\n|\r", body):
        if not line:
            found, data = found + ([] if data is None else [data]), None
        elif line.startswith(b"data:"):
            text = line[5:].removeprefix(b" ")
            data = text if data is None else data + b"\n" + text
    return found


def check_stream(path, body):
    """Every event is JSON, and the stream says how it ended. Returns whether it ended well."""
    said = [event for event in events(body) if event]
    ends = [event for event in said if event.replace(b" ", b"") == b"[DONE]"]
    values = [parsed(event) for event in said if event not in ends]
    types = {value.get("type") for value in values}
    if path == "/v1/chat/completions":
        good, bad = bool(ends), any(value.get("error") for value in values)
    elif path == "/v1/messages":
        good, bad = "message_stop" in types, "error" in types
    else:
        good, bad = types & {"response.completed", "response.incomplete"}, types & {"error", "response.failed", "response.cancelled"}
    assert good or bad, (path, body[-500:])
    return bool(good and not bad)


async def ask(client, number, path, model, streams, size=0):
    """Asks as one of the tenants, and returns the status, and whether the answer is whole."""
    _, key = TENANTS[number % len(TENANTS)]
    rng = random.Random(f"{SEED} {number}")
    word, header = f"{'stream' if streams else 'whole'}-{number}-{rng.randbytes(6).hex()}", f"header-{rng.randbytes(6).hex()}"
    words.update((word, header))
    # What is long comes before the last message, which is what the good answer says.
    messages = [{"role": "user", "content": word + " x" * size}, {"role": "assistant", "content": "Well."}] if size else []
    body = {
        "model": model, "stream": streams, ENTRANCES[path]: messages + [{"role": "user", "content": word + " Grüße 🌍"}],
        "max_output_tokens" if path == "/v1/responses" else "max_tokens": 100}
    if path == "/v1/responses":
        body["store"] = False
    began = time.monotonic()
    answer = await asyncio.wait_for(client.post(URL + path, json=body, headers={
        "authorization": f"Bearer {key}", "x-request-id": word, "x-llmgateway-secret": header, "user-agent": header}), PATIENCE)
    what = (word, path, model, answer.status_code, round(time.monotonic() - began, 1), answer.text[-800:])
    seen = answer.text + str(answer.headers)
    # No answer here is too large, whatever it says of itself.
    assert KEY not in seen and "answer_too_large" not in seen, what
    others = set(WORDS.findall(seen)) & words - {word, header}
    assert not others, (others, what)
    is_whole, cost = answer.status_code == 200, None
    try:
        if streams and is_whole:
            assert answer.headers["content-type"].startswith("text/event-stream"), answer.headers
            is_whole = check_stream(path, answer.content)
        else:
            value = parsed(answer.content)
            check_whole(path, answer.status_code, value)
            if is_whole and isinstance(value.get("usage"), dict):
                cost = value["usage"].get("cost")
    except Exception as error:
        raise AssertionError(what) from error
    sent[word] = (answer.status_code, is_whole, cost, streams)
    return answer.status_code, is_whole


async def storm(client):
    """Requests of every kind, until the time is over."""
    numbers, end = iter(range(10 ** 9)), time.monotonic() + SECONDS

    async def worker():
        while time.monotonic() < end:
            number = next(numbers)
            rng = random.Random(f"{SEED} kind {number}")
            await ask(client, number, rng.choice([*ENTRANCES]), rng.choice(MODELS), rng.random() < 0.6,
                      size=rng.choice([0, 0, 0, 60_000]))

    await asyncio.gather(*(worker() for _ in range(12)))
    return next(numbers)


async def silent(client, first):
    """What is passed on as it comes is held back until an event says something, but not for ever."""
    server.act = comments
    for number, (path, model) in enumerate(zip(ENTRANCES, ("openai", "claude", "pro-upstream"), strict=True), first):
        assert await ask(client, number, path, model, True) == (502, False), path
    return first + len(ENTRANCES)


async def calm(client, first):
    """The same provider answers well, and so does the gateway."""
    server.act = well
    kinds = [(path, model, streams) for path in ENTRANCES for model in MODELS for streams in (False, True)]
    for number, kind in enumerate(kinds * len(TENANTS), first):
        assert await ask(client, number, *kind) == (200, True), kind


def outcomes():
    lines = [line for kind in ("completed", "failed", "cancelled") for line in command(
        "ledger", "events", "--type", "request." + kind, "--limit", "1000000").splitlines()]
    return [parsed(line) for line in lines]


def check_books():
    """Each request that was sent is settled once, at what its client was told, and nothing is held any more."""
    found = until(lambda: (found := outcomes()) and len(found) >= len(sent) and found, "the outcomes")
    ids = [outcome["metadata"]["client_request_id"] for outcome in found]
    assert sorted(ids) == sorted(sent), set(ids) ^ set(sent)
    told = 0
    for word, outcome in zip(ids, found, strict=True):
        status, is_whole, cost, streams = sent[word]
        assert (outcome["type"] == "request.completed") == is_whole, (word, sent[word], outcome)
        if cost is not None:
            assert int(cost * 10 ** 9) == outcome["data"]["charged"], (word, cost, outcome)
            told += 1
    assert told, "nobody was told a cost"
    for organization, _ in TENANTS:
        charged = sum(outcome["data"]["charged"] for outcome in found if outcome["organization"] == organization)
        balance = parsed(command("balance", "--organization", organization))
        assert Decimal(balance["charged"]) * 10 ** 9 == charged > 0, (balance, charged)
        assert Decimal(balance["balance"]) == Decimal(balance["credited"]) - Decimal(balance["charged"]), balance
    command("ledger", "verify")
    until(lambda: re.search(r"^llmgateway_open_holds 0(\.0)?$", httpx.get(URL + "/metrics", timeout=30).text, re.M), "no holds")


async def main():
    await server.start(PORT)
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(timeout=PATIENCE, limits=limits) as client:
        number = await storm(client)
        stormed = len(sent)
        await calm(client, await silent(client, number))
    assert not server.faults, server.faults[:3]
    statuses = sorted({status for status, *_ in sent.values()})
    assert {200, 502} <= set(statuses), statuses
    await asyncio.to_thread(check_books)
    print(f"{stormed} requests ended with {statuses}")


asyncio.run(main())
