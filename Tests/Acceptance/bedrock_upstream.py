"""The official SDKs of openai and anthropic through the gateway at a provider that speaks Amazon Bedrock's Converse.

Arguments: the gateway's key, the port at which the gateway looks for the provider. Environment: GATEWAY_URL. Prints the sum of
what the answers cost, in nano-dollars.
"""

import asyncio
import base64
import json
from decimal import Decimal

import anthropic
import httpx
import openai

from bedrock_server import BedrockServer
from upstream import CLOCK, HELLO, KEY, PIXEL, PORT, URL, WEATHER, asker, broken, leave, refused_with, streamed_calls

server = BedrockServer("asiastandin:Upstream/Secret+:session/token==", "bedrock-api-key-standin", "eu-central-1")
ask = asker("bedrock-claude")
# 40 tokens at 3, 50 read from the cache at 0.3, 20 written to it at 3.75 and 10 at 6, and 40 at 15 dollars a million.
COST = Decimal("0.00087")
paid = 0


def check_usage(usage):
    global paid
    assert usage.prompt_tokens == 120 and usage.completion_tokens == 40 and usage.total_tokens == 160, usage
    assert usage.prompt_tokens_details.cached_tokens == 50, usage
    assert Decimal(str(usage.cost)) == COST, usage
    paid += int(COST * 10**9)


async def collect(**arguments):
    text, reasoning, calls, reason, usage = "", "", {}, None, None
    async for chunk in await ask(stream=True, stream_options={"include_usage": True}, **arguments):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasoning += getattr(choice.delta, "reasoning", None) or ""
            reason = choice.finish_reason or reason
            for call in choice.delta.tool_calls or []:
                if call.index in calls:
                    calls[call.index].function.arguments += call.function.arguments
                else:
                    calls[call.index] = call
    check_usage(usage)
    return text, reasoning, list(calls.values()), reason


