"""A call once more: what happened, put into a fresh conversation, is decided in the same way.

That is what the core keeps to itself for: no clock, no chance, no IO. Use it on a call that was recorded as times and
events, to see why something was decided, or what another policy would have done::

    key = session_id.removeprefix("sess_")
    for at, decision in replay(happened, config, policy, measures, Aligner(measures), key=key).decisions:
        print(at, decision)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bargein.core.actions import Action
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.conversation import Conversation
from bargein.core.decisions import Decision
from bargein.core.events import Event
from bargein.core.measures import Measures
from bargein.core.words import WordAligner
from bargein.errors import CallerError


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a conversation did, with the times of the events that brought it about, in seconds."""

    actions: list[tuple[float, Action]]
    """All of it, decisions included, in order."""
    refused: list[tuple[float, CallerError]]
    """What the caller asked for and could not have."""

    @property
    def decisions(self) -> list[tuple[float, Decision]]:
        """What was decided, and why: every rule that was asked among it."""
        return [(at, action) for at, action in self.actions if isinstance(action, Decision)]


def replay(
    happened: Iterable[tuple[float, Event]],
    config: SessionConfig,
    policy: CorePolicy,
    measures: Measures,
    aligner: WordAligner,
    *,
    reports: bool = False,
    unix_offset_s: float = 0.0,
    key: str = "",
) -> Replayed:
    """Put ``happened`` into a fresh conversation.

    :param happened: when, in seconds on a clock that never goes back, and what: ``TimerFired`` too. Items in it must be
        as they were then: the conversation goes on changing those that it is given.
    :param config: with which the call began.
    :param reports: the caller reported its play-out (``bargein.v1``).
    :param unix_offset_s: what to add to the times for Unix time.
    :param key: of the names that were given in the call: what follows ``sess_`` in the session's id. With another,
        events that name a response or an item find none.
    :raises IllegalTrigger: something happened that the rules do not know.
    """
    replayed = Replayed([], [])
    for at, came in replaying(
        happened, config, policy, measures, aligner, reports=reports, unix_offset_s=unix_offset_s, key=key
    ):
        if isinstance(came, CallerError):
            replayed.refused.append((at, came))
        else:
            replayed.actions.append((at, came))
    return replayed


def replaying(
    happened: Iterable[tuple[float, Event]],
    config: SessionConfig,
    policy: CorePolicy,
    measures: Measures,
    aligner: WordAligner,
    *,
    reports: bool = False,
    unix_offset_s: float = 0.0,
    key: str = "",
) -> Iterator[tuple[float, Action | CallerError]]:
    """The same, one action or refusal after the other: what came before a fault is known then."""
    numbers = itertools.count(1)
    conversation = Conversation(
        config,
        policy,
        lambda prefix: f"{prefix}_{key}{next(numbers)}",
        measures,
        aligner,
        reports=reports,
        unix_offset_s=unix_offset_s,
    )
    conversation.explain(True)
    for at, event in happened:
        try:
            todo = conversation.handle(event, at)
        except CallerError as error:
            yield at, error
        else:
            for action in todo:
                yield at, action
