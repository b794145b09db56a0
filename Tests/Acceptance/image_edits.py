"""Images that are edited: OpenAI's SDK, which sends forms, and JSON as OpenAI's reference has it, through the gateway at providers of
that format, at Google, Alibaba Cloud, xAI and ByteDance.

Arguments and what is printed are those of images.py.
"""

import asyncio
import base64

import httpx
import openai
from openai.types import ImagesResponse

import images
from images import KEY, PORT, URL, client, last_outcome, pay, server
from images_server import PIXEL

PNG = base64.b64decode(PIXEL)
DATA = "data:image/png;base64," + PIXEL
CAT, DOG = ("cat.png", PNG, "image/png"), ("dog.png", PNG + b"\r\n--", "image/png")


async def linked(**body):
    """JSON, which the SDK has no function for."""
    return await client.post("/images/edits", cast_to=ImagesResponse, body=body)


async def by_forms():
    answer = await client.images.edit(
        model="paint", image=[CAT, DOG], mask=("mask.png", PNG, "image/png"), prompt="A cat mit Hut 🎩", n=2, size="1024x1536",
        input_fidelity="high", background="opaque", extra_body={"routing": "price"})
    assert [image.b64_json for image in answer.data] == [PIXEL] * 2, answer
    assert server.paths[-1] == "/v1/images/edits", server.paths
    sent = {"model": "paint-1", "prompt": "A cat mit Hut 🎩", "n": "2", "size": "1024x1536", "input_fidelity": "high", "background": "opaque"}
    assert server.bodies[-1]["fields"] == sent, server.bodies[-1]["fields"]
    files = [("image[]",) + (name, kind, data) for name, data, kind in (CAT, DOG)] + [("mask", "mask.png", "image/png", PNG)]
    assert server.bodies[-1]["files"] == files, server.bodies[-1]["files"]
    # 12 tokens of text at 5, 600 of three images at 8 and 8,320 of those that are made at 30 dollars a million.
    pay(answer.usage, "0.25446", {"input_cost": "0.00006", "image_input_cost": "0.0048", "image_output_cost": "0.2496"})
    outcome = await last_outcome()
    lines = {line["component"]: (line["quantity"], line["price"], line["unit"]) for line in outcome["price"]["lines"]}
    assert lines["image_input"] == (600, 8_000_000, "token") and lines["image_output"] == (8320, 30_000_000, "token"), lines
    usage = outcome["usage"]
    assert (usage["images"], usage["generated_images"], usage["image_input_tokens"]) == (2, 2, 600), usage
    assert outcome["held"] >= 2 * 9000 * 30_000 and outcome["charged"] == 254_460_000, outcome
    answer = await client.images.edit(model="azure-paint", image=CAT, prompt="A cat")
    assert server.paths[-1] == "/openai/v1/images/edits", server.paths
    assert server.bodies[-1]["files"] == [("image", "cat.png", "image/png", PNG)], server.bodies[-1]
    pay(answer.usage, "0.12646")


async def by_json():
    body = {"prompt": "A cat", "images": [{"image_url": DATA}, {"image_url": "https://example.org/cat.png"}], "quality": "auto"}
    answer = await linked(model="paint", mask={"image_url": DATA}, **body)
    assert server.bodies[-1] == {"model": "paint-1", "mask": {"image_url": DATA}} | body, server.bodies[-1]
    pay(answer.usage, "0.12966", {"image_input_cost": "0.0048"})


async def elsewhere():
    """A provider that fails is followed by the next, which gets the same."""
    answer = await client.images.edit(model="paint-spare", image=CAT, prompt="A cat")
    assert answer.metadata["used_provider"] == "azure" and server.paths[-2:] == ["/v1/images/edits", "/openai/v1/images/edits"], answer
    first, second = server.bodies[-2:]
    assert first["files"] == second["files"] and first["fields"]["model"] == "error-500" != second["fields"]["model"], server.bodies[-2:]
    pay(answer.usage, "0.12646")
    assert [attempt["status"] for attempt in (await last_outcome())["attempts"]] == [500, 200]


