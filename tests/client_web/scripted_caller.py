"""One connection of the page to the scripted peer: what the test makes the server say, and what the page said.

See ``scripted_peer.py`` for how to get one.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

RATE_HZ = 24_000
CHUNK_SAMPLES = RATE_HZ // 10
# What a detector needs to notice speech, and what the protocol puts before its onset.
NOTICED_MS = 80
PREFIX_PADDING_MS = 300

Event: TypeAlias = dict[str, Any]


def tone(length_s: float, frequency_hz: float = 220.0) -> bytes:
    """PCM16 at 24 kHz that swells and fades as syllables do."""
    time_s = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    envelope = 0.15 + 0.85 * np.abs(np.sin(np.pi * 2.1 * time_s)) ** 2
    return (0.5 * envelope * np.sin(2 * np.pi * frequency_hz * time_s) * 32767).astype("<i2").tobytes()


class Caller:
    """What the page sends is kept in ``received``; the protocol's answers that decide nothing are given at once."""

    def __init__(self, socket: WebSocket, session: Event, *, query: Mapping[str, str] | None = None) -> None:
        self.query = query or {}
        self.socket = socket
        self.session = session
        self.received: list[Event] = []
        self.input_bytes = 0
        self.closed = False
        self._changed = asyncio.Condition()
        self._seq = count(1)
        self._ids = count(1)

    @property
    def input_ms(self) -> int:
        """Position on the input clock: sound received so far, in milliseconds."""
        return self.input_bytes // 2 * 1000 // RATE_HZ

    def new_id(self, kind: str) -> str:
        return f"{kind}_{id(self) % 10_000}_{next(self._ids)}"

    async def send(self, type: str, fields: Mapping[str, object]) -> None:  # noqa: A002  the protocol's name
        seq = next(self._seq)
        await self.socket.send_json({"type": type, "event_id": f"event_{seq}", "seq": seq, **fields})

    async def send_sound(self, number: int, start_sample: int, pcm: bytes) -> None:
        header = struct.pack("<BBHIIIQ", 1, 1, 0, next(self._seq), number, 0, start_sample)
        await self.socket.send_bytes(header + pcm)

    async def expect(self, type: str, test: Callable[[Event], bool] = lambda _: True) -> Event:  # noqa: A002
        """Wait for a message of this type for which ``test`` holds; the first one since the connection began.

        :raises AssertionError: the page hung up without having sent one.
        """

        def found() -> Event | None:
            return next((event for event in self.received if event["type"] == type and test(event)), None)

        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: found() is not None or self.closed), timeout=60)
        event = found()
        if event is None:
            raise AssertionError(f"the page hung up before it sent {type}")
        return event

    async def hear(self, length_ms: int) -> None:
        """Wait until this much more sound of the microphone has arrived."""
        goal_ms = self.input_ms + length_ms
        async with self._changed:
            await asyncio.wait_for(
                self._changed.wait_for(lambda: self.input_ms >= goal_ms or self.closed), timeout=length_ms / 1000 + 60
            )

    async def close(self, code: int, reason: str) -> None:
        await self.socket.close(code, reason)

    async def hung_up(self) -> None:
        """Wait until the page has closed this connection."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.closed), timeout=60)

    async def vad(self, *, speech: bool) -> int:
        """Returns the moment on the input clock: an onset lies a little in the past when it is noticed."""
        at_ms = max(0, self.input_ms - NOTICED_MS) if speech else self.input_ms
        level_db, probability = (-22.0, 0.93) if speech else (-61.0, 0.04)
        fields = {"speech": speech, "at_ms": at_ms, "level_db": level_db, "probability": probability}
        await self.send("bargein.vad", fields)
        return at_ms

    async def speech_started(self, item_id: str, onset_ms: int) -> None:
        start_ms = max(0, onset_ms - PREFIX_PADDING_MS)
        await self.send("input_audio_buffer.speech_started", {"audio_start_ms": start_ms, "item_id": item_id})

    async def speech_starts(self) -> str:
        """The detector hears the caller while nothing sounds. Returns the id of the turn's item."""
        item_id = self.new_id("item_user")
        await self.speech_started(item_id, await self.vad(speech=True))
        return item_id

    async def speech_stops(self, item_id: str, text: str) -> None:
        """The turn is over and its words are known."""
        await self.vad(speech=False)
        await self.send("input_audio_buffer.speech_stopped", {"audio_end_ms": self.input_ms, "item_id": item_id})
        await self.send("input_audio_buffer.committed", {"item_id": item_id, "previous_item_id": None})
        content = [{"type": "input_audio", "transcript": None}]
        await self._item({"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content})
        usage = {"type": "duration", "seconds": 1}
        await self.send(
            "conversation.item.input_audio_transcription.completed",
            {"item_id": item_id, "content_index": 0, "transcript": text, "usage": usage},
        )

    async def speech(self, text: str, length_ms: int) -> None:
        item_id = await self.speech_starts()
        await self.hear(length_ms)
        await self.speech_stops(item_id, text)

    async def reply(self, text: str) -> Reply:
        """Begin a reply. All of its words are sent at once, ahead of the sound, as the server does."""
        reply = Reply(self, self.new_id("resp"), self.new_id("item_reply"), next(self._ids), text)
        await self.send("response.created", {"response": reply.response("in_progress")})
        item = reply.item("in_progress")
        added = {"response_id": reply.response_id, "output_index": 0, "item": item}
        await self.send("response.output_item.added", added)
        await self.send("conversation.item.added", {"item": item, "previous_item_id": None})
        await self.send("response.content_part.added", {**reply.place, "part": {"type": "audio", "transcript": ""}})
        numbered = {"response_id": reply.response_id, "item_id": reply.item_id, "number": reply.number}
        await self.send("bargein.response", numbered)
        for index, word in enumerate(text.split(" ")):
            delta = word if index == 0 else f" {word}"
            await self.send("response.output_audio_transcript.delta", {**reply.place, "delta": delta})
        return reply

    async def serve(self) -> None:
        """Read until the page or the test closes the connection."""
        try:
            while (message := await self.socket.receive())["type"] != "websocket.disconnect":
                await self._take(message)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            async with self._changed:
                self.closed = True
                self._changed.notify_all()

    async def _take(self, message: Mapping[str, Any]) -> None:
        if message.get("bytes") is not None:
            self.input_bytes += len(message["bytes"])
        else:
            event: Event = json.loads(message["text"])
            self.received.append(event)
            await self._answer(event)
        async with self._changed:
            self._changed.notify_all()

    async def _answer(self, event: Event) -> None:
        match event["type"]:
            case "bargein.ping":
                await self.send("bargein.pong", {"id": event["id"]})
            case "session.update":
                _merge(self.session, event["session"])
                await self.send("session.updated", {"session": self.session})
            case "conversation.item.create":
                await self._item({"id": self.new_id("item_user"), "status": "completed", **event["item"]})
            case _:
                pass

    async def _item(self, item: Event) -> None:
        for type_ in ("conversation.item.added", "conversation.item.done"):
            await self.send(type_, {"item": item, "previous_item_id": None})


@dataclass
class Reply:
    """One spoken reply in progress."""

    caller: Caller
    response_id: str
    item_id: str
    number: int
    text: str
    sent_samples: int = field(default=0, init=False)
    onset_ms: int = field(default=0, init=False)

    @property
    def place(self) -> Event:
        return {"response_id": self.response_id, "item_id": self.item_id, "output_index": 0, "content_index": 0}

    @property
    def _ids(self) -> Event:
        return {"response_id": self.response_id, "item_id": self.item_id}

    @property
    def _reported_samples(self) -> int:
        events = self.caller.received
        played = (event for event in events if event["type"] == "bargein.played" and event["item_id"] == self.item_id)
        return max((int(event["samples"]) for event in played), default=0)

    def item(self, status: str) -> Event:
        content = [] if status == "in_progress" else [{"type": "output_audio", "transcript": self.text}]
        return {"id": self.item_id, "type": "message", "status": status, "role": "assistant", "content": content}

    def response(self, status: str, details: Event | None = None) -> Event:
        output = [] if status in {"in_progress", "failed"} else [self.item(_item_status(status))]
        return {
            "object": "realtime.response",
            "id": self.response_id,
            "status": status,
            "status_details": details,
            "output": output,
            "conversation_id": "conv_1",
            "output_modalities": ["audio"],
            "metadata": None,
            "usage": None,
        }

    async def sound(self, pcm: bytes, *, lead_ms: int | None = None) -> None:
        """Send sound: with ``lead_ms`` in real time and that far ahead, otherwise as fast as the socket takes it."""
        for offset in range(0, len(pcm), 2 * CHUNK_SAMPLES):
            chunk = pcm[offset : offset + 2 * CHUNK_SAMPLES]
            await self.caller.send_sound(self.number, self.sent_samples, chunk)
            self.sent_samples += len(chunk) // 2
            if lead_ms is not None and self.sent_samples > lead_ms * RATE_HZ // 1000:
                await asyncio.sleep(CHUNK_SAMPLES / RATE_HZ)

    async def heard(self, samples: int) -> None:
        """Wait until the page has reported that this much was played."""
        await self.caller.expect(
            "bargein.played", lambda event: event["response_id"] == self.response_id and event["samples"] >= samples
        )

    async def hold(self, duck_db: float | None = None) -> None:
        """Step one of a barge-in: the detector hears something. ``duck_db``: the reply plays on, so much quieter."""
        self.onset_ms = await self.caller.vad(speech=True)
        place = {"at_sample": self._reported_samples, "duck_db": duck_db}
        await self.caller.send("bargein.hold", {**self._ids, **place})

    async def resume(self) -> None:
        """It was a cough: the reply goes on."""
        await self.caller.vad(speech=False)
        await self.caller.send("bargein.resume", {**self._ids, "from_sample": self._reported_samples})

    async def barge_in(self, heard_text: str) -> str:
        """Step two, after ``hold``: the caller has the floor. Returns the id of their new item."""
        item_id = self.caller.new_id("item_user")
        await self.caller.speech_started(item_id, self.onset_ms)
        await self.caller.send("bargein.flush", self._ids)
        await self.cut(heard_text, "turn_detected")
        return item_id

    async def cut(self, heard_text: str, reason: str) -> None:
        """Tell what was heard, and end the reply. ``reason``: ``turn_detected`` or ``client_cancelled``."""
        flushed = await self.caller.expect("bargein.flushed", lambda event: event["response_id"] == self.response_id)
        if not self.text.startswith(heard_text):
            raise ValueError("heard_text must be the beginning of the reply")
        unheard_text = self.text[len(heard_text) :]
        words = {"heard_samples": flushed["samples"], "heard_text": heard_text, "unheard_text": unheard_text}
        await self.caller.send("bargein.cut", {**self._ids, **words})
        await self._close("cancelled", {"type": "cancelled", "reason": reason})

    async def cancel(self) -> None:
        """The caller has cancelled it before there was anything of it to play."""
        await self.caller.expect("response.cancel")
        await self._close("cancelled", {"type": "cancelled", "reason": "client_cancelled"})

    async def complete(self) -> None:
        await self._close("completed", None)

    async def fail(self, message: str, code: str = "upstream_error") -> None:
        """The model failed."""
        error = {"type": "server_error", "code": code, "message": message}
        await self._close("failed", {"type": "failed", "error": error})

    async def shorten(self, reason: str) -> None:
        """The model reached a limit: what there is of the reply is all of it."""
        await self._close("incomplete", {"type": "incomplete", "reason": reason})

    async def _close(self, status: str, details: Event | None) -> None:
        send, item = self.caller.send, self.item(_item_status(status))
        await send("response.output_audio.done", self.place)
        await send("response.output_audio_transcript.done", {**self.place, "transcript": self.text})
        part = {"type": "audio", "transcript": self.text}
        await send("response.content_part.done", {**self.place, "part": part})
        await send("conversation.item.done", {"item": item, "previous_item_id": None})
        done = {"response_id": self.response_id, "output_index": 0, "item": item}
        await send("response.output_item.done", done)
        await send("response.done", {"response": self.response(status, details)})


def _item_status(response_status: str) -> str:
    return "completed" if response_status == "completed" else "incomplete"


def _merge(into: Event, patch: Event) -> None:
    for name, value in patch.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