async def text():
    answer = await ask(
        [{"role": "system", "content": "Be brief."}] + HELLO, temperature=0.7, top_p=0.5, stop=["🌍"], user="u1", max_tokens=300)
    assert answer.choices[0].message.content == "Grüße, 世界 " and answer.choices[0].finish_reason == "stop", answer
    assert answer.metadata["underlying_used_model"] == "anthropic.claude-standin-v1:0", answer
    check_usage(answer.usage)
    body = server.bodies[-1]
    assert server.paths[-1] == "/model/eu.anthropic.claude-standin-v1%3A0/converse", server.paths
    assert body["system"] == [{"text": "Be brief."}], body
    assert body["inferenceConfig"] == {"maxTokens": 300, "temperature": 0.7, "topP": 0.5, "stopSequences": ["🌍"]}, body
    answer = await ask()
    assert json.loads(answer.metadata["added_parameters"]) == {
        "max_tokens": server.bodies[-1]["inferenceConfig"]["maxTokens"]}, answer.metadata
    check_usage(answer.usage)
    marked = {"type": "text", "text": "Long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    check_usage((await ask([{"role": "system", "content": [marked]}] + HELLO)).usage)
    assert server.bodies[-1]["system"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}, server.bodies[-1]
    check_usage((await ask([{"role": "system", "content": [marked]}] + HELLO, model="bedrock-llama")).usage)
    assert server.bodies[-1]["system"] == [{"text": "Long"}], server.bodies[-1]


async def streaming():
    said, reasoning, calls, reason = await collect(reasoning_effort="low")
    assert (said, reasoning, calls, reason) == ("Grüße, 世界 🌍", "Let me think.", [], "stop"), (said, reasoning, reason)
    own = server.bodies[-1]["additionalModelRequestFields"]
    assert own == {"thinking": {"type": "enabled", "budget_tokens": 1024}}, own
    said, reasoning, _, _ = await collect(model="bedrock-adaptive", reasoning_effort="high")
    assert (said, reasoning) == ("Grüße, 世界 🌍", "Let me think."), (said, reasoning)
    assert server.bodies[-1]["additionalModelRequestFields"]["output_config"] == {"effort": "high"}, server.bodies[-1]
    assert server.paths[-1].endswith("/converse-stream"), server.paths[-1]
    global paid
    async for chunk in await ask(stream=True):
        assert chunk.usage is None
    paid += int(COST * 10**9)


async def tools():
    for model in ("bedrock-claude", "bedrock-llama"):
        answer = await ask(model=model, tools=[WEATHER, CLOCK], tool_choice="required")
        message = answer.choices[0].message
        assert [call.function.name for call in message.tool_calls] == ["get_weather", "clock"], answer
        assert json.loads(message.tool_calls[0].function.arguments) == {"place": "Zürich"}, answer
        assert answer.choices[0].finish_reason == "tool_calls" and len({call.id for call in message.tool_calls}) == 2, answer
        check_usage(answer.usage)
        _, _, calls, reason = await collect(model=model, tools=[WEATHER, CLOCK], tool_choice="required")
        assert [call.function.name for call in calls] == ["get_weather", "clock"] and reason == "tool_calls", calls
        assert [json.loads(call.function.arguments) for call in calls] == [{"place": "Zürich"}, {}], calls
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} says 5"} for call in message.tool_calls]
        follow = await ask(
            HELLO + [message.model_dump()] + results + [{"role": "user", "content": "Well?"}], model=model, tools=[WEATHER, CLOCK])
        assert follow.choices[0].message.content == "get_weather says 5 clock says 5 Well?", follow
        check_usage(follow.usage)
    # What Claude thought before it called goes back with its signature.
    answer = await ask(HELLO[:0] + [{"role": "user", "content": "call"}], tools=[CLOCK], reasoning_effort="low")
    message = answer.choices[0].message
    check_usage(answer.usage)
    check_usage((await ask(HELLO + [message.model_dump(), {
        "role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "noon"}], tools=[CLOCK])).usage)
    thought = server.bodies[-1]["messages"][1]["content"][0]["reasoningContent"]["reasoningText"]
    assert thought == {"text": "Let me think.", "signature": "c2lnbmF0dXJl"}, thought


async def vision_and_json():
    answer = await ask([{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL}},
    ]}])
    assert answer.choices[0].message.content == "What is this? [image]", answer
    check_usage(answer.usage)
    answer = await ask(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {
        "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}}})
    assert json.loads(answer.choices[0].message.content) == {"a": 1}, answer
    check_usage(answer.usage)


class Images:
    """A server of images, of which one is behind a redirect and one behind a gate, and of what is none."""

    def __init__(self):
        self.asked = []
        self.reached, self.gate = asyncio.Event(), asyncio.Event()

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.decode("latin-1").split(" ")[1]
        self.asked.append(path)
        if path == "/gate":
            self.reached.set()
            await self.gate.wait()
        status, extra, body = {
            "/gate": (200, "", base64.b64decode(PIXEL)),
            "/broad": (200, "", base64.b64decode(PIXEL) + bytes(3_900_000)),
            "/pixel": (200, "content-type: text/plain\r\n", base64.b64decode(PIXEL)),
            "/moved": (302, "location: /pixel\r\n", b""),
            "/circle": (302, "location: /circle\r\n", b""),
            "/page": (200, "content-type: image/png\r\n", b"<html>secret</html>"),
            "/large": (200, "", base64.b64decode(PIXEL) + bytes(4 << 20)),
        }.get(path, (404, "", b"no"))
        writer.write(f"HTTP/1.1 {status} x\r\n{extra}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        try:
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()


async def images_by_address():
    images = Images()
    url = await images.start()

    def of(*paths):
        return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url + path}} for path in paths]}]

    answer = await ask(of("/pixel", "/moved", "/pixel"))
    check_usage(answer.usage)
    assert images.asked == ["/pixel", "/moved", "/pixel"], images.asked
    wanted = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    assert server.bodies[-1]["messages"][0]["content"] == [wanted] * 3, server.bodies[-1]
    sent = len(server.bodies)
    for path in ("/circle", "/page", "/large", "/missing"):
        try:
            await ask(of("/pixel", path))
        except openai.BadRequestError as error:
            assert error.param == "messages[0].content[1].image_url.url" and "secret" not in str(error), error
        else:
            raise AssertionError(path)
    try:
        await ask(of(*["/pixel"] * 21))
    except openai.BadRequestError as error:
        assert error.param == "messages", error
    else:
        raise AssertionError("21 images")
    # What is fetched once and shown six times is six images.
    try:
        await ask(of(*["/broad"] * 6))
    except openai.BadRequestError as error:
        assert error.param == "messages[0].content[0].image_url.url", error
    else:
        raise AssertionError("23 MB of images")
    # And what is shown has as much of the room for all bodies as if the request had brought it.
    broad = asyncio.create_task(ask(of(*["/broad"] * 5, "/gate")))
    await asyncio.wait_for(images.reached.wait(), 10)
    try:
        await ask(of(*["/broad"] * 5))
    except openai.InternalServerError as error:
        assert error.status_code == 503 and error.code == "overloaded" and error.response.headers["retry-after"] == "1", error
    else:
        raise AssertionError("more images than there is room for")
    assert len(server.bodies) == sent
    images.gate.set()
    check_usage((await broad).usage)
    sent += 1
    assert len(server.bodies) == sent
    # Both of the house's keys are tried with what was fetched once.
    images.asked.clear()
    try:
        await ask(of("/pixel"), model="bedrock-error-503")
    except openai.InternalServerError:
        assert len(server.bodies) == sent + 2 and images.asked == ["/pixel"], (len(server.bodies) - sent, images.asked)
    else:
        raise AssertionError("bedrock-error-503")
    images.server.close()


