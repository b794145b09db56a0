"""A stand-in for a provider that speaks OpenAI's Responses API, written from its public documentation:

- https://platform.openai.com/docs/api-reference/responses/create: fields, items, tools, usage, reasons why an answer is not whole
- https://platform.openai.com/docs/api-reference/responses-streaming: events
- https://platform.openai.com/docs/guides/function-calling#custom-tools: tools that are called with a text
- https://platform.openai.com/docs/guides/reasoning: reasoning items, encrypted where nothing is stored
- https://platform.openai.com/docs/guides/error-codes: statuses and errors

It refuses what the documentation forbids, and cuts its streams into frames that end anywhere. What it answers follows from the
last text of the conversation and from the model's name, as those of the other dialects do.
"""

import json

from standin import Refusal, StandIn

FIELDS = {
    "model", "input", "instructions", "max_output_tokens", "stream", "temperature", "top_p", "tools", "tool_choice",
    "parallel_tool_calls", "text", "reasoning", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "metadata", "store", "include", "truncation", "service_tier", "previous_response_id", "stream_options", "max_tool_calls"}
PARTS = {
    "user": {"input_text", "input_image", "input_file"}, "system": {"input_text"}, "developer": {"input_text"},
    "assistant": {"output_text", "refusal"}}
SECRET = "Z0FBQUFB"
# The items that call a tool, each with what it is called with.
CALLS = {"function_call": "arguments", "custom_tool_call": "input"}


def error(status, message, param=None, code=None, kind="invalid_request_error"):
    return Refusal(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def need(condition, message, param=None):
    if not condition:
        raise error(400, message, param)


def check(body):
    need(not set(body) - FIELDS, f"Unknown parameter: {sorted(set(body) - FIELDS)}.")
    need(body.get("max_output_tokens", 16) >= 16, "integer below minimum value", "max_output_tokens")
    need(body.get("store") is False, "this stand-in keeps nothing")
    open_calls = []
    for index, item in enumerate(body["input"]):
        path, kind = f"input[{index}]", item.get("type", "message")
        if kind == "message":
            need(not open_calls, f"No tool output found for function call {open_calls[:1]}.", path)
            if isinstance(item["content"], list):
                need({part["type"] for part in item["content"]} <= PARTS[item["role"]], "Invalid value", path + ".content")
        elif kind in CALLS:
            open_calls.append((kind, item["call_id"]))
            need(isinstance(item[CALLS[kind]], str), "must be a string", f"{path}.{CALLS[kind]}")
        elif kind.removesuffix("_output") in CALLS:
            call = kind.removesuffix("_output"), item["call_id"]
            need(call in open_calls, "No tool call found for function call output", path)
            open_calls.remove(call)
        else:
            need(kind == "reasoning", f"Invalid value: '{kind}'.", path + ".type")
            need(
                item.get("encrypted_content") == SECRET and isinstance(item["summary"], list),
                "Item not found. Items are not persisted when `store` is set to false.", path)
    need(not open_calls, f"No tool output found for function call {open_calls[:1]}.", "input")
    for index, tool in enumerate(body.get("tools", [])):
        need("name" in tool, "Missing required parameter", f"tools[{index}].name")
        if tool["type"] == "custom":
            form = tool.get("format", {"type": "text"})
            need(form["type"] == "text" or set(form) == {"type", "syntax", "definition"}, "Invalid value", f"tools[{index}].format")
            continue
        need(tool["type"] == "function", "Invalid value", f"tools[{index}].type")
        need(tool["parameters"]["type"] == "object" and "strict" in tool, "Missing required parameter", f"tools[{index}]")
    need(body.get("tools") or body.get("tool_choice", "auto") in ("auto", "none"), "Tool choice needs tools.", "tool_choice")
    form = body.get("text", {}).get("format", {})
    need(form.get("type") != "json_schema" or ("name" in form and "schema" in form), "Missing", "text.format.name")
    need("reasoning.encrypted_content" not in body.get("include", []) or "plain" not in body["model"], "Does not reason", "include")


def text_of(content):
    return content if isinstance(content, str) else " ".join(part.get("text", f"[{part['type']}]") for part in content)


def last_text(body):
    last = body["input"][-1]
    return text_of(last["output"] if last.get("type", "message").removesuffix("_output") in CALLS else last["content"])


def items(body):
    """The items of the answer, and why it is not whole."""
    text, choice, output = last_text(body), body.get("tool_choice", "auto"), []
    if body.get("reasoning", {}).get("effort", "none") != "none":
        item = {"type": "reasoning", "id": "rs_1", "summary": []}
        if body["reasoning"].get("summary"):
            item["summary"] = [{"type": "summary_text", "text": part} for part in ("Let me think.", "Yes.")]
        if "reasoning.encrypted_content" in body.get("include", []):
            item["encrypted_content"] = SECRET
        output.append(item)
    if body.get("tools") and choice != "none" and (choice != "auto" or text.startswith("call")):
        wanted = choice["name"] if isinstance(choice, dict) and "name" in choice else None
        for tool in body["tools"]:
            number = len(output)
            if wanted in (None, tool["name"]) and tool["type"] == "custom":
                output.append({
                    "type": "custom_tool_call", "id": f"ctc_{number}", "call_id": f"call_{number}", "name": tool["name"],
                    "input": "Zürich", "status": "completed"})
            elif wanted in (None, tool["name"]):
                arguments = {name: "Zürich" for name in tool["parameters"].get("properties", {})}
                output.append({
                    "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": tool["name"],
                    "arguments": json.dumps(arguments, ensure_ascii=False), "status": "completed"})
        return output, None
    form = body.get("text", {}).get("format", {})
    if form.get("type") == "json_schema":
        text = json.dumps({name: 1 for name in form["schema"]["properties"]})
    elif form.get("type") == "json_object":
        text = '{"a": 1}'
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    if "refuse" in text:
        part = {"type": "refusal", "refusal": "I can't help with that."}
    output.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]})
    return output, "max_output_tokens" if "cut" in text else "content_filter" if "filter" in text else None