async def at_others():
    answer = await client.images.edit(model="retouch", image=[CAT, CAT], prompt="A cat", n=2, size="1024x2048", response_format="url")
    assert [image.url for image in answer.data] == ["https://example.org/cat.png"] * 2, answer
    assert server.paths[-1] == "/api/v1/services/aigc/multimodal-generation/generation", server.paths[-1]
    content = [{"image": DATA}, {"image": DATA}, {"text": "A cat"}]
    assert server.bodies[-1] == {
        "model": "qwen-image-edit-plus", "input": {"messages": [{"role": "user", "content": content}]},
        "parameters": {"size": "1024*2048", "n": 2, "watermark": False}}, server.bodies[-1]
    pay(answer.usage, "0.08", {"image_output_cost": "0.08", "image_input_cost": "0"})
    outcome = await last_outcome()
    assert outcome["held"] == outcome["charged"] == 80_000_000 and outcome["usage"]["generated_images"] == 2, outcome
    answer = await client.images.edit(model="draw", image=CAT, prompt="A cat", size="1536x1024")
    assert [image.b64_json for image in answer.data] == [PIXEL], answer
    parts = server.bodies[-1]["contents"][0]["parts"]
    assert parts == [{"text": "A cat"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}], parts
    pay(answer.usage, "0.15506")
    answer = await client.images.edit(model="imagine", image=[CAT, CAT], prompt="A cat", n=2, extra_body={"aspect_ratio": "3:2"})
    given = [{"type": "image_url", "url": DATA}] * 2
    assert server.bodies[-1] == {
        "model": "grok-imagine-image", "prompt": "A cat", "n": 2, "aspect_ratio": "3:2", "images": given}, server.bodies[-1]
    # Images that are given cost something there too.
    pay(answer.usage, "0.044", {"image_input_cost": "0.004", "image_output_cost": "0.04"})
    outcome = await last_outcome()
    assert outcome["held"] == outcome["charged"] == 44_000_000 and outcome["usage"]["images"] == 2, outcome
    answer = await linked(model="dream", prompt="A cat", images=[{"image_url": "https://example.org/a.png"}], size="2K")
    assert server.paths[-1] == "/v1/images/generations" and server.bodies[-1] == {
        "model": "seedream-4-0", "prompt": "A cat", "size": "2K", "image": "https://example.org/a.png", "watermark": False}, server.bodies[-1]
    pay(answer.usage, "0.035")


async def refused(param, *, body=None, kind=None, content=None, path="/v1/images/edits"):
    headers = {"authorization": "Bearer " + KEY} | ({"content-type": kind} if kind else {})
    async with httpx.AsyncClient(timeout=30) as raw:
        answer = await raw.post(URL + path, headers=headers, json=body, content=content)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == param, (param, answer.status_code, answer.text)


async def failures():
    before = len(server.bodies)
    good = {"model": "paint", "prompt": "x", "images": [{"image_url": DATA}]}
    for fields, param in (
            ({"images": []}, "images"), ({"images": [{"image_url": DATA}] * 17}, "images"), ({"prompt": None}, "prompt"),
            ({"images": [{"file_id": "file-1"}]}, "images[0].file_id"), ({"n": 11}, "n"), ({"stream": True}, "stream"),
            ({"images": [{"image_url": "http:/169.254.169.254"}]}, "images[0].image_url"), ({"model": "nothing"}, "model"),
            # Models that are not for it: one that talks, one that takes no images, and the built-in one.
            ({"model": "talk"}, "model"), ({"model": "print"}, "model"), ({"model": "echo"}, "model"),
            ({"model": "draw", "mask": {"image_url": DATA}}, "mask"), ({"model": "draw", "n": 2}, "n"),
            ({"model": "retouch", "n": 7}, "n"), ({"model": "retouch", "size": "256x256"}, "size"),
            ({"model": "retouch", "images": [{"image_url": DATA}] * 4}, "images"), ({"model": "imagine", "size": "1024x1024"}, "size"),
            ({"model": "dream", "n": 2}, "n"), ({"model": "dream", "mask": {"image_url": DATA}}, "mask")):
        await refused(param, body=good | fields)
    await refused("model", body={"model": "retouch", "prompt": "x"}, path="/v1/images/generations")
    for kind, content, param in (
            ("multipart/form-data", b"--b--", "content-type"), ("multipart/form-data; boundary=b", b"--b", None),
            ("multipart/form-data; boundary=b", b"--b--", "image"),
            ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="image"\r\n\r\nno image\r\n--b--', "image")):
        await refused(param, kind=kind, content=content)
    try:
        await client.images.edit(model="paint", image=CAT, prompt="x", partial_images=2)
    except openai.BadRequestError as error:
        assert error.param == "partial_images", error
    else:
        raise AssertionError("partial_images")
    assert len(server.bodies) == before
    kinds = {model.id: model.architecture["input_modalities"] async for model in client.models.list()}
    assert kinds["retouch"] == ["text", "image"] and kinds["print"] == ["text"], kinds


async def main():
    await server.start(PORT)
    for part in (by_forms, by_json, elsewhere, at_others, failures):
        await part()
    print(images.paid)


asyncio.run(main())
