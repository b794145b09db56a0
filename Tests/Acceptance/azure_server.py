"""A stand-in for Azure OpenAI, written from its public documentation:

- https://learn.microsoft.com/azure/ai-foundry/openai/reference: paths, `api-key`
- https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter-annotations: what is said of filters, in a stream
  before the first choice
- https://learn.microsoft.com/rest/api/aifoundry/modelinference: the place of others' models, `extra-parameters`
- https://learn.microsoft.com/azure/ai-foundry/openai/how-to/quota: too many requests

It answers as OpenAI does, beside that. What it refuses follows from the last text of the conversation.
"""

from openai_server import OpenAIServer, last_text
from standin import Refusal

SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
FILTERS = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]}


class AzureServer(OpenAIServer):
    def __init__(self, key):
        super().__init__(key)
        # Where each request went.
        self.paths = []

    async def respond(self, path, headers, body, reader, writer):
        if headers.get("api-key") != self.key:
            raise Refusal(401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}})
        self.paths.append(path)
        if path.startswith("/models/"):
            assert headers["extra-parameters"] == "pass-through", headers
        text = last_text(body["messages"][-1])
        if text == "too many":
            error = {"code": "429", "message": "Requests have exceeded the token rate limit."}
            raise Refusal(429, {"error": error}, "retry-after: 7\r\n")
        if text == "filtered":
            raise Refusal(400, {"error": {
                "message": "The response was filtered.", "type": None, "param": "prompt", "code": "content_filter", "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": SAFE}}})
        headers = headers | {"authorization": "bearer " + self.key}
        await super().respond(path, headers, body, reader, writer)

    def dressed(self, values):
        for value in values:
            for choice in value["choices"]:
                choice["content_filter_results"] = SAFE if choice["finish_reason"] is None else {}
        if values[0]["object"] == "chat.completion":
            return [values[0] | FILTERS]
        return [{"choices": [], "created": 0, "id": "", "model": "", "object": ""} | FILTERS] + values
