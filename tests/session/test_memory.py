"""What a session leaves behind: nothing, and without the garbage collector, which runs rarely in a server."""

from __future__ import annotations

import asyncio
import gc
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import CoroutineType, FrameType, GeneratorType
from typing import Any

import orjson
import pytest
from websockets.frames import Frame, Opcode

from bargein.core.conversation import Conversation
from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.picows_transport import PicowsTransport
from bargein.gateway.websockets_transport import WebsocketsTransport
from bargein.session.session import Session
from support.model import Model, refuses, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, connect
from support.server import RunningServer, running_server
from support.sounds import pcm16, speech

pytestmark = pytest.mark.real_sockets

TRANSPORTS = [WebsocketsTransport, PicowsTransport]


@pytest.mark.parametrize("subprotocols", [(), BARGEIN_SUBPROTOCOLS], ids=["stock", "bargein.v1"])
async def test_an_ended_session_is_gone_at_once(
    server: RunningServer, model: Model, subprotocols: tuple[str, ...]
) -> None:
    model.will(spoken("one two three"), model.hang_after("one two three"))
    gc.collect()
    gc.disable()
    try:
        async with connect(server.realtime_url, subprotocols=subprotocols) as caller:
            await caller.update_session(audio={"input": {"transcription": {"model": "whisper-1"}}})
            async with caller.microphone(speed=8) as microphone:
                await microphone.say(pcm16(speech("tell me a story")))
                await caller.wait_for("response.output_audio_transcript.delta")
            await caller.send({"type": "response.cancel"})
            await caller.wait_for("response.done")
            await caller.say_text("again")
            await caller.wait_for("response.output_audio_transcript.delta")
            (session,) = server.gateway.sessions
            ended = session.closed
            del session
            assert (alive(Session), alive(Conversation)) == (1, 1)
        await ended.wait()
        await model.left.wait()
        # The transport tells of its end in the loop's next passes.
        for _ in range(10):
            await asyncio.sleep(0)
        assert alive(Conversation) == 0
        # A cancelled task's traceback holds on to it until the next, cheap, collection of what is young.
        gc.collect(0)
        assert alive(Session) == 0
    finally:
        gc.enable()


def alive(kind: type) -> int:
    """How many there are. Compiled classes know no weak references."""
    return sum(type(thing) is kind for thing in gc.get_objects())


class RawCaller:
    """Bytes to the server and back. Other clients have circles of their own, in the same process."""

    def __init__(self, server: RunningServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def frame(self, opcode: Opcode, payload: bytes) -> None:
        self.send(Frame(opcode, payload).serialize(mask=True))

    def event(self, **event: Any) -> None:  # noqa: ANN401 (whatever JSON can say)
        self.frame(Opcode.TEXT, orjson.dumps(event))

    async def until(self, text: bytes) -> None:
        async with asyncio.timeout(30):
            await self._reader.readuntil(text)

    async def to_the_end(self) -> None:
        async with asyncio.timeout(30):
            while await self._reader.read(65_536):
                pass

    async def upgraded(self, key: str = "dGhlIHNhbXBsZSBub25jZQ==", more: str = "", path: str = "/v1/realtime") -> None:
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
        )
        self.send(head.encode())
        await self.until(b"\r\n\r\n")

    async def greeted(self) -> None:
        await self.upgraded()
        await self.until(b"session.created")

    def ask(self) -> None:
        content = [{"type": "input_text", "text": "hello"}]
        item = {"type": "message", "role": "user", "content": content}
        self.event(type="response.create", response={"conversation": "none", "input": [item]})


async def vanishes(caller: RawCaller, _: Model) -> None:
    await caller.greeted()


async def takes_leave(caller: RawCaller, _: Model) -> None:
    await caller.greeted()
    caller.frame(Opcode.CLOSE, struct.pack("!H", 1000))
    await caller.to_the_end()


async def leaves_a_large_message(caller: RawCaller, _: Model) -> None:
    await caller.greeted()
    caller.event(type="nonsense", more="A" * 2_000_000)
    await caller.until(b'"error"')


