"""The seam between a session and what its caller speaks.

A session is a caller's protocol and a conversation: bytes in become events of the core, what the core decides becomes
bytes out. A protocol knows the connection and the words of one caller; the conversation, the model's streams, the
limits and the clock are the session's. The protocols are in :mod:`bargein.protocols`: nothing here knows any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bargein.agents import Agent
from bargein.core.actions import AudioSent, BargeinAction, CallerAction
from bargein.core.config import SessionConfig
from bargein.core.events import Event
from bargein.errors import CallerError, CallerGone
from bargein.money.books import Refused
from bargein.session.audio_input import AudioInput, Work
from bargein.session.backlog import BacklogWatch
from bargein.session.connection import CallerConnection
from bargein.session.endings import Ending
from bargein.session.latency import Measured
from bargein.session.purse import Spent


class Talk:
    """What a protocol asks of its session: the base of :class:`~bargein.session.session.Session`. One by itself is a
    talk that is over, and nothing comes of anything.
    """

    def handle(self, event: Event, now: float) -> None:
        """Do what comes of an event of the core: by the time it returns, all of it was told.

        :raises CallerError: the caller asked for something impossible; nothing has changed.
        """

    def apart(self, work: Callable[[float], None]) -> None:
        """Do what no message of the caller's has brought about, a timer's work: ``work`` is given the time, and what
        goes wrong in it is dealt with as in a message.
        """

    def configure(self, config: SessionConfig, now: float) -> None:
        """The caller has changed its configuration."""

    def count_control(self, now: float) -> None:
        """A message came that is not sound: there is an allowance for these."""

    def leave(self, gone: CallerGone) -> None:
        """Say why in the caller's own way, then close the connection."""


class CallerProtocol:
    """What one caller speaks: the base of every protocol. One object for each connection; called on the event loop's
    thread, it never waits.

    A derived class sets the fields of ``__init__`` and gives the methods of the second group what they are for.
    """

    def __init__(self, connection: CallerConnection, config: SessionConfig) -> None:
        self.connection = connection
        self.config = config
        """With which the conversation begins."""
        self.agent: Agent | None = None
        """Who answers the caller, where that is one of the operator's agents."""
        self.raw_sound = False
        """:meth:`tell_audio` takes samples. Otherwise PCM16 at 24 kHz comes as the base64 that the model sent."""
        self.reports = False
        """The caller reports its play-out, and answers a flush."""
        self.ducks = False
        """What it plays can be made quieter while a reply is held. Without that it is paused."""
        self.answers_calls = True
        """The caller may have tools of its own, and answer calls of them."""
        self.wants_decisions = False
        """The caller wants to be told what was decided, and why."""
        self._talk = Talk()
        self._audio_input: AudioInput
        self._watch: BacklogWatch

    def join(self, talk: Talk, audio_input: AudioInput, watch: BacklogWatch) -> None:
        """The session is there: what is received goes to it, sound to ``audio_input``, and ``watch`` is told what is
        sent.
        """
        self._talk = talk
        self._audio_input = audio_input
        self._watch = watch

    def let_go(self) -> None:
        """The session is over: forget it. It knows this object, and such a circle would wait, with all its sound, for a
        garbage collection that a busy server puts off for as long as it can.
        """
        self._talk = Talk()

    # What a protocol gives.

    def begin(self, conversation_id: str) -> None:
        """The connection is open: greet the caller, if that is the custom."""

    def receive_text(self, data: bytes, now: float) -> Work | None:
        """Deal with one text message, valid UTF-8, and return what of it is too much to be done at once.

        :raises CallerError: it cannot be honoured: :meth:`tell_refusal` may follow.
        :raises CallerGone: the session has to end.
        """
        raise NotImplementedError

    def receive_binary(self, data: bytes, now: float) -> Work | None:
        """The same for a binary message."""
        raise NotImplementedError

    def tell(self, action: CallerAction | BargeinAction) -> None:
        """Tell the caller what was decided: all that is told to callers, but sound.

        :raises CallerError: it asked to be told of something too large.
        """
        raise NotImplementedError

    def tell_audio(self, audio: AudioSent) -> None:
        """Send one piece of a reply's sound."""
        raise NotImplementedError

    def told(self, now: float) -> None:
        """All that one event has brought about was told."""

    def tell_decision(self, record: dict[str, Any]) -> None:
        """What was decided, why, and from which figures: for callers who want to know it, and for the log."""

    def tell_latency(self, measured: Measured) -> None:
        """Where the time of a turn went, for callers who want to know it."""

    def tell_cost(self, spent: Spent) -> None:
        """What a response has cost, for callers who want to know it; its end was told before."""

    def tell_over_budget(self, refused: Refused) -> None:
        """The model is not asked, for a cap is full; that the response has failed follows."""

    def tell_refusal(self, error: CallerError) -> None:
        """A message of the caller's was refused; the session goes on."""

    def tell_ending(self, ending: Ending) -> None:
        """The session ends: the connection is closed next, with ``ending``'s code and reason."""
