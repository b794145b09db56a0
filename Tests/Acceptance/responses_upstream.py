"""The official SDKs of openai and anthropic through the gateway at a provider that speaks OpenAI's Responses API alone.

Arguments: the gateway's key, the port at which the gateway looks for the provider. Environment: GATEWAY_URL. Prints the sum of
what the answers cost, in nano-dollars.
"""

import asyncio
import json
from decimal import Decimal

import anthropic
import openai

from responses_server import SECRET, ResponsesServer
from upstream import CLOCK, HELLO, KEY, PIXEL, PORT, URL, WEATHER, client, asker, broken, leave, refused_with, streamed_calls

server = ResponsesServer("pro-secret")
ask = asker("pro-upstream")
# 70 tokens at 2, 50 from the cache at 0.2, and 40, thoughts among them, at 12 dollars a million.
COST = Decimal("0.00063")
paid = 0


def check_usage(usage):
    global paid
    assert usage.prompt_tokens == 120 and usage.completion_tokens == 40 and usage.total_tokens == 160, usage
    assert usage.prompt_tokens_details.cached_tokens == 50 and usage.completion_tokens_details.reasoning_tokens == 30, usage
    assert Decimal(str(usage.cost)) == COST, usage
    assert sum(Decimal(str(usage.cost_details[name])) for name in ("input_cost", "cached_input_cost", "output_cost")) == COST
    paid += int(COST * 10**9)


async def collect(**arguments):
    """A stream as one message, its reason to finish, and what is to be seen again of its thoughts."""
    found, calls, details, reason, usage = {"content": "", "refusal": "", "reasoning": ""}, {}, [], None, None
    async for chunk in await ask(stream=True, stream_options={"include_usage": True}, **arguments):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            for name in found:
                found[name] += getattr(choice.delta, name, None) or ""
            details += getattr(choice.delta, "reasoning_details", None) or []
            reason = choice.finish_reason or reason
            for call in choice.delta.tool_calls or []:
                if call.index in calls:
                    calls[call.index].function.arguments += call.function.arguments
                else:
                    calls[call.index] = call
    check_usage(usage)
    return found, list(calls.values()), reason, details


async def text():
    answer = await ask(
        [{"role": "system", "content": "Be brief."}] + HELLO, temperature=0.7, top_p=0.5, user="u1", max_tokens=300,
        prompt_cache_key="k", metadata={"a": "b"}, verbosity="low")
    message = answer.choices[0].message
    assert message.content == "Grüße, 世界 🌍" and answer.choices[0].finish_reason == "stop", answer
    assert answer.metadata["underlying_used_model"] == "gpt-upstream" and answer.id.startswith("chatcmpl-"), answer
    check_usage(answer.usage)
    body = server.bodies[-1]
    assert server.paths[-1] == "/v1/responses" and body["model"] == "gpt-upstream", body
    assert body["input"][0] == {"type": "message", "role": "system", "content": "Be brief."}, body
    assert (body["max_output_tokens"], body["temperature"], body["top_p"], body["user"]) == (300, 0.7, 0.5, "u1"), body
    assert body["prompt_cache_key"] == "k" and body["metadata"] == {"a": "b"} and body["text"] == {"verbosity": "low"}, body
    assert "stream" not in body and "reasoning" not in body and body["include"] == ["reasoning.encrypted_content"], body
    answer = await ask(model="pro-plain")
    added = json.loads(answer.metadata["added_parameters"])
    assert list(added.values()) == [server.bodies[-1]["max_output_tokens"]] and "include" not in server.bodies[-1], added
    check_usage(answer.usage)
    answer = await ask(model="pro-azure")
    assert server.paths[-1] == "/openai/v1/responses", server.paths[-1]
    check_usage(answer.usage)


async def streaming():
    found, calls, reason, details = await collect(reasoning_effort="high")
    assert found == {"content": "Grüße, 世界 🌍", "refusal": "", "reasoning": "Let me think.\n\nYes."}, found
    assert (calls, reason) == ([], "stop") and [detail["data"] for detail in details] == [SECRET], details
    assert server.bodies[-1]["reasoning"] == {"effort": "high", "summary": "auto"}, server.bodies[-1]
    whole = (await ask(reasoning_effort="high")).choices[0].message
    assert whole.reasoning == found["reasoning"] and whole.reasoning_details == details, whole
    global paid
    paid += int(COST * 10**9)
    async for chunk in await ask(stream=True):
        assert chunk.usage is None
    paid += int(COST * 10**9)
    for word, reason in (("cut", "length"), ("filter", "content_filter")):
        messages = [{"role": "user", "content": word + " this"}]
        found, _, ended, _ = await collect(messages=messages)
        answer = await ask(messages)
        assert ended == answer.choices[0].finish_reason == reason and found["content"] == answer.choices[0].message.content
        check_usage(answer.usage)
    messages = [{"role": "user", "content": "refuse this"}]
    found, _, ended, _ = await collect(messages=messages)
    answer = await ask(messages)
    assert found["refusal"] == answer.choices[0].message.refusal == "I can't help with that." and ended == "stop", answer
    assert answer.choices[0].message.content is None and found["content"] == "", answer
    check_usage(answer.usage)