async def leaves_half_a_frame(caller: RawCaller, _: Model) -> None:
    await caller.greeted()
    caller.event(type="input_audio_buffer.clear")
    caller.send(Frame(Opcode.TEXT, b"A" * 2_000_000).serialize(mask=True)[:1_000_000])
    await caller.until(b"input_audio_buffer.cleared")


async def leaves_half_a_message(caller: RawCaller, _: Model) -> None:
    await caller.greeted()
    caller.send(Frame(Opcode.TEXT, b"A" * 100_000, fin=False).serialize(mask=True))
    caller.frame(Opcode.PING, b"")
    await caller.until(b"\x8a\x00")


async def sends_what_is_no_frame(caller: RawCaller, _: Model) -> None:
    await caller.greeted()
    caller.send(b"\x83\x83\x00\x00\x00\x00abc")
    await caller.to_the_end()


async def sends_what_is_no_text(caller: RawCaller, _: Model) -> None:
    await caller.greeted()
    caller.frame(Opcode.TEXT, b"\xff\xfe")
    await caller.to_the_end()


async def sends_a_message_too_big(caller: RawCaller, _: Model) -> None:
    await caller.greeted()
    caller.send(Frame(Opcode.TEXT, b"A" * 5_000_000).serialize(mask=True)[:14])
    await caller.to_the_end()


async def is_answered(caller: RawCaller, model: Model) -> None:
    model.will(spoken("one two"))
    await caller.greeted()
    caller.ask()
    await caller.until(b"response.done")


async def leaves_in_the_middle_of_an_answer(caller: RawCaller, model: Model) -> None:
    model.will(model.hang_after("one two"))
    await caller.greeted()
    caller.ask()
    await caller.until(b"response.output_audio.delta")


async def is_refused_by_the_model(caller: RawCaller, model: Model) -> None:
    model.will(refuses(400, "no"))
    await caller.greeted()
    caller.ask()
    await caller.until(b"response.done")


async def is_not_written_down(caller: RawCaller, model: Model) -> None:
    model.transcription_status = 500
    await caller.greeted()
    transcription = {"model": "whisper-1"}
    audio = {"input": {"turn_detection": None, "transcription": transcription}}
    caller.event(type="session.update", session={"type": "realtime", "audio": audio})
    caller.event(type="input_audio_buffer.append", audio="AAAA" * 8000)
    caller.event(type="input_audio_buffer.commit")
    await caller.until(b"transcription.failed")


async def brings_a_bad_key(caller: RawCaller, _: Model) -> None:
    await caller.upgraded(key="dGhl")


async def brings_a_forged_token(caller: RawCaller, _: Model) -> None:
    await caller.upgraded(more="Authorization: Bearer ek_not.a.token\r\n")


async def brings_a_token_for_a_session_that_cannot_be(caller: RawCaller, _: Model) -> None:
    token = caller.server.gateway.tokens.mint({"type": "realtime", "audio": {"output": {"speed": 99}}}, 60).value
    await caller.upgraded(more=f"Authorization: Bearer {token}\r\n")


async def asks_by_http(caller: RawCaller, _: Model) -> None:
    for path in ("/healthz", "/nothing"):
        caller.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await caller.until(b"}")


def posted(path: str, body: bytes, length: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


def asked(**more: Any) -> bytes:  # noqa: ANN401 (whatever JSON can say)
    return orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], **more})


async def mints_nonsense(caller: RawCaller, _: Model) -> None:
    caller.send(posted("/v1/realtime/client_secrets", b'{"session":{"type":1}}'))
    await caller.until(b"}}")


async def leaves_half_a_body(caller: RawCaller, _: Model) -> None:
    caller.send(posted("/v1/chat/completions", b"A" * 100_000, 200_000))
    async with asyncio.timeout(30):
        while caller.server.metric("bargein_http_body_bytes") != 100_000:  # noqa: ASYNC110 (seen by a scrape only)
            await asyncio.sleep(0)


async def is_refused_a_completion(caller: RawCaller, model: Model) -> None:
    model.will(refuses(500, "no"))
    caller.send(posted("/v1/chat/completions", asked()))
    await caller.until(b"}}")


async def leaves_in_the_middle_of_a_completion(caller: RawCaller, model: Model) -> None:
    model.will(model.hang_after("one two"))
    caller.send(posted("/v1/chat/completions", asked(stream=True)))
    await caller.until(b"two")


