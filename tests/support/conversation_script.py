"""Drives the core on a virtual clock: a test reads as the script of a conversation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from bargein.alignment.aligner import Aligner
from bargein.alignment.voiced_clock import SpeechCurve
from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.audio import PCM16_24K, AudioFormat
from bargein.core.completion import AudioPiece, CompletionRequest, Finished, FinishReason, StreamPiece, TranscriptPiece
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, TurnDetection
from bargein.core.conversation import Conversation
from bargein.core.decisions import Decision, UtteranceVerdict
from bargein.core.events import Event, ResponseRequested, WeighedWindow, Window
from bargein.core.items import InputText, Message
from bargein.core.measures import EchoMatch
from bargein.errors import CallerError

WINDOW_MS = 20
SPEECH_DB = -20.0
SILENCE_DB = -70.0

A = TypeVar("A")


def copied(event: Event) -> Event:
    """The event as it is now: an item in it will live in the history, and change there."""
    if not isinstance(event, events.ItemCreateRequested):
        return event
    item = replace(event.item)
    if isinstance(item, Message):
        item.parts = [replace(part) for part in item.parts]
    return replace(event, item=item)


class Script:
    """One conversation, its clock, and everything that it has told us to do."""

    def __init__(
        self,
        config: SessionConfig | None = None,
        policy: CorePolicy | None = None,
        *,
        reports: bool = False,
    ) -> None:
        numbers = itertools.count(1)
        self.config = config or SessionConfig()
        self.policy = policy or CorePolicy()
        self.now = 100.0
        self.log: list[tuple[float, Action]] = []
        """What was told and done."""
        self.decisions: list[tuple[float, Decision]] = []
        """Why."""
        self.steps: list[tuple[Event, list[Action]]] = []
        """The same, with the event that brought it about."""
        self.happened: list[tuple[float, Event]] = []
        self.requests: dict[str, CompletionRequest] = {}
        self._weighed: list[WeighedWindow] = []
        """What the second detector makes of the newest sound; it is told from where it is asked on."""
        self.conversation = Conversation(
            self.config,
            self.policy,
            lambda prefix: f"{prefix}_{next(numbers)}",
            self,
            Aligner(self),
            reports=reports,
        )

    # Measures of sound, as the test wants them.

    echo = 0.0
    """How much of what the caller says is the agent's echo."""
    echo_said_s = 0.0
    """How long before the end of what the agent has said."""
    echo_shape: float | None = None
    """How alike both rise and fall; there, by this."""
    echo_shape_said_s = 0.0

    def speech_curve(self, pieces: Sequence[str | bytes], fmt: AudioFormat) -> SpeechCurve:
        return SpeechCurve([], [])

    def echo_match(
        self, heard: bytes, heard_format: AudioFormat, said: Sequence[str | bytes], said_format: AudioFormat
    ) -> EchoMatch:
        return EchoMatch(self.echo, self.echo_said_s, self.echo_shape, self.echo_shape_said_s)

    pitch_st_per_s: float | None = None
    """How the voice moved before every pause."""

    def pitch_slope(self, heard: bytes, heard_format: AudioFormat) -> float | None:
        return self.pitch_st_per_s

    # What happens.

    def do(self, event: Event) -> list[Action]:
        self.happened.append((self.now, copied(event)))
        done = self.conversation.handle(event, self.now)
        self.steps.append((event, done))
        for action in done:
            if isinstance(action, Decision):
                self.decisions.append((self.now, action))
                continue
            self.log.append((self.now, action))
            if isinstance(action, actions.StartStream):
                self.requests[action.response_id] = action.request
        return done

    def replay(self, happened: Sequence[tuple[float, Event]]) -> None:
        """Let the same happen at the same times as in another script."""
        for self.now, event in happened:
            with suppress(CallerError):
                self.do(event)

    def advance(self, ms: float) -> None:
        """Let time pass, firing timers when they are due."""
        until = self.now + ms / 1000
        while True:
            timer = self.conversation.next_timer(self.now)
            if timer is None or timer > until + 1e-9:
                break
            # A timer that is due now must make progress, so time moves on by a hair at least.
            self.now = max(timer, math.nextafter(self.now, math.inf))
            self.do(events.TimerFired())
        self.now = max(self.now, until)

    def windows(self, ms: int, probability: float, level_db: float, voicing: float = 1.0) -> None:
        fmt = self.conversation.config.input_format
        count = fmt.samples_in_ms(WINDOW_MS)
        for _ in range(ms // WINDOW_MS):
            self.advance(WINDOW_MS)
            window = Window(count, probability, level_db, voicing)
            self.do(events.AudioAppended(bytes(fmt.bytes_of(count)), (window,)))
            if self.policy.weighs:
                self.weigh(count, probability * voicing)

    def weigh(self, sample_count: int, probability: float) -> None:
        """The second detector hears the newest sound: of what is undecided, it tells."""
        start = self.conversation.caller.buffer.end_sample - sample_count
        self._weighed = [*self._weighed[-30:], WeighedWindow(start, sample_count, probability)]
        undecided_from = self.conversation.undecided_from
        if undecided_from is not None:
            told = tuple(window for window in self._weighed if window.start_sample >= undecided_from)
            self._weighed = []
            self.do(events.SpeechWeighed(told))

    def speech(self, ms: int) -> None:
        self.windows(ms, 1.0, SPEECH_DB)

    def talk(self, ms: int) -> None:
        """Long speech, with the dips that are between syllables: a sound that never dips becomes the background."""
        while ms > 0:
            self.speech(min(ms, 100))
            self.silence(min(max(ms - 100, 0), 20))
            self.speech(min(max(ms - 120, 0), 80))
            ms -= 200

    def judge(self, verdict: UtteranceVerdict, words: str | None = None) -> list[Action]:
        """Somebody who hears words answers."""
        utterance_id = self.last(actions.StartJudging).utterance_id
        return self.do(events.UtteranceJudged(utterance_id, verdict, "words", 150.0, words))

    def cough(self, ms: int) -> None:
        self.windows(ms, 1.0, SPEECH_DB, 0.0)

    def silence(self, ms: int) -> None:
        self.windows(ms, 0.0, SILENCE_DB)

    def ask(self, text: str = "hello") -> str:
        """A text turn of the caller. Returns the id of its response."""
        self.do(events.ItemCreateRequested(Message("", "user", [InputText(text)])))
        self.do(ResponseRequested(self.config.response))
        return self.last(actions.ResponseCreated).response.id

    def be_answered(self) -> None:
        """A text turn after a little silence, and the model's whole answer, short enough to be sent at once."""
        self.silence(500)
        self.ask()
        self.say("are you there", 300)
        self.finish()

    def piece(self, piece: StreamPiece, response_id: str | None = None) -> None:
        self.do(events.StreamProgressed(response_id or self.last(actions.StartStream).response_id, piece))

    def say(self, text: str, ms: int, response_id: str | None = None) -> None:
        """The model says ``text`` in ``ms`` of sound: the words first, the sound in pieces of 100 ms."""
        if text:
            self.piece(TranscriptPiece(text), response_id)
        while ms > 0:
            count = PCM16_24K.samples_in_ms(min(ms, 100))
            self.piece(AudioPiece(b"\x01\x00" * count, count), response_id)
            ms -= 100

    def finish(self, reason: FinishReason = "stop", response_id: str | None = None) -> None:
        self.piece(Finished(reason), response_id)

    # What was done.

    def all(self, kind: type[A]) -> list[A]:
        return [action for _, action in self.log if isinstance(action, kind)]

    def last(self, kind: type[A]) -> A:
        return self.all(kind)[-1]

    def at(self, kind: type[Action]) -> float:
        """When ``kind`` was done last, in ms since the beginning."""
        return next(round((at - 100.0) * 1000, 3) for at, action in reversed(self.log) if isinstance(action, kind))

    def kinds(self, since: int = 0) -> list[str]:
        return [type(action).__name__ for _, action in self.log[since:]]

    def words_told(self, response_id: str | None = None) -> str:
        """The transcript that the caller was told piece by piece: of one response, or of all."""
        told = [action for action in self.all(actions.TranscriptSent) if response_id in {None, action.response_id}]
        return "".join(action.delta for action in told)

    def sent_ms(self) -> int:
        return PCM16_24K.ms_of(sum(action.sample_count for action in self.all(actions.AudioSent)))


def manual() -> SessionConfig:
    return SessionConfig(turn_detection=None)


def detecting(**changes: object) -> SessionConfig:
    return SessionConfig(turn_detection=TurnDetection(**changes), response=ResponseSettings())  # type: ignore[arg-type]
