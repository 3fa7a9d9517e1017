"""The second detector, as a session asks it: through the real detectors, on real speech and on what is none."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from bargein.alignment.aligner import Aligner
from bargein.core import actions, decisions, events
from bargein.core.actions import Action
from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat
from bargein.core.completion import AudioPiece, Finished, TranscriptPiece
from bargein.core.config import CorePolicy, SessionConfig, TurnDetection
from bargein.core.conversation import Conversation
from bargein.core.events import ResponseRequested, SpeechWeighed
from bargein.core.recorded import replay
from bargein.metrics.traffic import Traffic
from bargein.session.audio_input import AudioInput
from bargein.session.limits import CallerLimits
from bargein.session.measures import NumpyMeasures
from bargein.session.setup import SessionLimits
from bargein.session.timers import Timers
from bargein.sound.g711 import pcm16_to_ulaw
from bargein.sound.resample import resample
from bargein.vad.choice import ears
from support.sounds import Sound, cough, keys, knock, pcm16, room, speech, tones, within

POLICY = CorePolicy(weighs=True, confirm_after_ms=400)
STOP = "Wait, stop, I wanted to ask something else."


class HandClock:
    at = 100.0

    def now(self) -> float:
        return self.at


class Line:
    """A caller's sound on its way into a conversation, by a clock that is moved."""

    def __init__(self, fmt: AudioFormat = PCM16_24K, *, policy: CorePolicy = POLICY, **detection: Any) -> None:  # noqa: ANN401
        numbers = itertools.count(1)
        self.clock = HandClock()
        self.done: list[Action] = []
        self.config = SessionConfig(input_format=fmt, turn_detection=TurnDetection(**detection))
        measures = NumpyMeasures()
        self.conversation = Conversation(
            self.config, policy, lambda prefix: f"{prefix}_{next(numbers)}", measures, Aligner(measures)
        )
        heard_with = ears("cascade")
        self.weighers = 0

        def make_weigher(given: AudioFormat, start_sample: int) -> Any:  # noqa: ANN401
            self.weighers += 1
            assert heard_with.make_weigher is not None
            return heard_with.make_weigher(given, start_sample)

        self.audio_input = AudioInput(
            self.conversation,
            heard_with.make_detector,
            CallerLimits(SessionLimits(), Timers(self.clock)),
            Traffic(),
            self.clock.now,
            make_weigher=make_weigher,
        )
        self.audio_input.begin(self.perform)
        self.fmt = fmt

    def perform(self, todo: list[Action], now: float) -> bool:
        self.done.extend(todo)
        return True

    def handle(self, event: events.Event) -> None:
        self.done.extend(self.conversation.handle(event, self.clock.at))

    def reply(self) -> None:
        """The agent says something long."""
        self.handle(ResponseRequested(self.config.response))
        response_id = self.all(actions.StartStream)[-1].response_id
        self.handle(events.StreamProgressed(response_id, TranscriptPiece("one two three four")))
        quiet = np.zeros(24_000 * 20, "<i2").tobytes()
        self.handle(events.StreamProgressed(response_id, AudioPiece(quiet, 24_000 * 20)))
        self.handle(events.StreamProgressed(response_id, Finished("stop")))

    def hear(self, sound: Sound) -> None:
        samples = resample(np.frombuffer(pcm16(sound), "<i2"), 24_000, self.fmt.rate_hz)
        audio = pcm16_to_ulaw(samples) if self.fmt == PCMU_8K else samples.astype("<i2").tobytes()
        size = self.fmt.bytes_of(self.fmt.samples_in_ms(20))
        for at in range(0, len(audio), size):
            self.clock.at += 0.02
            while (due := self.conversation.next_timer(self.clock.at)) is not None and due <= self.clock.at:
                self.handle(events.TimerFired())
            assert self.audio_input.take(audio[at : at + size], self.clock.at) is None

    def all(self, kind: Any) -> list[Any]:  # noqa: ANN401
        return [action for action in self.done if isinstance(action, kind)]


def noises() -> list[Sound]:
    return [cough(400, 1), keys(1), knock(2), tones([697, 1209], 700, -20)]


@pytest.mark.parametrize("fmt", [PCM16_24K, PCMU_8K], ids=str)
@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-gb+m3"])
def test_a_person_interrupts(fmt: AudioFormat, voice: str) -> None:
    line = Line(fmt)
    line.reply()
    line.hear(within(room(4000, -60), 1000, speech(STOP, voice)))
    assert len(line.all(decisions.Interrupted)) == 1
    assert abs(line.all(decisions.Interrupted)[0].onset_ms - 1000) <= 160
    [started] = line.all(actions.SpeechStarted)
    assert 500 <= started.audio_start_ms <= 860, "the onset, and the padding before it"


def test_what_is_no_speech_holds_at_most_and_never_interrupts() -> None:
    for noise in noises():
        line = Line()
        line.reply()
        line.hear(within(room(3000, -60), 1000, noise))
        assert not line.all(decisions.Interrupted)
        assert all(ended.lasted_ms <= 400 for ended in line.all(decisions.HoldEnded))
        assert not line.conversation.agent.held


def test_what_is_no_speech_begins_no_turn() -> None:
    for noise in noises():
        line = Line()
        line.hear(within(room(3000, -60), 1000, noise))
        assert not line.all(actions.SpeechStarted)


@pytest.mark.parametrize("interrupt_response", [True, False])
def test_speech_begins_a_turn_of_all_that_was_said(interrupt_response: bool) -> None:
    line = Line(interrupt_response=interrupt_response)
    line.hear(within(room(4000, -60), 1000, speech("stop")))
    [started] = line.all(actions.SpeechStarted)
    [committed] = line.all(actions.InputCommitted)
    assert started.audio_start_ms <= 860
    assert committed.item.parts[0].format == PCM16_24K


def test_what_was_denied_does_not_hold_again_and_again() -> None:
    typing = np.concatenate([within(room(500, -60, seed), 100, keys(seed)) for seed in range(12)])
    line = Line()
    line.reply()
    line.hear(np.concatenate([room(1000, -60), typing]))
    assert len(line.all(decisions.HoldEnded)) <= 2
    line.hear(within(room(3000, -60), 300, speech(STOP)))
    assert len(line.all(decisions.Interrupted)) == 1, "who speaks is heard all the same"


def test_nobody_listens_twice_while_nothing_is_undecided() -> None:
    line = Line()
    line.hear(room(3000, -60))
    assert line.weighers == 0
    line.hear(within(room(8000, -60), 500, speech(STOP)))
    assert line.weighers <= 2
    assert line.conversation.undecided_from is None


def test_a_call_that_was_recorded_is_decided_the_same() -> None:
    line = Line()
    happened: list[tuple[float, events.Event]] = []
    line.conversation.on_event = lambda event, now: happened.append((now, event))
    line.reply()
    line.hear(within(room(4000, -60), 1000, speech(STOP)))
    measures = NumpyMeasures()
    again = replay(happened, line.config, POLICY, measures, Aligner(measures))
    assert any(isinstance(event, SpeechWeighed) for _, event in happened)
    assert [type(decision) for _, decision in again.decisions if not isinstance(decision, decisions.RuleAsked)] == [
        type(action) for action in line.done if isinstance(action, decisions.Decision)
    ]
    assert line.all(decisions.Interrupted)
