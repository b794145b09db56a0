"""A stand-in for Amazon Bedrock's Converse, written from its public documentation:

- https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html: fields, blocks, usage, reasons to stop
- https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html: events and exceptions
- https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html: the encoding of a stream
- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html: signatures

It refuses what the documentation forbids, and cuts its streams into frames that end anywhere. What it answers follows from the
last text of the conversation and from the model's name.
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import time
import zlib
from urllib.parse import quote, unquote

from standin import Refusal, StandIn

FIELDS = {
    "messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields", "outputConfig", "requestMetadata"}
CONFIGURATION = {"maxTokens", "temperature", "topP", "stopSequences"}
BLOCKS = {"text", "image", "document", "toolUse", "toolResult", "reasoningContent", "cachePoint"}
RESULTS = {"json", "text", "image", "document"}
EXCEPTIONS = {429: "throttlingException", 500: "internalServerException", 503: "serviceUnavailableException"}
USAGE = {
    "inputTokens": 40, "cacheReadInputTokens": 50, "cacheWriteInputTokens": 30,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 10}, {"ttl": "5m", "inputTokens": 20}]}


def refusal(status, message):
    return Refusal(status, {"message": message})


def need(condition, message):
    if not condition:
        raise refusal(400, message)


def usage(body):
    output = min(40, body["inferenceConfig"]["maxTokens"])
    return USAGE | {"outputTokens": output, "totalTokens": 120 + output}


def is_claude(model):
    return "anthropic" in model


def check(model, body):
    need(not set(body) - FIELDS, f"Malformed input request: {sorted(set(body) - FIELDS)}")
    configuration = body["inferenceConfig"]
    need(not set(configuration) - CONFIGURATION, "Malformed input request: inferenceConfig")
    need(0 <= configuration.get("temperature", 1) <= 1, "temperature must be at most 1")
    own = body.get("additionalModelRequestFields", {})
    need(is_claude(model) or not own, f"extraneous key {sorted(own)} is not permitted")
    budget = own.get("thinking", {}).get("budget_tokens", 0)
    need(configuration["maxTokens"] > budget, "max_tokens must be greater than thinking.budget_tokens")
    for block in body.get("system", []):
        need(set(block) in ({"text"}, {"cachePoint"}), "system: text or cachePoint")
    need(body["messages"] and body["messages"][0]["role"] == "user", "A conversation must start with a user message.")
    tools = [tool for tool in body.get("toolConfig", {}).get("tools", []) if "toolSpec" in tool]
    for tool in tools:
        need(tool["toolSpec"]["inputSchema"]["json"]["type"] == "object", "inputSchema.json.type must be object")
    role, called = None, []
    for message in body["messages"]:
        need(message["role"] in ("user", "assistant") and message["role"] != role, "roles must alternate")
        role, blocks = message["role"], message["content"]
        need(blocks, "content is empty")
        for block in blocks:
            kind = next(iter(block))
            need(len(block) == 1 and kind in BLOCKS, f"unknown block {sorted(block)}")
            need(kind != "text" or block["text"].strip(), "The text field in the ContentBlock object is blank.")
            need(kind != "cachePoint" or is_claude(model), "You invoked an unsupported model or did not allow prompt caching.")
            need(kind not in ("toolUse", "toolResult") or tools, "The toolConfig field must be defined when using tools.")
            if kind in ("image", "document"):
                base64.b64decode(block[kind]["source"]["bytes"], validate=True)
            if kind == "document":
                need(re.fullmatch(r"[A-Za-z0-9\-()\[\]]+( [A-Za-z0-9\-()\[\]]+)*", block[kind]["name"]), "document name")
            if kind == "toolResult":
                need(all(len(part) == 1 and set(part) <= RESULTS for part in block[kind]["content"]), "toolResult.content")
            if kind == "toolUse":
                need(isinstance(block[kind]["input"], dict), "toolUse.input must be an object")
        results = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
        need(sorted(results) == sorted(called), "Expected toolResult blocks for the toolUse ids of the turn before.")
        called = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]


def last_text(body):
    parts = []
    for block in body["messages"][-1]["content"]:
        if "toolResult" in block:
            parts += [part.get("text", f"[{next(iter(part))}]") for part in block["toolResult"]["content"]]
        elif "cachePoint" not in block:
            parts.append(block.get("text", f"[{next(iter(block))}]"))
    return " ".join(parts)


def blocks(model, body):
    """The blocks of the answer and the reason to stop."""
    text, said = last_text(body), []
    if "thinking" in body.get("additionalModelRequestFields", {}):
        said.append({"reasoningContent": {"reasoningText": {"text": "Let me think.", "signature": "c2lnbmF0dXJl"}}})
    configuration = body.get("toolConfig", {"tools": []})
    choice = configuration.get("toolChoice", {"auto": {}})
    tools = [tool["toolSpec"] for tool in configuration["tools"] if "toolSpec" in tool]
    if tools and ("auto" not in choice or text.startswith("call")):
        named = [tool for tool in tools if tool["name"] == choice.get("tool", tool)["name"]]
        for number, tool in enumerate(named):
            properties = tool["inputSchema"]["json"].get("properties", {})
            said.append({"toolUse": {
                "toolUseId": f"tooluse_{number}", "name": tool["name"], "input": {name: "Zürich" for name in properties}}})
        return said, "tool_use"
    form = body.get("outputConfig", {}).get("textFormat")
    if form:
        need(form["type"] == "json_schema", "textFormat.type")
        text = json.dumps({name: 1 for name in json.loads(form["structure"]["jsonSchema"]["schema"])["properties"]})
    for stop in body["inferenceConfig"].get("stopSequences", []):
        if stop in text:
            return said + [{"text": text.split(stop)[0]}], "stop_sequence"
    return said + [{"text": text}], "max_tokens" if body["inferenceConfig"]["maxTokens"] == 31 else "end_turn"


def message(headers, payload):
    lines = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(lines) + len(payload), len(lines))
    text = prelude + struct.pack("!I", zlib.crc32(prelude)) + lines + payload
    return text + struct.pack("!I", zlib.crc32(text))


def event(kind, **fields):
    fields["p"] = "abcdefghijklmnopqrstuvwxyz"[:len(kind)]
    return message(
        {":event-type": kind, ":content-type": "application/json", ":message-type": "event"},
        json.dumps(fields, ensure_ascii=False).encode())


def exception(status, text):
    return message(
        {":exception-type": EXCEPTIONS[status], ":content-type": "application/json", ":message-type": "exception"},
        json.dumps({"message": text}).encode())


def cut(text):
    return [text[start:start + 3] for start in range(0, len(text), 3)]


def deltas(block):
    if "text" in block:
        return [{"text": piece} for piece in cut(block["text"])]
    if "toolUse" in block:
        value = block["toolUse"]["input"]
        return [{"toolUse": {"input": piece}} for piece in cut(json.dumps(value, ensure_ascii=False) if value else "")]
    thought = block["reasoningContent"]["reasoningText"]
    pieces = [{"text": piece} for piece in cut(thought["text"])] + [{"signature": thought["signature"]}]
    return [{"reasoningContent": piece} for piece in pieces]


def events(model, body):
    said, reason = blocks(model, body)
    yield event("messageStart", role="assistant")
    if "early" in model:
        yield exception(503, "The model is overloaded.")
        return
    for index, block in enumerate(said):
        if "toolUse" in block:
            start = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
            yield event("contentBlockStart", contentBlockIndex=index, start={"toolUse": start})
        for delta in deltas(block):
            yield event("contentBlockDelta", contentBlockIndex=index, delta=delta)
        yield event("contentBlockStop", contentBlockIndex=index)
    if "late" in model:
        yield exception(500, "An internal error has occurred.")
    elif "half" not in model and "waiting" not in model:
        yield event("messageStop", stopReason=reason)
        yield event("metadata", usage=usage(body), metrics={"latencyMs": 1})


class BedrockServer(StandIn):
    """`key` is an access key, its secret and the token of its session, with colons between them, all but the secret in lower case,
    because headers are read so; `bearer` is a key of Bedrock itself."""

    def __init__(self, key, bearer, region):
        super().__init__(key)
        self.bearer, self.region = bearer, region
        # How each request proved who sent it, and where it went.
        self.proofs, self.paths = [], []

    @staticmethod
    def parse(raw):
        return raw

    def prove(self, path, headers, raw):
        proof = headers.get("authorization", "")
        self.proofs.append(proof.split(" ")[0])
        if proof.startswith("bearer "):
            if proof != f"bearer {self.bearer}":
                raise refusal(403, "Authentication failed: Please make sure your API Key is valid.")
            return
        found = re.fullmatch(
            r"aws4-hmac-sha256 credential=([^/]+)/(\d{8})/([^/]+)/bedrock/aws4_request, signedheaders=(\S+), signature=(\w{64})",
            proof)
        if not found:
            raise refusal(403, "Missing Authentication Token")
        access, day, region, names, signature = found.groups()
        key, secret, token = self.key.split(":")
        if access != key or headers.get("x-amz-security-token") != token:
            raise refusal(403, "The security token included in the request is invalid.")
        headers["x-amz-date"] = date = headers["x-amz-date"].upper()
        assert region == self.region, f"Credential should be scoped to a valid region: {region}"
        assert date.startswith(day) and abs(time.mktime(time.strptime(date, "%Y%m%dT%H%M%SZ")) - time.timezone - time.time()) < 300
        assert {"host", "x-amz-date", "x-amz-security-token", "content-type"} <= set(names.split(";")), names
        digest = hashlib.sha256(raw).hexdigest()
        assert headers["x-amz-content-sha256"] == digest
        lines = "".join(f"{name}:{headers[name]}\n" for name in names.split(";"))
        canonical = "\n".join(["POST", quote(path, safe="/-_.~"), "", lines, names, digest])
        scope = f"{day}/{region}/bedrock/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        made = f"AWS4{secret}".encode()
        for part in [day, region, "bedrock", "aws4_request", text]:
            made = hmac.new(made, part.encode(), hashlib.sha256).digest()
        if made.hex() != signature:
            raise refusal(403, "The request signature we calculated does not match the signature you provided.")

    async def respond(self, path, headers, raw, reader, writer):
        self.prove(path, headers, raw)
        body = json.loads(raw)
        self.bodies.append(body)
        self.paths.append(path)
        name, method = path.removeprefix("/model/").split("/")
        model = unquote(name)
        assert ":" not in name and model.split(".")[0] in ("us", "eu", "global"), name
        check(model, body)
        if "error-" in model:
            raise refusal(int(model.split("error-")[1][:3]), "It was asked for.")
        if method == "converse-stream":
            return await self.stream(model, body, reader, writer)
        need(method == "converse", "no such method")
        if "malformed" in model:
            return self.write(writer, 200, {"hello": "world"})
        said, reason = blocks(model, body)
        self.write(writer, 200, {
            "output": {"message": {"role": "assistant", "content": said}}, "stopReason": reason, "usage": usage(body),
            "metrics": {"latencyMs": 1}})

    async def stream(self, model, body, reader, writer):
        data = b"".join(events(model, body))
        if "malformed" in model:
            data = data[:9] + bytes([data[9] ^ 1]) + data[10:]
        await self.frames(writer, data, "application/vnd.amazon.eventstream")
        if "waiting" in model:
            await reader.read(1)
        if any(name in model for name in ("waiting", "late", "half")):
            raise ConnectionError
        writer.write(b"0\r\n\r\n")
