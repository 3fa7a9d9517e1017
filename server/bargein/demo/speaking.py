"""A spoken reply on its way out: transcript ahead of sound, sound in pieces at a pace, then usage and the end."""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from bargein.demo.chunks import Chunks, new_id
from bargein.demo.clauses import split_clauses
from bargein.demo.faults import Faults
from bargein.demo.log import RequestLog, Row
from bargein.demo.memory import ReplyMemory
from bargein.demo.request import ChatRequest
from bargein.demo.speech import RATE_HZ, Samples, Speaker, SpokenWord, spoken
from bargein.demo.sse import EndOfStreamError, SseWriter, stall
from bargein.demo.usage import assistant_audio_tokens, text_tokens, usage
from bargein.demo.voices import voice_called

PIECE_SAMPLES: Final = RATE_HZ // 10
LEAD_WORDS: Final = (5, 24)
"""How far the transcript is ahead of the sound, from reply to reply."""
DELTAS_A_PIECE: Final = 2
"""So the lead builds up over the first pieces."""
TEXT_WORDS_PER_S: Final = 12.0
"""Of a reply without sound, at real time."""


@dataclass(frozen=True, slots=True)
class Studio:
    """What is needed to speak: the speaker, the memory, the log and the pace (a multiple of real time, 0 unbounded)."""

    speaker: Speaker
    memory: ReplyMemory
    log: RequestLog
    pace: float


