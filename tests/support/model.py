"""A model for tests: answers each request with the next of its answers, and can be held in the middle of one."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bargein.testing.model import line_of
from support.chat_rules import refusal
from support.scripted_upstream import Exchange, scripted

Answer = Callable[[Exchange], Awaitable[None]]
RATE_HZ = 24_000


@dataclass
class Model:
    """What is asked of it, and what it will say."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why requests were refused as OpenAI would refuse them: a test at whose end there are any fails."""
    answers: deque[Answer] = field(default_factory=deque)
    transcript: str = "what the caller said"
    logprobs: list[dict[str, Any]] | None = None
    transcription_status: int = 200
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first request is there, which takes the first answer."""
    counting: asyncio.Condition = field(default_factory=asyncio.Condition)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server has dropped a stream that was still open."""

    def will(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    async def wait_for_requests(self, count: int) -> None:
        """Return when there have been so many."""
        async with self.counting:
            await self.counting.wait_for(lambda: len(self.requests) >= count)

    def told(self, request: int = -1) -> list[str]:
        """A request's messages, a line each."""
        return [line_of(message) for message in self.requests[request]["messages"]]

    async def script(self, exchange: Exchange) -> None:
        if exchange.path.endswith("/audio/transcriptions"):
            heard = {"text": self.transcript} | ({} if self.logprobs is None else {"logprobs": self.logprobs})
            await exchange.answer(self.transcription_status, json.dumps(heard).encode())
            return
        async with self.counting:
            self.requests.append(dict(exchange.json))
            self.counting.notify_all()
        wrong = refusal(self.requests[-1])
        if wrong is not None:
            self.refused.append(wrong)
            await refuses(400, wrong)(exchange)
            return
        answer = self.answers.popleft() if self.answers else spoken("fine")
        self.asked.set()
        await answer(exchange)
        if answer in self.hanging:
            self.left.set()

    hanging: set[Answer] = field(default_factory=set)

    def hang_after(self, text: str = "", ms_per_word: int = 300) -> Answer:
        """Say ``text``, then nothing, until the server leaves."""

        async def answer(exchange: Exchange) -> None:
            await exchange.begin()
            for chunk in _speech(text, ms_per_word):
                await exchange.chunk(event(chunk))
            await exchange.gone()

        self.hanging.add(answer)
        return answer


@asynccontextmanager
async def scripted_model() -> AsyncIterator[Model]:
    model = Model()
    async with scripted(model.script) as upstream:
        model.url = upstream.url
        yield model
    assert not model.refused


def spoken(text: str, ms_per_word: int = 300, finish: str = "stop", sound: bytes | None = None) -> Answer:
    """Say ``text`` and end.

    :param sound: PCM16 at 24 kHz; by default a tone that lasts ``ms_per_word`` for each word.
    """

    async def answer(exchange: Exchange) -> None:
        usage = {
            "prompt_tokens": 10,
            "completion_tokens": 7,
            "prompt_tokens_details": {"text_tokens": 4, "audio_tokens": 6, "cached_tokens": 2},
            "completion_tokens_details": {"text_tokens": 3, "audio_tokens": 4},
        }
        ending: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
            {"choices": [], "usage": usage},
        ]
        chunks = [event(chunk) for chunk in (*_speech(text, ms_per_word, sound), *ending)]
        await exchange.stream([*chunks, b"data: [DONE]\n\n"])

    return answer


def written(text: str) -> Answer:
    """Answer in text alone."""

    async def answer(exchange: Exchange) -> None:
        chunks = [event({"choices": [{"index": 0, "delta": {"content": word + " "}}]}) for word in text.split()]
        await exchange.stream([*chunks, b"data: [DONE]\n\n"])

    return answer


def calls(name: str, arguments: str, call_id: str = "call_1") -> Answer:
    """Call a function, its arguments in two fragments."""

    async def answer(exchange: Exchange) -> None:
        half = len(arguments) // 2
        first = {"index": 0, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        fragments = [
            first,
            *({"index": 0, "function": {"arguments": part}} for part in (arguments[:half], arguments[half:])),
        ]
        chunks = [event({"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]}) for part in fragments]
        await exchange.stream([*chunks, b"data: [DONE]\n\n"])

    return answer


def refuses(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    """Answer with an error."""

    async def answer(exchange: Exchange) -> None:
        body = {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}}
        await exchange.answer(status, json.dumps(body).encode(), **headers)

    return answer


def event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def speech(text: str, ms_per_word: int = 300) -> list[bytes]:
    """The part of a stream in which ``text`` is said, with a tone."""
    return [event(chunk) for chunk in _speech(text, ms_per_word)]


def _speech(text: str, ms_per_word: int, sound: bytes | None = None) -> list[dict[str, Any]]:
    """The transcript first, then the sound in pieces of 100 ms."""
    deltas: list[dict[str, Any]] = [{"audio": {"id": "audio_1", "transcript": word + " "}} for word in text.split()]
    if sound is None:
        samples = len(text.split()) * ms_per_word * RATE_HZ // 1000
        sound = (8000 * np.sin(np.arange(samples) * 2 * np.pi * 220 / RATE_HZ)).astype("<i2").tobytes()
    starts = range(0, len(sound), 4800)
    deltas += [{"audio": {"data": base64.b64encode(sound[start : start + 4800]).decode()}} for start in starts]
    return [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
