"""A Realtime server that follows a script: right, late, leaking stale sound, or dropping a reply."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

RATE_HZ = 24_000
DELTA_S = 0.1
LEAD_S = 0.4
HEADER = struct.Struct("<BBHIIIQ")


@dataclass(frozen=True, slots=True)
class Script:
    """What the server does to each caller."""

    reply_s: float = 2.0
    first_reply_s: float | None = None
    """Length of the first reply of a call, where it differs."""
    think_s: float = 0.02
    """Late: from the end of the turn to the first sound."""
    leak_s: float = 0.0
    """Stale sound of an interrupted reply that is sent after ``speech_started``."""
    drop_reply: int | None = None
    """The number, from 1, of the reply that never comes."""
    deaf: bool = False
    """Never notices that it is interrupted."""
    gap_s: float = 0.0
    """A break in the middle of each reply, after its first half."""
    fail: bool = False
    """Responses end ``failed``."""
    bargein: bool = True
    """Accepts the subprotocol ``bargein.v1``."""
    transcript: str | None = "scripted words"
    """What is understood of each turn, where the caller asks for a transcript; ``None``: it cannot be told."""
    error_on_append: int | None = None
    """The number of the append that is answered by an ``error``."""
    close_after_reply: tuple[int, str] | None = None
    hold_ms: int = 80
    confirm_ms: int = 240
    silence_ms: int = 400


@dataclass(slots=True)
class ScriptedServer:
    """A running server; ``received`` holds every client event but the appends."""

    script: Script
    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    joined: asyncio.Event = field(default_factory=asyncio.Event)
    """A caller's session was configured."""
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    """A turn of a caller has ended."""

    async def handle(self, socket: ServerConnection) -> None:
        session = _Session(self, socket)
        try:
            await session.run()
        except ConnectionClosed:
            pass
        finally:
            session.stop_reply()


