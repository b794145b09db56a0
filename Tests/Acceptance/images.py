"""Images that are made: OpenAI's SDK through the gateway at providers of OpenAI's images API and at Google's models that draw, by
images' own entrance and beside the text of a chat (https://platform.openai.com/docs/api-reference/images).

Arguments: the gateway's key, the port at which the gateway looks for the providers. Environment: GATEWAY_URL. Prints the sum of
what the answers cost, in nano-dollars.
"""

import asyncio
import json
import os
import sys
from decimal import Decimal

import httpx
import openai

from images_server import PIXEL, SIGNATURE, ImagesServer
from shop import command

KEY, PORT = sys.argv[1], int(sys.argv[2])
URL = os.environ["GATEWAY_URL"]
client = openai.AsyncOpenAI(api_key=KEY, base_url=URL + "/v1", max_retries=0, timeout=30)
server = ImagesServer("house")
paid = 0


def pay(usage, cost, parts=None):
    """`cost` in dollars."""
    global paid
    assert Decimal(str(usage.cost)) == Decimal(cost), (usage, cost)
    for name, amount in (parts or {}).items():
        assert Decimal(str(usage.cost_details[name])) == Decimal(amount), (name, usage)
    paid += int(Decimal(cost) * 10**9)


async def last_outcome(kind="request.completed"):
    lines = (await asyncio.to_thread(command, "ledger", "events", "--type", kind, "--limit", "10000")).splitlines()
    return json.loads(lines[-1])["data"]


async def by_tokens():
    answer = await client.images.generate(model="paint", prompt="A cat", n=2, size="1024x1536", quality="high", background="opaque")
    assert [image.b64_json for image in answer.data] == [PIXEL] * 2 and answer.size == "1024x1024", answer
    sent = {"model": "paint-1", "prompt": "A cat", "n": 2, "size": "1024x1536", "quality": "high", "background": "opaque"}
    assert (server.paths[-1], server.bodies[-1]) == ("/v1/images/generations", sent), server.bodies[-1]
    # 12 tokens at 5 and 8,320 of images at 30 dollars a million.
    pay(answer.usage, "0.24966", {"input_cost": "0.00006", "output_cost": "0", "image_output_cost": "0.2496"})
    assert answer.metadata["used_provider"] == "alpha" and "estimated" not in answer.metadata, answer.metadata
    outcome = await last_outcome()
    line = [line for line in outcome["price"]["lines"] if line["component"] == "image_output"][0]
    assert (line["quantity"], line["price"], line["unit"]) == (8320, 30_000_000, "token"), line
    assert outcome["usage"]["generated_images"] == 2 and outcome["usage"]["image_output_tokens"] == 8320, outcome
    # What may be used at most was held: 9,000 tokens for each.
    assert outcome["held"] >= 2 * 9000 * 30_000 and outcome["charged"] == 249_660_000, outcome
    # Nothing is free because the usage was missing.
    answer = await client.images.generate(model="paint", prompt="untold")
    pay(answer.usage, str(Decimal(answer.usage.input_tokens) * 5 / 10**6 + Decimal(1290) * 30 / 10**6))
    assert answer.metadata["estimated"] == "true" and answer.usage.output_tokens == 1290, answer


async def by_image():
    answer = await client.images.generate(model="print", prompt="A cat", n=3, response_format="url")
    assert [image.url for image in answer.data] == [f"https://example.org/{n}.png" for n in range(3)], answer
    assert server.bodies[-1]["response_format"] == "url", server.bodies[-1]
    pay(answer.usage, "0.105", {"image_output_cost": "0.105", "output_cost": "0"})
    assert "estimated" not in answer.metadata, answer.metadata
    outcome = await last_outcome()
    assert outcome["held"] == outcome["charged"] == 105_000_000 and not outcome["estimated"], outcome
    assert [(line["component"], line["quantity"], line["unit"]) for line in outcome["price"]["lines"]] == [
        ("generated_image", 3, "image")], outcome
    # Three were asked for and held, one came and is charged.
    answer = await client.images.generate(model="print-one", prompt="A cat", n=3)
    pay(answer.usage, "0.035")
    outcome = await last_outcome()
    assert (outcome["held"], outcome["charged"]) == (105_000_000, 35_000_000), outcome
    answer = await client.images.generate(model="azure-paint", prompt="A cat")
    assert server.paths[-1] == "/openai/v1/images/generations", server.paths[-1]
    pay(answer.usage, "0.12486")


