"""The simulated model as a real server: Chat Completions over HTTP, which says the scenes' long reply."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import orjson

from bargein.bench.reply import FASTER, PIECE_SAMPLES, THINKING_S, reply_of
from bargein.bench.waves import RATE_HZ
from bargein.core.completion import AudioPiece, StreamPiece, TranscriptPiece

SAYS: Final = "speak as {voice}"
"""In a session's instructions: whose voice the reply has."""
_VOICE: Final = re.compile(rb"speak as (\w+)")
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_MODELS: Final = b'{"object":"list","data":[{"id":"bench","object":"model"}]}'


class LiveModel:
    """Answers on a port of its own, as a context manager; ``url`` is its base URL."""

    def __init__(self, voice: str) -> None:
        self.url = ""
        self._voice = voice
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> LiveModel:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 26)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                if head.startswith(b"POST"):
                    voice = _VOICE.search(body)
                    await self._speak(writer, voice[1].decode() if voice else self._voice)
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(_MODELS) + _MODELS)
        except (OSError, asyncio.IncompleteReadError):
            pass  # The server has dropped the connection, as it does at an interruption.
        finally:
            writer.close()

    async def _speak(self, writer: asyncio.StreamWriter, voice: str) -> None:
        loop = asyncio.get_running_loop()
        writer.write(_HEAD)
        begins_s = loop.time() + THINKING_S
        for number, pieces in enumerate(reply_of(voice).pieces):
            await asyncio.sleep(max(0.0, begins_s + number * PIECE_SAMPLES / RATE_HZ / FASTER - loop.time()))
            for piece in pieces:
                writer.write(_chunk(_delta(piece)))
            await writer.drain()
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


def _delta(piece: StreamPiece) -> dict[str, object]:
    match piece:
        case TranscriptPiece(text):
            return {"delta": {"audio": {"id": "audio_bench", "transcript": text}}, "finish_reason": None}
        case AudioPiece(audio):
            return {"delta": {"audio": {"id": "audio_bench", "data": audio}}, "finish_reason": None}
        case _:
            return {"delta": {}, "finish_reason": "stop"}


def _chunk(choice: dict[str, object]) -> bytes:
    event = {"id": "bench", "object": "chat.completion.chunk", "model": "bench", "choices": [{"index": 0, **choice}]}
    data = b"data: " + orjson.dumps(event) + b"\n\n"
    return b"%x\r\n" % len(data) + data + b"\r\n"
