"""OpenAI's SDK at the gateway's Responses API: texts, streams, tools, conversations that go on, what is refused and what is kept
(https://platform.openai.com/docs/api-reference/responses).

Arguments: a key, a key of another project, the port at which the gateway looks for the provider `alpha`. Environment: GATEWAY_URL.
"""

import json
import os
import sys
from decimal import Decimal

import httpx
import openai

import shop
from shop import command

KEY, OTHER, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
URL = os.environ["GATEWAY_URL"]
client = openai.OpenAI(api_key=KEY, base_url=URL + "/v1", max_retries=0, timeout=30)
asked = []


class Answer(shop.Answer):
    """Thinks, says two words, refuses a third and calls two tools, as the last text asks for it."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked.append(body)
        wanted = str(body["messages"][-1]["content"])
        deltas, reason = [], "stop"
        if "think" in wanted:
            deltas += [{"reasoning": "Let me "}, {"reasoning": "think."}]
        if "flood" in wanted:
            deltas.append({"content": "x" * 300_000})
        deltas += [{"content": "Grüße, "}, {"content": "世界 🌍"}]
        if "refuse" in wanted:
            deltas.append({"refusal": "No."})
        if "call" in wanted:
            reason = "tool_calls"
            # Pieces of two calls, mixed.
            deltas += [{"tool_calls": [{"index": i, "id": f"call_{i}", "type": "function",
                                        "function": {"name": "add", "arguments": ""}}]} for i in (0, 1)]
            deltas += [{"tool_calls": [{"index": i, "function": {"arguments": piece}}]}
                       for piece in ('{"a":', "1}") for i in (0, 1)]
        if "long" in wanted:
            reason = "length"
        usage = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17,
                 "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}, {"choices": [], "usage": usage}]
        if body.get("stream"):
            return self.stream(body, chunks)
        message = {"role": "assistant"}
        for name in ("reasoning", "content", "refusal"):
            if any(name in delta for delta in deltas):
                message[name] = "".join(delta.get(name, "") for delta in deltas)
        if "call" in wanted:
            message["tool_calls"] = [{"id": f"call_{i}", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
                                     for i in (0, 1)]
        self.answer({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"], "usage": usage,
                     "choices": [{"index": 0, "message": message, "finish_reason": reason}]})

    def stream(self, body, chunks):
        events = [{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]} | chunk
                  for chunk in chunks]
        data = b"".join(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for start in range(0, len(data), 7):
            piece = data[start:start + 7]
            self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


class Provider(shop.ThreadingHTTPServer):
    daemon_threads = True
    status, credentials, unknown, asked = 200, [], set(), 0


server = Provider(("127.0.0.1", PORT), Answer)
shop.threading.Thread(target=server.serve_forever, daemon=True).start()
ADD = {"type": "function", "name": "add", "description": "Adds", "strict": True, "parameters": {
    "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}}


def streamed(**arguments):
    """The final response of a stream, after its events were held to what they say of each other."""
    final, numbers, texts, items = None, [], {}, {}
    for event in client.responses.create(stream=True, **arguments):
        numbers.append(event.sequence_number)
        if event.type.endswith(".delta"):
            texts[event.type, event.output_index] = texts.get((event.type, event.output_index), "") + event.delta
        if event.type == "response.output_text.done":
            assert event.text == texts["response.output_text.delta", event.output_index], event
        if event.type == "response.function_call_arguments.done":
            assert event.arguments == texts["response.function_call_arguments.delta", event.output_index], event
        if event.type == "response.output_item.done":
            items[event.output_index] = event.item
        if event.type in ("response.completed", "response.incomplete"):
            final = event.response
    assert numbers == list(range(len(numbers))) and final, numbers
    assert [items[index] for index in sorted(items)] == final.output, (items, final.output)
    return final


def both(**arguments):
    """The same answer whole and streamed, but for what is each one's own."""
    whole, stream = client.responses.create(**arguments), streamed(**arguments)
    def shape(response):
        value = response.model_dump(exclude={"id", "created_at", "gateway"})
        for item in value["output"]:
            item.pop("id")
        return value
    assert shape(whole) == shape(stream), (shape(whole), shape(stream))
    return whole


