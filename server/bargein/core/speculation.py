"""Asking the model before it is certain that the turn is over.

At the first plausible pause the model is asked what it would be asked if the turn ended there. Nothing of it is told:
what it answers is kept here. If the turn ends, the answer has a start of some hundred milliseconds; if the caller goes
on, or changes what the answer would be about, it is thrown away, and was never there but for what it has cost. How many
requests may be thrown away is bounded (:attr:`~bargein.core.config.CorePolicy.speculation_share`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.audio import PCM16_24K, AudioFormat
from bargein.core.completion import (
    AudioPiece,
    CompletionRequest,
    Finished,
    StreamPiece,
    TextPiece,
    ToolCallPiece,
    TranscriptPiece,
    Usage,
)
from bargein.core.config import CorePolicy
from bargein.core.decisions import SpeculationEnded, SpeculationOutcome
from bargein.core.events import Event, ResponseRequested
from bargein.core.history import GoesOn
from bargein.core.items import Message
from bargein.core.replies import ReplyMaker
from bargein.core.usage import estimate, said_in

_CHANGES: Final = (
    events.Configured,
    events.CommitRequested,
    events.ClearRequested,
    events.ItemCreateRequested,
    events.ItemTruncateRequested,
    events.ItemDeleteRequested,
)


@dataclass(slots=True)
class Started:
    """A request whose answer nobody was told of yet."""

    response_id: str
    request: CompletionRequest
    at: float
    """When the model was asked, in seconds."""
    format: AudioFormat = PCM16_24K
    """Of its sound."""
    pieces: list[StreamPiece] = field(default_factory=list)
    open: bool = True

    @property
    def usage(self) -> Usage:
        """What it has cost so far."""
        counted = next((piece for piece in self.pieces if isinstance(piece, Usage)), None)
        if counted is not None:
            return counted
        said = [said_in(piece) for piece in self.pieces]
        made_ms = self.format.ms_of(sum(samples for _, samples in said))
        return estimate(self.request, reply_characters=sum(letters for letters, _ in said), reply_ms=made_ms)


class Speculation:
    """Of one conversation: there is one request at a time."""

    def __init__(self, maker: ReplyMaker, policy: CorePolicy) -> None:
        self.response_id: str | None = None
        """The response that is being made in advance."""
        self._maker = maker
        self._share = policy.speculation_share
        self._started: Started | None = None
        self._asked = 0
        self._wasted = 0
        self._unpaid: Usage | None = None
        """What was thrown away and not told as the usage of a response yet."""

    @property
    def allowed(self) -> bool:
        """One may be thrown away in advance, and then the share of all requests."""
        return self._share > 0 and self._started is None and self._wasted <= self._share * (self._asked + 1)

    def begin(
        self, wanted: ResponseRequested, item: Message, goes_on: GoesOn | None, now: float, out: list[Action]
    ) -> None:
        """Ask the model as if ``item`` had been committed."""
        started = self._maker.ask_ahead(wanted, item, goes_on, now)
        if started is None:
            return
        response_id, request = started
        self._asked += 1
        self.response_id = response_id
        self._started = Started(response_id, request, now, wanted.settings.output_format)
        out.append(actions.StartStream(response_id, request, ahead=wanted.settings.output_format))

    def progress(self, piece: StreamPiece) -> None:
        """A piece of its answer has come."""
        started = self._started
        if started is not None and started.open:
            started.pieces.append(piece)
            started.open = not isinstance(piece, Finished)

    def fail(self, out: list[Action], now: float, *, processed: bool) -> None:
        """Its stream broke: the turn will be asked about as if nothing had been."""
        started = self._started
        if started is not None and started.open:
            started.open = False
            usage = started.usage if processed else Usage(estimated=True)
            self._wasted += 1
            self._owe(usage)
            self._forget()
            out.append(_over(started, "failed", usage, now))

    def is_ended_by(self, event: Event) -> bool:
        """Whether what is asked would not be asked so any more."""
        if self._started is None:
            return False
        if isinstance(event, ResponseRequested):
            return not event.out_of_band
        return isinstance(event, _CHANGES)

    def tell_ended(self, out: list[Action], now: float) -> None:
        """Say that it is thrown away. :meth:`ended` follows, unless the event that ends it was refused."""
        started = self._started
        if started is not None:
            if started.open:
                out.append(actions.CancelStream(started.response_id))
            out.append(_over(started, "dropped", started.usage, now))

    def ended(self) -> None:
        """It is thrown away."""
        started = self._started
        if started is not None:
            self._wasted += 1
            self._owe(started.usage)
            self._forget()

    def drop(self, out: list[Action], now: float) -> None:
        """The caller goes on."""
        self.tell_ended(out, now)
        self.ended()

    def leave(self, out: list[Action], now: float) -> None:
        """The caller has gone: everything that was thrown away and not told of is told."""
        started = self._started
        if started is not None and started.open:
            out.append(actions.CancelStream(started.response_id))
        self.ended()
        if self._unpaid is not None:
            ended = started or Started("", CompletionRequest((), audio=False, voice=None), now)
            out.append(_over(ended, "left", self._unpaid, now))
            self._unpaid = None

    def take(self) -> Started | None:
        """The turn has ended: what was asked in advance, if it was."""
        started = self._started
        if started is None:
            self._asked += 1
        else:
            started.pieces = _joined(started.pieces)
        self._forget()
        return started

    def take_unpaid(self) -> Usage | None:
        """What was thrown away, to be told with the response that was meant."""
        unpaid, self._unpaid = self._unpaid, None
        return unpaid

    def _owe(self, usage: Usage) -> None:
        self._unpaid = usage if self._unpaid is None else self._unpaid + usage

    def _forget(self) -> None:
        self._started = None
        self.response_id = None


def _joined(pieces: list[StreamPiece]) -> list[StreamPiece]:
    """The same in fewer pieces: all of it is told at one moment, and models write token by token."""
    joined: list[StreamPiece] = []
    for _, run in groupby(pieces, _kind):
        parts = list(run)
        first = parts[0]
        if isinstance(first, TranscriptPiece):
            joined.append(TranscriptPiece("".join([part.text for part in parts if isinstance(part, TranscriptPiece)])))
        elif isinstance(first, TextPiece):
            joined.append(TextPiece("".join([part.text for part in parts if isinstance(part, TextPiece)])))
        elif isinstance(first, ToolCallPiece):
            arguments = "".join([part.arguments for part in parts if isinstance(part, ToolCallPiece)])
            joined.append(replace(first, arguments=arguments))
        else:
            joined += parts
    return joined


def _kind(piece: StreamPiece) -> tuple[type[StreamPiece], int]:
    return type(piece), piece.index if isinstance(piece, ToolCallPiece) else 0


def _over(started: Started, outcome: SpeculationOutcome, usage: Usage, now: float) -> SpeculationEnded:
    return SpeculationEnded(started.response_id, outcome, (now - started.at) * 1000, False, usage)


def used(started: Started, now: float) -> SpeculationEnded:
    """The turn has ended, and this answers it."""
    sounds = any(isinstance(piece, AudioPiece) for piece in started.pieces)
    return SpeculationEnded(started.response_id, "used", (now - started.at) * 1000, sounds, Usage())
