"""Providers at which an account is more than a key: Vertex AI with a service account and with a key, and its models of Anthropic and
of others; Azure with deployments and without, and its models of others.

`make FILE PORT` writes a service account's key whose tokens are got at the port. `run FILE KEY VERTEX AZURE` answers at both ports
and drives the gateway. Environment: GATEWAY_URL.

- https://developers.google.com/identity/protocols/oauth2/service-account: the assertion and its answer
- https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest: paths
- https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis: chat completions
- https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai: `rawPredict`, `anthropic_version`
"""

import asyncio
import base64
import json
import os
import sys
from urllib.parse import parse_qs

import httpx
import openai
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from anthropic_server import AnthropicServer
from azure_server import AzureServer
from gemini_server import GeminiServer, refusal
from standin import Refusal

HELLO = [{"role": "user", "content": "Grüße, 世界 🌍"}]


def make(path, port):
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(path, "w", encoding="utf-8") as file:
        json.dump({
            "type": "service_account", "project_id": "acme-1", "private_key_id": "k1", "private_key": pem.decode(),
            "client_email": "gateway@acme-1.iam.gserviceaccount.com", "token_uri": f"http://127.0.0.1:{port}/token",
        }, file, indent=2)


def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class VertexServer(GeminiServer):
    """Gives tokens for assertions that the account signed, and answers whoever has one, or the key."""

    def __init__(self, account):
        super().__init__("own-secret")
        self.account = account
        self.public = serialization.load_pem_private_key(account["private_key"].encode(), None).public_key()
        self.tokens, self.paths, self.refuses = 0, [], False
        self.claude = AnthropicServer("behind")

    @staticmethod
    def parse(raw):
        return json.loads(raw) if raw.startswith(b"{") else raw.decode()

    def token(self, form):
        if self.refuses:
            raise Refusal(400, {"error": "invalid_grant"})
        fields = parse_qs(form)
        assert fields["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"], fields
        head, claims, signature = fields["assertion"][0].split(".")
        self.public.verify(
            base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)), f"{head}.{claims}".encode(),
            padding.PKCS1v15(), hashes.SHA256())
        head, claims = decoded(head), decoded(claims)
        assert head["alg"] == "RS256" and head["kid"] == "k1", head
        assert claims["iss"] == self.account["client_email"] and claims["aud"] == self.account["token_uri"], claims
        assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform" and claims["exp"] - claims["iat"] == 3600
        self.tokens += 1
        return {"access_token": f"ya29.token-{self.tokens}", "expires_in": 3599, "token_type": "Bearer"}

    async def respond(self, path, headers, body, reader, writer):
        if path == "/token":
            return self.write(writer, 200, self.token(body))
        self.paths.append(path)
        has_token = headers.get("authorization") == f"bearer ya29.token-{self.tokens}" and self.tokens
        if path.endswith("/chat/completions"):
            assert has_token and path == "/v1/projects/acme-1/locations/global/endpoints/openapi/chat/completions", path
            return self.write(writer, 200, completion(body))
        place, model = path.rsplit("/models/", 1)
        if place.endswith("/publishers/anthropic"):
            assert has_token and place == "/v1/projects/acme-1/locations/us-east5/publishers/anthropic", path
            return await self.anthropic(model, headers, body, reader, writer)
        if has_token:
            assert place == "/v1/projects/acme-1/locations/europe-west4/publishers/google", path
        elif headers.get("x-goog-api-key") == "own-secret":
            assert place == "/v1/publishers/google", path
        else:
            raise refusal(401, "Request had invalid authentication credentials.")
        headers = headers | {"x-goog-api-key": self.key}
        return await super().respond("/v1beta/models/" + model, headers, body, reader, writer)


    async def anthropic(self, model, headers, body, reader, writer):
        """As Anthropic answers, but for where the model and the version stand."""
        name, call = model.split(":")
        assert call == ("streamRawPredict" if body.get("stream") else "rawPredict"), model
        assert "model" not in body and body.pop("anthropic_version") == "vertex-2023-10-16", body
        assert "x-api-key" not in headers and "anthropic-version" not in headers, headers
        headers = headers | {"x-api-key": self.claude.key, "anthropic-version": "2023-06-01"}
        return await self.claude.respond("/v1/messages", headers, body | {"model": name}, reader, writer)


def completion(body):
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


