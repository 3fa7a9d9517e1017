"""The same server as most people would write it. KEPT FIXED: it is what the benchmark compares with.

``websockets`` for the callers, ``json`` and ``pydantic`` for their events, ``soxr`` and ``webrtcvad`` to hear them,
``httpx`` for the model. A task for each direction of each caller, no pacing, no second step before an interruption: it
has the parts of the real work, and none of its care. What has been voiced for 80 ms is an interruption.

Run: ``python -m benchmarks.straightforward PORT MODEL_URL``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import sys
import uuid
import wave
from typing import Annotated, Any, Literal

import httpx
import numpy as np
import soxr
import uvloop
import webrtcvad
from pydantic import BaseModel, Field, TypeAdapter
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

RATE_HZ = 24_000
VAD_RATE_HZ = 16_000
FRAME_BYTES = VAD_RATE_HZ // 50 * 2
ONSET_FRAMES = 4
SILENCE_FRAMES = 25


class SessionUpdate(BaseModel):
    type: Literal["session.update"]
    session: dict[str, Any]


class Append(BaseModel):
    type: Literal["input_audio_buffer.append"]
    audio: str


class Truncate(BaseModel):
    type: Literal["conversation.item.truncate"]
    item_id: str
    content_index: int
    audio_end_ms: int


ClientEvent = TypeAdapter[SessionUpdate | Append | Truncate](
    Annotated[SessionUpdate | Append | Truncate, Field(discriminator="type")]
)


class Delta(BaseModel):
    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    event_id: str
    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0
    delta: str


class Session:
    def __init__(self, socket: ServerConnection, client: httpx.AsyncClient, model_url: str) -> None:
        self.socket = socket
        self.client = client
        self.model_url = model_url
        self.vad = webrtcvad.Vad(2)
        self.resampler = soxr.ResampleStream(RATE_HZ, VAD_RATE_HZ, 1, dtype="int16")
        self.pending = b""
        self.speech = b""
        self.speaking = False
        self.voiced = 0
        self.silent = 0
        self.heard_ms = 0
        self.item_id = ""
        self.instructions = ""
        self.history: list[dict[str, Any]] = []
        self.response: asyncio.Task[None] | None = None

    async def send(self, event: dict[str, Any]) -> None:
        await self.socket.send(json.dumps({"event_id": f"event_{uuid.uuid4().hex}", **event}))

    async def run(self) -> None:
        await self.send({"type": "session.created", "session": {"type": "realtime"}})
        try:
            async for message in self.socket:
                event = ClientEvent.validate_json(message)
                if isinstance(event, Append):
                    await self.hear(base64.b64decode(event.audio))
                elif isinstance(event, SessionUpdate):
                    self.instructions = event.session.get("instructions", "")
                    await self.send({"type": "session.updated", "session": event.session})
        finally:
            if self.response is not None:
                self.response.cancel()

    async def hear(self, audio: bytes) -> None:
        self.speech = (self.speech + audio)[-RATE_HZ * 2 * 30 :] if self.speaking else (self.speech + audio)[-RATE_HZ:]
        self.heard_ms += len(audio) * 1000 // (2 * RATE_HZ)
        self.pending += self.resampler.resample_chunk(np.frombuffer(audio, np.int16)).tobytes()
        while len(self.pending) >= FRAME_BYTES:
            frame, self.pending = self.pending[:FRAME_BYTES], self.pending[FRAME_BYTES:]
            if self.vad.is_speech(frame, VAD_RATE_HZ):
                self.voiced, self.silent = self.voiced + 1, 0
            else:
                self.voiced, self.silent = 0, self.silent + 1
            if not self.speaking and self.voiced >= ONSET_FRAMES:
                await self.on_speech_started()
            elif self.speaking and self.silent >= SILENCE_FRAMES:
                await self.on_speech_stopped()

    async def on_speech_started(self) -> None:
        self.speaking = True
        self.item_id = f"item_{uuid.uuid4().hex[:20]}"
        start_ms = max(0, self.heard_ms - 80 - 300)
        await self.send(
            {"type": "input_audio_buffer.speech_started", "item_id": self.item_id, "audio_start_ms": start_ms}
        )
        if self.response is not None and not self.response.done():
            self.response.cancel()

    async def on_speech_stopped(self) -> None:
        self.speaking = False
        item_id = self.item_id
        await self.send(
            {"type": "input_audio_buffer.speech_stopped", "item_id": item_id, "audio_end_ms": self.heard_ms}
        )
        await self.send({"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": None})
        wav = io.BytesIO()
        with wave.open(wav, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(self.speech)
        self.speech = b""
        data = base64.b64encode(wav.getvalue()).decode()
        part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
        self.history = [*self.history[-4:], {"role": "user", "content": [part]}]
        self.response = asyncio.create_task(self.respond())

    async def respond(self) -> None:
        response_id, item_id = f"resp_{uuid.uuid4().hex[:20]}", f"item_{uuid.uuid4().hex[:20]}"
        ids = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        transcript = ""
        status = "completed"
        await self.send({"type": "response.created", "response": {"id": response_id, "status": "in_progress"}})
        request = {
            "model": "m",
            "modalities": ["text", "audio"],
            "audio": {"voice": "alloy", "format": "pcm16"},
            "stream": True,
            "messages": [{"role": "system", "content": self.instructions}, *self.history],
        }
        try:
            async with self.client.stream("POST", f"{self.model_url}/chat/completions", json=request) as answer:
                async for line in answer.aiter_lines():
                    if not line.startswith("data: ") or line == "data: [DONE]":
                        continue
                    chunk = json.loads(line[6:])
                    delta = chunk["choices"][0]["delta"].get("audio", {})
                    if "transcript" in delta:
                        transcript += delta["transcript"]
                        await self.send(
                            {"type": "response.output_audio_transcript.delta", **ids, "delta": delta["transcript"]}
                        )
                    if "data" in delta:
                        audio = base64.b64encode(base64.b64decode(delta["data"])).decode()
                        event = Delta(
                            event_id=f"event_{uuid.uuid4().hex}", response_id=response_id, item_id=item_id, delta=audio
                        )
                        await self.socket.send(event.model_dump_json())
        except asyncio.CancelledError:
            status = "cancelled"
        except httpx.HTTPError:
            status = "failed"
        self.history.append({"role": "assistant", "content": transcript})
        await self.send({"type": "response.done", "response": {"id": response_id, "status": status}})


async def main(port: int, model_url: str) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def handle(socket: ServerConnection) -> None:
            with contextlib.suppress(Exception):
                await Session(socket, client, model_url).run()

        server = await serve(handle, "127.0.0.1", port, subprotocols=[Subprotocol("realtime")])
        print(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime", flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
