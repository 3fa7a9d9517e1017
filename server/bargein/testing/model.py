"""A model that answers what a test's script says: Chat Completions with audio over HTTP, as the server asks any."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bargein.testing.loop import HOST
from bargein.testing.voice import tone

PIECE_BYTES: Final = 4800
"""Of sound in one delta: 100 ms."""


@dataclass(eq=False)
class Exchange:
    """One request, and the hand that answers it."""

    body: bytes
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)
    _begun: bool = False

    async def stream(self, chunks: Iterable[Mapping[str, Any]]) -> None:
        """Begin an answer if none has begun, and send these ``chat.completion.chunk`` objects.

        :raises ConnectionError: the server has dropped the connection.
        """
        if not self._begun:
            self._begun = True
            await self._send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for chunk in chunks:
            await self._send(b"data: " + orjson.dumps(chunk) + b"\n\n")

    async def done(self) -> None:
        """End the stream."""
        await self._send(b"data: [DONE]\n\n")

    async def whole(self, body: bytes) -> None:
        """Answer with JSON in one piece."""
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        await self._send(f"{head}connection: close\r\n\r\n".encode() + body)

    async def refuse(self, status: int, message: str, code: str | None) -> None:
        """Answer with an error."""
        body = orjson.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}})
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        await self._send(f"{head}connection: close\r\n\r\n".encode() + body)

    async def dropped(self) -> None:
        """Return when the server has dropped the connection."""
        with suppress(ConnectionError):
            while await self._reader.read(65_536):
                pass

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


Answer = Callable[[Exchange], Awaitable[None]]
"""Answers one request. What it raises fails the test, but for a connection that the server has dropped."""


@dataclass(eq=False)
class ScriptedModel:
    """Takes requests, and answers each with the next of its answers; without any it says "fine"."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    """The bodies, in order."""
    answers: deque[Answer] = field(default_factory=deque)
    transcript: str | None = None
    """What it writes down of whatever it is given to hear; ``None``: it is no recogniser."""
    dropped: int = 0
    """Answers whose connection the server has dropped before their end, as it does when the caller interrupts."""

    def will(self, *answers: Answer) -> None:
        """Answer the next requests so."""
        self.answers.extend(answers)

    def told(self, request: int = -1) -> list[str]:
        """The messages of a request, a line each: what the model knows of the conversation."""
        return [line_of(message) for message in self.requests[request]["messages"]]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve until the context is left; its value is the base URL.

        :raises BaseExceptionGroup: answers have failed.
        """
        tasks: set[asyncio.Task[None]] = set()
        failures: list[BaseException] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await self._serve(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.dropped += 1
            except asyncio.CancelledError:
                pass
            except BaseException as error:
                failures.append(error)
            finally:
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(serve, HOST, 0)
        try:
            yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
        if failures:
            raise BaseExceptionGroup("answers of the scripted model failed", failures)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lengths = [line.partition(":")[2] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
        exchange = Exchange(await reader.readexactly(int(lengths[0]) if lengths else 0), reader, writer)
        asked = head.partition("\r\n")[0]
        if self.transcript is not None and asked.startswith("POST") and "/audio/transcriptions" in asked:
            await exchange.whole(orjson.dumps({"text": self.transcript}))
            return
        if not head.startswith("POST") or "/chat/completions" not in head.partition("\r\n")[0]:
            await exchange.refuse(404, "The scripted model only answers.", None)
            return
        self.requests.append(orjson.loads(exchange.body))
        answer = self.answers.popleft() if self.answers else says("fine")
        await answer(exchange)


def says(text: str, *, ms_per_word: int = 300, after_ms: int = 0) -> Answer:
    """Say ``text`` with a tone for a voice, as fast as models do, and end.

    :param after_ms: how long the model thinks.
    """

    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(after_ms / 1000)
        await exchange.stream(speech(text, ms_per_word))
        await exchange.stream([{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}])
        await exchange.done()

    return answer


def hangs_after(text: str = "", *, ms_per_word: int = 300) -> Answer:
    """Say ``text``, then nothing until the server drops the connection."""

    async def answer(exchange: Exchange) -> None:
        await exchange.stream(speech(text, ms_per_word))
        await exchange.dropped()
        raise ConnectionResetError

    return answer


def calls(name: str, arguments: Mapping[str, Any], *, call_id: str = "call_1") -> Answer:
    """Call a function."""

    async def answer(exchange: Exchange) -> None:
        function = {"name": name, "arguments": orjson.dumps(arguments).decode()}
        delta = {"tool_calls": [{"index": 0, "id": call_id, "type": "function", "function": function}]}
        await exchange.stream([{"choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}]}])
        await exchange.done()

    return answer


def refuses(status: int, message: str, *, code: str | None = None) -> Answer:
    """Answer with an error."""

    async def answer(exchange: Exchange) -> None:
        await exchange.refuse(status, message, code)

    return answer


def speech(text: str, ms_per_word: int) -> list[dict[str, Any]]:
    """The chunks with which ``text`` is said: the transcript first, then the sound."""
    words = text.split()
    sound = tone(len(words) * ms_per_word)
    deltas: list[dict[str, Any]] = [{"audio": {"id": "audio_1", "transcript": word + " "}} for word in words]
    pieces = (sound[start : start + PIECE_BYTES] for start in range(0, len(sound), PIECE_BYTES))
    deltas += [{"audio": {"data": base64.b64encode(piece).decode()}} for piece in pieces]
    return [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]


def line_of(message: Mapping[str, Any]) -> str:
    """A message of a request, in one line: ``user: hello``, ``assistant calls look_up``."""
    content = message.get("content")
    if message.get("tool_calls"):
        return "assistant calls " + ", ".join(call["function"]["name"] for call in message["tool_calls"])
    if message.get("audio"):
        return f"{message['role']} audio:{message['audio']['id']}"
    if isinstance(content, list):
        content = " ".join(part["text"] if part["type"] == "text" else f"<{part['type']}>" for part in content)
    return f"{message['role']}: {content}"
