"""A provider of every dialect that means harm, or is broken: it knows the good answer to a request and sends anything but that.

What it does to a request follows from the word in its prompt alone, so that it is the same in whichever order requests come. A word
that begins with `whole` belongs to a request whose answer has a deadline of its own, which is let wait; others are not.
"""

import asyncio
import json
import random
import re
import socket
import struct

from anthropic_server import AnthropicServer
from bedrock_server import BedrockServer
from gemini_server import GeminiServer
from openai_server import OpenAIServer
from responses_server import ResponsesServer
from standin import Refusal, StandIn

KEY = "hostile-secret-of-the-house"
# The words in prompts, and those in headers that are nobody's affair.
WORD, HEADER = re.compile(rb"(?:whole|stream)-\d+-[0-9a-f]{12}"), re.compile(rb"header-[0-9a-f]{12}")
# What nobody waits for longer than the gateway does.
PATIENCE = 20


class Recorder:
    """Takes what a stand-in would write to its client."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += data

    async def drain(self):
        pass


class Exchange:
    """A request, the good answer to it, and the connection on which a bad one goes out."""

    def __init__(self, rng, word, good, reader, writer):
        self.rng, self.word, self.good, self.reader, self.writer = rng, word, good, reader, writer
        self.head, self.body = good.split(b"\r\n\r\n", 1)

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def mutated(self, data):
        data = bytearray(data)
        for _ in range(self.rng.randint(1, 5)):
            at = self.rng.randrange(len(data) + 1)
            match self.rng.randrange(4):
                case 0: data[at:at + 1] = bytes([self.rng.randrange(256)])
                case 1: data[at:at] = self.rng.randbytes(self.rng.randint(1, 40))
                case 2: del data[at:at + self.rng.randint(1, 40)]
                case 3: data[at:at] = data[at:at + 200]
        return bytes(data)

    def headed(self, *lines, status="200 OK"):
        return f"HTTP/1.1 {status}\r\n".encode() + b"".join(line.encode() + b"\r\n" for line in lines) + b"\r\n"

    def part(self):
        return self.good[:self.rng.randrange(len(self.good) + 1)]


async def well(it):
    await it.send(it.good)
    return True


async def noise(it):
    head = it.rng.choice([b"", it.headed(), it.headed("content-type: text/event-stream"), it.headed("content-type: application/json")])
    await it.send(head + it.rng.randbytes(it.rng.randrange(3000)))


async def mutated(it):
    await it.send(it.head + b"\r\n\r\n" + it.mutated(it.body))


async def mutated_events(it):
    """Good frames around a mutated stream, so that the framing keeps nothing out."""
    text = it.mutated(re.sub(rb"\r\n[0-9a-f]+\r\n", b"", b"\r\n" + it.body))
    type = re.search(rb"content-type: [^\r]*", it.head)[0].decode()
    await it.send(it.headed(type, f"content-length: {len(text)}") + text)
    return True


async def mutated_head(it):
    await it.send(it.mutated(it.head) + b"\r\n\r\n" + it.body)


async def cut(it):
    await it.send(it.part())


async def half_closed(it):
    """Says that nothing more comes, and reads on until the gateway hangs up too."""
    await it.send(it.part())
    it.writer.write_eof()
    await asyncio.wait_for(it.reader.read(), PATIENCE)


async def reset(it):
    await it.send(it.part())
    it.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    it.writer.transport.abort()


async def chunks(it):
    """Chunks whose lengths are no numbers, too large, or not those of what follows."""
    data = it.headed("content-type: text/event-stream", "transfer-encoding: chunked")
    for _ in range(it.rng.randint(1, 4)):
        piece = it.body[:it.rng.randrange(60)]
        size = it.rng.choice(["zz", "-1", "f" * 16, "f" * 40, "", "0x5", "5;a=b", "%x" % len(piece), "%x" % (len(piece) + 3)])
        data += size.encode() + it.rng.choice([b"\r\n", b"\n", b""]) + piece + it.rng.choice([b"\r\n", b"\n", b""])
    await it.send(data + it.rng.choice([b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n", b"0", b""]))


async def lengths(it):
    lines = it.rng.choice([
        [f"content-length: {10 ** 18}"], [f"content-length: {10 ** 30}"], ["content-length: -5"], ["content-length: 1e3"],
        ["content-length: 5", "content-length: 7"], ["content-length: 5", "transfer-encoding: chunked"], ["content-length: 0"],
        ["transfer-encoding: gzip, chunked"], ["transfer-encoding: nonsense"]])
    await it.send(it.headed("content-type: application/json", *lines) + it.body)


async def types(it):
    wrong = it.rng.choice([b"text/html", b"application/octet-stream", b"text/event-stream", b"application/json", b"image/png", b""])
    await it.send(re.sub(rb"content-type: [^\r]*", b"content-type: " + wrong, it.head) + b"\r\n\r\n" + it.body)
    return True


async def encoded(it):
    await it.send(it.head + b"\r\ncontent-encoding: " + it.rng.choice([b"gzip", b"br", b"x"]) + b"\r\n\r\n" + it.body)
    return True


async def statuses(it):
    status = it.rng.choice([
        103, 204, 205, 206, 301, 302, 304, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 451, 500, 502, 503, 504, 529, 599,
        600, 999])
    error = json.dumps({"error": {"message": f"{it.word.decode()} {KEY}", "type": "x", "code": "y"}, "message": KEY}).encode()
    body = it.rng.choice([error, it.mutated(error), b"<html>" + error, b"", it.rng.randbytes(99)])
    lines = it.rng.choice([[], ["retry-after: 1"], ["retry-after: x"], ["location: http://127.0.0.1:1/"]])
    await it.send(it.headed(f"content-length: {len(body)}", *lines, status=f"{status} x") + (body if status >= 300 else it.body))


async def interim(it):
    """Heads before the head, some of them for ever and some of another protocol."""
    begun = it.rng.choice([b"HTTP/1.1 100 Continue\r\n\r\n" * 50, it.headed("link: </x>", status="103 x"),
                           it.headed("upgrade: h2c", "connection: upgrade", status="101 x")])
    await it.send(begun + it.rng.choice([it.good, b"", it.rng.randbytes(50)]))


async def heads(it):
    long = it.rng.choice([["x: " + "y" * 1_000_000], [f"x-{n}: y" for n in range(50_000)], ["no colon"], ["x: a\0b"], [" folded: x"]])
    await it.send(it.headed(*long, "content-type: application/json") + it.body)


async def deep(it):
    nested = it.rng.choice([b"[" * 100_000, b'{"choices":' * 20_000, b'{"type":' * 300 + b"1" + b"}" * 300, b'"' * 99, b"9" * 9999])
    await it.send(it.headed("content-type: text/event-stream") + it.rng.choice([b"", b"data: "]) + nested + b"\n\n")


async def excess(it):
    """A second answer behind the first, for nobody."""
    await it.send(it.good + it.good)
    return True


async def deaf(it):
    """Answers a request that it has not read, and reads no more of it."""
    await it.send(it.rng.choice([it.good, it.part(), it.headed("content-length: 0", status="413 x")]))
    await asyncio.sleep(0.3)


async def silence(it):
    await it.send(it.rng.choice([b"", b"HTTP", it.head + b"\r\n\r\n"]))
    await asyncio.wait_for(it.reader.read(), PATIENCE)


async def dribble(it):
    await it.send(it.head + b"\r\n\r\n")
    for _ in range(PATIENCE * 5):
        await it.send(b" ")
        await asyncio.sleep(0.2)


async def comments(it):
    """A stream that goes on for ever and never says anything."""
    await it.send(it.headed("content-type: text/event-stream"))
    while True:
        await it.send(b": " + b"x" * 60_000 + b"\n\n")


ANY = [
    well, noise, mutated, mutated_events, mutated_head, cut, half_closed, reset, chunks, lengths, types, encoded, statuses, interim,
    heads, deep, excess, deaf]
# What would hold a stream for as long as one may last.
WHOLE = [silence, dribble]


class HostileServer(StandIn):
    def __init__(self):
        super().__init__(KEY)
        # What is wrong with what came.
        self.faults = []
        # What is done to every request from now on.
        self.act = None
        self.servers = {
            "/v1/chat/": OpenAIServer(KEY), "/v1/messages": AnthropicServer(KEY), "/v1beta/": GeminiServer(KEY),
            "/model/": BedrockServer("::", KEY, "eu-central-1"), "/v1/responses": ResponsesServer(KEY)}

    async def start(self, port):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        for listening in self.server.sockets:
            # Whoever is not read from is to notice.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)

    async def serve(self, reader, writer):
        try:
            while await self.exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, OSError):
            pass
        except Exception as fault:
            self.faults.append(repr(fault))
        finally:
            writer.close()

    async def exchange(self, reader, writer):
        """Returns whether the connection stays."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
        raw = b""
        while not (word := WORD.search(raw)):
            assert len(raw) < length, raw
            raw += await reader.readexactly(min(1000, length - len(raw)))
        word = word[0]
        rng = random.Random(word)
        act = self.act or rng.choice(ANY + WHOLE if word.startswith(b"whole") else ANY)
        if act is deaf:
            good = b"HTTP/1.1 500 x\r\ncontent-length: 2\r\n\r\n{}"
        else:
            raw += await reader.readexactly(length - len(raw))
            good = await self.good(head.decode("latin-1"), raw)
        if HEADER.search(head + raw):
            self.faults.append("a header of a client's came along")
        return await act(Exchange(rng, word, good, reader, writer))

    async def good(self, head, raw):
        """What the provider would answer whose dialect it is."""
        path = head.split(" ")[1]
        server = next(server for begin, server in self.servers.items() if path.startswith(begin))
        headers = dict(re.findall(r"^([^:\r\n]+): *(.*?)\r$", head.lower(), re.M))
        recorder = Recorder()
        try:
            await server.respond(path, headers, server.parse(raw), None, recorder)
        except Refusal as refusal:
            raise AssertionError((path, refusal.value)) from refusal
        return bytes(recorder.data)
