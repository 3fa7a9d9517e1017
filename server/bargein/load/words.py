"""Words that the model was told were heard, against words that were heard.

The demo model logs every request with its messages, and every reply with the place of each word in its sound. Callers
sign their sessions' instructions, so that a logged request can be traced to its call. Of each reply that was talked
over, the loudspeaker tells what was heard, and the call's next request what the model was told.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from bargein.load.measurements import Measurements

RATE_HZ: Final = 24_000
INTERVAL_S: Final = 3.0
"""How often the log is read: it keeps the latest requests only."""
ROWS_AT_ONCE: Final = 32
"""So that neither the callers nor the model are held up by reading it."""
_SIGNATURE: Final = re.compile(r"load caller (\d+), call (\d+)")


@dataclass(frozen=True, slots=True)
class LoggedReply:
    """One request to the demo model, and what it answered."""

    told: tuple[str | None, ...]
    """The assistant's messages in the request, oldest first; ``None``: a whole reply, by its audio's name."""
    transcript: str
    word_starts: tuple[int, ...]
    """Samples at 24 kHz."""
    word_ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CutReply:
    """A reply that was talked over, as the caller heard it."""

    number: int
    """Of the replies of its call, from 0: the number of its request, too."""
    transcript: str
    """As far as it was received."""
    heard_samples: int
    """At 24 kHz."""


@dataclass(slots=True)
class WordLog:
    """Collects both sides of a run.

    :param url: of the demo model, such as ``http://127.0.0.1:8766``.
    """

    url: str
    measurements: Measurements
    preamble: str | None = None
    """What the sessions are told besides."""
    _replies: defaultdict[tuple[int, int], list[LoggedReply]] = field(default_factory=lambda: defaultdict(list))
    _cuts: defaultdict[tuple[int, int], list[CutReply]] = field(default_factory=lambda: defaultdict(list))
    _last: int = 0

    def instructions(self, caller: int, call: int) -> str:
        """What each session is told, so that its requests can be found."""
        return f"{self.preamble or 'You are on the phone.'} (load caller {caller}, call {call})"

    def cut(self, caller: int, call: int, number: int, transcript: str, heard_samples: int, rate_hz: int) -> None:
        """A caller has talked over a reply.

        :param number: of the replies of this call, from 0.
        """
        self._cuts[caller, call].append(CutReply(number, transcript, heard_samples * RATE_HZ // rate_hz))

    async def watch(self) -> None:
        """Read the log until cancelled."""
        # Making a client takes longer than all its requests: certificates are read.
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            while True:
                await self.read(client)
                await asyncio.sleep(INTERVAL_S)

    async def read(self, client: httpx.AsyncClient) -> None:
        """Take in what ended since the last time. A server that does not answer is asked again later."""
        before = -1
        while self._last > before:
            before = self._last
            params: dict[str, str | int] = {"after": self._last, "limit": ROWS_AT_ONCE}
            try:
                answer = await client.get(f"{self.url}/log", params=params)
            except httpx.HTTPError:
                return
            if answer.status_code != httpx.codes.OK:
                return
            self.take(orjson.loads(answer.content)["rows"])

    def take(self, rows: Sequence[dict[str, Any]]) -> None:
        """Rows of the log, oldest first: those up to the first that is still open."""
        for row in rows:
            if row["outcome"] == "open":
                return
            self._last = row["n"]
            messages = row["body"].get("messages") or []
            signature = _SIGNATURE.search(" ".join(_text(m) or "" for m in messages if m["role"] == "system"))
            if signature is not None:
                call = (int(signature[1]), int(signature[2]))
                self._replies[call].append(
                    LoggedReply(
                        told=tuple(_text(m) for m in messages if m["role"] == "assistant"),
                        transcript=row["transcript"],
                        word_starts=tuple(word["start_samples"] for word in row["words"]),
                        word_ends=tuple(word["end_samples"] for word in row["words"]),
                    )
                )

    def compare(self) -> None:
        """Count words over and words under, of every cut-off reply that a later request tells of."""
        for (caller, call), cuts in self._cuts.items():
            replies = self._replies[caller, call]
            for cut in cuts:
                if cut.number + 1 >= len(replies) or not _matches(cut, replies[cut.number]):
                    continue
                told = told_words(replies[cut.number], replies[cut.number + 1])
                if told is None:
                    continue
                over, under = over_and_under(told, cut.heard_samples, replies[cut.number])
                self.measurements.count("words_checked", caller)
                self.measurements.count("words_over", caller, over)
                self.measurements.count("words_under", caller, under)


def told_words(reply: LoggedReply, following: LoggedReply) -> int | None:
    """How many words of ``reply`` the next request of its call tells of; ``None`` where that cannot be seen."""
    added = following.told[len(reply.told) :]
    if following.told[: len(reply.told)] != reply.told:
        return None
    if not added:
        return 0
    if added[0] is None:
        return len(reply.word_ends)
    return len(added[0].split())


def over_and_under(told: int, heard_samples: int, reply: LoggedReply) -> tuple[int, int]:
    """Words told too many, and too few. A word that was being heard when the sound stopped may be told or not."""
    begun = sum(start < heard_samples for start in reply.word_starts)
    ended = sum(end <= heard_samples for end in reply.word_ends)
    return max(0, told - begun), max(0, ended - told)


def _matches(cut: CutReply, reply: LoggedReply) -> bool:
    return bool(cut.transcript.strip()) and reply.transcript.strip().startswith(cut.transcript.strip())


def _text(message: dict[str, Any]) -> str | None:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return str(content) if content is not None else None
