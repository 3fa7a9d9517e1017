"""The model ``demo-scripted``: speech that was encoded beforehand, for hundreds of streams at once on one core.

How long and how fast is asked for in the model's name, ``demo-scripted:seconds=8,pace=2``, in the header
``x-demo-scripted: seconds=8 pace=2``, or in a message, ``[[scripted: seconds=8 pace=2]]``.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import orjson

from bargein.demo.alarm_clock import AlarmClock
from bargein.demo.api_errors import ApiError
from bargein.demo.bank import load_bank
from bargein.demo.chunks import DONE, Chunks, event, new_id
from bargein.demo.exchange import SSE_HEADERS, Exchange
from bargein.demo.faults import Faults
from bargein.demo.log import RequestLog
from bargein.demo.phrases import LIGHTHOUSE
from bargein.demo.request import ChatRequest
from bargein.demo.speaking import PIECE_SAMPLES
from bargein.demo.speech import RATE_HZ, Clip, SpokenWord, speak_whole
from bargein.demo.sse import EndOfStreamError, SseWriter
from bargein.demo.usage import usage
from bargein.demo.voices import VOICES
from bargein.numbers import Within

MODEL: Final = "demo-scripted"
LONGEST_S: Final = 600.0
LOOP_SAMPLES: Final = 24 * RATE_HZ
"""How much speech is kept; a longer reply repeats it."""
KEPT_LENGTHS: Final = 64
TRANSCRIPT_AHEAD_S: Final = 2.0

_DIRECTIVE: Final = re.compile(r"\[\[\s*scripted\s*:?(?P<options>[^\]]*)\]\]", re.IGNORECASE)
_NUMBER: Final = Within(0, 1_000_000)
_OPTION: Final = re.compile(r"(?P<name>\w+)\s*=\s*(?P<value>[\d.]+)")


@dataclass(frozen=True, slots=True)
class ScriptedOptions:
    """What one scripted reply is like.

    :ivar seconds: of speech.
    :ivar pace: multiple of real time; 0 is as fast as the client reads.
    :ivar first_byte_ms: wait before the first sound.
    """

    seconds: float = 8.0
    pace: float = 1.5
    first_byte_ms: float = 100.0


def scripted_options(model: str, header: str, texts: Iterable[str]) -> ScriptedOptions | None:
    """The options, or ``None`` when the request wants a reply that is made for it.

    :raises ApiError: an option is wrong.
    """
    directive = next((match for text in texts if (match := _DIRECTIVE.search(text))), None)
    if model.partition(":")[0] != MODEL and not header and directive is None:
        return None
    given = {"seconds": 8.0, "pace": 1.5, "first_byte_ms": 100.0}
    for source in (model.partition(":")[2], directive["options"] if directive else "", header):
        for option in _OPTION.finditer(source):
            if option["name"] not in given:
                raise ApiError(f"{MODEL} has no option '{option['name']}', it has: {', '.join(given)}.", param="model")
            try:
                given[option["name"]] = _NUMBER(option["value"])
            except ValueError as error:
                raise ApiError(f"{MODEL}: '{option['name']}': {error}.", param="model") from None
    if not 0 < given["seconds"] <= LONGEST_S:
        raise ApiError(f"{MODEL} speaks for more than 0 and at most {LONGEST_S:g} seconds.", param="model")
    return ScriptedOptions(**given)


@dataclass(frozen=True, slots=True)
class _Step:
    """One piece of sound, and the words that are told before it: also as the ends of chunks, encoded."""

    words: tuple[SpokenWord, ...]
    transcript_tail: bytes
    audio_tail: bytes


class ScriptedModel:
    """Streams of one recording."""

    def __init__(self, log: RequestLog) -> None:
        self._log = log
        self._alarms = AlarmClock()
        self._steps: asyncio.Task[list[_Step]] | None = None
        self._words_by_length: dict[int, list[dict[str, Any]]] = {}

    async def answer(self, exchange: Exchange, request: ChatRequest, options: ScriptedOptions, faults: Faults) -> None:
        """Stream one reply. Cancelling stops at the piece that is being sent.

        :raises ApiError: the request does not ask for a stream of speech.
        """
        if not (request.stream and request.audio):
            raise ApiError(f"{MODEL} only streams audio: set stream and modalities.", param="stream")
        if self._steps is None:
            self._steps = asyncio.create_task(_recorded_steps())
        steps = await asyncio.shield(self._steps)
        chunks = Chunks(request.model)
        faulty = SseWriter(exchange, faults, chunks) if faults.given else None
        exchange.row.id, exchange.row.audio_id = chunks.id, new_id("audio_")
        await exchange.begin(200, SSE_HEADERS)
        try:
            await self._pieces(exchange, options, steps, chunks, faulty)
        except EndOfStreamError:
            return
        row = exchange.row
        row.usage = usage(request.messages, row.transcript, row.samples_sent)
        tail = event(chunks.usage(row.usage)) if request.include_usage else b""
        await exchange.finish(event(chunks.expires(int(time.time()) + 3600, "stop")) + tail + DONE)

    async def _pieces(
        self, exchange: Exchange, options: ScriptedOptions, steps: list[_Step], chunks: Chunks, faulty: SseWriter | None
    ) -> None:
        row = exchange.row
        head = _head(chunks)
        await exchange.write(event(chunks.role()) + event(chunks.first_transcript(row.audio_id or "", "")))
        start_s = time.monotonic() + options.first_byte_ms / 1000
        step_s = PIECE_SAMPLES / RATE_HZ / options.pace if options.pace > 0 else 0.0
        pieces = max(1, round(options.seconds * RATE_HZ / PIECE_SAMPLES))
        total = pieces * PIECE_SAMPLES
        row.words, row.samples_made = self._words(steps, total), total
        for index in range(pieces):
            step = steps[index % len(steps)]
            await self._alarms.until(start_s + index * step_s)
            if faulty is not None:
                await faulty.before_piece(index)
            if not index:
                self._log.first_audio(row)
            left = total - index // len(steps) * LOOP_SAMPLES
            words = [word.text for word in step.words if word.start_samples < left]
            if words:
                told = _told(words)
                row.transcript += told
                whole = len(words) == len(step.words)
                tail = step.transcript_tail if whole else event(chunks.transcript(told))[len(head) :]
                await exchange.write(head + tail + head + step.audio_tail)
            else:
                await exchange.write(head + step.audio_tail)
            row.samples_sent += PIECE_SAMPLES
        row.last_audio_s = time.monotonic()
        row.finish_reason = "stop"

    def _words(self, steps: list[_Step], total: int) -> list[dict[str, Any]]:
        """All words of a reply of this length: one list for all replies of it."""
        if total not in self._words_by_length:
            if len(self._words_by_length) >= KEPT_LENGTHS:
                self._words_by_length.clear()
            spoken = [word for step in steps for word in step.words]
            repeated = (word.moved(start) for start in range(0, total, LOOP_SAMPLES) for word in spoken)
            within = (word for word in repeated if word.start_samples < total)
            self._words_by_length[total] = [
                replace(word, end_samples=min(word.end_samples, total)).as_json() for word in within
            ]
        return self._words_by_length[total]


def _told(words: list[str]) -> str:
    return "".join(f"{word} " for word in words)


async def _recorded_steps() -> list[_Step]:
    clip = await speak_whole(LIGHTHOUSE, VOICES["alloy"], load_bank())
    return await asyncio.to_thread(_steps, clip)


def _steps(clip: Clip) -> list[_Step]:
    chunks = Chunks(MODEL)
    skipped = len(_head(chunks))
    steps: list[_Step] = []
    ahead = 0
    for at in range(0, LOOP_SAMPLES, PIECE_SAMPLES):
        until = min(at + int(TRANSCRIPT_AHEAD_S * RATE_HZ), LOOP_SAMPLES)
        due = tuple(
            replace(word, end_samples=min(word.end_samples, LOOP_SAMPLES))
            for word in clip.words[ahead:]
            if word.start_samples < until
        )
        ahead += len(due)
        transcript = _told([word.text for word in due])
        piece = np.ascontiguousarray(clip.samples[at : at + PIECE_SAMPLES]).astype("<i2").tobytes()
        steps.append(_Step(due, event(chunks.transcript(transcript))[skipped:], event(chunks.audio(piece))[skipped:]))
    return steps


def _head(chunks: Chunks) -> bytes:
    """The beginning of each chunk of a stream, up to what differs."""
    base = {"id": chunks.id, "object": "chat.completion.chunk", "created": chunks.created, "model": chunks.model}
    return b"data: " + orjson.dumps(base)[:-1]