# Texts, with all that an answer says.
answer = both(model="talk", input="Hello", instructions="Be kind.", max_output_tokens=50, temperature=0.5, top_p=0.9,
              metadata={"ticket": "7"}, user="u1", prompt_cache_key="k", safety_identifier="s",
              prompt_cache_retention="24h", max_tool_calls=1)
assert answer.output_text == "Grüße, 世界 🌍" and answer.status == "completed" and answer.object == "response", answer
assert answer.instructions == "Be kind." and answer.max_output_tokens == 50 and answer.temperature == 0.5, answer
assert answer.metadata == {"ticket": "7"} and answer.store is True and answer.tools == [] and answer.tool_choice == "auto", answer
assert answer.usage.input_tokens == 10 and answer.usage.output_tokens == 7 and answer.usage.total_tokens == 17, answer.usage
assert answer.usage.input_tokens_details.cached_tokens == 4 and answer.usage.output_tokens_details.reasoning_tokens == 2
# 6 tokens at 1, 4 cached at 0.5 and 7 at 2 dollars a million.
assert Decimal(str(answer.usage.cost)) == Decimal("0.000022"), answer.usage
assert answer.gateway["used_provider"] == "alpha" and answer.id.startswith("resp_"), answer
sent = asked[-1]
assert sent["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}], sent
assert sent["max_completion_tokens"] == 50 and "max_tokens" not in sent and sent["user"] == "u1" and sent["prompt_cache_key"] == "k"
assert sent["prompt_cache_retention"] == "24h", sent
assert not {"metadata", "store", "instructions", "safety_identifier", "input", "max_tool_calls"} & set(sent), sent

# Reasoning, refusals and bounds.
thought = both(model="talk", input="think", reasoning={"effort": "low", "summary": "auto"})
assert [item.type for item in thought.output] == ["reasoning", "message"] and thought.output[0].summary[0].text == "Let me think."
assert asked[-1]["reasoning_effort"] == "low"
refused = both(model="talk", input="refuse")
assert [part.type for part in refused.output[0].content] == ["output_text", "refusal"], refused
short = both(model="talk", input="long")
assert short.status == "incomplete" and short.incomplete_details.reason == "max_output_tokens", short

# Tools, and a conversation that goes on from what was kept.
first = both(model="talk", input=[{"role": "user", "content": [{"type": "input_text", "text": "call"}]}], tools=[ADD])
calls = [item for item in first.output if item.type == "function_call"]
assert [(call.name, call.arguments, call.call_id) for call in calls] == [("add", '{"a":1}', f"call_{i}") for i in (0, 1)], calls
assert asked[-1]["tools"][0]["function"]["name"] == "add" and asked[-1]["tools"][0]["function"]["strict"] is True
second = client.responses.create(
    model="talk", previous_response_id=first.id,
    input=[{"type": "function_call_output", "call_id": call.call_id, "output": "3"} for call in calls])
sent = asked[-1]["messages"]
assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"], sent
assert sent[1]["content"] == "Grüße, 世界 🌍" and [call["id"] for call in sent[1]["tool_calls"]] == ["call_0", "call_1"], sent
assert second.previous_response_id == first.id
third = client.responses.create(model="talk", previous_response_id=second.id, input="And now?")
assert len(asked[-1]["messages"]) == 6 and asked[-1]["messages"][-1] == {"role": "user", "content": "And now?"}, asked[-1]

# What is kept can be read and deleted, by keys of its project alone.
kept = client.responses.retrieve(first.id)
assert kept.output == first.output and kept.usage.cost == first.usage.cost, kept
for stream, status in (("true", 400), ("false", 200)):
    got = httpx.get(f"{URL}/v1/responses/{first.id}?stream={stream}", headers={"authorization": "Bearer " + KEY}, timeout=30)
    assert got.status_code == status and (status == 200 or got.json()["error"]["param"] == "stream"), got.text
stranger = openai.OpenAI(api_key=OTHER, base_url=URL + "/v1", max_retries=0, timeout=30)
secret = client.responses.create(model="talk", input="Hello", store=False)
for ask in (lambda: stranger.responses.retrieve(first.id), lambda: client.responses.retrieve(secret.id),
            lambda: client.responses.retrieve("resp_x"), lambda: stranger.responses.delete(first.id),
            lambda: stranger.responses.create(model="talk", input="x", previous_response_id=first.id)):
    try:
        ask()
    except openai.NotFoundError as error:
        assert "no such response" in str(error), error
        continue
    raise AssertionError(ask)
client.responses.delete(first.id)
refused = httpx.post(URL + "/v1/responses", headers={"authorization": "Bearer " + KEY}, timeout=30, json={
    "model": "talk", "input": "x", "previous_response_id": first.id})
assert refused.status_code == 404 and refused.json()["error"]["param"] == "previous_response_id", refused.text

# What a conversation goes on from takes room as if the client had sent it again.
much = {"model": "talk", "input": "So " + "much " * 12_000}
previous = client.responses.create(**much).id
for _ in range(2):
    previous = client.responses.create(previous_response_id=previous, **much).id
before = len(asked)
try:
    client.responses.create(previous_response_id=previous, **much)
except openai.InternalServerError as error:
    assert error.status_code == 503 and error.code == "overloaded" and len(asked) == before, error
else:
    raise AssertionError("a conversation for which there is no room")
client.responses.create(model="talk", input="So")

# So does an event of a stream that is waited for.
try:
    client.responses.create(model="talk", input="flood", stream=True)
except openai.InternalServerError as error:
    assert error.status_code == 503 and error.code == "overloaded", error
else:
    raise AssertionError("an event for which there is no room")

# A schema, in the client's own types; another provider speaks another format, and nobody notices.
parsed = client.responses.create(model="echo", input="x", text={"format": {
    "type": "json_schema", "name": "n", "strict": True, "schema": {
        "type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"], "additionalProperties": False}}})
