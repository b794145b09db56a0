"""The official openai SDK through the gateway at a provider that speaks Anthropic's Messages.

Arguments: the gateway's key, the port at which the gateway looks for the provider. Environment: GATEWAY_URL. Prints the sum of
what the answers said they cost, in nano-dollars.
"""

import asyncio
import json
from decimal import Decimal

import openai

from anthropic_server import AnthropicServer
from upstream import CLOCK, HELLO, PDF, PIXEL, PORT, WEATHER, client, asker, broken, leave

server = AnthropicServer("upstream-secret")
ask = asker("claude")
# 100 tokens at 3, 50 read at 0.3, 20 written at 3.75, 10 written for an hour at 6, and 40 at 15 dollars a million.
COST = Decimal("0.00105")
paid = 0


def check_usage(usage):
    global paid
    assert usage.prompt_tokens == 180 and usage.completion_tokens == 40 and usage.total_tokens == 220, usage
    assert usage.prompt_tokens_details.cached_tokens == 50, usage
    assert Decimal(str(usage.cost)) == COST, usage
    assert Decimal(str(usage.cost_details["cache_write_input_cost"])) == Decimal("0.000135"), usage
    paid += int(COST * 10**9)


def count_cost(usage):
    """The same of the Responses API."""
    global paid
    assert usage.input_tokens == 180 and usage.output_tokens == 40 and Decimal(str(usage.cost)) == COST, usage
    paid += int(COST * 10**9)


async def collect(**arguments):
    """The text, the reasoning, the calls, the reason to stop and the usage of a stream."""
    text, reasoning, details, calls, reason, usage = "", "", [], {}, None, None
    async for chunk in await ask(stream=True, stream_options={"include_usage": True}, **arguments):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasoning += getattr(choice.delta, "reasoning", None) or ""
            details += getattr(choice.delta, "reasoning_details", None) or []
            reason = choice.finish_reason or reason
            for call in choice.delta.tool_calls or []:
                known = calls.setdefault(call.index, {"id": call.id, "name": call.function.name, "arguments": ""})
                known["arguments"] += call.function.arguments or ""
    check_usage(usage)
    return text, reasoning, details, list(calls.values()), reason


async def text():
    answer = await ask(
        [{"role": "system", "content": "Be brief."}] + HELLO, temperature=0.3, top_p=0.5, stop=["🌍"], user="u1", max_tokens=300)
    assert answer.choices[0].message.content == "Grüße, 世界 " and answer.choices[0].finish_reason == "stop", answer
    assert answer.metadata["used_provider"] == "claude" and answer.metadata["underlying_used_model"] == "claude-upstream", answer
    check_usage(answer.usage)
    body = server.bodies[-1]
    assert body["model"] == "claude-upstream" and body["max_tokens"] == 300, body
    assert body["system"] == [{"type": "text", "text": "Be brief."}] and body["metadata"] == {"user_id": "u1"}, body


async def the_bound_of_the_gateway_is_sent():
    answer = await ask()
    assert json.loads(answer.metadata["added_parameters"]) == {"max_tokens": server.bodies[-1]["max_tokens"]}, answer.metadata
    check_usage(answer.usage)
    # What the prompt leaves of the context is less than the model's maximum.
    check_usage((await ask([{"role": "user", "content": "word " * 60000}])).usage)
    assert 4096 <= server.bodies[-1]["max_tokens"] < 8192, server.bodies[-1]["max_tokens"]
    answer = await ask(max_tokens=1)
    assert answer.choices[0].finish_reason == "length" and Decimal(str(answer.usage.cost)) == Decimal("0.000465"), answer
    global paid
    paid += 465_000


async def streaming():
    said, reasoning, _, calls, reason = await collect()
    assert (said, reasoning, calls, reason) == ("Grüße, 世界 🌍", "", [], "stop"), (said, reason)
    without = [chunk async for chunk in await ask(stream=True)]
    assert all(chunk.usage is None for chunk in without)
    global paid
    paid += int(COST * 10**9)


