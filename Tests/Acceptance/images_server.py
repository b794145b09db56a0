"""A stand-in for providers that make images, written from their public documentation:

- https://platform.openai.com/docs/api-reference/images: OpenAI's requests, forms and JSON for edits, Base64 and usage
- https://docs.x.ai/developers/model-capabilities/images: edits of models called grok, JSON alone
- https://docs.byteplus.com/en/docs/ModelArk/1541523: images of images of models called seedream
- https://docs.z.ai/api-reference/image/generate-image: addresses, and no usage
- https://www.alibabacloud.com/help/en/model-studio/qwen-image-api and qwen-image-edit-api: messages in, addresses out, and errors
  without an envelope
- https://ai.google.dev/gemini-api/docs/image-generation: models of Google that answer with images beside text

It refuses what the documentation forbids. What it answers follows from the model's name and the prompt.
"""

import json
import re

from standin import Refusal, StandIn

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FIELDS = {
    "model", "prompt", "n", "size", "quality", "response_format", "style", "user", "background", "moderation", "output_format",
    "output_compression", "aspect_ratio"}
SIGNATURE = "c2lnbmF0dXJl"


def need(condition, message, param=None):
    if not condition:
        raise Refusal(400, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}})


def data(url):
    return url.startswith(("https://", "data:image/png;base64,", "data:image/jpeg;base64,"))


def images(body):
    known = FIELDS
    if body["model"].startswith("seedream"):
        given = body.get("image", [])
        need(all(map(data, [given] if isinstance(given, str) else given)) and len(given) > 0, "Invalid image", "image")
        known = {"model", "prompt", "image", "size", "response_format", "watermark"}
    need(not set(body) - known, f"Unknown parameter: {sorted(set(body) - known)}")
    need(isinstance(body["prompt"], str) and 1 <= body.get("n", 1) <= 10, "Invalid value", "n")
    model, count = body["model"], body.get("n", 1)
    if "error-" in model:
        raise Refusal(int(model[-3:]), {"error": {"message": "It was asked for."}})
    if model == "broken":
        return {"hello": "world"}
    if model.startswith("seedream"):
        return {"model": model, "created": 1, "data": [{"url": "https://example.org/dream.png", "size": "2048x2048"}],
                "usage": {"generated_images": 1, "output_tokens": 16384, "total_tokens": 16384}}
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


def form(raw):
    """The text fields of a form, and its files as (name, filename, type, bytes); nothing but whole parts is let pass."""
    boundary = b"\r\n" + raw[:raw.index(b"\r\n")]
    first, *parts, end = (b"\r\n" + raw).split(boundary)
    assert first == b"" and end == b"--\r\n", (first, end)
    fields, files = {}, []
    for part in parts:
        head, content = part[2:].split(b"\r\n\r\n", 1)
        said = dict(re.findall(r'(name|filename|content-type)[=:] *"?([^"\r\n;]*)', head.decode()))
        if "filename" in said:
            files.append((said["name"], said["filename"], said.get("content-type"), content))
        else:
            assert said["name"] not in fields, said
            fields[said["name"]] = content.decode()
    return {"fields": fields, "files": files, "boundary": boundary[4:].decode()}


def edits(headers, body):
    if "files" in body:
        need(headers["content-type"] == "multipart/form-data; boundary=" + body["boundary"], "Unsupported content type")
        fields, files = body["fields"], body["files"]
        given = [file for file in files if file[0] in ("image", "image[]")]
        need(len(given) == 1 or all(name == "image[]" for name, *_ in given), "Duplicate parameter: 'image'.", "image")
        need({name for name, *_ in files} <= {"image", "image[]", "mask"}, "Unknown parameter")
        need(all(kind in ("image/png", "image/jpeg", "image/webp") for _, _, kind, _ in files), "unsupported mimetype")
        pictures, edited, count = len(files), len(given), int(fields.get("n", 1))
    else:
        need(headers["content-type"] == "application/json", "Unsupported content type")
        fields, count = body, body.get("n", 1)
        if body["model"].startswith("grok"):
            given = body["images"] if "images" in body else [body["image"]]
            need(set(body) <= {"model", "prompt", "n", "response_format", "user", "aspect_ratio", "image", "images"}, "Argument not supported")
            need(1 <= len(given) <= 3 and all(one["type"] == "image_url" and data(one["url"]) for one in given), "Invalid image")
            return {"data": [{"url": f"https://example.org/{number}.jpg", "mime_type": "image/jpeg"} for number in range(count)]}
        given = body["images"]
        need(all(set(one) == {"image_url"} and data(one["image_url"]) for one in given), "Invalid image", "images")
        pictures, edited = len(given) + ("mask" in body), len(given)
    need(1 <= edited <= 16, "Invalid number of images", "image")
    need(not set(fields) - FIELDS - {"images", "mask", "input_fidelity"}, f"Unknown parameter: {sorted(fields)}")
    if "error-" in fields["model"]:
        raise Refusal(int(fields["model"][-3:]), {"error": {"message": "It was asked for."}})
    usage = {
        "input_tokens": 12 + 200 * pictures, "input_tokens_details": {"text_tokens": 12, "image_tokens": 200 * pictures},
        "output_tokens": 4160 * count, "total_tokens": 12 + 200 * pictures + 4160 * count}
    return {"created": 1, "data": [{"b64_json": PIXEL}] * count, "usage": usage}


def alibaba(headers, key, body):
    def need(condition, status, code, message):
        if not condition:
            raise Refusal(status, {"request_id": "r", "code": code, "message": message})

    need(headers.get("authorization", "")[7:] == key, 401, "InvalidApiKey", "Invalid API-key provided.")
    content, parameters = body["input"]["messages"][0]["content"], body["parameters"]
    need(set(parameters) <= {"negative_prompt", "prompt_extend", "watermark", "size", "n", "seed"}, 400, "InvalidParameter", "Unknown")
    *pictures, text = content
    if "edit" in body["model"]:
        need(1 <= len(pictures) <= 3 and all(data(one["image"]) for one in pictures), 400, "InvalidParameter", "Wrong images")
        sides = [int(side) for side in parameters.get("size", "512*512").split("*")]
        need(len(sides) == 2 and all(512 <= side <= 2048 for side in sides), 400, "InvalidParameter", "Wrong size")
        need(1 <= parameters.get("n", 1) <= 6, 400, "InvalidParameter", "Wrong n")
    else:
        sizes = ("1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664")
        need(not pictures, 400, "InvalidParameter", "No images are taken")
        need(parameters.get("size", sizes[0]) in sizes and parameters.get("n", 1) == 1, 400, "InvalidParameter", "Wrong size")
    need(text["text"] != "forbidden", 400, "DataInspectionFailed", "Output data may contain inappropriate content.")
    made = [{"image": "https://example.org/cat.png"}] * parameters.get("n", 1)
    choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": made}}
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

    @staticmethod
    def parse(raw):
        return form(raw) if raw.startswith(b"--") else json.loads(raw)

    async def respond(self, path, headers, body, reader, writer):
        self.bodies.append(body)
        self.paths.append(path)
        if path.endswith("/multimodal-generation/generation"):
            return self.write(writer, 200, alibaba(headers, self.key, body))
        if ":" not in path:
            if self.key not in (headers.get("authorization", "")[7:], headers.get("api-key")):
                raise Refusal(401, {"error": {"message": "Incorrect API key provided."}})
            if path.endswith("/images/edits"):
                return self.write(writer, 200, edits(headers, body))
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
