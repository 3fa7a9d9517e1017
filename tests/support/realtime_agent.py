"""A small voice agent on a real socket, from the Realtime protocol's documentation: right, or broken in one way."""

from __future__ import annotations

import asyncio
import base64
import enum
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

RATE_HZ = 24_000
DELTA = base64.b64encode(b"\x10\x20" * (RATE_HZ // 10)).decode()
"""100 ms."""
SPEECH_MS, SILENCE_MS = 200, 500


class Fault(enum.StrEnum):
    NONE = "none"
    IGNORES_INTERRUPTIONS = "ignores interruptions"
    GOES_ON_SENDING = "goes on sending"
    ANSWERS_TWICE = "answers twice"
    CALLS_TWICE = "calls a tool twice"
    MUTE = "creates no response"
    FAILS = "responses fail"
    COUGH_SHY = "takes any sound for an interruption"
    HANGS_UP = "hangs up"


@dataclass
class Agent:
    fault: Fault = Fault.NONE
    reply_s: float = 4.0
    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    """Events of callers, without their sound."""


@dataclass
class _Session:
    agent: Agent
    socket: ServerConnection
    speech_ms: float = 0.0
    silence_ms: float = 0.0
    turn: str | None = None
    plays_until_s: float = 0.0
    """When the caller has heard what was sent."""
    tools: list[str] = field(default_factory=list)
    calls_made: int = 0
    result: str | None = None
    last: tuple[str, str] = ("", "")
    """Response and item that were spoken last."""
    ids: Any = field(default_factory=itertools.count)

    async def send(self, type_: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": type_, "event_id": self.new_id("event"), **fields}))

    def new_id(self, kind: str) -> str:
        return f"{kind}_{next(self.ids)}"

    async def run(self) -> None:
        await self.send("session.created", session={"type": "realtime"})
        async for message in self.socket:
            event = json.loads(message)
            if event["type"] == "input_audio_buffer.append":
                await self.hear(np.frombuffer(base64.b64decode(event["audio"]), np.int16))
                continue
            self.agent.received.append(event)
            match event["type"]:
                case "session.update":
                    self.tools = [tool["name"] for tool in event["session"].get("tools", [])]
                    await self.send("session.updated", session=event["session"])
                case "conversation.item.create":
                    self.result = event["item"]["output"]
                case "response.create":
                    await self.respond()

    async def hear(self, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        duration_ms = samples.size * 1000 / RATE_HZ
        if np.abs(samples.astype(np.int32)).mean() <= 300:
            self.silence_ms += duration_ms
            if self.silence_ms >= 150:
                self.speech_ms = 0
            if self.turn is not None and self.silence_ms >= SILENCE_MS:
                await self.end_of_turn()
            return
        self.speech_ms, self.silence_ms = self.speech_ms + duration_ms, 0
        enough_ms = 20 if self.agent.fault is Fault.COUGH_SHY else SPEECH_MS
        if self.turn is None and self.speech_ms >= enough_ms:
            await self.beginning_of_turn()

    async def beginning_of_turn(self) -> None:
        plays = asyncio.get_running_loop().time() < self.plays_until_s
        if plays and self.agent.fault is Fault.IGNORES_INTERRUPTIONS:
            return
        self.turn = self.new_id("turn")
        await self.send("input_audio_buffer.speech_started", item_id=self.turn, audio_start_ms=0)
        if plays and self.agent.fault is Fault.GOES_ON_SENDING:
            await self.sound(self.last, 10.0)

    async def end_of_turn(self) -> None:
        turn, self.turn = self.turn, None
        await self.send("input_audio_buffer.speech_stopped", item_id=turn, audio_end_ms=0)
        await self.send("input_audio_buffer.committed", item_id=turn, previous_item_id=None)
        self.calls_made, self.result = 0, None
        if self.agent.fault is Fault.HANGS_UP:
            await self.socket.close(1011, "out of order")
        elif self.agent.fault is not Fault.MUTE:
            await self.respond()

    async def respond(self) -> None:
        response = self.new_id("resp")
        await self.send("response.created", response={"id": response, "status": "in_progress"})
        if self.agent.fault is Fault.FAILS:
            error = {"message": "The model is out of order."}
            await self.done(response, "failed", {"error": error})
            return
        calls = 2 if self.agent.fault is Fault.CALLS_TWICE else 1
        if self.tools and self.calls_made < calls:
            await self.call(response)
            return
        words = f"It is {self.result}." if self.result else "Here is a long story about a lighthouse."
        await self.say(response, words)
        if self.agent.fault is Fault.ANSWERS_TWICE and self.result is None:
            again = self.new_id("resp")
            await self.send("response.created", response={"id": again, "status": "in_progress"})
            await self.say(again, "As I said, here is a story.")

    async def call(self, response: str) -> None:
        self.calls_made += 1
        item = {
            "id": self.new_id("item"), "type": "function_call", "call_id": self.new_id("call"),
            "name": self.tools[0], "arguments": "{}",
        }  # fmt: skip
        await self.send("response.output_item.done", response_id=response, output_index=0, item=item)
        await self.done(response, "completed")

    async def say(self, response: str, words: str) -> None:
        self.last = (response, self.new_id("item"))
        await self.send(
            "response.output_audio_transcript.done", response_id=response, item_id=self.last[1], content_index=0,
            transcript=words,
        )  # fmt: skip
        await self.sound(self.last, self.agent.reply_s)
        await self.send("response.output_audio.done", response_id=response, item_id=self.last[1])
        await self.done(response, "completed")

    async def sound(self, of: tuple[str, str], duration_s: float) -> None:
        """As models do: faster than it can be heard."""
        for _ in range(round(duration_s * 10)):
            await self.send("response.output_audio.delta", response_id=of[0], item_id=of[1], delta=DELTA)
        now_s = asyncio.get_running_loop().time()
        self.plays_until_s = max(now_s, self.plays_until_s) + duration_s

    async def done(self, response: str, status: str, details: object = None) -> None:
        await self.send("response.done", response={"id": response, "status": status, "status_details": details})


@asynccontextmanager
async def serving(fault: Fault = Fault.NONE, *, reply_s: float = 4.0) -> AsyncIterator[Agent]:
    """The agent, until the block ends."""
    agent = Agent(fault, reply_s)

    async def handle(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await _Session(agent, socket).run()

    async with serve(handle, "127.0.0.1", 0, subprotocols=[Subprotocol("realtime")], compression=None) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        agent.url = f"ws://127.0.0.1:{port}/v1/realtime"
        yield agent
