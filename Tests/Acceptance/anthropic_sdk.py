"""The official anthropic SDK against a running gateway: with the built-in provider, and with one that speaks Anthropic's Messages.

Arguments: the gateway's key, a key that is disabled, the port at which the gateway looks for the provider. Environment:
GATEWAY_URL.
"""

import asyncio
import json
import os
import sys

import anthropic
import httpx

from anthropic_server import AnthropicServer

URL = os.environ["GATEWAY_URL"]
KEY, DISABLED, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = anthropic.AsyncAnthropic(api_key=KEY, base_url=URL, max_retries=0, timeout=30)
server = AnthropicServer("upstream-secret")
HELLO = [{"role": "user", "content": "Grüße, 世界 🌍"}]
CLOCK = {"name": "clock", "description": "The time", "input_schema": {
    "type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
BOTH = ("echo", "claude")


async def create(model, messages=HELLO, max_tokens=500, **arguments):
    return await client.messages.create(model=model, messages=messages, max_tokens=max_tokens, **arguments)


async def text(model):
    answer = await create(
        model, system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        metadata={"user_id": "u1"}, extra_body={"temperature": 0.5}, extra_headers={"x-request-id": "mine-1"})
    assert answer.content[0].text == "Grüße, 世界 🌍" and answer.stop_reason == "end_turn" and answer.type == "message", answer
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer
    assert answer.usage.cost == answer.usage.cost_details["total_cost"] > 0, answer
    assert model != "claude" or answer.usage.cost == 0.00105, answer
    assert answer.metadata["used_model"] == model, answer
    events = [event async for event in await create(model, stream=True)]
    end = next(event for event in events if event.type == "message_delta")
    assert end.usage.cost == end.usage.cost_details["total_cost"] > 0 and end.metadata["used_model"] == model, end
    raw = await client.messages.with_raw_response.create(model=model, messages=HELLO, max_tokens=5)
    assert raw.headers["x-llmgateway-request-id"].startswith("req_")
    assert (await create(model, max_tokens=5))._request_id.startswith("req_")
    cut = await create(model, max_tokens=1)
    assert cut.stop_reason == "max_tokens", cut


async def streaming(model):
    async with client.messages.stream(model=model, messages=HELLO, max_tokens=500) as stream:
        said = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert "".join(said) == "Grüße, 世界 🌍" and len(said) > 3, said
    assert message.stop_reason == "end_turn" and message.usage.output_tokens > 0 and message.usage.input_tokens > 0, message


async def tools(model):
    answer = await create(model, tools=[CLOCK], tool_choice={"type": "any"})
    call = answer.content[-1]
    assert call.type == "tool_use" and call.name == "clock" and isinstance(call.input["place"], str), answer
    assert answer.stop_reason == "tool_use"
    async with client.messages.stream(
            model=model, messages=HELLO, max_tokens=500, tools=[CLOCK], tool_choice={"type": "tool", "name": "clock"}) as stream:
        streamed = await stream.get_final_message()
    assert streamed.content[-1].input == call.input and streamed.stop_reason == "tool_use", streamed
    follow = await create(model, HELLO + [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "noon"}], "is_error": False}]},
    ], tools=[CLOCK])
    assert follow.content[0].text == "noon", follow


async def vision(model):
    answer = await create(model, [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]}])
    assert answer.content[0].text.startswith("What is this?"), answer


async def the_bytes_go_on_to_anthropic():
    """What only Anthropic knows reaches it as it came, and comes back as it was said."""
    answer = await create(
        "claude", extra_body={"top_k": 5}, thinking={"type": "enabled", "budget_tokens": 1500}, max_tokens=2000, cache_control={"type": "ephemeral"},
        stop_sequences=["🌍"])
    assert answer.content[0].type == "thinking" and answer.content[0].signature == "c2lnbmF0dXJl", answer
    assert answer.stop_reason == "stop_sequence" and answer.stop_sequence == "🌍", answer
    assert answer.usage.cache_creation.ephemeral_1h_input_tokens == 10 and answer.usage.cache_read_input_tokens == 50, answer
    body = server.bodies[-1]
    assert body["model"] == "claude-upstream" and body["top_k"] == 5 and body["thinking"]["budget_tokens"] == 1500, body
    async with client.messages.stream(
            model="claude", messages=HELLO, max_tokens=3000, thinking={"type": "enabled", "budget_tokens": 1500}) as stream:
        message = await stream.get_final_message()
    assert message.content[0].signature == "c2lnbmF0dXJl" and message.usage.cache_read_input_tokens == 50, message


