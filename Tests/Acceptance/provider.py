"""A provider in a scenario's own hands: it answers when it is let, and knows what it wrote to whom.

It speaks as much of the chat completions API as the gateway asks of it. Whom a request comes from is its first message's text.
"""

import asyncio
import json
import re

USAGE = {"prompt_tokens": 21, "completion_tokens": 64, "total_tokens": 85}


class Provider:
    def __init__(self, usage=USAGE, interval=0.02, silent=None):
        self.usage, self.interval = usage, interval
        # What streams say before they fall silent: "nothing", or only their "head".
        self.silent = silent
        self.requests = 0
        self.answered = 0
        # Answers that are not streamed wait for it.
        self.gate = asyncio.Event()
        # Chunks written to each; and to whom nothing is written any more.
        self.written, self.left = {}, set()

    async def start(self, port):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)

    async def until(self, condition):
        """Waits for what the other side does; the limit only bounds a scenario that fails."""
        for _ in range(6000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(("it never came", vars(self)))

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
                body = json.loads(await reader.readexactly(length))
                self.requests += 1
                await (self.stream if body.get("stream") else self.whole)(body, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def whole(self, body, reader, writer):
        await self.gate.wait()
        text = json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1730000000, "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
            "usage": self.usage}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
        await writer.drain()
        self.answered += 1

    async def stream(self, body, reader, writer):
        """One token a chunk, for ever: until whoever reads is gone."""
        who = body["messages"][0]["content"]
        self.written[who] = 0
        if self.silent != "nothing":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        gone = asyncio.create_task(reader.read(1))
        try:
            if self.silent:
                await gone
            while not gone.done():
                data = b"data: " + json.dumps({
                    "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1730000000, "model": body["model"],
                    "choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}]}).encode() + b"\n\n"
                writer.write(b"%x\r\n" % len(data) + data + b"\r\n")
                self.written[who] += 1
                await asyncio.wait({gone}, timeout=self.interval)
            gone.result()
        finally:
            self.left.add(who)