@dataclass(slots=True)
class _Session:
    server: ScriptedServer
    socket: ServerConnection
    speech_ms: float = 0.0
    silence_ms: float = 0.0
    clock_ms: float = 0.0
    appends: int = 0
    turn: str | None = None
    transcribes: bool = False
    held: bool = False
    resumed: asyncio.Event = field(default_factory=asyncio.Event)
    replies: int = 0
    reply: asyncio.Task[None] | None = None
    item: str | None = None
    ids: Any = field(default_factory=itertools.count)

    @property
    def bargein(self) -> bool:
        return self.socket.subprotocol == "bargein.v1"

    async def send(self, type_: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": type_, "event_id": f"event_{next(self.ids)}", **fields}))

    async def run(self) -> None:
        await self.send("session.created", session={"type": "realtime"}, bargein={"report_ms": 50})
        async for message in self.socket:
            if isinstance(message, bytes):
                await self.hear(message)
                continue
            event = json.loads(message)
            match event["type"]:
                case "input_audio_buffer.append":
                    await self.hear(base64.b64decode(event["audio"]))
                case "session.update":
                    self.server.received.append(event)
                    self.transcribes = bool(event["session"]["audio"]["input"].get("transcription"))
                    await self.send("session.updated", session=event["session"])
                    self.server.joined.set()
                case _:
                    self.server.received.append(event)

    async def hear(self, audio: bytes) -> None:
        script = self.server.script
        self.appends += 1
        if self.appends == script.error_on_append:
            await self.send("error", error={"type": "server_error", "code": "scripted", "message": "As scripted."})
        samples = np.frombuffer(audio, np.int16)
        duration_ms = samples.size * 1000 / RATE_HZ
        self.clock_ms += duration_ms
        if np.abs(samples.astype(np.int32)).mean() > 300:
            self.speech_ms += duration_ms
            self.silence_ms = 0
            await self.on_speech()
        else:
            self.silence_ms += duration_ms
            await self.on_silence()

    @property
    def replying(self) -> bool:
        return self.reply is not None and not self.reply.done()

    async def on_speech(self) -> None:
        script = self.server.script
        if script.deaf and self.replying:
            return
        if self.replying and not self.held and self.speech_ms >= script.hold_ms and self.item:
            self.held = True
            self.resumed.clear()
            if self.bargein:
                await self.send("bargein.hold", response_id=self.response, item_id=self.item, at_sample=0)
        if self.turn is None and self.speech_ms >= script.confirm_ms:
            self.turn = f"turn_{next(self.ids)}"
            start_ms = int(max(0, self.clock_ms - self.speech_ms - 300))
            await self.send("input_audio_buffer.speech_started", item_id=self.turn, audio_start_ms=start_ms)
            if self.replying:
                await self.cut_off()

    async def on_silence(self) -> None:
        script = self.server.script
        if self.silence_ms < 200:
            return
        self.speech_ms = 0
        if self.turn is None and self.held:
            self.held = False
            self.resumed.set()
            if self.bargein:
                await self.send("bargein.resume", response_id=self.response, item_id=self.item, from_sample=0)
        if self.turn is not None and self.silence_ms >= script.silence_ms:
            turn, self.turn = self.turn, None
            await self.send("input_audio_buffer.speech_stopped", item_id=turn, audio_end_ms=int(self.clock_ms))
            await self.send("input_audio_buffer.committed", item_id=turn, previous_item_id=None)
            self.server.committed.set()
            if self.transcribes:
                await self.transcribe(turn)
            self.replies += 1
            self.held = False
            if self.replies != script.drop_reply:
                self.reply = asyncio.create_task(self.speak(self.replies))

    async def transcribe(self, turn: str) -> None:
        name, words = "conversation.item.input_audio_transcription", self.server.script.transcript
        if words is None:
            await self.send(f"{name}.failed", item_id=turn, content_index=0, error={"message": "As scripted."})
        else:
            await self.send(f"{name}.completed", item_id=turn, content_index=0, transcript=words)

    @property
    def response(self) -> str:
        return f"resp_{self.replies}"

    async def cut_off(self) -> None:
        self.stop_reply()
        response, item = self.response, self.item
        if item is None:
            await self.done("cancelled")
            return
        if self.bargein:
            await self.send("bargein.flush", response_id=response, item_id=item)
            await self.send(
                "bargein.cut", response_id=response, item_id=item, heard_samples=1, heard_text="one", unheard_text="two"
            )
        for _ in range(round(self.server.script.leak_s / DELTA_S)):
            await self.sound(0, DELTA_S)
        await self.done("cancelled")

    def stop_reply(self) -> None:
        if self.reply is not None:
            self.reply.cancel()

    async def done(self, status: str) -> None:
        details = {"cancelled": {"reason": "turn_detected"}, "failed": {"error": {"message": "As scripted."}}}
        reason = details.get(status)
        await self.send("response.done", response={"id": self.response, "status": status, "status_details": reason})

    async def sound(self, start_sample: int, duration_s: float) -> None:
        audio = b"\x10\x20" * int(duration_s * RATE_HZ)
        if self.bargein:
            await self.socket.send(HEADER.pack(1, 1, 0, 0, self.replies, 0, start_sample) + audio)
        else:
            delta = base64.b64encode(audio).decode()
            await self.send(
                "response.output_audio.delta", response_id=self.response, item_id=self.item, delta=delta,
                output_index=0, content_index=0,
            )  # fmt: skip

    async def speak(self, number: int) -> None:
        script = self.server.script
        self.item = None
        await self.send("response.created", response={"id": self.response, "status": "in_progress"})
        await asyncio.sleep(script.think_s)
        if script.fail:
            await self.done("failed")
            return
        self.item = f"item_{number}_{next(self.ids)}"
        if self.bargein:
            await self.send("bargein.response", response_id=self.response, item_id=self.item, number=number)
        await self.send(
            "response.output_audio_transcript.delta", response_id=self.response, item_id=self.item, content_index=0,
            delta="one two",
        )  # fmt: skip
        length_s = script.first_reply_s if number == 1 and script.first_reply_s is not None else script.reply_s
        count = round(length_s / DELTA_S)
        began_s = asyncio.get_running_loop().time()
        for index in range(count):
            if script.gap_s and index == count // 2:
                began_s += script.gap_s + LEAD_S
            if self.held:
                held_s = asyncio.get_running_loop().time()
                await self.resumed.wait()
                began_s += asyncio.get_running_loop().time() - held_s
            due_s = began_s + index * DELTA_S - LEAD_S
            await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
            await self.sound(int(index * DELTA_S * RATE_HZ), DELTA_S)
        await self.send("response.output_audio.done", response_id=self.response, item_id=self.item)
        await self.done("completed")
        if script.close_after_reply:
            await self.socket.close(*script.close_after_reply)
        # Still "replying" while the lead is being heard.
        await asyncio.sleep(LEAD_S)


ServerFactory = Callable[[Script], AbstractAsyncContextManager[ScriptedServer]]


@pytest.fixture(scope="session")
def serving() -> ServerFactory:
    """Start a server that follows a script; it ends with the block."""

    @asynccontextmanager
    async def start(script: Script) -> AsyncIterator[ScriptedServer]:
        server = ScriptedServer(script)
        names = ["bargein.v1", "realtime"] if script.bargein else ["realtime"]
        async with serve(
            server.handle, "127.0.0.1", 0, subprotocols=[Subprotocol(name) for name in names], compression=None
        ) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            server.url = f"ws://127.0.0.1:{port}/v1/realtime"
            yield server

    return start


@pytest.fixture(scope="session")
def script() -> type[Script]:
    """The class of scripts: tests that are loaded one by one cannot import it."""
    return Script