class Pace:
    """Keeps sound from going out faster than a multiple of real time."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._start_s: float | None = None

    async def until(self, samples_sent: int) -> None:
        """Wait until so much sound may have gone out."""
        now = time.monotonic()
        if self._start_s is None:
            self._start_s = now
        if self._factor > 0:
            ahead_s = self._start_s + samples_sent / (RATE_HZ * self._factor) - now
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)


class SpokenReply:
    """Streams one text as speech."""

    def __init__(self, studio: Studio, request: ChatRequest, text: str, writer: SseWriter, chunks: Chunks) -> None:
        self._studio = studio
        self._request = request
        self._text = text
        self._writer = writer
        self._chunks = chunks
        self._audio_id = new_id("audio_")
        self._deltas = _transcript_deltas(text)
        self._transcribed_words = 0
        self._made: list[SpokenWord] = []
        self._begun_words = 0
        self._pieces = 0

    async def stream(self, row: Row, faults: Faults) -> None:
        """Send all of it. Cancelling stops at the piece that is being sent."""
        row.audio_id = self._audio_id
        self._studio.memory.begin(self._text)
        try:
            await self._writer.chunk(self._chunks.role())
            finished = await self._sound(row, faults)
        except EndOfStreamError:
            return
        row.finish_reason = "stop" if finished else "length"
        row.usage = usage(self._request.messages, row.transcript, row.samples_sent)
        now_unix_s = time.time()
        reason = None if "no_finish" in faults else row.finish_reason
        await self._writer.chunk(self._chunks.expires(self._studio.memory.expires_unix_s(now_unix_s), reason))
        # Last: npm openai's helper forgets it where another chunk follows.
        if self._request.include_usage and "no_usage" not in faults:
            await self._writer.chunk(self._chunks.usage(row.usage))
        if finished and "forget_audio" not in faults:
            self._studio.memory.finish(self._audio_id, self._text, now_unix_s)
        await self._writer.done()

    async def _sound(self, row: Row, faults: Faults) -> bool:
        """Whether all of it went out, and not only what the token limit allows."""
        least, most = LEAD_WORDS
        lead_words = faults.get("transcript", "lead_words")
        if lead_words is None:
            lead_words = least + zlib.crc32(self._text.encode()) % (most - least + 1)
        factor = faults.get("rate", "factor")
        pace = Pace(self._studio.pace if factor is None else factor)
        waiting = np.zeros(0, np.int16)
        voice = voice_called(self._request.voice)
        async for clip in spoken(self._text, voice, self._studio.speaker):
            words = [word.moved(row.samples_made) for word in clip.words]
            self._made += words
            row.words += [word.as_json() for word in words]
            row.samples_made += len(clip.samples)
            waiting = np.concatenate((waiting, clip.samples))
            whole = len(waiting) - len(waiting) % PIECE_SAMPLES
            for at in range(0, whole, PIECE_SAMPLES):
                if not await self._piece(waiting[at : at + PIECE_SAMPLES], row, pace, int(lead_words)):
                    return False
            waiting = waiting[whole:]
        if len(waiting) and not await self._piece(waiting, row, pace, int(lead_words)):
            return False
        # Faults that are due behind the last piece.
        await self._writer.before_piece(self._pieces)
        return True

    async def _piece(self, piece: Samples, row: Row, pace: Pace, lead_words: int) -> bool:
        await self._transcript(row.samples_sent + len(piece), lead_words, row)
        await pace.until(row.samples_sent)
        if self._over_limit(row, len(piece)):
            return False
        await self._writer.before_piece(self._pieces)
        if row.first_audio_s is None:
            self._studio.log.first_audio(row)
        await self._writer.audio(piece.astype("<i2").tobytes())
        row.samples_sent += len(piece)
        row.last_audio_s = time.monotonic()
        self._pieces += 1
        return True

    def _over_limit(self, row: Row, more_samples: int) -> bool:
        limit = self._request.max_tokens
        spent = text_tokens(row.transcript) + assistant_audio_tokens(row.samples_sent + more_samples)
        return limit is not None and spent > limit

    async def _transcript(self, until_samples: int, lead_words: int, row: Row) -> None:
        """Send the words that begin before a sample, in any case, and some more of those that come after them."""
        while self._begun_words < len(self._made) and self._made[self._begun_words].start_samples < until_samples:
            self._begun_words += 1
        extra = DELTAS_A_PIECE
        while self._transcribed_words < self._begun_words + lead_words:
            extra -= self._transcribed_words >= self._begun_words
            delta = next(self._deltas, None) if extra >= 0 else None
            if delta is None:
                return
            if row.transcript:
                await self._writer.chunk(self._chunks.transcript(delta))
            else:
                await self._writer.chunk(self._chunks.first_transcript(self._audio_id, delta))
            row.transcript += delta
            self._transcribed_words += len(delta.split())


def _transcript_deltas(text: str) -> Iterator[str]:
    """One to three words at a time; joined they are the text."""
    words = re.findall(r"\s*\S+", text)
    at = 0
    while at < len(words):
        count = 1 + zlib.crc32(words[at].encode()) % 3
        yield "".join(words[at : at + count])
        at += count


async def stream_text(
    studio: Studio, request: ChatRequest, text: str, writer: SseWriter, chunks: Chunks, faults: Faults, row: Row
) -> None:
    """Stream a reply without sound, in ``delta.content``."""
    studio.memory.begin(text)
    try:
        await writer.chunk(chunks.delta({"role": "assistant", "content": "", "refusal": None}))
        finished = True
        for index, delta in enumerate(_transcript_deltas(text)):
            if request.max_tokens is not None and text_tokens(row.transcript + delta) > request.max_tokens:
                finished = False
                break
            await writer.before_piece(index)
            await writer.chunk(chunks.content(delta))
            row.transcript += delta
            if studio.pace > 0:
                await asyncio.sleep(len(delta.split()) / (TEXT_WORDS_PER_S * studio.pace))
    except EndOfStreamError:
        return
    row.finish_reason = "stop" if finished else "length"
    row.usage = usage(request.messages, row.transcript, 0)
    await writer.chunk(chunks.delta({}, None if "no_finish" in faults else row.finish_reason))
    if request.include_usage and "no_usage" not in faults:
        await writer.chunk(chunks.usage(row.usage))
    await writer.done()


async def before_headers(faults: Faults) -> None:
    """The faults that come before any answer."""
    if (delay_ms := faults.get("delay", "ms")) is not None:
        await asyncio.sleep(delay_ms / 1000)
    if "hang" in faults:
        await stall(None)


def spoken_text(text: str, faults: Faults) -> str:
    """The transcript that is sent: every word is one token of it, as it is in the log."""
    words = " ".join(clause.text for clause in split_clauses(text))
    return words.replace(".", "…") + ("" if "." in words else "…") if "split_utf8" in faults else words
