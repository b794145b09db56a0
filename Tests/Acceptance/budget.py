"""Budgets under concurrency, clients that leave, and one request id for everything.

Arguments: scenario, key, and for the scenarios that have a provider of their own its port. Environment: GATEWAY_URL. Prints one
JSON value.
"""

import asyncio
import json
import os
import sys

import httpx

from provider import Provider

URL = os.environ["GATEWAY_URL"] + "/v1/chat/completions"
SCENARIO, KEY = sys.argv[1], sys.argv[2]
HEADERS = {"authorization": "Bearer " + KEY}
HELLO = [{"role": "user", "content": "hi"}]


def clients(count):
    return httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=count))


def count(answers):
    """How often each status came. Fails at a refusal that is not the documented one."""
    codes = {}
    for answer in answers:
        codes[answer.status_code] = codes.get(answer.status_code, 0) + 1
        if answer.status_code == 200:
            assert answer.json()["usage"]["completion_tokens"] == 64, answer.text
            continue
        assert answer.status_code == 402, (answer.status_code, answer.text)
        error = answer.json()["error"]
        assert error["type"] == "billing_error" and error["param"] is None, error
        assert error["code"] in ("insufficient_credits", "usage_limit_reached"), error
    return codes


async def budget():
    """All at once, against the shared mock."""
    body = {"model": "two-cents", "messages": HELLO, "max_tokens": 64}
    async with clients(200) as client:
        print(json.dumps(count(await asyncio.gather(*(client.post(URL, headers=HEADERS, json=body) for _ in range(200))))))


async def held_above_cost():
    """Waves of all that were refused, until a wave gets nothing through: how many each wave got through.

    The provider answers none of a wave before all others were refused, so each wave has all its holds at the same time.
    """
    provider = Provider()
    await provider.start(int(sys.argv[3]))
    body = {"model": "two-cents-and-prompt", "messages": [{"role": "user", "content": "x" * 1000}], "max_tokens": 64}
    waves, left = [], 200
    async with clients(200) as client:
        while not waves or waves[-1]:
            provider.gate.clear()
            before = provider.requests
            calls = [asyncio.create_task(client.post(URL, headers=HEADERS, json=body)) for _ in range(left)]
            await provider.until(lambda: sum(c.done() for c in calls) + provider.requests - before >= left)
            provider.gate.set()
            codes = count(await asyncio.gather(*calls))
            assert codes.get(200, 0) == provider.requests - before, (codes, vars(provider))
            waves.append(codes.get(200, 0))
            left -= waves[-1]
    print(json.dumps(waves))


async def leave_stream():
    """Ten clients hang up when they have their third chunk: how many the provider had written to each.

    It writes one a second, so that it has heard of a client that leaves just after one before it writes the next.
    """
    provider = Provider(interval=1)
    await provider.start(int(sys.argv[3]))

    async def one(client, who):
        async with client.stream("POST", URL, headers=HEADERS | {"x-request-id": who}, json={
                "model": "slow-stream", "stream": True, "messages": [{"role": "user", "content": who}], "max_tokens": 4096,
        }) as answer:
            assert answer.status_code == 200, await answer.aread()
            seen = 0
            async for line in answer.aiter_lines():
                seen += '"content":' in line
                if seen == 3:
                    assert seen <= provider.written[who], (seen, provider.written)
                    return

    names = [f"leaver-{i}" for i in range(10)]
    async with clients(10) as client:
        await asyncio.gather(*(one(client, name) for name in names))
    await provider.until(lambda: len(provider.left) == 10)
    print(json.dumps(provider.written))


async def leave_silence():
    """Clients hang up while the provider is thinking, and has said nothing or no more than its head: it hears of it."""
    provider = Provider(silent=sys.argv[4])
    await provider.start(int(sys.argv[3]))
    async with clients(3) as client:
        calls = [asyncio.create_task(client.post(URL, headers=HEADERS, json={
            "model": "mock", "stream": True, "messages": [{"role": "user", "content": f"leaver-{i}"}], "max_tokens": 64}))
            for i in range(3)]
        await provider.until(lambda: len(provider.written) == 3)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    await provider.until(lambda: len(provider.left) == 3)
    print(json.dumps(provider.written))


async def leave_whole():
    """Ten clients hang up while the provider works on their answers, which are not streamed: it finishes them all the same."""
    provider = Provider(usage={"prompt_tokens": 33, "completion_tokens": 44, "total_tokens": 77})
    await provider.start(int(sys.argv[3]))
    async with clients(10) as client:
        calls = [asyncio.create_task(client.post(URL, headers=HEADERS | {"x-request-id": f"leaver-{i}"}, json={
            "model": "mock", "messages": HELLO, "max_tokens": 64})) for i in range(10)]
        await provider.until(lambda: provider.requests == 10)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert all(call.cancelled() for call in calls)
    await asyncio.sleep(0.2)
    provider.gate.set()
    await provider.until(lambda: provider.answered == 10)
    print(json.dumps(provider.answered))


async def modes():
    """The same requests of a strict and of a plain organization, whose provider uses more than anyone would have thought."""
    strict, plain = sys.argv[2], sys.argv[4]
    provider = Provider(usage={"prompt_tokens": 50_000, "completion_tokens": 64, "total_tokens": 50_064})
    provider.gate.set()
    await provider.start(int(sys.argv[3]))
    text = {"type": "text", "text": "hi"}
    pdf = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    file, audio = ([{"role": "user", "content": [text, part]}] for part in (pdf, sound))
    async with clients(4) as client:
        async def send(key, name, messages):
            return await client.post(
                URL, headers={"authorization": "Bearer " + key, "x-request-id": name},
                json={"model": "mock", "messages": messages, "max_tokens": 64})

        for key, name, messages in [
                (strict, "strict", HELLO), (plain, "plain", HELLO), (strict, "strict-file", file), (plain, "plain-audio", audio)]:
            answer = await send(key, name, messages)
            assert answer.status_code == 200, (name, answer.text)
        refused = await send(strict, "strict-audio", audio)
        assert refused.status_code == 400, refused.text
        assert refused.json()["error"]["param"] == "messages[0].content[1]", refused.text
    print(provider.requests)


async def same_id():
    async with clients(64) as client:
        answers = await asyncio.gather(*(
            client.post(URL, headers=HEADERS | {"x-request-id": "one-and-the-same"}, json={
                "model": "echo", "messages": HELLO, "max_tokens": 10}) for _ in range(1000)))
    assert all(a.status_code == 200 for a in answers), {a.status_code for a in answers}
    assert all(a.headers["x-request-id"] == "one-and-the-same" for a in answers)
    print(len({a.headers["x-llmgateway-request-id"] for a in answers}))


asyncio.run({
    "budget": budget, "held_above_cost": held_above_cost, "leave_stream": leave_stream, "leave_silence": leave_silence,
    "leave_whole": leave_whole,
    "modes": modes, "same_id": same_id,
}[SCENARIO]())
