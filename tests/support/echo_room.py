"""A call on a virtual clock whose caller has a loudspeaker: what the agent says comes back into the microphone.

The whole way in is real, detector and comparison of sounds included; only sockets and the model are not.
"""

from __future__ import annotations

import base64
import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargein.alignment.aligner import Aligner
from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.completion import AudioPiece, Finished, StreamPiece, TranscriptPiece
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.conversation import Conversation
from bargein.core.events import ResponseRequested
from bargein.core.items import InputText, Message
from bargein.metrics.traffic import Traffic
from bargein.session.audio_input import AudioInput
from bargein.session.cancelling import MakeCancelling
from bargein.session.limits import CallerLimits
from bargein.session.measures import NumpyMeasures
from bargein.session.setup import SessionLimits
from bargein.session.timers import Timers
from bargein.vad.webrtc import WebRtcDetector
from support.sounds import RATE_HZ, Sound, pcm16, room

FRAME = RATE_HZ // 50
PIECE = RATE_HZ // 10
NETWORK_S = 0.02
THINKING_S = 0.3
FASTER = 2.0
"""How much faster than speech the model is."""


def walls(reverberation_s: float, strength: float, seed: int = 3) -> Sound:
    """What a room makes of a click: the direct sound, and noise that dies away by 60 dB. Of unit energy."""
    count = int(min(reverberation_s, 0.3) * RATE_HZ)
    at_s = np.arange(count) / RATE_HZ
    response = np.random.default_rng(seed).normal(0, strength, count) * np.exp(-6.9 * at_s / reverberation_s)
    response[0] = 1.0
    scaled: Sound = response / np.sqrt(np.sum(response**2))
    return scaled


@dataclass
class Loudspeaker:
    """How what is played gets into the microphone."""

    response: Sound
    gain_db: float
    delay_s: float