async def what_is_switched_on_without_a_price():
    """What Claude Code sends: to Anthropic with its header, and to everybody else without."""
    for model in BOTH:
        answer = await create(
            model, extra_body={"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
            extra_headers={"anthropic-beta": "claude-code-20250219,context-management-2025-06-27"})
        assert answer.stop_reason == "end_turn", answer


async def errors():
    async def refused(kind, status, ask):
        try:
            await ask
        except kind as error:
            assert error.status_code == status and error.body["type"] == "error" and error.body["error"]["message"], error.body
            return error.body["error"]
        raise AssertionError(kind)

    error = await refused(anthropic.BadRequestError, 400, create("no-such-model"))
    assert error["type"] == "invalid_request_error" and error["message"].startswith("model: "), error
    error = await refused(anthropic.BadRequestError, 400, create("echo", extra_body={"top_k": 3}))
    assert "top_k" in error["message"], error
    error = await refused(anthropic.BadRequestError, 400, create("claude", tools=[{"type": "web_search_20250305", "name": "w"}]))
    assert "tools[0].type" in error["message"], error
    for key in ("llmgtwy_wrong", DISABLED):
        other = client.with_options(api_key=key)
        error = await refused(
            anthropic.AuthenticationError, 401, other.messages.create(model="echo", messages=HELLO, max_tokens=5))
        assert error["type"] == "authentication_error", error
        await refused(anthropic.AuthenticationError, 401, other.messages.count_tokens(model="echo", messages=HELLO))
    for type, kind, status in [
        ("rate_limit_error", anthropic.RateLimitError, 429), ("overloaded_error", anthropic.APIStatusError, 529),
        ("request_too_large", anthropic.APIStatusError, 413), ("api_error", anthropic.InternalServerError, 500),
    ]:
        for stream in (False, True):
            error = await refused(kind, status, create("claude-error-" + type, stream=stream))
            assert error == {"type": type, "message": "It was asked for."}, error
    # Nothing was said before the error: it still has its status.
    error = await refused(anthropic.APIStatusError, 529, create("claude-early", stream=True))
    assert error == {"type": "overloaded_error", "message": "Overloaded"}, error
    for model in ("claude-late", "claude-half"):
        try:
            async with client.messages.stream(model=model, messages=HELLO, max_tokens=500) as stream:
                await stream.get_final_message()
        except anthropic.APIError as error:
            assert error.body["type"] == "error", (model, error.body)
        else:
            raise AssertionError(model)
    async with httpx.AsyncClient(timeout=30) as raw:
        answer = await raw.post(URL + "/v1/messages", json={"model": "echo"})
        assert answer.status_code == 401 and answer.json()["type"] == "error", answer.text
        bearer = {"authorization": "Bearer " + KEY}
        answer = await raw.post(URL + "/v1/messages", headers=bearer, content=b"{")
        assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error", answer.text
        answer = await raw.post(URL + "/v1/messages", headers=bearer, json={"model": "echo", "max_tokens": 5, "messages": HELLO})
        assert answer.status_code == 200, answer.text


async def counting():
    for model in BOTH:
        counted = await client.messages.count_tokens(model=model, messages=HELLO, system="Be brief.", tools=[CLOCK])
        assert 10 < counted.input_tokens < 200, counted


async def main():
    await server.start(PORT)
    for model in BOTH:
        for scenario in (text, streaming, tools, vision):
            await scenario(model)
    for scenario in (the_bytes_go_on_to_anthropic, what_is_switched_on_without_a_price, errors, counting):
        await scenario()
    models = await httpx.AsyncClient(timeout=30).get(URL + "/v1/models")
    assert any(model["id"] == "claude-opus-4-8" for model in json.loads(models.text)["data"])


asyncio.run(main())
