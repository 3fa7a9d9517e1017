"""The caller's sound on its way in: from a message to what the core makes of it.

Every caller sends fifty pieces a second, all the time, so what a step costs here is what a caller costs. Everything
else that a caller may send takes the long way of :mod:`bargein.session.session`, by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bargein.core.actions import Action
from bargein.core.audio import AudioFormat
from bargein.core.config import SessionConfig
from bargein.core.conversation import Conversation
from bargein.metrics.traffic import Traffic
from bargein.session.limits import CallerLimits
from bargein.vad.detector import Detector
from bargein.wire.sample_stream import RIFF, SampleStream

STEP_S: Final = 0.0201
"""A window of the detector and a hair. Longer pieces are heard step by step: what is weighed of a window, and whether
it is, follows from those before."""
STEP_MS: Final = 20


class Hearing:
    """One caller's sound.

    :param perform: does what a piece of it has brought about; returns whether the session goes on.
    """

    def __init__(
        self,
        conversation: Conversation,
        make_detector: Callable[[AudioFormat], Detector],
        limits: CallerLimits,
        traffic: Traffic,
        perform: Callable[[list[Action], float], bool],
    ) -> None:
        self.audio_in_s = 0.0
        """How much was heard so far."""
        self._conversation = conversation
        self._make_detector = make_detector
        self._limits = limits
        self._traffic = traffic
        self._perform = perform
        self._listen_to(conversation.config.input_format)
        self._detecting = conversation.config.turn_detection is not None

    def configure(self, config: SessionConfig) -> None:
        """Take a new configuration. A detector begins anew with another format, and when detection begins."""
        began = not self._detecting and config.turn_detection is not None
        if config.input_format != self.format:
            self._listen_to(config.input_format)
        elif began:
            self._detector = self._make_detector(self.format)
        self._detecting = config.turn_detection is not None

    def restart(self) -> None:
        """The caller has ended a sound: what comes next is the beginning of another, not the rest of a sample."""
        self._stream.restart()

    def take(self, audio: bytes, now: float) -> None:
        """Hear bytes of the input format, cut anywhere, and do what comes of it.

        :raises CallerError: they are no samples.
        :raises CallerGone: they are too many.
        """
        size = len(audio)
        if size % 2 or not self._stream.plain or audio.startswith(RIFF):
            audio = self._stream.take(audio)
            size = len(audio)
        if not size:
            return
        duration_s = size * self._s_per_byte
        self._limits.sound(duration_s, now)
        self.audio_in_s += duration_s
        self._traffic.audio_in_s += duration_s
        if duration_s <= STEP_S or not self._detecting:
            self._hear(audio, now)
            return
        step_bytes = self._step_bytes
        for start in range(0, size, step_bytes):
            if not self._hear(audio[start : start + step_bytes], now):
                break

    def _hear(self, audio: bytes, now: float) -> bool:
        conversation = self._conversation
        if self._detecting:
            windows = self._detector.feed(audio, weigh_above_db=conversation.weigh_above_db)
            todo = conversation.hear(audio, windows, now)
        else:
            todo = conversation.hear(audio, (), now)
        return self._perform(todo, now) if todo else True

    def _listen_to(self, fmt: AudioFormat) -> None:
        self.format = fmt
        self._stream = SampleStream(fmt)
        self._step_bytes = fmt.bytes_of(fmt.samples_in_ms(STEP_MS))
        self.piece_bytes = fmt.bytes_of(fmt.rate_hz)
        """A second. More at once is a recording, to be given piece by piece: a minute of it would hold up every other
        caller.
        """
        self._s_per_byte = 1 / self.piece_bytes
        self._detector = self._make_detector(fmt)