Life = Callable[[RawCaller, Model], Awaitable[None]]


async def telephones(caller: RawCaller, _: Model) -> None:
    """Until in the middle of an answer, with a key that is yet to be told."""
    await caller.upgraded(path="/v1/twilio")
    caller.event(event="start", start={"streamSid": "MZ1", "customParameters": {"greeting": "Say hello."}})
    await caller.until(b'"event":"media"')
    caller.event(event="dtmf", dtmf={"digit": "1"})
    caller.event(event="mark", mark={"name": "0.1"})
    caller.frame(Opcode.PING, b"")
    await caller.until(b"\x8a\x00")


LIVES: list[Life] = [
    telephones,
    vanishes,
    takes_leave,
    leaves_a_large_message,
    leaves_half_a_frame,
    leaves_half_a_message,
    sends_what_is_no_frame,
    sends_what_is_no_text,
    sends_a_message_too_big,
    is_answered,
    leaves_in_the_middle_of_an_answer,
    is_refused_by_the_model,
    is_not_written_down,
    brings_a_bad_key,
    brings_a_forged_token,
    brings_a_token_for_a_session_that_cannot_be,
    asks_by_http,
    mints_nonsense,
    leaves_half_a_body,
    is_refused_a_completion,
    leaves_in_the_middle_of_a_completion,
]


@pytest.fixture(params=TRANSPORTS, ids=["websockets", "picows"])
async def either_server(request: pytest.FixtureRequest, model: Model) -> AsyncIterator[RunningServer]:
    make_transport: MakeTransport = request.param
    async with running_server(model.url, make_transport=make_transport) as server:
        yield server


@pytest.mark.parametrize("life", LIVES)
async def test_nothing_of_a_caller_waits_for_the_collector(
    either_server: RunningServer, model: Model, life: Life
) -> None:
    """Circles cost what they hold until the collector comes: in a server, for as long as it has enough to do."""
    assert not await garbage_of(either_server, model, life)


async def test_nothing_of_a_caller_of_a_lost_model_waits_for_the_collector(model: Model) -> None:
    async def is_told_so(caller: RawCaller, _: Model) -> None:
        await caller.greeted()
        caller.ask()
        await caller.until(b"response.done")

    async with running_server("http://127.0.0.1:9/v1") as server:
        assert not await garbage_of(server, model, is_told_so)


async def garbage_of(server: RunningServer, model: Model, life: Life) -> Counter[str]:
    """What of the server's such a caller leaves to the collector."""
    await live(server, model, life)  # What the first caller loads stays.
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await live(server, model, life)
        gc.collect()
        return Counter(filter(None, map(of_the_server, gc.garbage)))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def live(server: RunningServer, model: Model, life: Life) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.server.address[1])
    sessions = list(server.gateway.sessions)
    try:
        await life(RawCaller(server, reader, writer), model)
        sessions = list(server.gateway.sessions)
    finally:
        writer.transport.abort()
    async with asyncio.timeout(30):
        for session in sessions:
            await session.closed.wait()
        while server.server.connections or server.gateway.sessions:  # noqa: ASYNC110 (uvicorn tells nobody)
            await asyncio.sleep(0)
        # What is over is told in the loop's next passes.
        for _ in range(20):
            await asyncio.sleep(0.001)


_OURS = ("bargein", "uvicorn", "starlette", "h11", "picows", "websockets.protocol", "websockets.server")
_OUR_FILES = tuple(f"/{name}/" for name in _OURS)


def of_the_server(thing: object) -> str | None:
    """What ``thing`` is, where it is one of the server's."""
    kind = type(thing)
    if kind.__module__.startswith(_OURS):
        return f"{kind.__module__}.{kind.__qualname__}"
    code = None
    match thing:
        case FrameType():
            code = thing.f_code
        case CoroutineType():
            code = thing.cr_code
        case GeneratorType():
            code = thing.gi_code
        case bytes() | bytearray() if len(thing) > 50_000:
            return f"{len(thing)} bytes"
    if code is not None and any(part in Path(code.co_filename).as_posix() for part in _OUR_FILES):
        return f"{kind.__name__} of {code.co_qualname}"
    return None