async def vertex(ask, path, port):
    with open(path, encoding="utf-8") as file:
        server = VertexServer(json.load(file))
    await server.start(port)
    answers = await asyncio.gather(*(ask(model="google-vertex/gemini-3.5-flash") for _ in range(5)))
    assert all(answer.choices[0].message.content for answer in answers)
    first = server.tokens
    stream = await ask(model="google-vertex/gemini-3.5-flash", stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert text == HELLO[0]["content"], text
    # One token serves all, those too that asked while it was on its way.
    assert first == server.tokens == 1, (first, server.tokens)
    assert server.paths[-1].endswith("/models/gemini-3.5-flash:streamGenerateContent?alt=sse"), server.paths
    await claude(ask, server)
    answer = await ask(model="vertex-openai/grok-4-6")
    assert answer.choices[0].message.content == "Hi" and answer.metadata["underlying_used_model"] == "grok-4.6", answer
    assert server.tokens == 1
    return server


async def claude(ask, server):
    """Anthropic's models at Vertex AI, translated and as their clients ask for them."""
    model = "vertex-anthropic/claude-sonnet-4-5"
    answer = await ask(model=model, max_tokens=50)
    assert answer.choices[0].message.content == HELLO[0]["content"] and answer.usage.cost > 0, answer
    stream = await ask(model=model, max_tokens=50, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert text == HELLO[0]["content"], text
    asked = {"model": model, "max_tokens": 50, "messages": HELLO}
    url, headers = os.environ["GATEWAY_URL"] + "/v1/messages", {"x-api-key": sys.argv[3]}
    async with httpx.AsyncClient(timeout=30) as client:
        whole = await client.post(url, json=asked, headers=headers)
        assert whole.status_code == 200 and whole.json()["content"][0]["text"] == HELLO[0]["content"], whole.text
        streamed = await client.post(url, json=asked | {"stream": True}, headers=headers)
        assert streamed.status_code == 200 and "event: message_stop" in streamed.text, streamed.text
    assert [body["model"] for body in server.claude.bodies] == ["claude-sonnet-4-5"] * 4, server.claude.bodies


async def own_accounts(owner, server, path, vertex_port):
    """Accounts of an organization: an express key, and a service account that would have tokens got elsewhere."""
    async def ok(path, **body):
        answer = await owner.post(path, json=body)
        assert answer.status_code in (200, 201), (path, answer.text)
        return answer.json()

    await ok("/auth/sign-up/email", email="v@example.org", password="correct horse battery", name="V")
    organization = (await ok("/orgs", name="Own"))["organization"]["id"]
    project = (await ok("/projects", name="P", organizationId=organization, mode="api-keys"))["project"]["id"]
    key = (await ok("/keys/api", description="k", projectId=project, usageLimit=None))["apiKey"]["token"]
    own = {"provider": "google-vertex", "organizationId": organization, "baseUrl": f"http://127.0.0.1:{vertex_port}"}
    with open(path, encoding="utf-8") as file:
        account = json.load(file)
    wrong = await owner.post("/keys/provider", json=own | {"token": "not-it"})
    assert wrong.status_code == 400 and wrong.json()["field"] == "token", wrong.text
    broken = json.dumps(account | {"private_key": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"})
    wrong = await owner.post("/keys/provider", json=own | {"token": broken})
    assert wrong.status_code == 400 and wrong.json()["field"] == "token" and "PRIVATE KEY-----" not in wrong.text, wrong.text
    wrong = await owner.post("/keys/provider", json=own | {"provider": "openai", "token": json.dumps(account)})
    assert wrong.status_code == 400 and wrong.json()["field"] == "token", wrong.text
    await ok("/keys/provider", **own, token="own-secret")
    client = openai.AsyncOpenAI(api_key=key, base_url=os.environ["GATEWAY_URL"] + "/v1", max_retries=0, timeout=30)
    answer = await client.chat.completions.create(model="google-vertex/gemini-3.5-flash", messages=HELLO)
    assert answer.choices[0].message.content and server.paths[-1].startswith("/v1/publishers/"), server.paths[-1]
    assert answer.usage.cost == 0, answer.usage


async def azure(ask, owner, port):
    server = AzureServer("house-secret")
    await server.start(port)
    answer = await ask(model="azure/gpt-4.1")
    assert answer.choices[0].message.content == HELLO[0]["content"] and answer.model == "gpt-4.1", answer
    assert server.paths[-1] == "/openai/v1/chat/completions" and server.bodies[-1]["model"] == "gpt-4.1", server.paths
    # What it says of its filters before the first choice is no answer yet, and none of an answer's words.
    stream = [chunk async for chunk in await ask(model="azure/gpt-4.1", stream=True, stream_options={"include_usage": True})]
    said = [choice for chunk in stream for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in said) == HELLO[0]["content"], stream
    assert said[-1].finish_reason == "stop" and stream[-1].usage.prompt_tokens == 120, stream
    for text, status, code in (("too many", 429, "429"), ("filtered", 400, "content_filter")):
        for streams in (False, True):
            try:
                await ask(model="azure/gpt-4.1", messages=[{"role": "user", "content": text}], stream=streams)
            except openai.APIStatusError as error:
                assert error.status_code == status and error.code == code, (error, error.code)
            else:
                raise AssertionError(text)
    await ask(model="azure-ai-foundry/grok-4-3")
    assert server.paths[-1] == "/models/chat/completions?api-version=2024-05-01-preview", server.paths
    assert server.bodies[-1]["model"] == "grok-4.3", server.bodies[-1]
    # A resource with deployments, of an organization.
    organization = (await owner.get("/orgs")).json()["organizations"][0]["id"]
    server.key = "own-secret"
    made = await owner.post("/keys/provider", json={
        "provider": "azure", "organizationId": organization, "token": "own-secret", "baseUrl": f"http://127.0.0.1:{port}",
        "options": {"azure_deployment_type": "openai", "azure_api_version": "2025-01-01", "azure_validation_model": "small"}})
    assert made.status_code == 200, made.text
    assert server.paths[-1] == "/openai/deployments/small/chat/completions?api-version=2025-01-01", server.paths[-1]
    without = await owner.post("/keys/provider", json={"provider": "azure", "organizationId": organization, "token": "own-secret"})
    assert without.status_code == 400 and without.json()["field"] == "baseUrl", without.text


async def run(path, key, vertex_port, azure_port):
    url = os.environ["GATEWAY_URL"]
    client = openai.AsyncOpenAI(api_key=key, base_url=url + "/v1", max_retries=0, timeout=30)

    async def ask(messages=HELLO, **arguments):
        return await client.chat.completions.create(messages=messages, **arguments)

    server = await vertex(ask, path, vertex_port)
    pages = url.replace("127.0.0.1", "localhost")
    async with httpx.AsyncClient(base_url=pages, headers={"origin": pages}, timeout=60) as owner:
        await own_accounts(owner, server, path, vertex_port)
        await azure(ask, owner, azure_port)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        asyncio.run(run(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
