"""Asks the demo model for a stream, and reads it to its end."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from bargein.demo.process import DemoModelProcess
from support.http import http_client


@dataclass
class Streamed:
    """A stream that was read to its end."""

    status: int
    raw: bytes = b""
    chunks: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [chunk["choices"][0]["delta"] for chunk in self.chunks if chunk.get("choices")]

    @property
    def transcript(self) -> str:
        return "".join((delta.get("audio") or {}).get("transcript", "") for delta in self.deltas)

    @property
    def content(self) -> str:
        return "".join(delta.get("content") or "" for delta in self.deltas)

    @property
    def pieces(self) -> list[bytes]:
        return [
            base64.b64decode(delta["audio"]["data"]) for delta in self.deltas if "data" in (delta.get("audio") or {})
        ]

    @property
    def samples(self) -> np.ndarray[Any, np.dtype[np.int16]]:
        return np.frombuffer(b"".join(self.pieces), "<i2")

    @property
    def finish_reasons(self) -> list[str]:
        reasons = (chunk["choices"][0]["finish_reason"] for chunk in self.chunks if chunk.get("choices"))
        return [reason for reason in reasons if reason is not None]

    @property
    def usage(self) -> dict[str, Any] | None:
        return next((chunk["usage"] for chunk in self.chunks if chunk.get("usage")), None)

    @property
    def audio_id(self) -> str:
        return next(str(delta["audio"]["id"]) for delta in self.deltas if "id" in (delta.get("audio") or {}))


def body_of(messages: str | Sequence[object], /, **changes: object) -> dict[str, Any]:
    """A request for a spoken, streamed answer."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    body = {
        "model": "demo", "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"},
        "messages": messages, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    return {key: value for key, value in (body | changes).items() if value is not None}


async def stream(
    demo: DemoModelProcess, body: dict[str, Any], fault: str = "", headers: Mapping[str, str] | None = None
) -> Streamed:
    """Read one stream, leniently: what is no JSON is left out of the chunks."""
    async with (
        http_client(timeout=30) as client,
        client.stream(
            "POST", f"{demo.base_url}/chat/completions", json=body, headers={"x-demo-fault": fault, **(headers or {})}
        ) as answer,
    ):
        streamed = Streamed(answer.status_code)
        parts: list[bytes] = []
        try:
            async for part in answer.aiter_bytes():
                parts += (part,)
        finally:
            streamed.raw = b"".join(parts)
            for line in streamed.raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
                if line == b"data: [DONE]":
                    streamed.done = True
                elif line.startswith(b"data: "):
                    try:
                        streamed.chunks.append(orjson.loads(line[6:]))
                    except orjson.JSONDecodeError:
                        continue
        return streamed
