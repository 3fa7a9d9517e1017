"""The vocabulary of faults: what can be made to go wrong with one request, and how to ask for it.

A fault is a name with parameters, ``stall after=5 for_ms=2000``; several are separated by ``;``. They are given

* in the header ``x-demo-fault`` of the request;
* as a directive in the last user text or in a system message: ``[[fault: cut after=3]]``;
* for coming requests, by ``POST /faults {"faults": "status code=429 retry_after_s=1", "times": 2}``.

``after`` counts pieces of audio (about 100 ms each) that were sent before. The table :data:`FAULTS` is the vocabulary.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bargein.errors import BargeinError
from bargein.numbers import WholeWithin, Within

FAULTS: Final[Mapping[str, tuple[Mapping[str, float | None], str]]] = {
    "delay": ({"ms": 1000}, "wait before answering at all"),
    "first_byte": ({"ms": 1000}, "send the headers at once, and wait before the first event"),
    "rate": ({"factor": 1}, "send audio at this multiple of real time; 0 is as fast as possible"),
    "transcript": ({"lead_words": 12}, "send the transcript this many words ahead of the sound; 10000 is all at once"),
    "status": ({"code": 500, "retry_after_s": None}, "answer with this HTTP status and the API's own error"),
    "audio_not_found": ({}, "answer 400 as if an audio id had expired"),
    "hang": ({}, "accept the request and never answer"),
    "stall": ({"after": 0, "for_ms": None}, "send nothing more, for a time or for ever"),
    "cut": ({"after": 0}, "close the connection in mid-stream"),
    "end": ({"after": 0}, "end the stream properly but early: no finish_reason, no usage, no [DONE]"),
    "error": ({"after": 0}, "send an error as an event, then end the stream"),
    "bad_json": ({"after": 0}, "send one event that is no JSON"),
    "no_done": ({}, "end the stream without [DONE]"),
    "no_finish": ({}, "never send a finish_reason"),
    "no_choices": ({}, "put a chunk without choices between all others"),
    "no_usage": ({}, "send no usage even when it was asked for"),
    "no_audio": ({}, "answer with text in delta.content instead of audio"),
    "split_utf8": ({}, "put non-ASCII characters in the transcript, and cut packets inside them"),
    "line_ends": ({}, "mix LF, CRLF and CR, with comments and event fields between"),
    "bytewise": ({"bytes": 3000}, "send the first so many bytes one by one"),
    "huge_line": ({"kib": 2048}, "put so much padding into one event"),
    "odd_bytes": ({}, "cut the audio pieces at odd byte counts"),
    "wav_chunks": ({}, "begin every audio piece with a WAV header of its own"),
    "content_audio": ({"rate_hz": 24000}, "send audio in delta.content with a modality, as vLLM-Omni does"),
    "forget_audio": ({}, "do not remember this reply's audio id"),
}
"""Name: its parameters with their defaults, and what it does."""

_DIRECTIVE: Final = re.compile(r"\[\[\s*fault\s*:\s*(?P<faults>[^\]]*)\]\]", re.IGNORECASE)
MAX_QUEUED: Final = 10_000
_NUMBER: Final = Within(0, 1_000_000)
_STATUS: Final = WholeWithin(400, 599)


class UnknownFaultError(BargeinError):
    """A fault that is not in the vocabulary, or a parameter that it does not have. The message lists what there is."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of one request."""

    given: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def get(self, name: str, parameter: str) -> float | None:
        """A parameter, its default where none was given; ``None`` when the fault is not there."""
        return self.given[name][parameter] if name in self.given else None

    def at(self, name: str, pieces_sent: int) -> bool:
        """Whether a fault with ``after`` is due."""
        return name in self.given and self.given[name]["after"] == pieces_sent

    def joined(self, other: Faults) -> Faults:
        """Both; the other's win."""
        return Faults({**self.given, **other.given})

    def as_text(self) -> str:
        """In the words in which it can be asked for."""
        return "; ".join(
            " ".join((name, *(f"{key}={value:g}" for key, value in parameters.items() if value is not None)))
            for name, parameters in self.given.items()
        )


NO_FAULTS: Final = Faults()


def parse_faults(text: str) -> Faults:
    """Faults from their words.

    :raises UnknownFaultError: it names what there is not.
    """
    given: dict[str, dict[str, float | None]] = {}
    for one in filter(None, (part.strip() for part in text.split(";"))):
        name, *parameters = one.split()
        if name not in FAULTS:
            raise UnknownFaultError(f"There is no fault {name!r}. Faults are: {', '.join(FAULTS)}.")
        given[name] = dict(FAULTS[name][0])
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key not in given[name]:
                raise UnknownFaultError(
                    f"The fault {name!r} has no {key!r}, it has: {', '.join(given[name]) or 'nothing'}."
                )
            try:
                given[name][key] = (_STATUS if key == "code" else _NUMBER)(value)
            except ValueError as error:
                raise UnknownFaultError(f"{key!r} of the fault {name!r}: {error}.") from None
    return Faults(given)


def directives(text: str) -> Faults:
    """Faults from ``[[fault: …]]`` in a text.

    :raises UnknownFaultError: as :func:`parse_faults`.
    """
    return parse_faults(";".join(match["faults"] for match in _DIRECTIVE.finditer(text)))


def without_directives(text: str) -> str:
    """The text that is left for the model."""
    return re.sub(r"\[\[[^\]]*\]\]", " ", text).strip()


class FaultQueue:
    """Faults for coming requests, one set for each."""

    def __init__(self) -> None:
        self._queued: deque[Faults] = deque(maxlen=MAX_QUEUED)

    def add(self, faults: Faults, times: int) -> None:
        self._queued.extend([faults] * min(times, MAX_QUEUED))

    def take(self) -> Faults:
        """What the next request gets."""
        return self._queued.popleft() if self._queued else NO_FAULTS

    def clear(self) -> None:
        self._queued.clear()

    def __len__(self) -> int:
        return len(self._queued)
