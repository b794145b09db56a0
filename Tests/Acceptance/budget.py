"""Budgets under concurrency, streams that are left, and one request id for everything.

Arguments: scenario, key. Environment: GATEWAY_URL. Prints one JSON object.
"""

import asyncio
import json
import os
import sys

import httpx

URL = os.environ["GATEWAY_URL"] + "/v1/chat/completions"
SCENARIO, KEY = sys.argv[1], sys.argv[2]
HEADERS = {"authorization": "Bearer " + KEY}
HELLO = [{"role": "user", "content": "hi"}]


async def many(count, **body):
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        answers = await asyncio.gather(*(client.post(URL, headers=HEADERS, json=body) for _ in range(count)))
    codes = {}
    for answer in answers:
        codes[answer.status_code] = codes.get(answer.status_code, 0) + 1
    return codes


async def budget():
    print(json.dumps(await many(200, model="two-cents", messages=HELLO, max_tokens=64)))


async def leave():
    async def one(client):
        async with client.stream("POST", URL, headers=HEADERS, json={
                "model": "slow-stream", "stream": True, "messages": HELLO, "max_tokens": 200}) as answer:
            seen = 0
            end = asyncio.get_running_loop().time() + 0.2
            async for line in answer.aiter_lines():
                seen += '"content":"' in line and '"content":""' not in line
                if asyncio.get_running_loop().time() >= end:
                    return seen

    async with httpx.AsyncClient(timeout=60) as client:
        print(json.dumps(await asyncio.gather(*(one(client) for _ in range(10)))))


async def same_id():
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=64)) as client:
        answers = await asyncio.gather(*(
            client.post(URL, headers=HEADERS | {"x-request-id": "one-and-the-same"}, json={
                "model": "echo", "messages": HELLO, "max_tokens": 10}) for _ in range(1000)))
    assert all(a.status_code == 200 for a in answers), {a.status_code for a in answers}
    assert all(a.headers["x-request-id"] == "one-and-the-same" for a in answers)
    print(len({a.headers["x-llmgateway-request-id"] for a in answers}))


asyncio.run({"budget": budget, "leave": leave, "same_id": same_id}[SCENARIO]())
