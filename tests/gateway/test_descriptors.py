"""Files and sockets: the limit is raised, and who is admitted finds one for the answers."""

from __future__ import annotations

import asyncio
import re
import resource
import socket
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from bargein.descriptors import open_descriptors, raise_descriptor_limit
from support.http import http_client
from support.model import scripted_model, spoken
from support.realtime_client import RealtimeClient, connect
from support.scripted_upstream import Exchange
from support.server_process import ServerProcess, serve

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def limit_of(server: ServerProcess) -> int:
    text = Path(f"/proc/{server.process.pid}/limits").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("Max open files")]
    return int(line.split()[3])


@on_linux
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_limit_is_raised_as_far_as_it_may_be(workers: str) -> None:
    with serve("--upstream", "http://127.0.0.1:9/v1", "--workers", workers, descriptors=(256, 2500)) as server:
        if workers == "1":
            assert limit_of(server) == 2500
        server.end()
        said = [line for line in server.lines if "open files" in line]
        assert len(said) == int(workers)
        assert all(re.search(r"limit=2500\b.*max_sessions=600", line) for line in said)


def test_a_limit_is_never_lowered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raise_descriptor_limit(1) == soft
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_what_is_open_is_counted() -> None:
    before = open_descriptors()
    with Path("/dev/null").open() as _, Path("/dev/null").open() as _:
        assert open_descriptors() == before + 2


async def called_until_refused(server: ServerProcess, stack: AsyncExitStack, callers: list[RealtimeClient]) -> Response:
    """Fill the server with ``callers``; returns what the first who is not admitted is told."""
    while True:
        try:
            callers.append(await stack.enter_async_context(connect(server.realtime_url)))
        except InvalidStatus as refused:
            return refused.response


@on_linux
async def test_whoever_is_admitted_is_answered_and_the_others_are_told_so() -> None:
    all_asked = asyncio.Event()

    async def when_all_have_asked(exchange: Exchange) -> None:
        await all_asked.wait()
        await spoken("one")(exchange)

    async with scripted_model() as model, AsyncExitStack() as stack:
        server = stack.enter_context(serve("--upstream", model.url, descriptors=(160, 160)))
        assert any("raise the hard limit" in line for line in server.lines)
        # Connections that ask for nothing keep nobody out.
        host, _, port = server.address.rpartition(":")
        for _ in range(150):
            _, writer = await asyncio.open_connection(host, int(port))
            stack.callback(writer.transport.abort)
        callers: list[RealtimeClient] = []
        refused = await called_until_refused(server, stack, callers)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert b"ulimit" in (refused.body or b"")
        async with http_client() as client:
            assert (await client.get(f"{server.http_url}/readyz")).status_code == 503
        # Of 160, three for each session; what the process itself needs was taken off before.
        assert 20 <= len(callers) <= 45
        model.will(*[when_all_have_asked] * len(callers))
        for caller in callers:
            await caller.say_text("hello")
        async with asyncio.timeout(60):
            await model.wait_for_requests(len(callers))
        all_asked.set()
        for caller in callers:
            done = await caller.wait_for("response.done")
            assert done["response"]["status"] == "completed"


@on_linux
@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /v1/twilio/voice HT",
        b"POST /v1/twilio/voice HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nFrom=",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_connections_that_wait_for_their_peer_make_room_for_callers(begun: bytes) -> None:
    """As many as there is room for, held by somebody who keeps them, and who comes back for more."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serve("--upstream", "http://127.0.0.1:9/v1", descriptors=(200, 200)))
        host, _, port = server.address.rpartition(":")
        for _ in range(10):
            for _ in range(40):
                held = stack.enter_context(socket.create_connection((host, int(port))))
                with suppress(ConnectionError):  # It had to make room at once.
                    held.sendall(begun)
            for _ in range(3):
                await stack.enter_async_context(connect(server.realtime_url))