async def of_alibaba():
    answer = await client.images.generate(model="poster", prompt="A cat", size="1664x928", response_format="url")
    assert [image.url for image in answer.data] == ["https://example.org/cat.png"], answer
    assert server.paths[-1] == "/api/v1/services/aigc/multimodal-generation/generation", server.paths[-1]
    assert server.bodies[-1]["parameters"] == {"size": "1664*928", "n": 1, "watermark": False}, server.bodies[-1]
    pay(answer.usage, "0.035", {"image_output_cost": "0.035"})
    outcome = await last_outcome()
    assert outcome["held"] == outcome["charged"] == 35_000_000 and outcome["usage"]["generated_images"] == 1, outcome
    answer = await client.images.generate(model="poster", prompt="A cat", extra_body={"aspect_ratio": "3:4"})
    assert server.bodies[-1]["parameters"]["size"] == "1104*1472", server.bodies[-1]
    pay(answer.usage, "0.035")
    try:
        await client.images.generate(model="poster", prompt="forbidden")
    except openai.BadRequestError as error:
        assert "inappropriate content" in error.message, error
    else:
        raise AssertionError("forbidden")


async def of_google():
    answer = await client.images.generate(model="draw", prompt="A cat", size="1536x1024")
    assert [image.b64_json for image in answer.data] == [PIXEL], answer
    assert server.paths[-1] == "/v1beta/models/draw-1:generateContent", server.paths[-1]
    configuration = server.bodies[-1]["generationConfig"]
    assert configuration["responseModalities"] == ["IMAGE"] and configuration["imageConfig"] == {"aspectRatio": "3:2"}, configuration
    # 10 tokens at 2, 20 at 12 and 1,290 of images at 120 dollars a million.
    pay(answer.usage, "0.15506", {"input_cost": "0.00002", "output_cost": "0.00024", "image_output_cost": "0.1548"})
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 1310), answer.usage
    answer = await client.images.generate(model="draw", prompt="forbidden")
    assert answer.data == [], answer
    pay(answer.usage, "0.00026")


