"""The clients that applications use, each with the same conversations at a model of each dialect: whole and streamed, with a tool
of either kind, with a typed answer. A client must not see which provider answered.

Arguments: the gateway's key; the ports at which the gateway looks for the providers that speak OpenAI's, Anthropic's, Google's and
Amazon Bedrock's formats, and OpenAI's Responses, for Azure and for Vertex AI. Environment: GATEWAY_URL.
"""

import asyncio
import json
import os
import sys

import instructor
import litellm
import openai
import pydantic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from anthropic_server import AnthropicServer
from azure_server import AzureServer
from bedrock_server import BedrockServer
from gemini_server import GeminiServer
from openai_server import OpenAIServer
from responses_server import ResponsesServer

KEY, *PORTS = sys.argv[1:]
BASE = os.environ["GATEWAY_URL"] + "/v1"
MODELS = ["openai", "claude", "gemini", "bedrock-claude", "pro-upstream", "azure/gpt-4.1", "google-vertex/gemini-3.5-flash"]
ASKED, ANSWERED, HELLO = "call the tool", "Regen, 12 °C 🌧", "Grüße, 世界 🌍"
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather at a place.", "parameters": {
        "type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}}}

GRAMMAR = {"syntax": "lark", "definition": "start: /.+/"}


def calls_of(message):
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def with_openai(model, streams):
    client = openai.OpenAI(api_key=KEY, base_url=BASE, max_retries=0, timeout=30)

    def ask(messages, **more):
        if not streams:
            return client.chat.completions.create(model=model, messages=messages, **more).choices[0]
        with client.chat.completions.stream(model=model, messages=messages, **more) as stream:
            return stream.get_final_completion().choices[0]

    messages = [{"role": "user", "content": ASKED}]
    first = ask(messages, tools=[TOOL])
    call = first.message.tool_calls[0]
    messages += [
        {"role": "assistant", "content": first.message.content, "tool_calls": [
            {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}]},
        {"role": "tool", "tool_call_id": call.id, "content": ANSWERED}]
    second = ask(messages, tools=[TOOL])
    return calls_of(first.message), first.finish_reason, second.message.content, second.finish_reason


def with_custom_tools(model, streams):
    """A tool that is called with a text, of the Responses API."""
    client = openai.OpenAI(api_key=KEY, base_url=BASE, max_retries=0, timeout=30)
    tool = {"type": "custom", "name": "patch", "description": "Edits.", "format": {"type": "grammar"} | GRAMMAR}

    def ask(items):
        answer = client.responses.create(model=model, input=items, tools=[tool], store=False, stream=streams)
        if not streams:
            return answer.output[-1]
        said, done, last = "", "", None
        for event in answer:
            if event.type == "response.custom_tool_call_input.delta":
                said += event.delta
            elif event.type == "response.custom_tool_call_input.done":
                done += event.input
            elif event.type == "response.completed":
                last = event.response.output[-1]
        assert said == done == getattr(last, "input", ""), (said, done, last)
        return last

    items = [{"role": "user", "content": ASKED}]
    call = ask(items)
    assert call.type == "custom_tool_call" and call.id.startswith("ctc_"), call
    items += [call.model_dump(exclude_none=True), {
        "type": "custom_tool_call_output", "call_id": call.call_id, "output": ANSWERED}]
    return call.name, call.input, ask(items).content[0].text


def with_custom_tools_of_chats(model, streams):
    client = openai.OpenAI(api_key=KEY, base_url=BASE, max_retries=0, timeout=30)
    tool = {"type": "custom", "custom": {
        "name": "patch", "description": "Edits.", "format": {"type": "grammar", "grammar": GRAMMAR}}}

    def ask(messages):
        answer = client.chat.completions.create(
            model=model, messages=messages, tools=[tool], tool_choice="auto", stream=streams)
        if not streams:
            message = answer.choices[0].message
            return message.content, [call.model_dump(exclude_none=True) for call in message.tool_calls or []]
        text, calls = "", []
        for delta in (choice.delta for chunk in answer for choice in chunk.choices):
            text += delta.content or ""
            for piece in delta.tool_calls or []:
                # The SDK has no type of its own for such a piece.
                if piece.id:
                    calls.append({"id": piece.id, "type": piece.type, "custom": {"name": piece.custom["name"], "input": ""}})
                calls[piece.index]["custom"]["input"] += piece.custom["input"]
        return text, calls

    messages = [{"role": "user", "content": ASKED}]
    _, calls = ask(messages)
    assert [call["type"] for call in calls] == ["custom"], calls
    messages += [{"role": "assistant", "content": None, "tool_calls": calls}, {
        "role": "tool", "tool_call_id": calls[0]["id"], "content": ANSWERED}]
    return calls[0]["custom"]["name"], calls[0]["custom"]["input"], ask(messages)[0]


