"""A stand-in for providers that make images, written from their public documentation:

- https://platform.openai.com/docs/api-reference/images: OpenAI's requests, Base64 and usage
- https://docs.z.ai/api-reference/image/generate-image: addresses, and no usage
- https://www.alibabacloud.com/help/en/model-studio/qwen-image-api: messages in, addresses out, and errors without an envelope
- https://ai.google.dev/gemini-api/docs/image-generation: models of Google that answer with images beside text

It refuses what the documentation forbids. What it answers follows from the model's name and the prompt.
"""

import json

from standin import Refusal, StandIn

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FIELDS = {
    "model", "prompt", "n", "size", "quality", "response_format", "style", "user", "background", "moderation", "output_format",
    "output_compression", "aspect_ratio"}
SIGNATURE = "c2lnbmF0dXJl"


def need(condition, message, param=None):
    if not condition:
        raise Refusal(400, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}})


def images(body):
    need(not set(body) - FIELDS, f"Unknown parameter: {sorted(set(body) - FIELDS)}")
    need(isinstance(body["prompt"], str) and 1 <= body.get("n", 1) <= 10, "Invalid value", "n")
    model, count = body["model"], body.get("n", 1)
    if "error-" in model:
        raise Refusal(int(model[-3:]), {"error": {"message": "It was asked for."}})
    if model == "broken":
        return {"hello": "world"}
    if model.startswith("url"):
        # Some make one, whatever was asked for.
        return {"created": 1, "data": [{"url": f"https://example.org/{number}.png"} for number in range(1 if model == "url-one" else count)]}
    need("response_format" not in body, "Unknown parameter: 'response_format'.", "response_format")
    answer = {"created": 1, "data": [{"b64_json": PIXEL}] * count, "output_format": "png", "quality": "high", "size": "1024x1024"}
    if "untold" not in body["prompt"]:
        answer["usage"] = {
            "input_tokens": 12, "input_tokens_details": {"text_tokens": 12, "image_tokens": 0},
            "output_tokens": 4160 * count, "total_tokens": 12 + 4160 * count}
    return answer


def alibaba(headers, key, body):
    def need(condition, status, code, message):
        if not condition:
            raise Refusal(status, {"request_id": "r", "code": code, "message": message})

    need(headers.get("authorization", "")[7:] == key, 401, "InvalidApiKey", "Invalid API-key provided.")
    content, parameters = body["input"]["messages"][0]["content"], body["parameters"]
    need(set(parameters) <= {"negative_prompt", "prompt_extend", "watermark", "size", "n", "seed"}, 400, "InvalidParameter", "Unknown")
    sizes = ("1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664")
    need(parameters.get("size", sizes[0]) in sizes and parameters.get("n", 1) == 1, 400, "InvalidParameter", "Wrong size")
    need(content[0]["text"] != "forbidden", 400, "DataInspectionFailed", "Output data may contain inappropriate content.")
    choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": [{"image": "https://example.org/cat.png"}]}}
    return {"output": {"choices": [choice]}, "usage": {"image_count": 1, "width": 1664, "height": 928}, "request_id": "r"}


def google(body):
    """The parts of the answer."""
    configuration = body["generationConfig"]
    wanted = configuration["responseModalities"]
    need(set(configuration) <= {"maxOutputTokens", "responseModalities", "imageConfig", "temperature"}, "Unknown name")
    need(set(configuration.get("imageConfig", {})) <= {"aspectRatio", "imageSize"}, "Unknown name")
    for content in body["contents"]:
        for part in content["parts"]:
            if "inlineData" in part and content["role"] == "model":
                need(part.get("thoughtSignature") == SIGNATURE, "Image part is missing a thought_signature.")
    parts = [{"text": "Here it "}, {"text": "is: 🌍"}] if "TEXT" in wanted else []
    refused = "forbidden" in json.dumps(body["contents"])
    if "IMAGE" in wanted and not refused:
        parts.append({"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": SIGNATURE})
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 20 + 1290 * (not refused and "IMAGE" in wanted)}
    if not refused and "IMAGE" in wanted:
        counts["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": 1290}]
    return parts, counts, "IMAGE_SAFETY" if refused else "STOP"


class ImagesServer(StandIn):
    def __init__(self, key):
        super().__init__(key)
        self.paths = []

    async def respond(self, path, headers, body, reader, writer):
        self.bodies.append(body)
        self.paths.append(path)
        if path.endswith("/multimodal-generation/generation"):
            return self.write(writer, 200, alibaba(headers, self.key, body))
        if ":" not in path:
            if self.key not in (headers.get("authorization", "")[7:], headers.get("api-key")):
                raise Refusal(401, {"error": {"message": "Incorrect API key provided."}})
            need(path.endswith("/images/generations"), "no such path")
            return self.write(writer, 200, images(body))
        need(headers.get("x-goog-api-key") == self.key, "API key not valid. Please pass a valid API key.")
        parts, counts, reason = google(body)
        common = {"modelVersion": "standin", "responseId": "r1"}
        if "stream" not in path:
            candidate = {"content": {"role": "model", "parts": parts}, "finishReason": reason}
            return self.write(writer, 200, common | {"candidates": [candidate], "usageMetadata": counts})
        values = [{"candidates": [{"content": {"role": "model", "parts": [part]}}], "usageMetadata": counts} for part in parts]
        values.append({"candidates": [{"content": {"parts": []}, "finishReason": reason}], "usageMetadata": counts})
        data = b"".join(f"data: {json.dumps(common | value, ensure_ascii=False)}\r\n\r\n".encode() for value in values)
        await self.frames(writer, data)
        writer.write(b"0\r\n\r\n")
