"""What the conversations with stand-ins of all dialects share: who asks what, and what goes wrong in the same ways everywhere.

Arguments of the programs that use it: the gateway's key, the port at which the gateway looks for the provider. Environment:
GATEWAY_URL.
"""

import asyncio
import os
import sys

import anthropic
import httpx
import openai

URL = os.environ["GATEWAY_URL"]
KEY, PORT = sys.argv[1], int(sys.argv[2])
client = openai.AsyncOpenAI(api_key=KEY, base_url=URL + "/v1", max_retries=0, timeout=30)
HELLO = [{"role": "user", "content": "Grüße, 世界 🌍"}]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}}


def asker(usual):
    """Asks a model, that of this name where none is said."""

    async def ask(messages=HELLO, model=usual, **arguments):
        return await client.chat.completions.create(model=model, messages=messages, **arguments)

    return ask


async def streamed_calls(model):
    """Anthropic's SDK: two calls whose arguments come in pieces, and what follows their results. Returns how many answers it got."""
    claude = anthropic.AsyncAnthropic(api_key=KEY, base_url=URL, max_retries=0, timeout=30)
    tools = [
        {"name": "get_weather", "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}}},
        {"name": "clock", "input_schema": {"type": "object", "properties": {}}}]

    async def say(messages):
        async with claude.messages.stream(model=model, messages=messages, max_tokens=500, tools=tools) as stream:
            return await stream.get_final_message()

    asked = [{"role": "user", "content": "call them"}]
    first = await say(asked)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("get_weather", {"place": "Zürich"}), ("clock", {})], first
    assert first.stop_reason == "tool_use", first
    second = await say(asked + [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call.id, "content": "noon"} for call in calls]}])
    assert set(second.content[-1].text.split()) == {"noon"} and second.stop_reason == "end_turn", second
    return 2


async def refused_with(ask, prefix):
    """The provider's statuses are the client's, whole and streamed."""
    for status in (400, 429, 500, 503):
        for stream in (False, True):
            try:
                await ask(model=f"{prefix}-error-{status}", stream=stream)
            except openai.APIStatusError as error:
                assert error.status_code == status and "It was asked for." in str(error), error
            else:
                raise AssertionError(status)


async def broken(ask, prefix, early, says=""):
    """Streams that fail before and after their first word, that end in the middle, and what is no answer at all.

    - early, says: The status of a stream of which nothing was said before its error, and words of it.
    """
    try:
        await ask(model=prefix + "-early", stream=True)
    except openai.InternalServerError as error:
        assert error.status_code == early and says in str(error), error
    else:
        raise AssertionError(prefix + "-early")
    for model in (prefix + "-late", prefix + "-half"):
        try:
            async for _ in await ask(model=model, stream=True):
                pass
        except openai.APIError as error:
            assert "status" not in vars(error), error
        else:
            raise AssertionError(model)
    for stream in (False, True):
        try:
            await ask(model=prefix + "-malformed", stream=stream)
        except openai.InternalServerError as error:
            assert error.status_code == 502, error
        else:
            raise AssertionError(prefix + "-malformed")


async def leave(server, model):
    """A client leaves in mid-stream, and the provider is left too."""
    server.left.clear()
    async with httpx.AsyncClient(timeout=30) as raw:
        async with raw.stream("POST", URL + "/v1/chat/completions", headers={
                "authorization": "Bearer " + KEY, "x-request-id": "left"}, json={
                "model": model, "stream": True, "messages": HELLO}) as answer:
            async for line in answer.aiter_lines():
                if "🌍" in line:
                    break
    await asyncio.wait_for(server.left.wait(), 20)
