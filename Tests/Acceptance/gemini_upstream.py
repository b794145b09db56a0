"""The official SDKs of openai and anthropic through the gateway at a provider that speaks Google's Gemini API.

Arguments: the gateway's key, the port at which the gateway looks for the provider, the key of an organization that is not strict.
Environment: GATEWAY_URL. Prints the sum of what the answers cost, in nano-dollars.
"""

import asyncio
import json
import sys
from decimal import Decimal

import anthropic
import openai

from gemini_server import GeminiServer
from upstream import (
    CLOCK, HELLO, KEY, PDF, PIXEL, PORT, URL, WEATHER, asker, broken, client, leave, refused_with, streamed_calls)

server = GeminiServer("upstream-secret")
ask = asker("gemini")
# 70 tokens at 2, 50 cached at 0.2, and 40 at 12 dollars a million, 30 of them thought.
COST = Decimal("0.00063")
paid = 0


def check_usage(usage):
    global paid
    assert usage.prompt_tokens == 120 and usage.completion_tokens == 40 and usage.total_tokens == 160, usage
    assert usage.prompt_tokens_details.cached_tokens == 50, usage
    assert usage.completion_tokens_details.reasoning_tokens == 30, usage
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
                calls[call.index] = call
    check_usage(usage)
    return text, reasoning, list(calls.values()), reason


async def text():
    answer = await ask(
        [{"role": "system", "content": "Be brief."}] + HELLO, temperature=1.3, top_p=0.5, stop=["🌍"], seed=7, user="u1",
        max_tokens=300)
    assert answer.choices[0].message.content == "Grüße, 世界 " and answer.choices[0].finish_reason == "stop", answer
    assert answer.metadata["underlying_used_model"] == "gemini-upstream", answer
    check_usage(answer.usage)
    body = server.bodies[-1]
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}, body
    assert body["generationConfig"]["maxOutputTokens"] == 300 and body["generationConfig"]["seed"] == 7, body
    answer = await ask()
    assert json.loads(answer.metadata["added_parameters"]) == {
        "max_tokens": server.bodies[-1]["generationConfig"]["maxOutputTokens"]}, answer.metadata
    check_usage(answer.usage)


async def streaming():
    said, reasoning, calls, reason = await collect(reasoning_effort="low")
    assert (said, reasoning, calls, reason) == ("Grüße, 世界 🌍", "Let me think.", [], "stop"), (said, reasoning, reason)
    assert server.bodies[-1]["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 2048, server.bodies[-1]
    global paid
    async for chunk in await ask(stream=True):
        assert chunk.usage is None
    paid += int(COST * 10**9)


async def tools():
    for model in ("gemini", "gemini-newer"):
        answer = await ask(model=model, tools=[WEATHER, CLOCK], tool_choice="required")
        message = answer.choices[0].message
        assert [call.function.name for call in message.tool_calls] == ["get_weather", "clock"], answer
        assert json.loads(message.tool_calls[0].function.arguments) == {"place": "Zürich"}, answer
        assert answer.choices[0].finish_reason == "tool_calls" and len({call.id for call in message.tool_calls}) == 2, answer
        check_usage(answer.usage)
        _, _, calls, reason = await collect(model=model, tools=[WEATHER, CLOCK], tool_choice="required")
        assert [call.function.name for call in calls] == ["get_weather", "clock"] and reason == "tool_calls", calls
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} says 5"} for call in message.tool_calls]
        kept = message.model_dump()
        follow = await ask(HELLO + [kept] + results, model=model, tools=[WEATHER, CLOCK])
        assert follow.choices[0].message.content == "get_weather says 5 clock says 5", follow
        assert server.bodies[-1]["contents"][1]["parts"][-2]["thoughtSignature"] == "c2lnbmF0dXJl", server.bodies[-1]
        check_usage(follow.usage)
        # A client that keeps only what OpenAI knows has lost the signature, and is answered all the same.
        for call in kept["tool_calls"]:
            call.pop("extra_content", None)
        check_usage((await ask(HELLO + [kept] + results, model=model, tools=[WEATHER, CLOCK])).usage)