class EchoRoom:
    """One call.

    :param reply: what the agent says, whatever it is asked.
    :param talk: what the caller says, and when, in seconds.
    :param make_cancelling: what takes the echo out; without it nothing does.
    """

    def __init__(
        self,
        reply: Sound,
        seconds: float,
        loudspeaker: Loudspeaker | None,
        *,
        config: SessionConfig | None = None,
        talk: tuple[float, Sound] | None = None,
        make_cancelling: MakeCancelling | None = None,
    ) -> None:
        numbers = itertools.count(1)
        self.config = config or SessionConfig()
        measures = NumpyMeasures()
        self.conversation = Conversation(
            self.config, CorePolicy(), lambda prefix: f"{prefix}_{next(numbers)}", measures, Aligner(measures)
        )
        self.log: list[tuple[float, Action]] = []
        self._reply = reply
        self._loudspeaker = loudspeaker
        self._microphone = room(int(seconds * 1000), -62)
        if talk is not None:
            start = int(talk[0] * RATE_HZ)
            self._microphone[start : start + len(talk[1])] += talk[1][: len(self._microphone) - start]
        limits = CallerLimits(SessionLimits(), Timers(self))
        self._audio_input = AudioInput(
            self.conversation, WebRtcDetector, limits, Traffic(), self.now, make_cancelling=make_cancelling
        )
        self._audio_input.begin(self._perform)
        self._end_s = 0.0
        self._played = np.zeros(int((seconds + 60) * RATE_HZ))
        self._play_end = 0
        self._streams: set[str] = set()
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()

    def at(self, when_s: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._due, (when_s, next(self._order), what))

    def ask(self, now: float) -> None:
        """A text turn of the caller."""
        self._do(
            self.conversation.handle(events.ItemCreateRequested(Message("", "user", [InputText("go on")])), now), now
        )
        self._do(self.conversation.handle(ResponseRequested(self.config.response), now), now)

    def times(self, kind: type[Action]) -> list[float]:
        """When ``kind`` was done, in seconds."""
        return [round(at, 3) for at, action in self.log if isinstance(action, kind)]

    def statuses(self) -> list[str]:
        """How the replies ended."""
        return [action.response.status for _, action in self.log if isinstance(action, actions.ResponseDone)]

    def run(self) -> EchoRoom:
        """The whole call, frame by frame."""
        for start in range(0, len(self._microphone) - FRAME + 1, FRAME):
            end_s = (start + FRAME) / RATE_HZ
            self._catch_up(end_s)
            sound = pcm16(self._microphone[start : start + FRAME] + self._echo(start))
            self._end_s = end_s
            self._audio_input.take(sound, end_s)
        return self

    def now(self) -> float:
        """The time of the frame in hand, in seconds."""
        return self._end_s

    def _perform(self, todo: list[Action], now: float) -> bool:
        self._do(todo, now)
        return True

    def _catch_up(self, until_s: float) -> None:
        """Whatever falls due, in order."""
        now = until_s - FRAME / RATE_HZ
        while True:
            timer = self.conversation.next_timer(now)
            due_s = self._due[0][0] if self._due else math.inf
            timer_s = math.inf if timer is None else timer
            if min(due_s, timer_s) > until_s:
                return
            if due_s <= timer_s:
                now, _, what = heapq.heappop(self._due)
                what(now)
            else:
                now = max(timer_s, math.nextafter(now, math.inf))
                self._do(self.conversation.handle(events.TimerFired(), now), now)

    def _echo(self, start: int) -> Sound:
        speaker = self._loudspeaker
        if speaker is None:
            return np.zeros(FRAME)
        stop = start + FRAME - int(speaker.delay_s * RATE_HZ)
        first = stop - FRAME - len(speaker.response) + 1
        heard = self._played[max(first, 0) : max(stop, 0)]
        if not heard.any():
            return np.zeros(FRAME)
        heard = np.concatenate((np.zeros(stop - first - len(heard)), heard))
        return 10 ** (speaker.gain_db / 20) * np.convolve(heard, speaker.response, "valid")

    def _do(self, todo: list[Action], now: float) -> None:
        for action in todo:
            self.log.append((now, action))
            match action:
                case actions.StartStream(response_id):
                    self._begin(response_id, now)
                case actions.CancelStream(response_id):
                    self._streams.discard(response_id)
                case actions.AudioSent(audio=audio):
                    raw = audio if isinstance(audio, bytes) else base64.b64decode(audio)
                    self.at(now + NETWORK_S, lambda then, raw=raw: self._play(raw, then))  # type: ignore[misc]
                case actions.SpeechStarted():
                    self.at(now + NETWORK_S, self._fall_silent)
                case _:
                    pass

    def _begin(self, response_id: str, now: float) -> None:
        self._streams.add(response_id)
        begins_s = now + THINKING_S
        pieces = [self._reply[start : start + PIECE] for start in range(0, len(self._reply), PIECE)]
        spoken = [AudioPiece(pcm16(piece), len(piece)) for piece in pieces]
        stream: list[StreamPiece] = [TranscriptPiece("words "), *spoken, Finished("stop")]
        for number, piece in enumerate(stream):
            when_s = begins_s + number * PIECE / RATE_HZ / FASTER

            def come(then: float, piece: StreamPiece = piece) -> None:
                if response_id in self._streams:
                    self._do(self.conversation.handle(events.StreamProgressed(response_id, piece), then), then)

            self.at(when_s, come)

    def _play(self, raw: bytes, now: float) -> None:
        """As a plain client: one piece behind the other, the first as it comes."""
        samples = np.frombuffer(raw, "<i2")
        start = max(int(now * RATE_HZ), self._play_end)
        self._play_end = start + len(samples)
        self._played[start : self._play_end] = samples[: len(self._played) - start]

    def _fall_silent(self, now: float) -> None:
        self._play_end = int(now * RATE_HZ)
        self._played[self._play_end :] = 0
