"""What stand-ins for providers share: an HTTP server that keeps the bodies it got and cuts its streams into small frames."""

import asyncio
import json
import re


class Refusal(Exception):
    """An answer with a status, a body and further header lines."""

    def __init__(self, status, value, extra=""):
        self.status, self.value, self.extra = status, value, extra


class StandIn:
    def __init__(self, key):
        self.key = key
        # The bodies that came, oldest first.
        self.bodies = []
        # Set when a client is gone.
        self.left = asyncio.Event()

    async def start(self, port):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = int(re.search(r"content-length: *(\d+)", head, re.I)[1])
                raw = await reader.readexactly(length)
                headers = dict(re.findall(r"^([^:\r\n]+): *(.*?)\r$", head.lower(), re.M))
                try:
                    await self.respond(head.split(" ")[1], headers, self.parse(raw), reader, writer)
                except Refusal as refusal:
                    self.write(writer, refusal.status, refusal.value, refusal.extra)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.left.set()
            writer.close()

    @staticmethod
    def parse(raw):
        return json.loads(raw)

    @staticmethod
    def write(writer, status, value, extra=""):
        text = json.dumps(value).encode()
        writer.write(
            f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{extra}content-length: {len(text)}\r\n\r\n".encode() + text)

    @staticmethod
    async def frames(writer, data, kind="text/event-stream; charset=utf-8"):
        """Writes a stream, but for its end, in frames of 1, 2, 3 ... bytes: they end inside of events, lines and characters."""
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        start, size = 0, 1
        while start < len(data):
            piece = data[start:start + size]
            writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            await writer.drain()
            start, size = start + size, size % 37 + 1
