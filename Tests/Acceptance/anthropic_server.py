"""A stand-in for Anthropic's Messages API, written from its public documentation:

- https://platform.claude.com/docs/en/api/messages: fields, blocks, usage
- https://platform.claude.com/docs/en/build-with-claude/streaming: events and their order
- https://platform.claude.com/docs/en/api/errors: statuses, types, the envelope

It refuses what the documentation forbids, and cuts its streams into frames that end anywhere. What it answers follows from the
last text of the conversation and from the model's name.
"""

import json

from standin import Refusal, StandIn

FIELDS = {
    "model", "max_tokens", "messages", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "tools",
    "tool_choice", "thinking", "output_config", "cache_control", "context_management",
}
ERRORS = {
    "invalid_request_error": 400, "authentication_error": 401, "permission_error": 403, "not_found_error": 404,
    "request_too_large": 413, "rate_limit_error": 429, "api_error": 500, "overloaded_error": 529,
}
USAGE = {
    "input_tokens": 100, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}, "output_tokens": 40,
}


def usage(body):
    return USAGE | {"output_tokens": min(USAGE["output_tokens"], body["max_tokens"])}


def refusal(type, message):
    extra = "retry-after: 7\r\n" if type == "rate_limit_error" else ""
    return Refusal(ERRORS[type], {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_standin"}, extra)


def need(condition, message):
    if not condition:
        raise refusal("invalid_request_error", message)


def check(body):
    need(not set(body) - FIELDS, f"{sorted(set(body) - FIELDS)}: Extra inputs are not permitted")
    need(isinstance(body.get("max_tokens"), int) and body["max_tokens"] >= 1, "max_tokens: Field required")
    need(0 <= body.get("temperature", 1) <= 1, "temperature: range: 0..1")
    need(body.get("messages"), "messages: at least one message is required")
    thinking = body.get("thinking", {"type": "disabled"})
    if thinking["type"] == "enabled":
        need(1024 <= thinking["budget_tokens"] < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`")
    if thinking["type"] != "disabled":
        need("temperature" not in body, "`temperature` may only be set to 1 when thinking is enabled")
        need(body.get("tool_choice", {}).get("type") not in ("any", "tool"), "Thinking may not be enabled when tool_choice forces")
    for tool in body.get("tools", []):
        need(tool["input_schema"]["type"] == "object", "tools.0.input_schema.type: Field required")
    called = []
    for message in body["messages"]:
        need(set(message) == {"role", "content"} and message["role"] in ("user", "assistant"), "messages: role")
        blocks = message["content"]
        blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        need(not called or sorted(results) == sorted(called), f"`tool_use` ids {called} without `tool_result` blocks right after")
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]
        need(
            not called or thinking["type"] == "disabled" or blocks[0]["type"] in ("thinking", "redacted_thinking"),
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` "
            "message must start with a thinking block")
        for block in blocks:
            need(block["type"] != "text" or block["text"], "text content blocks must be non-empty")
            if block["type"] == "tool_use":
                need(isinstance(block["input"], dict), "tool_use.input: Input should be a valid dictionary")
            if block["type"] == "image":
                source = block["source"]
                need(source["type"] in ("base64", "url") and (source["type"] == "url" or source["media_type"]), "image.source")


def last_text(body):
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    parts = []
    for block in content:
        if block["type"] == "tool_result":
            inner = block.get("content", "")
            parts.append(inner if isinstance(inner, str) else "".join(part.get("text", "") for part in inner))
        else:
            parts.append(block.get("text", f"[{block['type']}]"))
    return " ".join(parts)


def answer(body):
    """The blocks and the reason to stop."""
    text, blocks = last_text(body), []
    if body.get("thinking", {"type": "disabled"})["type"] != "disabled":
        blocks.append({"type": "thinking", "thinking": "Let me think.", "signature": "c2lnbmF0dXJl"})
    choice = body.get("tool_choice", {"type": "auto"})
    if body.get("tools") and (choice["type"] in ("any", "tool") or text.startswith("call")):
        tools = [tool for tool in body["tools"] if choice.get("name", tool["name"]) == tool["name"]]
        tools = tools[:1] if choice.get("disable_parallel_tool_use") else tools
        for number, tool in enumerate(tools):
            properties = tool["input_schema"].get("properties", {})
            blocks.append({
                "type": "tool_use", "id": f"toolu_{number}", "name": tool["name"], "input": {name: "Zürich" for name in properties}})
        return blocks, "tool_use", None
    schema = body.get("output_config", {}).get("format", {}).get("schema")
    if schema:
        text = json.dumps({name: 1 for name in schema["properties"]})
    for stop in body.get("stop_sequences", []):
        if stop in text:
            return blocks + [{"type": "text", "text": text.split(stop)[0]}], "stop_sequence", stop
    return blocks + [{"type": "text", "text": text}], "max_tokens" if body["max_tokens"] == 1 else "end_turn", None


def events(body):
    blocks, reason, stop = answer(body)
    started = {name: count for name, count in USAGE.items() if name != "output_tokens"} | {"output_tokens": 1}
    yield {"type": "message_start", "message": {
        "id": "msg_standin", "type": "message", "role": "assistant", "content": [], "model": body["model"], "stop_reason": None,
        "stop_sequence": None, "usage": started}}
    if body["model"] == "claude-early":
        yield {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        return
    yield {"type": "ping"}
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            empty, pieces = {"type": "text", "text": ""}, [block["text"][i:i + 3] for i in range(0, len(block["text"]), 3)]
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        elif block["type"] == "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": word} for word in ("Let me ", "think.")]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        else:
            empty = block | {"input": {}}
            text = json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": text[i:i + 5]} for i in range(0, len(text) + 1, 5)]
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        if body["model"] == "claude-late":
            yield {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}
            return
        if body["model"] in ("claude-half", "claude-waiting"):
            return
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "a_new_kind_of_event"}
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": stop}, "usage": {
        "output_tokens": usage(body)["output_tokens"]}}
    yield {"type": "message_stop"}


class AnthropicServer(StandIn):
    async def respond(self, path, headers, body, reader, writer):
        if headers.get("x-api-key") != self.key:
            raise refusal("authentication_error", "invalid x-api-key")
        need(headers.get("anthropic-version") == "2023-06-01", "anthropic-version: header is required")
        if path != "/v1/messages":
            raise refusal("not_found_error", "Not Found")
        self.bodies.append(body)
        beta = "context-management-2025-06-27" in headers.get("anthropic-beta", "").split(",")
        need(beta or "context_management" not in body, "context_management: Extra inputs are not permitted")
        check(body)
        if body["model"].startswith("claude-error-"):
            raise refusal(body["model"][13:], "It was asked for.")
        if body.get("stream"):
            return await self.stream(body, reader, writer)
        blocks, reason, stop = answer(body)
        if body["model"] == "claude-malformed":
            return self.write(writer, 200, {"hello": "world"})
        self.write(writer, 200, {
            "id": "msg_standin", "type": "message", "role": "assistant", "model": body["model"], "content": blocks,
            "stop_reason": reason, "stop_sequence": stop, "usage": usage(body)})

    async def stream(self, body, reader, writer):
        data = b"".join(
            f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in events(body))
        if body["model"] == "claude-malformed":
            data = b"event: message_start\ndata: {oh\n\n"
        await self.frames(writer, data)
        if body["model"] == "claude-waiting":
            await reader.read(1)
        if body["model"] in ("claude-waiting", "claude-half", "claude-late"):
            raise ConnectionError
        writer.write(b"0\r\n\r\n")
