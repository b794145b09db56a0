"""The official openai SDK against a running gateway: what an application developer does, with only the base URL changed.

Arguments: the gateway's key. Environment: GATEWAY_URL. Exits non-zero at the first check that fails.
"""

import asyncio
import json
import os
import sys

import openai

BASE_URL = os.environ["GATEWAY_URL"] + "/v1"
KEY = sys.argv[1]
client = openai.OpenAI(api_key=KEY, base_url=BASE_URL, max_retries=0, timeout=30)
HELLO = [{"role": "user", "content": "Hello, world"}]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}


def plain():
    answer = client.chat.completions.create(model="echo", messages=HELLO)
    assert answer.choices[0].message.content == "Hello, world", answer
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.cost > 0


def older_completions():
    answer = client.completions.create(model="echo", prompt="Hello, world", max_tokens=50, n=2, stop=["x"])
    assert [choice.text for choice in answer.choices] == ["Hello, world"] * 2 and answer.object == "text_completion", answer
    assert answer.choices[0].finish_reason == "stop" and answer.usage.cost > 0 and answer.metadata["used_provider"] == "echo", answer
    chunks = list(client.completions.create(
        model="echo", prompt=["Grüße, 世界 🌍"], stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "Grüße, 世界 🌍", chunks
    assert chunks[-1].usage.cost > 0 and all(chunk.object == "text_completion" for chunk in chunks), chunks[-1]
    for wrong, param in (
            ({"prompt": ["a", "b"]}, "prompt"), ({"prompt": [1, 2]}, "prompt"), ({"suffix": "x"}, "suffix"), ({"echo": True}, "echo"),
            ({"logprobs": 3}, "logprobs"), ({"best_of": 2}, "best_of"), ({"extra_body": {"messages": []}}, "messages")):
        try:
            client.completions.create(**({"model": "echo", "prompt": "x"} | wrong))
        except openai.BadRequestError as error:
            assert error.param == param, (wrong, error)
        else:
            raise AssertionError(wrong)


def parameters_pass_through():
    answer = client.chat.completions.create(
        model="echo", messages=HELLO, temperature=0.2, top_p=0.9, seed=7, stop=["world"], n=2, max_completion_tokens=50,
        presence_penalty=0.1, frequency_penalty=0.1, logit_bias={"50256": -100}, user="someone", parallel_tool_calls=None)
    assert len(answer.choices) == 2, answer
    assert answer.choices[1].message.content == "Hello, ", answer


def max_tokens_is_honoured():
    answer = client.chat.completions.create(model="echo", messages=HELLO, max_tokens=1)
    assert answer.choices[0].finish_reason == "length", answer


def streaming():
    chunks = list(client.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "Grüße, 世界 🌍"}], stream=True,
        stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "Grüße, 世界 🌍", text
    assert chunks[-1].usage.completion_tokens > 0
    without = list(client.chat.completions.create(model="echo", messages=HELLO, stream=True))
    assert all(c.usage is None for c in without)


async def asynchronous():
    async with openai.AsyncOpenAI(api_key=KEY, base_url=BASE_URL, max_retries=0, timeout=30) as aclient:
        answers = await asyncio.gather(*(
            aclient.chat.completions.create(model="echo", messages=[{"role": "user", "content": f"number {i}"}])
            for i in range(50)))
        assert [a.choices[0].message.content for a in answers] == [f"number {i}" for i in range(50)]
        text = ""
        async for chunk in await aclient.chat.completions.create(model="echo", messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
        assert text == "Hello, world"


def tools():
    answer = client.chat.completions.create(model="echo", messages=HELLO, tools=[WEATHER], tool_choice="required")
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["location"], str)
    assert answer.choices[0].finish_reason == "tool_calls"
    follow = client.chat.completions.create(model="echo", tools=[WEATHER], messages=HELLO + [
        {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"}, {"role": "user", "content": "thanks"}])
    assert follow.choices[0].message.content == "thanks"


def json_mode_and_schema():
    answer = client.chat.completions.create(model="echo", messages=HELLO, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)
    answer = client.chat.completions.create(model="echo", messages=HELLO, response_format={
        "type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": SCHEMA}})
    person = json.loads(answer.choices[0].message.content)
    assert set(person) == {"name", "age", "tags"} and isinstance(person["age"], int), person


def vision():
    pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": pixel, "detail": "low"}}]}])
    assert "What is this?" in answer.choices[0].message.content


def models():
    ids = {m.id for m in client.models.list()}
    assert {"echo", "gpt-4o"} <= ids, ids
    listed = next(m for m in client.models.list() if m.id == "gpt-4o")
    for name in ("gpt-4o", "openai/gpt-4o"):
        one = client.models.retrieve(name)
        assert one.model_dump(exclude={"created"}) == listed.model_dump(exclude={"created"}), (name, one)
    # This client encodes the slash of a name; others leave it.
    assert client.get("/models/openai/gpt-4o", cast_to=object)["id"] == "gpt-4o"
    for name in ("no-such-model", "openai/no-such-model", "nobody/gpt-4o"):
        try:
            client.models.retrieve(name)
        except openai.NotFoundError as error:
            assert (error.code, error.param, error.type) == ("model_not_found", "model", "invalid_request_error"), error
        else:
            raise AssertionError(name)


def error_classes():
    def expect(kind, **arguments):
        try:
            client.chat.completions.create(**{"model": "echo", "messages": HELLO, **arguments})
        except kind as error:
            return error
        raise AssertionError(f"{kind.__name__} was expected for {arguments}")

    assert expect(openai.BadRequestError, model="no-such-model").param == "model"
    assert expect(openai.BadRequestError, max_tokens=-1).param == "max_tokens"
    assert expect(openai.BadRequestError, messages=[]).param == "messages"
    assert expect(openai.BadRequestError, messages="hi").param == "messages"
    stranger = openai.OpenAI(api_key="llmgtwy_wrong", base_url=BASE_URL, max_retries=0)
    try:
        stranger.chat.completions.create(model="echo", messages=HELLO)
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
    else:
        raise AssertionError("a wrong key was accepted")
    raw = client.chat.completions.with_raw_response.create(model="echo", messages=HELLO, extra_headers={"x-request-id": "mine-1"})
    assert raw.headers["x-request-id"] == "mine-1"
    assert raw.headers["x-llmgateway-request-id"].startswith("req_")


CHECKS = [
    plain, older_completions, parameters_pass_through, max_tokens_is_honoured, streaming, lambda: asyncio.run(asynchronous()), tools,
    json_mode_and_schema, vision, models, error_classes,
]
for check in CHECKS:
    check()
    print("passed", getattr(check, "__name__", "check"))
