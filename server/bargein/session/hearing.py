"""The caller's sound on its way in: from a message to what the core makes of it.

Every caller sends fifty pieces a second, all the time, so what a step costs here is what a caller costs. Everything
else that a caller may send takes the long way of :mod:`bargein.session.session`, by the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from bargein.core.actions import Action
from bargein.core.audio import AudioFormat
from bargein.core.config import SessionConfig
from bargein.core.conversation import Conversation
from bargein.metrics.traffic import Traffic
from bargein.session.limits import CallerLimits
from bargein.vad.detector import Detector
from bargein.wire.input_audio import check_whole_samples

STEADY_S: Final = 0.0201
"""A window and a hair. Within longer pieces the level from which sound counts as speech may have moved by the end."""
LIVE_S: Final = 2.0
"""Sound that comes in longer pieces is a recording: to weigh a minute of it would hold up every other caller."""


class Hearing:
    """One caller's sound."""

    def __init__(
        self,
        conversation: Conversation,
        make_detector: Callable[[AudioFormat], Detector],
        limits: CallerLimits,
        traffic: Traffic,
    ) -> None:
        self.audio_in_s = 0.0
        """How much was heard so far."""
        self._conversation = conversation
        self._make_detector = make_detector
        self._limits = limits
        self._traffic = traffic
        self._listen_to(conversation.config.input_format)
        self._detecting = conversation.config.turn_detection is not None

    def configure(self, config: SessionConfig) -> None:
        """Take a new configuration. A detector begins anew with another format, and when detection begins."""
        began = not self._detecting and config.turn_detection is not None
        if began or config.input_format != self.format:
            self._listen_to(config.input_format)
        self._detecting = config.turn_detection is not None

    def take(self, audio: bytes, now: float) -> list[Action]:
        """Samples, and part of one if the caller is wrong; returns what must be done.

        :raises CallerError: they are not whole.
        :raises CallerGone: they are too many.
        """
        size = len(audio)
        if size % 2:
            check_whole_samples(audio, self.format)
        duration_s = size * self._s_per_byte
        self._limits.sound(duration_s, now)
        self.audio_in_s += duration_s
        self._traffic.audio_in_s += duration_s
        if not self._detecting:
            return self._conversation.hear(audio, (), now)
        weigh_above_db = self._conversation.weigh_above_db
        if duration_s > STEADY_S and weigh_above_db < math.inf:
            weigh_above_db = -math.inf if duration_s <= LIVE_S else math.inf
        windows = self._detector.feed(audio, weigh_above_db=weigh_above_db)
        return self._conversation.hear(audio, windows, now)

    def _listen_to(self, fmt: AudioFormat) -> None:
        self.format = fmt
        self._s_per_byte = 1 / (fmt.rate_hz * fmt.bytes_per_sample)
        self._detector = self._make_detector(fmt)