async def in_a_chat():
    asked = {"model": "draw", "extra_body": {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}}}
    messages = [{"role": "user", "content": "Draw a cat."}]
    answer = await client.chat.completions.create(messages=messages, modalities=["text", "image"], **asked)
    message = answer.choices[0].message
    assert message.content == "Here it is: 🌍" and message.images[0]["image_url"]["url"] == "data:image/png;base64," + PIXEL, message
    configuration = server.bodies[-1]["generationConfig"]
    assert configuration["responseModalities"] == ["TEXT", "IMAGE"], configuration
    assert configuration["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "2K"}, configuration
    assert answer.usage.completion_tokens_details.image_tokens == 1290, answer.usage
    pay(answer.usage, "0.15506", {"image_output_cost": "0.1548"})
    # The same as a stream, and the image goes back.
    text, images, usage = "", [], None
    async for chunk in await client.chat.completions.create(
            messages=messages, stream=True, stream_options={"include_usage": True}, **asked):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            images += getattr(choice.delta, "images", None) or []
    assert text == message.content and images == message.images, (text, images)
    pay(usage, "0.15506")
    again = messages + [message.model_dump(exclude_none=True), {"role": "user", "content": "Make it blue."}]
    answer = await client.chat.completions.create(model="draw", messages=again)
    part = server.bodies[-1]["contents"][1]["parts"][1]
    assert part == {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": SIGNATURE}, part
    pay(answer.usage, "0.15506")
    answer = await client.chat.completions.create(model="draw", messages=messages, modalities=["text"])
    assert not hasattr(answer.choices[0].message, "images"), answer
    pay(answer.usage, "0.00026")


async def where_no_image_fits():
    """Formats without a place for images ask for none, so that nobody pays for what is thrown away."""
    answer = await client.responses.create(model="draw", input="Draw a cat.")
    assert answer.output_text == "Here it is: 🌍", answer
    assert server.bodies[-1]["generationConfig"]["responseModalities"] == ["TEXT"], server.bodies[-1]
    pay(answer.usage, "0.00026")


async def failures():
    for status in (400, 429, 500):
        try:
            await client.images.generate(model=f"paint-error-{status}", prompt="x")
        except openai.APIStatusError as error:
            assert error.status_code == status, error
        else:
            raise AssertionError(status)
    try:
        await client.images.generate(model="paint-broken", prompt="x")
    except openai.InternalServerError as error:
        assert error.status_code == 502, error
    else:
        raise AssertionError("broken")
    # Too dear is said before anybody is asked.
    before = len(server.bodies)
    try:
        await client.images.generate(model="gold", prompt="x", n=10)
    except openai.APIStatusError as error:
        assert error.status_code == 402, error
    else:
        raise AssertionError("gold")
    for body, param in (
            ({"prompt": "x"}, "model"), ({"model": "paint"}, "prompt"), ({"model": "paint", "prompt": 5}, "prompt"),
            ({"model": "paint", "prompt": "x", "n": 11}, "n"), ({"model": "paint", "prompt": "x", "stream": True}, "stream"),
            ({"model": "paint", "prompt": "x", "sequential_image_generation": "auto"}, "sequential_image_generation"),
            ({"model": "paint", "prompt": "x", "response_format": "gif"}, "response_format"),
            ({"model": "talk", "prompt": "x"}, "model"), ({"model": "nothing", "prompt": "x"}, "model"),
            ({"model": "echo", "prompt": "x"}, "model"), ({"model": "draw", "prompt": "x", "n": 2}, "n"),
            ({"model": "poster", "prompt": "x", "n": 2}, "n"), ({"model": "poster", "prompt": "x", "size": "1024x1024"}, "size"),
            ({"model": "poster", "prompt": "x", "response_format": "b64_json"}, "response_format"),
            ({"model": "poster", "prompt": "x", "style": "vivid"}, "style"),
            ({"model": "draw", "prompt": "x", "response_format": "url"}, "response_format"),
            ({"model": "draw", "prompt": "x", "size": "17x1"}, "size"), ({"model": "draw", "prompt": "x", "quality": "hd"}, "quality")):
        async with httpx.AsyncClient(timeout=30) as raw:
            refused = await raw.post(URL + "/v1/images/generations", headers={"authorization": "Bearer " + KEY}, json=body)
        assert refused.status_code == 400 and refused.json()["error"]["param"] == param, (body, refused.text)
    for model, param in (("paint", "model"), ("talk", "modalities")):
        try:
            await client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "x"}], modalities=["text", "image"])
        except openai.BadRequestError as error:
            assert error.param == param, error
        else:
            raise AssertionError(model)
    assert len(server.bodies) == before
    kinds = {model.id: model.architecture["output_modalities"] async for model in client.models.list()}
    assert kinds["paint"] == ["image"] and kinds["draw"] == ["text", "image"] and kinds["talk"] == ["text"], kinds


async def main():
    await server.start(PORT)
    for part in (by_tokens, by_image, of_alibaba, of_google, in_a_chat, where_no_image_fits, failures):
        await part()
    print(paid)


if __name__ == "__main__":
    asyncio.run(main())
