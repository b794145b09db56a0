"""Clients of a soak: they send requests to whichever gateway takes them, and note every answer."""

import asyncio
import json
import random


class Notes:
    """What the clients heard."""

    def __init__(self):
        # The ids of requests whose answer came whole, with status 200, each with the name of its key.
        self.answered = {}
        # The same for streams that their client left, or that broke off: they have an outcome, and nobody heard which.
        self.begun = {}
        self.statuses = {}
        self.twice = []

    def whole(self, request, key):
        if request in self.answered:
            self.twice.append(request)
        self.answered[request] = key

    def count(self, what):
        self.statuses[what] = self.statuses.get(what, 0) + 1


class Client:
    """One connection at a time, kept open while the gateway lets it."""

    def __init__(self, number, seed, ports, keys, notes):
        self.random = random.Random(seed * 1_000 + number)
        self.ports, self.keys, self.notes = ports, keys, notes
        self.connections = {}

    async def run(self, stopping):
        while not stopping.is_set():
            try:
                await asyncio.wait_for(self.once(), 60)
            except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError, ValueError) as error:
                self.notes.count(type(error).__name__)
                self.drop()
                await asyncio.sleep(self.random.uniform(0.01, 0.2))
        self.drop()

    def drop(self):
        for _, writer in self.connections.values():
            writer.close()
        self.connections = {}

    async def connection(self, port):
        if port not in self.connections:
            self.connections[port] = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
        return self.connections[port]

    async def once(self):
        name, token = self.random.choice(self.keys)
        kind = self.random.choices(["whole", "stream", "left"], [60, 30, 10])[0]
        body = {
            "model": "mock" if kind == "whole" else "soak-stream", "stream": kind != "whole",
            "messages": [{"role": "user", "content": "Say it again. " * self.random.randint(10, 40)}],
            "max_tokens": self.random.choice([64, 100, 1000])}
        text = json.dumps(body).encode()
        reader, writer = await self.connection(self.random.choice(self.ports))
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n".encode() + text)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ")[1])
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        request = headers.get("x-llmgateway-request-id")
        # Ids are case-sensitive.
        for line in head.split("\r\n"):
            if line.lower().startswith("x-llmgateway-request-id: "):
                request = line.split(": ", 1)[1]
        self.notes.count(status)
        if status == 200:
            self.notes.begun[request] = name
        if "content-length" in headers:
            await reader.readexactly(int(headers["content-length"]))
            whole = True
        else:
            whole = await self.stream(reader, leaves=kind == "left")
        if status == 200 and whole:
            self.notes.whole(request, name)
        if status != 200:
            # Refused for want of money or for want of a server: a client that behaves does not come again at once.
            await asyncio.sleep(self.random.uniform(0.01, 0.1))

    async def stream(self, reader, leaves):
        """Whether the stream came to its end."""
        seen = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).strip(), 16)
            seen = (seen + (await reader.readexactly(size + 2)))[-40:]
            if size == 0:
                return b"[DONE]" in seen
            if leaves and self.random.random() < 0.2:
                self.drop()
                return False
