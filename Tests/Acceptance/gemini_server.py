"""A stand-in for Google's Gemini API, written from its public documentation:

- https://ai.google.dev/api/generate-content: fields, parts, usage, reasons to finish
- https://ai.google.dev/gemini-api/docs/function-calling and .../thought-signatures: calls, results, signatures
- https://ai.google.dev/gemini-api/docs/troubleshooting: statuses and errors

It refuses what the documentation forbids, and cuts its streams into frames that end anywhere. What it answers follows from the
last text of the conversation and from the model's name.
"""

import json

from standin import Refusal, StandIn

FIELDS = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent"}
CONFIGURATION = {
    "stopSequences", "responseMimeType", "responseJsonSchema", "candidateCount", "maxOutputTokens", "temperature", "topP", "topK",
    "seed", "presencePenalty", "frequencyPenalty", "thinkingConfig",
}
ERRORS = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 404: "NOT_FOUND"}


def refusal(status, message, details=()):
    error = {"code": status, "message": message, "status": ERRORS.get(status, "UNKNOWN"), "details": list(details)}
    return Refusal(status, {"error": error})


def need(condition, message):
    if not condition:
        raise refusal(400, message)


def usage(body):
    return {
        "promptTokenCount": 120, "cachedContentTokenCount": 50, "thoughtsTokenCount": 30,
        "candidatesTokenCount": min(10, body["generationConfig"]["maxOutputTokens"] - 30), "totalTokenCount": 160}


def check(model, body):
    need(not set(body) - FIELDS, f"Unknown name {sorted(set(body) - FIELDS)}: Cannot find field.")
    configuration = body["generationConfig"]
    need(not set(configuration) - CONFIGURATION, f"Unknown name {sorted(set(configuration) - CONFIGURATION)}: Cannot find field.")
    need(0 <= configuration.get("temperature", 1) <= 2, "temperature must be in the range [0.0, 2.0]")
    thinking = configuration.get("thinkingConfig", {})
    need(not {"thinkingBudget", "thinkingLevel"} <= set(thinking), "You can only set only one of thinking budget and thinking level.")
    need(body["contents"], "contents is not specified")
    called = []
    for content in body["contents"]:
        need(content["role"] in ("user", "model") and content["parts"], "Please use a valid role: user, model.")
        results = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        need(
            not called or [(r["id"], r["name"]) for r in results] == called,
            "the number of function response parts must be equal to the number of function call parts")
        calls = [part for part in content["parts"] if "functionCall" in part]
        called = [(part["functionCall"]["id"], part["functionCall"]["name"]) for part in calls]
        need(
            not calls or model != "gemini-newer" or "thoughtSignature" in calls[0],
            "Function call is missing a thought_signature in functionCall parts.")
        for result in results:
            need(isinstance(result["response"], dict), "response must be an object")


def last_text(body):
    parts = []
    for part in body["contents"][-1]["parts"]:
        if "functionResponse" in part:
            response = part["functionResponse"]["response"]
            parts.append(response.get("output", json.dumps(response)))
        else:
            parts.append(part.get("text", f"[{next(iter(part))}]"))
    return " ".join(parts)


def parts(body):
    """The parts and the reason to finish."""
    text, said = last_text(body), []
    configuration = body["generationConfig"]
    if configuration.get("thinkingConfig", {}).get("includeThoughts"):
        said.append({"text": "Let me think.", "thought": True})
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {"mode": "AUTO"})
    if body.get("tools") and (mode["mode"] == "ANY" or text.startswith("call")):
        declarations = body["tools"][0]["functionDeclarations"]
        named = [d for d in declarations if d["name"] in mode.get("allowedFunctionNames", [d["name"]])]
        for number, declaration in enumerate(named):
            properties = declaration.get("parametersJsonSchema", {}).get("properties", {})
            part = {"functionCall": {"name": declaration["name"], "args": {name: "Zürich" for name in properties}}}
            said.append(part | ({"thoughtSignature": "c2lnbmF0dXJl"} if number == 0 else {}))
        return said, "STOP"
    if "responseJsonSchema" in configuration:
        text = json.dumps({name: 1 for name in configuration["responseJsonSchema"]["properties"]})
    elif configuration.get("responseMimeType") == "application/json":
        text = json.dumps({"text": text})
    for stop in configuration.get("stopSequences", []):
        text = text.split(stop)[0]
    return said + [{"text": text}], "MAX_TOKENS" if configuration["maxOutputTokens"] == 31 else "STOP"


def response(model, said, reason, counts):
    candidate = {"content": {"role": "model", "parts": said}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": model, "responseId": "standin"}


def responses(model, body):
    said, reason = parts(body)
    counts = usage(body) | {"candidatesTokenCount": 1}
    if model == "gemini-early":
        yield {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
        return
    for part in said:
        text = part.get("text")
        for piece in [part] if text is None else [part | {"text": text[i:i + 3]} for i in range(0, len(text), 3)]:
            yield response(model, [piece], None, counts)
    if model == "gemini-late":
        yield {"error": {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}}
    elif model not in ("gemini-half", "gemini-waiting"):
        yield response(model, [{"text": ""}], reason, usage(body))


class GeminiServer(StandIn):
    async def respond(self, path, headers, body, reader, writer):
        if headers.get("x-goog-api-key") != self.key:
            raise refusal(400, "API key not valid. Please pass a valid API key.", [{"reason": "API_KEY_INVALID"}])
        model, method = path.removeprefix("/v1beta/models/").split(":")
        self.bodies.append(body)
        check(model, body)
        if model.startswith("gemini-error-"):
            raise refusal(int(model[13:]), "It was asked for.")
        if method == "streamGenerateContent?alt=sse":
            return await self.stream(model, body, reader, writer)
        need(method == "generateContent", "no such method")
        if model == "gemini-malformed":
            return self.write(writer, 200, {"hello": "world"})
        said, reason = parts(body)
        self.write(writer, 200, response(model, said, reason, usage(body)))

    async def stream(self, model, body, reader, writer):
        data = b"".join(
            f"data: {json.dumps(value, ensure_ascii=False)}\r\n\r\n".encode() for value in responses(model, body))
        await self.frames(writer, b"data: {oh\r\n\r\n" if model == "gemini-malformed" else data)
        if model == "gemini-waiting":
            await reader.read(1)
        if model in ("gemini-waiting", "gemini-late", "gemini-half"):
            raise ConnectionError
        writer.write(b"0\r\n\r\n")
