"""One scene as a call: the server's own ears and core on a clock that somebody moves, a simulated model, a caller's
microphone and loudspeaker. Only sockets are missing.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Final

import numpy as np
import pybase64

from bargein.alignment.aligner import Aligner
from bargein.bench.checking import ReplyCheck
from bargein.bench.echoing import EchoPath
from bargein.bench.judging import TAKES_S, judged, phrase_heard
from bargein.bench.loudspeaker import Loudspeaker, Piece
from bargein.bench.making import session_config
from bargein.bench.observing import Observer
from bargein.bench.outcome import Outcome
from bargein.bench.rendering import Rendered, render
from bargein.bench.reply import FASTER, PIECE_SAMPLES, THINKING_S, reply_of
from bargein.bench.scene import Scene
from bargein.bench.sending import frames_of
from bargein.bench.waves import FRAME_SAMPLES, RATE_HZ, Sound, pcm16
from bargein.core import actions, decisions, events
from bargein.core.actions import Action
from bargein.core.conversation import Conversation
from bargein.core.events import Event, ResponseRequested
from bargein.core.items import InputAudio, Item, Message
from bargein.judging.words import Vocabulary
from bargein.metrics.traffic import Traffic
from bargein.session.audio_input import AudioInput
from bargein.session.limits import CallerLimits
from bargein.session.measures import NumpyMeasures
from bargein.session.setup import Services
from bargein.session.timers import Timers

BEGIN_S: Final = 1_000.0
"""The clock at the beginning of a call: no time is special."""
ASKED_S: Final = 0.1
REPORT_S: Final = 0.1
"""How often a ``bargein.v1`` client reports its play-out."""
SILENT_VOICE: Final = "adam"
"""Who answers where the scene names no agent."""


class HandClock:
    """A clock that somebody moves."""

    def __init__(self) -> None:
        self.at = BEGIN_S

    def now(self) -> float:
        return self.at


class Call:
    """Runs one scene once."""

    def __init__(self, scene: Scene, setup: Services) -> None:
        self._scene = scene
        self._setup = setup
        self._clock = HandClock()
        self._numbers = itertools.count(1)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._streams: set[str] = set()
        self._judging: set[str] = set()
        """Utterances whose words are being heard."""
        self._vocabulary = Vocabulary()
        self._speaker = Loudspeaker()
        self._reply = reply_of(scene.reply or SILENT_VOICE)
        self._check = ReplyCheck(self._reply)
        self._rendered: Rendered = render(scene)
        self._observer = Observer(scene, self._rendered, self._speaker)
        self._echo = None if scene.echo is None else EchoPath(scene.echo, scene.seconds)
        self._v1 = scene.client == "bargein.v1"
        config = session_config(scene)
        measures = NumpyMeasures()
        self._conversation = Conversation(
            config, setup.policy, self._new_id, measures, Aligner(measures), reports=self._v1
        )
        limits = CallerLimits(setup.limits, Timers(self._clock))
        self._audio_input = AudioInput(
            self._conversation,
            setup.make_detector,
            limits,
            Traffic(),
            self._clock.now,
            setup.make_cancelling,
            make_weigher=setup.make_weigher,
        )
        self._audio_input.begin(self._perform)

    def run(self) -> Outcome:
        """The whole call.

        :raises BargeinError: a voice or a file is missing.
        """
        if self._scene.reply is not None:
            self._later(ASKED_S, self._ask)
        if self._v1:
            self._later(REPORT_S, self._report_regularly)
        microphone = self._rendered.microphone
        frames = frames_of(self._scene, microphone) if self._echo is None else None
        for number in range(len(microphone) // FRAME_SAMPLES):
            end_s = (number + 1) * FRAME_SAMPLES / RATE_HZ
            self._catch_up(BEGIN_S + end_s)
            if frames is None:
                start = number * FRAME_SAMPLES
                part = microphone[start : start + FRAME_SAMPLES]
                frame = self._bytes_of(part if self._echo is None else part + self._echo.heard(start))
            else:
                frame = frames[number]
            work = self._audio_input.take(frame, self._clock.at)
            assert work is None, "a frame is short"
            self._rearm()
        self._play()
        return self._observer.outcome(sum(map(_is_speech, self._conversation.history)))

    # Time.

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self._clock.at + delay_s, next(self._numbers), what))

    def _catch_up(self, until: float) -> None:
        """Whatever falls due, in order."""
        while True:
            due = self._due[0][0] if self._due else math.inf
            timer = self._timer
            if min(due, timer) > until:
                break
            if due <= timer:
                self._clock.at, _, what = heapq.heappop(self._due)
                self._play()
                what()
                self._rearm()
            else:
                self._clock.at = max(timer, math.nextafter(self._clock.at, math.inf))
                self._play()
                self._handle(events.TimerFired())
        self._clock.at = until
        self._play()

    def _rearm(self) -> None:
        due = self._conversation.next_timer(self._clock.at)
        self._timer = math.inf if due is None else due

    _timer = math.inf

    # The server.

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"

    def _ask(self) -> None:
        self._handle(ResponseRequested(self._conversation.config.response))

    def _handle(self, event: Event) -> None:
        self._perform(self._conversation.handle(event, self._clock.at), self._clock.at)
        self._rearm()

    def _perform(self, todo: list[Action], now: float) -> bool:
        at_s = now - BEGIN_S
        self._play()
        for action in todo:
            match action:
                case actions.AudioSent():
                    self._came(action)
                case actions.StartStream(response_id):
                    self._streams.add(response_id)
                    self._later(THINKING_S, lambda response_id=response_id: self._stream(response_id, 0))  # type: ignore[misc]
                case actions.CancelStream(response_id):
                    self._streams.discard(response_id)
                case actions.StartJudging():
                    self._judge(action)
                case actions.StopJudging(utterance_id):
                    self._judging.discard(utterance_id)
                case actions.StartPhrase():
                    self._hear_phrase(action)
                case actions.SpeechStarted() if not self._v1:
                    self._speaker.drop()
                case actions.Held() | actions.Resumed() | actions.Flushed() if self._v1:
                    self._obey(action)
                case _:
                    pass
            if not isinstance(action, actions.AudioSent | decisions.RuleAsked):
                self._observer.note(action, at_s)
        return True

    def _came(self, sent: actions.AudioSent) -> None:
        raw = sent.audio if isinstance(sent.audio, bytes) else pybase64.b64decode(sent.audio)
        intact = self._check.is_intact(sent.item_id, sent.start_sample, raw)
        self._observer.sent(sent.sample_count, intact=intact)
        was_playing = self._speaker.playing
        self._speaker.came(Piece(sent.response_id, sent.item_id, sent.start_sample, sent.sample_count))
        if self._v1 and not was_playing:
            self._later(0.0, self._report)

    # The model.

    def _stream(self, response_id: str, number: int) -> None:
        if response_id not in self._streams:
            return
        pieces = self._reply.pieces[number]
        if number + 1 < len(self._reply.pieces):
            wait_s = PIECE_SAMPLES / RATE_HZ / FASTER
            self._later(wait_s, lambda: self._stream(response_id, number + 1))
        for piece in pieces:
            self._handle(events.StreamProgressed(response_id, piece))

    # Who hears words.

    def _judge(self, asked: actions.StartJudging) -> None:
        """Answer a while later, unless it is called back."""
        onset_s, end_s = self._rendered.onset_s, self._rendered.end_s
        share = (self._clock.at - BEGIN_S - onset_s) / max(end_s - onset_s, 0.001)
        answer = judged(self._scene, asked, self._vocabulary, share)
        if answer is None:
            return
        self._judging.add(asked.utterance_id)

        def tell() -> None:
            if asked.utterance_id in self._judging:
                self._judging.discard(asked.utterance_id)
                self._handle(answer)

        self._later(TAKES_S, tell)

    def _hear_phrase(self, asked: actions.StartPhrase) -> None:
        heard = phrase_heard(self._scene, asked, self._clock.at - BEGIN_S - self._rendered.onset_s)
        if heard is not None:
            self._later(TAKES_S, lambda: self._handle(heard))

    # The caller.

    def _play(self) -> None:
        was_playing = self._speaker.playing
        played = self._speaker.advance(self._clock.at - BEGIN_S)
        if self._echo is not None:
            for part in played:
                self._echo.played(part.at, self._check.sound(part.item_id, part.start, part.count))
        if self._v1 and was_playing and not self._speaker.playing:
            self._later(0.0, self._report)

    def _report_regularly(self) -> None:
        if self._speaker.playing:
            self._report()
        self._later(REPORT_S, self._report_regularly)

    def _report(self) -> None:
        current = self._speaker.current
        if current is not None:
            response_id, item_id, position = current
            self._handle(events.PlaybackReported(response_id, item_id, position, self._speaker.playing))

    def _obey(self, action: actions.Held | actions.Resumed | actions.Flushed) -> None:
        match action:
            case actions.Held(duck_db=duck_db):
                self._speaker.paused, self._speaker.ducked = duck_db is None, duck_db is not None
                self._later(0.0, self._report)
            case actions.Resumed():
                self._speaker.paused = self._speaker.ducked = False
                self._later(0.0, self._report)
            case actions.Flushed(response_id, item_id):
                position = self._speaker.drop(item_id)
                flushed = events.PlaybackFlushed(response_id, item_id, position)
                self._later(0.0, lambda: self._handle(flushed))

    def _bytes_of(self, part: Sound) -> bytes:
        return np.asarray(pcm16(part), "<i2").tobytes()


def _is_speech(item: Item) -> bool:
    return (
        isinstance(item, Message) and item.role == "user" and any(isinstance(part, InputAudio) for part in item.parts)
    )