assert isinstance(json.loads(parsed.output_text)["age"], int), parsed
called = client.responses.create(model="echo", input="x", tools=[ADD], tool_choice={"type": "function", "name": "add"})
assert called.output[0].type == "function_call" and called.output[0].name == "add", called

# What is wrong or not served is refused by name, and nobody is asked.
before = len(asked)
for fields, param in (
        ({"input": None}, "input"), ({"input": []}, "input"), ({"model": None}, "model"), ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"), ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"role": "user", "content": "x", "cache_control": {}}]}, "input[0].cache_control"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "namespace": "n"}]}, "input[0].namespace"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "", "caller": {}}]}, "input[0].caller"),
        ({"input": [{"type": "reasoning", "summary": [], "depth": 1}]}, "input[0].depth"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "x", "weight": 1}]}]}, "input[0].content[0].weight"),
        ({"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "x", "tone": 1}]}]}, "input[0].content[0].tone"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "x", "file_id": "f"}]}]},
         "input[0].content[0].file_data"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"), ({"background": True}, "background"), ({"prompt": {"id": "p"}}, "prompt"),
        ({"conversation": "c"}, "conversation"), ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"service_tier": "flex"}, "service_tier"), ({"truncation": "x"}, "truncation"), ({"metadata": {"a": 1}}, "metadata"),
        ({"text": {"format": {"type": "x"}}}, "text.format.type"), ({"reasoning": {"depth": 1}}, "reasoning.depth"),
        ({"stream": "yes"}, "stream"), ({"something": 1}, "something"), ({"tool_choice": {"type": "x"}, "tools": [ADD]}, "tool_choice"),
        ({"previous_response_id": 5}, "previous_response_id"), ({"routing": "best"}, "routing")):
    refused = httpx.post(URL + "/v1/responses", headers={"authorization": "Bearer " + KEY}, timeout=30,
                         json={"model": "talk", "input": "x"} | fields)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == param, (fields, refused.text)
assert len(asked) == before

# And it is charged as any other request.
lines = [json.loads(line)["data"] for line in command("ledger", "events", "--type", "request.completed", "--limit", "10000").splitlines()]
charged = [line["charged"] for line in lines if line["model"] == "talk"]
assert set(charged) == {22_000} and len(charged) == 17, charged
