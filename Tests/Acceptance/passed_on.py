"""What a client sends reaches a provider of OpenAI's format as it was sent: every parameter of the chat API, and what nobody knows.

Arguments: the gateway's key, the port at which the gateway looks for the provider. Environment: GATEWAY_URL.
"""

import asyncio
import json
import os
import sys

import httpx

from openai_server import OpenAIServer

URL, KEY, PORT = os.environ["GATEWAY_URL"], sys.argv[1], int(sys.argv[2])
# Written as no encoder writes it: numbers, escapes and spaces are the client's own.
PARAMETERS = """"messages" :[{"role":"user","content":"Gr\\u00fc\\u00dfe 🌍","name":"ada"}],
 "seed":-7, "temperature": 1.50, "top_p":9e-1,"presence_penalty":-2.0, "frequency_penalty" : 0.1,
 "logprobs":true,"top_logprobs":3, "logit_bias":{"50256":-100,"1":1e0}, "n":2, "stop":["END","\\n\\u0041"],
 "tools":[{"type":"function","function":{"name":"clock","parameters":{"type":"object","properties":{}},"strict":true}}],
 "tool_choice":"none","parallel_tool_calls":false, "response_format":{"type":"text"}, "reasoning_effort":"low",
 "service_tier":"auto", "store":false, "metadata":{"run":"7"}, "prediction":{"type":"content","content":"x"},
 "user":"end-user", "safety_identifier":"s", "prompt_cache_key":"p", "verbosity":"low",
 "nobody_knows_it":{"deep":[1.0,null,{"é":"\\ud83d\\ude00"}],"big":12345678901234567890}"""


class Provider(OpenAIServer):
    def parse(self, raw):
        self.raw = raw.decode()
        return super().parse(raw)


async def main():
    provider = Provider("house")
    await provider.start(PORT)

    async def sent(rest, model):
        """What a client sent, but for the name that the provider knows the model by, and what the provider got."""
        body = '{ "model":"%s", %s%s}' % (model, PARAMETERS, rest)
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(URL + "/v1/chat/completions", content=body.encode(), headers={
                "authorization": "Bearer " + KEY, "content-type": "application/json"})
        assert answer.status_code == 200, answer.text
        return body.replace(f'"{model}"', f'"{model}-1"'), provider.raw

    for model, field, other in (
            ("older", "max_tokens", "max_completion_tokens"), ("newer", "max_completion_tokens", "max_tokens")):
        # Every byte is the client's.
        given, got = await sent(f', "{field}": 40', model)
        assert got == given, got
        # A bound stands in the field that the model reads.
        given, got = await sent(f', "{other}": 40', model)
        assert got == given.replace(f'"{other}"', f'"{field}"'), got
        # Where the client names none, it is the one thing that is added.
        given, got = await sent("", model)
        assert got.endswith(given[2:]) and json.loads(got) == json.loads(given) | {field: 4096}, got
        # A stream has to say what was used.
        given, got = await sent(f', "{field}": 40, "stream":true', model)
        added = {"stream_options": {"include_usage": True}}
        assert got.endswith(given[2:]) and json.loads(got) == json.loads(given) | added, got
        given, got = await sent(f', "{field}": 40, "stream":true, "stream_options":{{"include_usage":false, "x":1}}', model)
        assert got == given.replace('"include_usage":false', '"include_usage":true'), got
        print("passed on to", model)


asyncio.run(main())