async def vision_and_json():
    answer = await ask([{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}])
    assert answer.choices[0].message.content == "What is this? [inlineData] [fileData]", answer
    check_usage(answer.usage)
    answer = await ask(response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"text": HELLO[0]["content"]}, answer
    check_usage(answer.usage)
    answer = await ask(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {
        "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}}})
    assert json.loads(answer.choices[0].message.content) == {"a": 1}, answer
    check_usage(answer.usage)


async def files_and_sounds():
    question = {"type": "text", "text": "What is this?"}
    for arguments in ({}, {"max_tokens": 300}):
        answer = await ask([{"role": "user", "content": [question, PDF]}], **arguments)
        assert answer.choices[0].message.content == "What is this? [inlineData]", answer
        given = server.bodies[-1]["contents"][0]["parts"][1]["inlineData"]
        assert given == {"mimeType": "application/pdf", "data": PDF["file"]["file_data"].partition(",")[2]}, given
        check_usage(answer.usage)
    sent = len(server.bodies)
    sound = [{"role": "user", "content": [question, {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]}]
    # Its price is not known, whoever asks.
    for key in (KEY, sys.argv[3]):
        try:
            await client.with_options(api_key=key).chat.completions.create(model="gemini", messages=sound)
        except openai.BadRequestError as error:
            assert error.param == "messages[0].content[1].type" and len(server.bodies) == sent, error
        else:
            raise AssertionError("a sound was sent")


async def messages():
    """Anthropic's SDK at a model of Google."""
    global paid
    claude = anthropic.AsyncAnthropic(api_key=KEY, base_url=URL, max_retries=0, timeout=30)
    async with claude.messages.stream(model="gemini", messages=HELLO, max_tokens=500) as stream:
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"], message
    assert message.content[1].text == "Grüße, 世界 🌍" and message.usage.cache_read_input_tokens == 50, message
    clock = {"name": "clock", "input_schema": {"type": "object", "properties": {}}}
    answer = await claude.messages.create(
        model="gemini-newer", messages=HELLO, max_tokens=500, tools=[clock], tool_choice={"type": "any"})
    call = answer.content[-1]
    assert call.type == "tool_use" and answer.stop_reason == "tool_use", answer
    assert [block.type for block in answer.content] == ["thinking", "tool_use"] and answer.content[0].signature, answer
    follow = await claude.messages.create(model="gemini-newer", max_tokens=500, tools=[clock], messages=HELLO + [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "noon"}]}])
    assert follow.content[-1].text == "noon", follow
    assert server.bodies[-1]["contents"][1]["parts"][0]["thoughtSignature"] == "c2lnbmF0dXJl", server.bodies[-1]
    failed = await claude.messages.create(model="gemini-newer", max_tokens=500, tools=[clock], messages=HELLO + [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "clock", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "no clock", "is_error": True}]}])
    assert json.loads(failed.content[-1].text) == {"error": "no clock"}, failed
    paid += (4 + await streamed_calls("gemini")) * int(COST * 10**9)


async def refusals_before_anything_is_sent():
    sent = len(server.bodies)
    for arguments, param in [
        ({"n": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"temperature": 2.5}, "temperature"),
        ({"tools": [CLOCK], "parallel_tool_calls": False}, "parallel_tool_calls"), ({"reasoning_effort": "extreme"}, "reasoning_effort"),
    ]:
        try:
            await ask(**arguments)
        except openai.BadRequestError as error:
            assert error.param == param, (arguments, error)
        else:
            raise AssertionError(arguments)
    assert len(server.bodies) == sent


async def errors():
    await refused_with(ask, "gemini")
    await broken(ask, "gemini", early=503)


async def a_client_that_leaves_pays_for_the_prompt_that_was_told():
    await leave(server, "gemini-waiting")


async def main():
    await server.start(PORT)
    for scenario in [
        text, streaming, tools, vision_and_json, files_and_sounds, messages, refusals_before_anything_is_sent, errors,
        a_client_that_leaves_pays_for_the_prompt_that_was_told,
    ]:
        await scenario()
    print(paid)


asyncio.run(main())