def with_litellm(model, streams):
    def ask(messages, **more):
        answer = litellm.completion(
            model="openai/" + model, api_base=BASE, api_key=KEY, messages=messages, stream=streams, num_retries=0, timeout=30,
            **more)
        return (litellm.stream_chunk_builder(list(answer), messages=messages) if streams else answer).choices[0]

    messages = [{"role": "user", "content": ASKED}]
    first = ask(messages, tools=[TOOL])
    call = first.message.tool_calls[0]
    messages += [first.message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": ANSWERED}]
    second = ask(messages, tools=[TOOL])
    return calls_of(first.message), first.finish_reason, second.message.content, second.finish_reason


def with_langchain(model, streams):
    chat = ChatOpenAI(model=model, base_url=BASE, api_key=KEY, max_retries=0, timeout=30, stream_usage=True).bind_tools([TOOL])

    def ask(messages):
        if not streams:
            return chat.invoke(messages)
        whole = None
        for chunk in chat.stream(messages):
            whole = chunk if whole is None else whole + chunk
        return whole

    messages = [HumanMessage(ASKED)]
    first = ask(messages)
    messages += [first, ToolMessage(ANSWERED, tool_call_id=first.tool_calls[0]["id"])]
    second = ask(messages)
    assert second.usage_metadata["input_tokens"] >= 100, second.usage_metadata
    return (
        [(call["name"], call["args"]) for call in first.tool_calls], first.response_metadata["finish_reason"], second.text,
        second.response_metadata["finish_reason"])


def with_pydantic_ai(model, streams):
    calls = []

    def get_weather(place: str) -> str:
        """The weather at a place."""
        calls.append(("get_weather", {"place": place}))
        return ANSWERED

    agent = Agent(OpenAIChatModel(model, provider=OpenAIProvider(base_url=BASE, api_key=KEY)), tools=[get_weather], retries=0)
    if not streams:
        return calls, agent.run_sync(ASKED).output

    async def run():
        async with agent.run_stream(ASKED) as result:
            return await result.get_output()

    return calls, asyncio.run(run())


class Weather(pydantic.BaseModel):
    place: str


class Count(pydantic.BaseModel):
    count: int


def with_instructor(model, streams):
    """Typed answers: by a tool that must be called, and by a schema."""
    results = []
    for mode, kind in [(instructor.Mode.TOOLS, Weather), (instructor.Mode.JSON_SCHEMA, Count)]:
        client = instructor.from_openai(openai.OpenAI(api_key=KEY, base_url=BASE, max_retries=0, timeout=30), mode=mode)
        arguments = {
            "model": model, "response_model": kind, "messages": [{"role": "user", "content": HELLO}], "max_retries": 0}
        if streams:
            results.append([*client.chat.completions.create_partial(**arguments)][-1].model_dump())
        else:
            results.append(client.chat.completions.create(**arguments).model_dump())
    return results


WANTED = {
    with_openai: ([("get_weather", {"place": "Zürich"})], "tool_calls", ANSWERED, "stop"),
    with_custom_tools: ("patch", "Zürich", ANSWERED),
    with_custom_tools_of_chats: ("patch", "Zürich", ANSWERED),
    with_litellm: ([("get_weather", {"place": "Zürich"})], "tool_calls", ANSWERED, "stop"),
    with_langchain: ([("get_weather", {"place": "Zürich"})], "tool_calls", ANSWERED, "stop"),
    with_pydantic_ai: ([("get_weather", {"place": "Zürich"})], ANSWERED),
    with_instructor: [{"place": "Zürich"}, {"count": 1}],
}


class VertexServer(GeminiServer):
    """The same under the paths of an account that is a key alone."""

    async def respond(self, path, headers, body, reader, writer):
        place, model = path.rsplit("/models/", 1)
        assert place == "/v1/publishers/google", path
        await super().respond("/v1beta/models/" + model, headers, body, reader, writer)


async def main():
    servers = [
        OpenAIServer("openai-secret"), AnthropicServer("claude-secret"), GeminiServer("gemini-secret"),
        BedrockServer("::", "bedrock-secret", "eu-central-1"), ResponsesServer("pro-secret"), AzureServer("azure-secret"),
        VertexServer("vertex-secret")]
    for server, port in zip(servers, PORTS, strict=True):
        await server.start(int(port))

    async def converse(client, streams, wanted, model, server):
        asked = len(server.bodies)
        result = await asyncio.to_thread(client, model, streams)
        assert result == wanted, (client.__name__, model, streams, result)
        assert len(server.bodies) == asked + 2, (client.__name__, model, streams, len(server.bodies) - asked)

    for client, wanted in WANTED.items():
        for streams in (False, True):
            await asyncio.gather(*(
                converse(client, streams, wanted, model, server) for model, server in zip(MODELS, servers, strict=True)))


litellm.telemetry = False
asyncio.run(main())
