"""Embeddings and moderations: OpenAI's SDK through the gateway at a provider that speaks OpenAI's format
(https://platform.openai.com/docs/api-reference/embeddings and .../moderations), and embeddings at Google
(https://ai.google.dev/api/embeddings, https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).

Arguments: the gateway's key, the port at which the gateway looks for the provider. Environment: GATEWAY_URL.
"""

import base64
import json
import os
import struct
import sys
from decimal import Decimal

import httpx
import openai

import shop
from shop import command

KEY, PORT = sys.argv[1], int(sys.argv[2])
URL = os.environ["GATEWAY_URL"]
client = openai.OpenAI(api_key=KEY, base_url=URL + "/v1", max_retries=0, timeout=30)
asked = []


class Answer(shop.Answer):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked.append((self.path, body))
        google = {"batchEmbedContents": self.batch, "predict": self.predict}.get(self.path.split(":")[-1])
        self.answer((google or (self.embeddings if self.path == "/v1/embeddings" else self.moderation))(body))

    @staticmethod
    def batch(body):
        for request in body["requests"]:
            assert set(request) <= {"model", "content", "outputDimensionality"} and request["model"] == "models/gemini-embedding-001"
        texts = [request["content"]["parts"][0]["text"] for request in body["requests"]]
        return {"embeddings": [{"values": [0.5, -0.25, len(text)]} for text in texts]}

    @staticmethod
    def predict(body):
        return {"predictions": [
            {"embeddings": {"values": [0.5, -0.25, 1.5], "statistics": {"token_count": 7, "truncated": False}}}
            for _ in body["instances"]]}

    @staticmethod
    def embeddings(body):
        inputs = body["input"] if isinstance(body["input"], list) and not isinstance(body["input"][0], int) else [body["input"]]
        vectors = [[0.5, -0.25, float(len(text))] for text in inputs]
        if body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack("<3f", *vector)).decode() for vector in vectors]
        usage = {"prompt_tokens": sum(len(text) for text in inputs)}
        usage["total_tokens"] = usage["prompt_tokens"]
        return {
            "object": "list", "model": body["model"],
            "data": [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)],
        } | ({} if body.get("user") == "no usage" else {"usage": usage})

    @staticmethod
    def moderation(body):
        count = len(body["input"]) if isinstance(body["input"], list) and isinstance(body["input"][0], str) else 1
        result = {"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}
        return {"id": "modr-1", "model": body["model"], "results": [result] * count}


class Provider(shop.ThreadingHTTPServer):
    daemon_threads = True
    status, credentials, unknown, asked = 200, [], set(), 0


server = Provider(("127.0.0.1", PORT), Answer)
shop.threading.Thread(target=server.serve_forever, daemon=True).start()


def last_outcome(kind="request.completed"):
    lines = command("ledger", "events", "--type", kind, "--limit", "10000").splitlines()
    return json.loads(lines[-1])["data"]


# Text, texts, tokens and several lists of tokens; the SDK asks for Base64 and reads it.
for given, count, tokens in (
        ("Grüße", 1, 5), (["a", "bcd"], 2, 4), ([1, 2, 3], 1, 3), ([[1, 2], [3, 4, 5]], 2, 5), (["x" * 90] * 3, 3, 270)):
    answer = client.embeddings.create(model="vectors", input=given, dimensions=3)
    assert len(answer.data) == count and answer.data[0].embedding[:2] == [0.5, -0.25], answer
    path, body = asked[-1]
    assert path == "/v1/embeddings" and body["model"] == "vectors-1" and body["input"] == given, body
    assert set(body) == {"model", "input", "dimensions", "encoding_format"}, body
    cost = Decimal(tokens) * 130
    assert answer.usage.prompt_tokens == tokens and Decimal(str(answer.usage.cost)) == cost.scaleb(-9), answer.usage
    assert answer.metadata["used_provider"] == "alpha" and answer.metadata["requested_model"] == "vectors", answer
    outcome = last_outcome()
    assert outcome["charged"] == cost and outcome["held"] >= cost and outcome["unified_finish_reason"] == "completed", outcome
    assert outcome["usage"]["prompt_tokens"] == tokens and outcome["usage"]["completion_tokens"] == 0, outcome
assert client.embeddings.create(model="alpha/vectors-1", input="x", encoding_format="float").data[0].embedding == [0.5, -0.25, 1.0]

# Nothing is free because the usage was missing.
estimated = client.embeddings.create(model="vectors", input="x" * 40, user="no usage")
assert estimated.metadata["estimated"] and last_outcome()["estimated"] and last_outcome()["charged"] > 0, estimated

# Google's vectors in OpenAI's form: AI Studio counts no tokens, Vertex AI does.
for encoding in ("float", "base64", openai.omit):
    answer = client.embeddings.create(
        model="google-ai-studio/gemini-embedding-001", input=["Grüße", "x" * 40], dimensions=3, encoding_format=encoding)
    vector = answer.data[1].embedding
    vector = list(struct.unpack("<3f", base64.b64decode(vector))) if encoding == "base64" else vector
    assert vector == [0.5, -0.25, 40.0] and answer.metadata["estimated"] == "true", answer
    assert asked[-1][0] == "/v1beta/models/gemini-embedding-001:batchEmbedContents", asked[-1]
    assert asked[-1][1]["requests"][0]["outputDimensionality"] == 3, asked[-1]
    assert last_outcome()["estimated"] and last_outcome()["charged"] > 0
answer = client.embeddings.create(model="text-embedding-005", input="Grüße")
assert answer.data[0].embedding == [0.5, -0.25, 1.5] and answer.usage.prompt_tokens == 7, answer
assert asked[-1] == ("/v1/publishers/google/models/text-embedding-005:predict", {"instances": [{"content": "Grüße"}]}), asked[-1]
assert last_outcome()["charged"] == 7 * 25 and last_outcome()["provider"] == "google-vertex"
tokens = httpx.post(URL + "/v1/embeddings", headers={"authorization": "Bearer " + KEY}, json={
    "model": "text-embedding-005", "input": [1, 2]})
assert tokens.status_code == 400 and tokens.json()["error"]["param"] == "input", tokens.text

# A moderation is free where its price is, and is an event all the same.
answer = client.moderations.create(model="harm", input=["a", "b"])
assert len(answer.results) == 2 and answer.results[0].flagged, answer
image = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
assert client.moderations.create(model="harm", input=image).results[0].flagged
assert asked[-1] == ("/v1/moderations", {"model": "harm-1", "input": image}), asked[-1]
assert last_outcome()["model"] == "harm" and last_outcome()["charged"] == 0

# What is wrong is refused by name, and nobody is asked.
before = len(asked)
for path, body, param in (
        ("embeddings", {"model": "vectors"}, "input"), ("embeddings", {"input": "x"}, "model"),
        ("embeddings", {"model": "vectors", "input": 5}, "input"), ("embeddings", {"model": "vectors", "input": []}, "input"),
        ("embeddings", {"model": "vectors", "input": [1.5]}, "input"), ("embeddings", {"model": "vectors", "input": ["a", None]}, "input"),
        ("embeddings", {"model": "vectors", "input": [{"type": "text", "text": "x"}]}, "input"),
        ("embeddings", {"model": "talk", "input": "x"}, "model"), ("embeddings", {"model": "harm", "input": "x"}, "model"),
        ("moderations", {"model": "harm", "input": [{"type": "audio"}]}, "input"),
        ("chat/completions", {"model": "vectors", "messages": [{"role": "user", "content": "x"}]}, "model"),
        ("embeddings", {"model": "nothing", "input": "x"}, "model"), ("embeddings", {"model": "echo", "input": "x"}, "model")):
    refused = httpx.post(f"{URL}/v1/{path}", json=body, headers={"authorization": "Bearer " + KEY}, timeout=30)
    assert refused.status_code in (400, 404) and refused.json()["error"]["param"] == param, (path, body, refused.text)
for raw in (b'{"model":"vectors","input":"a","input":"b"}', b'{"model":"vectors","INPUT":"a"}', b'{"model":"vectors","input":"\\ud800"}'):
    refused = httpx.post(URL + "/v1/embeddings", content=raw, headers={"authorization": "Bearer " + KEY}, timeout=30)
    assert refused.status_code == 400, refused.text
assert len(asked) == before

# The list says what each is for.
kinds = {model.id: model.architecture["output_modalities"] for model in client.models.list()}
assert kinds["vectors"] == ["embeddings"] and kinds["harm"] == ["moderation"] and kinds["talk"] == ["text"], kinds