USAGE = {
    "input_tokens": 120, "input_tokens_details": {"cached_tokens": 50}, "output_tokens": 40,
    "output_tokens_details": {"reasoning_tokens": 30}, "total_tokens": 160}


def response(body, status, output, reason=None, failed=None):
    ended = status not in ("in_progress", "queued")
    return {
        "id": "resp_standin", "object": "response", "created_at": 1, "status": status, "background": False, "error": failed,
        "incomplete_details": {"reason": reason} if reason else None, "instructions": None, "model": body["model"],
        "output": output, "parallel_tool_calls": body.get("parallel_tool_calls", True), "store": False,
        "tool_choice": body.get("tool_choice", "auto"), "tools": body.get("tools", []),
        "usage": USAGE if ended and not failed else None, "metadata": body.get("metadata", {})}


def cut(text, size=3):
    return [text[start:start + size] for start in range(0, len(text), size)]


def deltas(item):
    """The events of an item between its beginning and its end, without what all have."""
    if item["type"] == "function_call":
        for piece in cut(item["arguments"], 5):
            yield "response.function_call_arguments.delta", {"delta": piece}
        yield "response.function_call_arguments.done", {"arguments": item["arguments"]}
    elif item["type"] == "custom_tool_call":
        for piece in cut(item["input"], 5):
            yield "response.custom_tool_call_input.delta", {"delta": piece}
        yield "response.custom_tool_call_input.done", {"input": item["input"]}
    elif item["type"] == "reasoning":
        for index, part in enumerate(item["summary"]):
            common = {"summary_index": index}
            yield "response.reasoning_summary_part.added", common | {"part": {"type": "summary_text", "text": ""}}
            for piece in cut(part["text"]):
                yield "response.reasoning_summary_text.delta", common | {"delta": piece, "obfuscation": "aBc"}
            yield "response.reasoning_summary_text.done", common | {"text": part["text"]}
            yield "response.reasoning_summary_part.done", common | {"part": part}
    else:
        for index, part in enumerate(item["content"]):
            common, kind = {"content_index": index}, part["type"]
            name = "text" if kind == "output_text" else "refusal"
            yield "response.content_part.added", common | {"part": part | {name: ""}}
            for piece in cut(part[name]):
                yield f"response.{kind}.delta", common | {"delta": piece}
            yield f"response.{kind}.done", common | {name: part[name]}
            yield "response.content_part.done", common | {"part": part}


def events(body):
    model = body["model"]
    yield "response.created", {"response": response(body, "in_progress", [])}
    yield "response.in_progress", {"response": response(body, "in_progress", [])}
    if "early" in model:
        failed = {"code": "server_error", "message": "The model is overloaded."}
        yield "response.failed", {"response": response(body, "failed", [], failed=failed)}
        return
    output, reason = items(body)
    yield "response.a_kind_of_tomorrow", {"output_index": 0, "delta": "Nobody knows it."}
    for place, item in enumerate(output):
        begun = {key: [] if key in ("content", "summary") else "" if key in CALLS.values() else value
                 for key, value in item.items() if key != "encrypted_content"}
        yield "response.output_item.added", {"output_index": place, "item": begun | {"status": "in_progress"}}
        for kind, fields in deltas(item):
            yield kind, {"item_id": item["id"], "output_index": place} | fields
        yield "response.output_item.done", {"output_index": place, "item": item}
    if "late" in model:
        yield "error", {"code": "server_error", "message": "An internal error has occurred.", "param": None}
    elif "half" not in model and "waiting" not in model:
        status = "incomplete" if reason else "completed"
        yield f"response.{status}", {"response": response(body, status, output, reason)}


class ResponsesServer(StandIn):
    def __init__(self, key):
        super().__init__(key)
        # Where each request went.
        self.paths = []

    async def respond(self, path, headers, body, reader, writer):
        if headers.get("authorization") != f"bearer {self.key}" and headers.get("api-key") != self.key:
            raise error(401, "Incorrect API key provided: " + self.key[:4], code="invalid_api_key")
        self.bodies.append(body)
        self.paths.append(path)
        need(path.endswith("/v1/responses"), "no such path: " + path)
        if isinstance(body["input"], str):
            body = body | {"input": [{"role": "user", "content": body["input"]}]}
        check(body)
        model = body["model"]
        if "error-" in model:
            status = int(model.split("error-")[1][:3])
            raise error(status, "It was asked for.", kind="server_error" if status >= 500 else "invalid_request_error")
        if body.get("stream"):
            return await self.stream(model, body, reader, writer)
        if "malformed" in model:
            return self.write(writer, 200, {"hello": "world"})
        output, reason = items(body)
        self.write(writer, 200, response(body, "incomplete" if reason else "completed", output, reason))

    async def stream(self, model, body, reader, writer):
        data = b"".join(
            f"event: {kind}\ndata: ".encode()
            + json.dumps({"type": kind, "sequence_number": number} | fields, ensure_ascii=False).encode() + b"\n\n"
            for number, (kind, fields) in enumerate(events(body)))
        if "malformed" in model:
            data = b"data: {\n\n"
        await self.frames(writer, data)
        if "waiting" in model:
            await reader.read(1)
        if any(name in model for name in ("waiting", "late", "half")):
            raise ConnectionError
        writer.write(b"0\r\n\r\n")
