"""An organization's own key at Google: one that is wrong is refused, though Google answers 400 and not 401, and a right one pays.

Arguments: the port at which the gateway looks for the provider. Environment: GATEWAY_URL.
"""

import asyncio
import os
import sys

import httpx

from gemini_server import GeminiServer

URL = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")


async def main():
    server = GeminiServer("own-secret")
    await server.start(int(sys.argv[1]))
    async with httpx.AsyncClient(base_url=URL, headers={"origin": URL}, timeout=60) as owner:
        async def ok(path, **body):
            answer = await owner.post(path, json=body)
            assert answer.status_code == 200 or answer.status_code == 201, (path, answer.text)
            return answer.json()

        await ok("/auth/sign-up/email", email="g@example.org", password="correct horse battery", name="G")
        organization = (await ok("/orgs", name="Own"))["organization"]["id"]
        project = (await ok("/projects", name="P", organizationId=organization, mode="api-keys"))["project"]["id"]
        key = (await ok("/keys/api", description="k", projectId=project, usageLimit=None))["apiKey"]["token"]
        own = {"provider": "gemini", "organizationId": organization, "baseUrl": f"http://127.0.0.1:{sys.argv[1]}"}
        wrong = await owner.post("/keys/provider", json=own | {"token": "wrong-0123456789"})
        assert wrong.status_code == 400 and wrong.json().get("field") == "token", wrong.text
        await ok("/keys/provider", **own, token="own-secret")
        answer = await owner.post("/v1/chat/completions", headers={"authorization": f"Bearer {key}"}, json={
            "model": "gemini", "messages": [{"role": "user", "content": "Hi"}]})
        assert answer.status_code == 200 and answer.json()["usage"]["cost"] == 0, answer.text


asyncio.run(main())
