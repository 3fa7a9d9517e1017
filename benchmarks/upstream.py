"""What the model's side costs, and how soon a cancelled stream is closed.

Prints, as medians and ratios:

- µs from the bytes of an audio delta to its piece, beside the usual way (lines, ``json``, base64 there and back);
- CPU of many streams of ten audio deltas a second, and to open and cancel one, beside aiohttp, httpx as it comes and
  httpx on aiohttp, all with the same readers of events and chunks: what differs is what carries the bytes to them;
- from the decision to cancel to the closed socket, while 400 other streams run and 100 new ones a second come and go.

The server is a process of its own, so that only the client's CPU is counted. Run: ``python benchmarks/upstream.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import aiohttp
import httpx
import uvloop
from httpx_aiohttp import AiohttpTransport

from bargein.core.completion import AudioPiece, CompletionRequest, UserMessage, UserText
from bargein.upstream import ChatCompletions, UpstreamConfig
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.sse import EventDecoder

REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=True, voice="alloy")
EVENTS_PER_S = 10
SLOTS = 50


def audio_event(duration_ms: int) -> bytes:
    """One server-sent event with that much sound, in OpenAI's envelope."""
    sound = base64.b64encode(bytes(range(240)) * (duration_ms // 5)).decode()
    chunk = {
        "id": "chatcmpl-123456", "object": "chat.completion.chunk", "created": 1730764995, "model": "gpt-audio-1.5",
        "choices": [{"index": 0, "delta": {"audio": {"data": sound}}, "finish_reason": None}],
    }  # fmt: skip
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


# The cost of one delta.


def ours(event: bytes, times: int) -> None:
    decoder, reader = EventDecoder(1 << 20), ChunkReader(audio=True)
    for _ in range(times):
        for data in decoder.feed(event):
            (piece,) = reader.read(data)
            assert isinstance(piece, AudioPiece)


def usual(event: bytes, times: int) -> None:
    for _ in range(times):
        for line in event.decode().splitlines():
            if line.startswith("data: "):
                sound = base64.b64decode(json.loads(line[6:])["choices"][0]["delta"]["audio"]["data"])
                assert base64.b64encode(sound).decode()


def us_per_delta(read: Callable[[bytes, int], None], event: bytes) -> float:
    rounds, times = 15, 1000
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        read(event, times)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / times * 1e6


# The server.


async def serve() -> None:
    """Stream to everybody until they go, to each at a time of its own."""
    event = audio_event(100)
    chunk = b"%x\r\n%s\r\n" % (len(event), event)
    slots: list[set[asyncio.StreamWriter]] = [set() for _ in range(SLOTS)]

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        slot = min(slots, key=len)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            slot.add(writer)
            await reader.read()
        slot.discard(writer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    start = loop.time()
    for tick in itertools.count(1):
        await asyncio.sleep(start + tick / EVENTS_PER_S / SLOTS - loop.time())
        for writer in slots[tick % SLOTS]:
            if not writer.is_closing():
                writer.write(chunk)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    """The URL of a server in a process of its own."""
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, "--serve", stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}/v1"
    finally:
        process.terminate()
        await process.wait()


# Streams in numbers.

Listen = Callable[[Callable[[], None]], Coroutine[None, None, None]]
"""Reads one stream for ever and calls back for every audio delta."""


async def cpu_share(listen: Listen, streams: int, seconds: float) -> tuple[float, float]:
    """CPU of one core, and deltas a second and stream, while ``streams`` of them are read."""
    heard = 0
    warm = asyncio.Event()

    def on_delta() -> None:
        nonlocal heard
        heard += 1
        if heard == streams * 3:
            warm.set()

    tasks = [asyncio.create_task(listen(on_delta)) for _ in range(streams)]
    await warm.wait()
    heard, cpu, wall = 0, time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    rate = heard / wall / streams
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return cpu / wall, rate


def with_bargein(upstream: ChatCompletions) -> Listen:
    async def listen(on_delta: Callable[[], None]) -> None:
        async with upstream.stream(REQUEST) as pieces:
            async for piece in pieces:
                if isinstance(piece, AudioPiece):
                    on_delta()

    return listen


async def read_all(body: AsyncIterator[bytes], on_delta: Callable[[], None]) -> None:
    """As :class:`ChatCompletions` reads."""
    decoder, reader = EventDecoder(1 << 20), ChunkReader(audio=True)
    async for data in body:
        for event in decoder.feed(data):
            for piece in reader.read(event):
                if isinstance(piece, AudioPiece):
                    on_delta()


def with_httpx(client: httpx.AsyncClient, url: str) -> Listen:
    async def listen(on_delta: Callable[[], None]) -> None:
        async with client.stream("POST", f"{url}/chat/completions", json={"stream": True}) as response:
            await read_all(response.aiter_raw(), on_delta)

    return listen


def with_aiohttp(session: aiohttp.ClientSession, url: str) -> Listen:
    async def listen(on_delta: Callable[[], None]) -> None:
        async with session.post(f"{url}/chat/completions", json={"stream": True}) as response:
            await read_all(response.content.iter_any(), on_delta)

    return listen


async def ms_to_open(listen: Listen, times: int, at_once: int = 50) -> float:
    """Milliseconds of CPU from a new connection to a stream's first delta, and to its end by cancellation."""

    async def first() -> None:
        heard = asyncio.Event()
        task = asyncio.create_task(listen(heard.set))
        await heard.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(first() for _ in range(at_once)))
    cpu = time.process_time()
    for _ in range(times // at_once):
        await asyncio.gather(*(first() for _ in range(at_once)))
    return (time.process_time() - cpu) / (times // at_once * at_once) * 1000


def aiohttp_session() -> aiohttp.ClientSession:
    """Without its limits of a hundred connections, which httpx's own limits do not lift, and of five minutes."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout())


async def measure_cpu(url: str, streams: int, seconds: float) -> None:
    unlimited = httpx.Limits(max_connections=None)
    async with (
        ChatCompletions(UpstreamConfig(base_url=url, model="m")) as upstream,
        httpx.AsyncClient(transport=AiohttpTransport(client=aiohttp_session), timeout=None) as on_aiohttp,  # noqa: S113
        httpx.AsyncClient(limits=unlimited, timeout=None) as plain,  # noqa: S113  # the server is our own
        aiohttp_session() as session,
    ):
        clients = {
            "bargein": with_bargein(upstream),
            "aiohttp": with_aiohttp(session, url),
            "httpx on aiohttp": with_httpx(on_aiohttp, url),
            "plain httpx": with_httpx(plain, url),
        }
        shares, opening_ms = {}, {}
        for name, listen in clients.items():
            shares[name], rate = await cpu_share(listen, streams, seconds)
            opening_ms[name] = await ms_to_open(listen, 500)
            share, ms = shares[name], opening_ms[name]
            print(
                f"{streams} streams, {name}: {share:.1%} of a core at {rate:.1f} deltas/s each, "
                f"{share / (rate * streams) * 1e6:.0f} µs a delta ({share / shares['bargein']:.1f} times); "
                f"{ms:.2f} ms to open and cancel one ({ms / opening_ms['bargein']:.1f} times)"
            )


async def measure_cancelling(url: str, others: int, new_per_s: float, times: int) -> None:
    async with ChatCompletions(UpstreamConfig(base_url=url, model="m")) as upstream:
        listen = with_bargein(upstream)
        speaking = [asyncio.Event() for _ in range(others)]
        background = [asyncio.create_task(listen(event.set)) for event in speaking]
        # Beside streams that run: opening so many at once is another thing.
        await asyncio.gather(*(event.wait() for event in speaking))
        background.append(asyncio.create_task(churn(upstream, new_per_s)))
        taken_ms = [await cancel_one(upstream) for _ in range(times)]
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
    taken_ms.sort()
    p50, p99 = taken_ms[len(taken_ms) // 2], taken_ms[len(taken_ms) * 99 // 100]
    print(
        f"cancel to socket closed, beside {others} streams and {new_per_s:g} new ones a second, {times} times: "
        f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    )


async def churn(upstream: ChatCompletions, new_per_s: float) -> None:
    """Streams that begin all the time, and are cancelled as soon as they speak."""
    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(cancel_one(upstream))
            await asyncio.sleep(1 / new_per_s)


async def cancel_one(upstream: ChatCompletions) -> float:
    """Milliseconds from the decision to cancel a stream in its middle to its socket's end."""
    hearing = asyncio.Event()
    closed: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def listen() -> None:
        async with upstream.stream(REQUEST, on_closed=lambda: closed.set_result(time.perf_counter())) as pieces:
            async for _ in pieces:
                hearing.set()

    task = asyncio.create_task(listen())
    task.add_done_callback(lambda _: hearing.set())
    try:
        await hearing.wait()
        if task.done():
            task.result()
        decided = time.perf_counter()
    finally:
        task.cancel()
    return (await closed - decided) * 1000


async def main(streams: list[int], seconds: float, cancels: int) -> None:
    for duration_ms in (20, 100):
        event = audio_event(duration_ms)
        cost, usual_cost = us_per_delta(ours, event), us_per_delta(usual, event)
        print(
            f"delta of {duration_ms} ms: {cost:.1f} µs; the usual way {usual_cost:.1f}, {usual_cost / cost:.1f} times"
        )
    async with server() as url:
        for count in streams:
            await measure_cpu(url, count, seconds)
        await measure_cancelling(url, 400, 100, cancels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="be the server only")
    parser.add_argument("--streams", type=int, nargs="+", default=[200, 500])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long CPU is counted for")
    parser.add_argument("--cancels", type=int, default=300)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve())
    else:
        uvloop.run(main(options.streams, options.seconds, options.cancels))
