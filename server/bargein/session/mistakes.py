"""Messages of a caller that were refused: which of them are answered, and when they are too many.

A client that is wrong is mostly wrong in one way, fifty times a second. It must be told so that a person can read it,
and not be thrown out before anybody could.
"""

from __future__ import annotations

from typing import Final

from bargein.errors import CallerError, CallerGone
from bargein.session.allowance import Allowance
from bargein.session.setup import SessionLimits

MOST_REPEATS: Final = 3_000
"""A minute of frames, all wrong in ways that are known."""
REPEATS_PER_S: Final = 5.0
"""So many for ever."""
MOST_KINDS: Final = 64

_Kind = tuple[str | None, str | None]
_STREAMED: Final = frozenset({"invalid_event", "invalid_json"})
"""What sound is refused with, beside errors about ``audio``: nobody waits for an answer to each piece."""


class Mistakes:
    """One caller's, by kind: the error's code and the field that it names."""

    def __init__(self, limits: SessionLimits) -> None:
        self._kinds = Allowance(limits.bad_messages / limits.bad_messages_s, limits.bad_messages)
        self._repeats = Allowance(REPEATS_PER_S, MOST_REPEATS)
        self._answers: dict[_Kind, Allowance] = {}

    def note(self, error: CallerError, now: float, *, named: bool) -> bool:
        """A message was refused. Returns whether to answer: the first of a kind always, then not all.

        :param named: the message has an ``event_id``, by which the caller may look for the answer.
        :raises CallerGone: too many kinds in a short time, or the same for too long.
        """
        kind = (error.code, error.param)
        answers = self._answers.get(kind)
        if answers is None:
            if not self._kinds.take(1, now):
                raise CallerGone(1008, f"too many messages in error. The last: {error.message}")
            streamed = not named and (error.param == "audio" or error.code in _STREAMED)
            answers = Allowance(0.1, 5) if streamed else Allowance(2.0, 20)
            if len(self._answers) >= MOST_KINDS:
                del self._answers[next(iter(self._answers))]
            self._answers[kind] = answers
        elif not self._repeats.take(1, now):
            raise CallerGone(1008, f"the same messages in error for too long. The last: {error.message}")
        return answers.take(1, now)