async def messages():
    """Anthropic's SDK at a model of Bedrock."""
    global paid
    claude = anthropic.AsyncAnthropic(api_key=KEY, base_url=URL, max_retries=0, timeout=30)
    async with claude.messages.stream(model="bedrock-claude", messages=HELLO, max_tokens=500) as stream:
        message = await stream.get_final_message()
    assert message.content[0].text == "Grüße, 世界 🌍" and message.usage.cache_read_input_tokens == 50, message
    clock = {"name": "clock", "input_schema": {"type": "object", "properties": {}}}
    answer = await claude.messages.create(
        model="bedrock-claude", messages=HELLO, max_tokens=500, tools=[clock], tool_choice={"type": "any"})
    call = answer.content[-1]
    assert call.type == "tool_use" and answer.stop_reason == "tool_use", answer
    follow = await claude.messages.create(model="bedrock-claude", max_tokens=500, tools=[clock], messages=HELLO + [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "noon"}]}])
    assert follow.content[-1].text == "noon", follow
    stopped = await claude.messages.create(model="bedrock-claude", messages=HELLO, max_tokens=500, stop_sequences=["🌍"])
    assert stopped.stop_reason == "stop_sequence" and stopped.stop_sequence == "🌍", stopped
    paid += (4 + await streamed_calls("bedrock-claude")) * int(COST * 10**9)


async def refusals_before_anything_is_sent():
    sent = len(server.bodies)
    for arguments, param in [
        ({"n": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"temperature": 1.5}, "temperature"), ({"seed": 1}, "seed"),
        ({"tools": [CLOCK], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://example.org/a.png"}}]}]},
         "messages[0].content[0].image_url.url"),
    ]:
        try:
            await ask(**arguments)
        except openai.BadRequestError as error:
            assert error.param == param, (arguments, error)
        else:
            raise AssertionError(arguments)
    assert len(server.bodies) == sent


async def errors():
    await refused_with(ask, "bedrock")
    await broken(ask, "bedrock", early=503)


async def a_client_may_leave():
    await leave(server, "bedrock-waiting")


async def own_keys():
    """An organization's own key: one that is wrong is refused, and a right one goes to its own area."""
    pages = URL.replace("127.0.0.1", "localhost")
    async with httpx.AsyncClient(base_url=pages, headers={"origin": pages}, timeout=60) as owner:
        async def ok(path, **body):
            answer = await owner.post(path, json=body)
            assert answer.status_code in (200, 201), (path, answer.text)
            return answer.json()

        await ok("/auth/sign-up/email", email="b@example.org", password="correct horse battery", name="B")
        organization = (await ok("/orgs", name="Own"))["organization"]["id"]
        project = (await ok("/projects", name="P", organizationId=organization, mode="api-keys"))["project"]["id"]
        key = (await ok("/keys/api", description="k", projectId=project, usageLimit=None))["apiKey"]["token"]
        own = {"provider": "aws-bedrock", "organizationId": organization, "baseUrl": f"http://127.0.0.1:{PORT}"}
        for token in ("wrong-0123456789", "asiastandin:wrong:session/token=="):
            server.region = "us-east-1"
            wrong = await owner.post("/keys/provider", json=own | {"token": token})
            assert wrong.status_code == 400 and wrong.json().get("field") == "token", wrong.text
        await ok("/keys/provider", **own, token=server.key, options={"aws_bedrock_region_prefix": "global."})
        answer = await owner.post("/v1/chat/completions", headers={"authorization": f"Bearer {key}"}, json={
            "model": "bedrock-claude", "messages": HELLO})
        assert answer.status_code == 200 and answer.json()["usage"]["cost"] == 0, answer.text
        assert server.paths[-1] == "/model/global.anthropic.claude-standin-v1%3A0/converse", server.paths[-1]


async def main():
    await server.start(PORT)
    for scenario in [
        text, streaming, tools, vision_and_json, images_by_address, messages, refusals_before_anything_is_sent, errors,
        a_client_may_leave,
    ]:
        await scenario()
    # The house has an account of both kinds.
    assert set(server.proofs) == {"bearer", "aws4-hmac-sha256"}, set(server.proofs)
    await own_keys()
    print(paid)


asyncio.run(main())