async def tools():
    answer = await ask(tools=[WEATHER, CLOCK], tool_choice="required", parallel_tool_calls=True, reasoning_effort="low")
    message = answer.choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["get_weather", "clock"], answer
    assert json.loads(message.tool_calls[0].function.arguments) == {"place": "Zürich"}, answer
    assert answer.choices[0].finish_reason == "tool_calls" and len({call.id for call in message.tool_calls}) == 2, answer
    check_usage(answer.usage)
    _, calls, reason, _ = await collect(tools=[WEATHER, CLOCK], tool_choice="required")
    assert [call.function.name for call in calls] == ["get_weather", "clock"] and reason == "tool_calls", calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"place": "Zürich"}, {}], calls
    named = {"type": "function", "function": {"name": "clock"}}
    answer = await ask(tools=[WEATHER, CLOCK], tool_choice=named)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["clock"], answer
    check_usage(answer.usage)
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} says 5"} for call in message.tool_calls]
    follow = await ask(HELLO + [message.model_dump()] + results, tools=[WEATHER, CLOCK])
    assert follow.choices[0].message.content == "clock says 5", follow
    check_usage(follow.usage)
    # What the model thought before it called goes back to it.
    sent = server.bodies[-1]["input"]
    assert [item["type"] for item in sent] == ["message", "reasoning"] + ["function_call"] * 2 + ["function_call_output"] * 2, sent
    assert sent[1]["encrypted_content"] == SECRET, sent


async def vision_and_json():
    answer = await ask([{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL, "detail": "low"}},
    ]}])
    assert answer.choices[0].message.content == "What is this? [input_image]", answer
    check_usage(answer.usage)
    answer = await ask(response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"a": 1}, answer
    check_usage(answer.usage)
    answer = await ask(response_format={"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": {
        "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}}})
    assert json.loads(answer.choices[0].message.content) == {"a": 1}, answer
    check_usage(answer.usage)


async def other_entrances():
    """Anthropic's SDK, and OpenAI's own Responses, at a model of this provider."""
    global paid
    claude = anthropic.AsyncAnthropic(api_key=KEY, base_url=URL, max_retries=0, timeout=30)
    async with claude.messages.stream(model="pro-upstream", messages=HELLO, max_tokens=500) as stream:
        message = await stream.get_final_message()
    assert message.content[0].text == "Grüße, 世界 🌍" and message.usage.cache_read_input_tokens == 50, message
    paid += await streamed_calls("pro-upstream") * int(COST * 10**9)
    for stream in (False, True):
        first = await client.responses.create(model="pro-upstream", input="call", stream=stream, reasoning={"effort": "low"}, tools=[
            {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}, "strict": False}])
        if stream:
            events = [event async for event in first]
            first = events[-1].response
            # What the gateway does not know goes through as well.
            assert "response.a_kind_of_tomorrow" in [event.type for event in events], events
            assert {event.response.id for event in events if getattr(event, "response", None)} == {first.id}, events
        assert [item.type for item in first.output] == ["reasoning", "function_call"], first
        assert Decimal(str(first.usage.cost)) == COST and first.usage.output_tokens_details.reasoning_tokens == 30, first.usage
        second = await client.responses.create(model="pro-upstream", previous_response_id=first.id, input=[
            {"type": "function_call_output", "call_id": first.output[1].call_id, "output": "noon"}])
        assert second.output_text == "noon" and second.id.startswith("resp_") and second.id != "resp_standin", second
        sent = server.bodies[-1]["input"]
        assert [item.get("type", "message") for item in sent] == ["message", "reasoning", "function_call", "function_call_output"], sent
        assert sent[1]["encrypted_content"] == SECRET, sent
        paid += 2 * int(COST * 10**9)
    paid += int(COST * 10**9)


async def refusals_before_anything_is_sent():
    sent = len(server.bodies)
    for arguments, param in [
        ({"n": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"seed": 1}, "seed"), ({"stop": ["x"]}, "stop"),
        ({"presence_penalty": 1}, "presence_penalty"), ({"messages": [{"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]}, "messages[0].content[0].type"),
    ]:
        try:
            await ask(**arguments)
        except openai.BadRequestError as error:
            assert error.param == param, (arguments, error)
        else:
            raise AssertionError(arguments)
    assert len(server.bodies) == sent


async def errors():
    await refused_with(ask, "pro")
    await broken(ask, "pro", early=502, says="overloaded")


async def a_client_may_leave():
    await leave(server, "pro-waiting")


async def main():
    await server.start(PORT)
    for part in (
            text, streaming, tools, vision_and_json, other_entrances, refusals_before_anything_is_sent, errors, a_client_may_leave):
        await part()
    print(paid)


asyncio.run(main())