async def tools():
    answer = await ask(tools=[WEATHER, CLOCK], tool_choice="required")
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "clock"], answer
    assert json.loads(calls[0].function.arguments) == {"place": "Zürich"} and calls[1].function.arguments == "{}", answer
    assert answer.choices[0].finish_reason == "tool_calls"
    check_usage(answer.usage)
    one = await ask(tools=[WEATHER, CLOCK], tool_choice="required", parallel_tool_calls=False)
    assert len(one.choices[0].message.tool_calls) == 1, one
    check_usage(one.usage)
    _, _, _, streamed, reason = await collect(tools=[WEATHER, CLOCK], tool_choice="required")
    assert [call["name"] for call in streamed] == ["get_weather", "clock"] and reason == "tool_calls", streamed
    assert json.loads(streamed[0]["arguments"]) == {"place": "Zürich"} and streamed[1]["arguments"] == "{}", streamed
    follow = await ask(HELLO + [answer.choices[0].message.model_dump()] + [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} says 5"} for call in calls], tools=[WEATHER, CLOCK])
    assert follow.choices[0].message.content == "get_weather says 5 clock says 5", follow
    check_usage(follow.usage)


async def thinking():
    question = [{"role": "user", "content": "call them"}]
    answer = await ask(question, reasoning_effort="low", tools=[CLOCK], max_tokens=4000)
    message = answer.choices[0].message
    assert message.reasoning == "Let me think." and message.tool_calls[0].function.name == "clock", answer
    assert server.bodies[-1]["thinking"] == {"type": "enabled", "budget_tokens": 1024}, server.bodies[-1]
    check_usage(answer.usage)
    follow = await ask(question + [
        message.model_dump(), {"role": "tool", "tool_call_id": "toolu_0", "content": "noon"}],
        reasoning_effort="low", tools=[CLOCK], max_tokens=4000)
    sent = server.bodies[-1]["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": "Let me think.", "signature": "c2lnbmF0dXJl"}, sent
    check_usage(follow.usage)
    said, reasoning, details, _, _ = await collect(messages=HELLO, reasoning_effort="medium", max_tokens=4000)
    assert reasoning == "Let me think." and said == "Grüße, 世界 🌍" and details[-1]["signature"] == "c2lnbmF0dXJl", details
    said, reasoning, _, _, _ = await collect(messages=HELLO, model="claude-adaptive", reasoning_effort="high", max_tokens=100)
    assert reasoning == "Let me think." and server.bodies[-1]["output_config"] == {"effort": "high"}, server.bodies[-1]
    await collect(messages=HELLO, reasoning_effort="xhigh", max_tokens=4000)
    assert server.bodies[-1]["thinking"] == {"type": "enabled", "budget_tokens": 2000}, server.bodies[-1]
    _, reasoning, _, _, _ = await collect(messages=HELLO, reasoning_effort="minimal", max_tokens=1000)
    assert not reasoning and "thinking" not in server.bodies[-1], server.bodies[-1]


async def thinking_by_the_responses_api():
    """What Claude thought before a call goes back to it: from what was kept, and from what the client has."""
    clock = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}, "strict": False}
    common = {"model": "claude", "tools": [clock], "reasoning": {"effort": "low"}, "max_output_tokens": 4000}
    question = {"role": "user", "content": "call it"}
    thought = {"type": "thinking", "thinking": "Let me think.", "signature": "c2lnbmF0dXJl"}

    async def asked(**arguments):
        if not arguments.pop("stream", False):
            return await client.responses.create(**common, **arguments)
        async with client.responses.stream(**common, **arguments) as stream:
            async for _ in stream:
                pass
            return await stream.get_final_response()

    for stream in (False, True):
        first = await asked(input=[question], stream=stream)
        assert [item.type for item in first.output] == ["reasoning", "function_call"], first
        result = {"type": "function_call_output", "call_id": first.output[1].call_id, "output": "noon"}
        for follow in (
                {"previous_response_id": first.id, "input": [result]},
                {"input": [question] + [item.model_dump(exclude_none=True) for item in first.output] + [result], "store": False}):
            answer = await asked(stream=stream, **follow)
            assert answer.output_text == "noon", answer
            assert server.bodies[-1]["messages"][1]["content"][0] == thought, server.bodies[-1]["messages"]
            count_cost(answer.usage)
        count_cost(first.usage)


async def vision_and_schemas():
    answer = await ask([{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}])
    assert answer.choices[0].message.content == "What is this? [image] [image]", answer
    check_usage(answer.usage)
    answer = await ask(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {
        "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}}})
    assert json.loads(answer.choices[0].message.content) == {"a": 1}, answer
    check_usage(answer.usage)
    answer = await ask(response_format={"type": "json_object"})
    told = server.bodies[-1]["system"][-1]["text"]
    assert "JSON" in told and json.loads(answer.metadata["added_parameters"])["system"] == told, answer
    check_usage(answer.usage)


async def documents():
    answer = await ask([{"role": "user", "content": [{"type": "text", "text": "What is this?"}, PDF]}])
    assert answer.choices[0].message.content == "What is this? [document]", answer
    block = server.bodies[-1]["messages"][0]["content"][1]
    assert block["source"] == {
        "type": "base64", "media_type": "application/pdf", "data": PDF["file"]["file_data"].partition(",")[2]}, block
    check_usage(answer.usage)
    said, _, _, _, _ = await collect(messages=[{"role": "user", "content": [PDF]}])
    assert said == "[document]", said


async def refusals_before_anything_is_sent():
    sent = len(server.bodies)
    for arguments, param in [
        ({"n": 2}, "n"), ({"seed": 7}, "seed"), ({"logprobs": True}, "logprobs"), ({"temperature": 1.5}, "temperature"),
        ({"response_format": {"type": "json_object"}, "model": "claude-adaptive"}, "response_format"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
    ]:
        try:
            await ask(**arguments)
        except openai.BadRequestError as error:
            assert error.param == param, (arguments, error)
        else:
            raise AssertionError(arguments)
    assert len(server.bodies) == sent


async def errors():
    for type, kind, status in [
        ("rate_limit_error", openai.RateLimitError, 429), ("overloaded_error", openai.InternalServerError, 529),
        ("invalid_request_error", openai.BadRequestError, 400), ("authentication_error", openai.AuthenticationError, 401),
        ("api_error", openai.InternalServerError, 500), ("request_too_large", openai.APIStatusError, 413),
    ]:
        for stream in (False, True):
            try:
                await ask(model="claude-error-" + type, stream=stream)
            except kind as error:
                assert error.status_code == status, (type, error)
                assert ("It was asked for." in str(error)) == (status != 401), error
                if status == 429:
                    assert error.response.headers["retry-after"] == "7"
            else:
                raise AssertionError(type)
    await broken(ask, "claude", early=529)


async def a_client_that_leaves_pays_for_the_prompt_that_was_told():
    await leave(server, "claude-waiting")


async def main():
    await server.start(PORT)
    for scenario in [
        text, the_bound_of_the_gateway_is_sent, streaming, tools, thinking, thinking_by_the_responses_api, vision_and_schemas,
        documents, refusals_before_anything_is_sent, errors, a_client_that_leaves_pays_for_the_prompt_that_was_told,
    ]:
        await scenario()
    print(paid)


asyncio.run(main())
