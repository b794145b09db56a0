"""A stand-in for a provider that speaks OpenAI's chat completions, written from its public documentation:

- https://platform.openai.com/docs/api-reference/chat: fields, messages, usage, reasons to finish
- https://platform.openai.com/docs/api-reference/chat-streaming: chunks

It refuses what the documentation forbids, and custom tools, which most services of the format don't know, and cuts its streams
into frames that end anywhere. What it answers follows from the last text of the conversation, as those of the other dialects do.
"""

import json

from standin import Refusal, StandIn

USAGE = {
    "prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160, "prompt_tokens_details": {"cached_tokens": 50},
    "completion_tokens_details": {"reasoning_tokens": 0}}


def need(condition, message):
    if not condition:
        raise Refusal(400, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}})


def check(body):
    called = []
    for message in body["messages"]:
        if message["role"] == "tool":
            need(message["tool_call_id"] in called, "a tool message must follow the call that it answers")
            called.remove(message["tool_call_id"])
        else:
            need(not called, f"calls without an answer: {called}")
        called = called + [call["id"] for call in message.get("tool_calls") or []]
        need(all(call.get("type", "function") == "function" for call in message.get("tool_calls") or []), "only functions can be called")
    need(not called, f"calls without an answer: {called}")
    need(all(tool["type"] == "function" for tool in body.get("tools") or []), "a tool must be a function")
    need(body.get("tools") or "tool_choice" not in body, "'tool_choice' is only allowed when 'tools' are specified.")


def last_text(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", f"[{part['type']}]") for part in content)


def answer(body):
    """The message of the answer and the reason to finish."""
    text, choice = last_text(body["messages"][-1]), body.get("tool_choice", "auto")
    if body.get("tools") and choice != "none" and (choice != "auto" or text.startswith("call")):
        wanted = choice["function"]["name"] if isinstance(choice, dict) else None
        functions = [tool["function"] for tool in body["tools"] if wanted in (None, tool["function"]["name"])]
        calls = [{"id": f"call_{number}", "type": "function", "function": {"name": function["name"], "arguments": json.dumps({
            name: "Zürich" for name in function["parameters"].get("properties", {})}, ensure_ascii=False)}}
            for number, function in enumerate(functions)]
        return {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"
    form = body.get("response_format", {})
    if form.get("type") == "json_schema":
        text = json.dumps({name: 1 for name in form["json_schema"]["schema"]["properties"]})
    return {"role": "assistant", "content": text}, "stop"


def deltas(message):
    yield {"role": "assistant", "content": None if "tool_calls" in message else ""}
    for index, call in enumerate(message.get("tool_calls", [])):
        text = call["function"]["arguments"]
        yield {"tool_calls": [call | {"index": index, "function": call["function"] | {"arguments": ""}}]}
        for start in range(0, len(text), 5):
            yield {"tool_calls": [{"index": index, "function": {"arguments": text[start:start + 5]}}]}
    text = message["content"] or ""
    for start in range(0, len(text), 3):
        yield {"content": text[start:start + 3]}


class OpenAIServer(StandIn):
    def dressed(self, values):
        """The answer, or the chunks of one, as this provider gives them."""
        return values

    async def respond(self, path, headers, body, reader, writer):
        if headers.get("authorization") != f"bearer {self.key}":
            raise Refusal(401, {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}})
        self.bodies.append(body)
        check(body)
        message, reason = answer(body)
        common = {"id": "chatcmpl-standin", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            whole = common | {"object": "chat.completion", "choices": [choice], "usage": USAGE}
            return self.write(writer, 200, *self.dressed([whole]))
        chunks = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas(message)]
        chunks.append([{"index": 0, "delta": {}, "finish_reason": reason}])
        values = [common | {"object": "chat.completion.chunk", "choices": choices} for choices in chunks]
        if (body.get("stream_options") or {}).get("include_usage"):
            values.append(common | {"object": "chat.completion.chunk", "choices": [], "usage": USAGE})
        values = self.dressed(values)
        data = b"".join(f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode() for value in values) + b"data: [DONE]\n\n"
        await self.frames(writer, data)
        writer.write(b"0\r\n\r\n")
