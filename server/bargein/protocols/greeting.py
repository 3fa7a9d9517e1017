"""When an agent speaks first: as soon as the caller listens, unless the caller has begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bargein.core.config import ResponseSettings
from bargein.core.events import ResponseRequested
from bargein.session.timers import Timers

PATIENCE_S: Final = 0.5
"""A caller who is quiet for so long has configured its session, and sends no text to begin with."""


def greeting_request(settings: ResponseSettings, greeting: str) -> ResponseRequested:
    """The response in which the agent greets."""
    instructions = "\n\n".join(filter(None, (settings.instructions, greeting)))
    return ResponseRequested(replace(settings, instructions=instructions))


class Greeting:
    """Waits for its moment: the first sound of the caller, whose microphone is open then, or some quiet.

    :param greet: what to do then.
    """

    def __init__(self, timers: Timers, greet: Callable[[], None]) -> None:
        self._timers = timers
        self._greet: Callable[[], None] | None = greet

    def wait(self) -> None:
        """The caller has connected, or has sent something that begins no conversation."""
        if self._greet is not None:
            self._timers.schedule(self, self._timers.clock.now() + PATIENCE_S, self.now)

    def now(self) -> None:
        """The caller is there."""
        greet = self._greet
        self.drop()
        if greet is not None:
            greet()

    def drop(self) -> None:
        """There is nothing to greet any more."""
        self._greet = None
        self._timers.cancel(self)
