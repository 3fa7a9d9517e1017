"""The caller's sound on its way in: from a message to what the core makes of it.

Every caller sends fifty pieces a second, all the time, so what a step costs here is what a caller costs. A caller's
protocol gives its sound straight to :meth:`AudioInput.take`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from bargein.core.actions import Action
from bargein.core.audio import AudioFormat
from bargein.core.config import SessionConfig
from bargein.core.conversation import Conversation
from bargein.core.events import EchoGone
from bargein.metrics.traffic import Traffic
from bargein.session.cancelling import EchoCancelling, MakeCancelling
from bargein.session.limits import CallerLimits
from bargein.vad.detector import Detector, Weigher
from bargein.wire.sample_stream import RIFF, SampleStream

STEP_S: Final = 0.0201
"""A window of the detector and a hair. Longer pieces are heard step by step: what is weighed of a window, and whether
it is, follows from those before."""
STEP_MS: Final = 20

Work = Iterator[None]
"""What is too much to be done at once: one piece of it is done each time that it is asked for the next."""


class AudioInput:
    """One caller's sound.

    :param now: the session's clock, for sound that is heard piece by piece.
    :param make_cancelling: what takes the agent's voice out of the sound of a caller who has shown an echo; without it
        nothing does.
    :param make_weigher: the second detector, which listens to what is undecided; made for a format, and for the
        position of the first sample that it will hear.
    """

    def __init__(
        self,
        conversation: Conversation,
        make_detector: Callable[[AudioFormat], Detector],
        limits: CallerLimits,
        traffic: Traffic,
        now: Callable[[], float],
        make_cancelling: MakeCancelling | None = None,
        *,
        make_weigher: Callable[[AudioFormat, int], Weigher] | None = None,
    ) -> None:
        self.audio_in_s = 0.0
        """How much was heard so far."""
        self._conversation = conversation
        self._make_detector = make_detector
        self._make_weigher = make_weigher
        self._weigher: Weigher | None = None
        """While something is undecided."""
        self._weighed_to = 0
        """How far it has listened, in samples of the input."""
        self._limits = limits
        self._traffic = traffic
        self.now = now
        self._make_cancelling = make_cancelling
        self._cancelling: EchoCancelling | None = None
        self._perform: Callable[[list[Action], float], bool] = _nobody_performs
        self._listen_to(conversation.config.input_format)
        self._detecting = conversation.config.turn_detection is not None

    def begin(self, perform: Callable[[list[Action], float], bool]) -> None:
        """``perform`` does what a piece of the sound has brought about, and returns whether the session goes on."""
        self._perform = perform

    def close(self) -> None:
        """The session is over: hear nothing more, and know nobody any more."""
        self._perform = _nobody_performs

    def configure(self, config: SessionConfig) -> None:
        """Take a new configuration. A detector begins anew with another format, and when detection begins."""
        began = not self._detecting and config.turn_detection is not None
        if config.input_format != self.format:
            self._listen_to(config.input_format)
        elif began:
            self._detector = self._make_detector(self.format)
            self._weigher = None
        self._detecting = config.turn_detection is not None
        if self._cancelling is not None and config.echo_cancellation is False:
            self._stop_cancelling(self._cancelling, self.now())

    def restart(self) -> None:
        """The caller has ended a sound: what comes next is the beginning of another, not the rest of a sample."""
        self._stream.restart()

    def take(self, audio: bytes, now: float) -> Work | None:
        """Hear bytes of the input format, cut anywhere, and do what comes of it. Returns what of them, a recording's,
        is too much to be heard at once.

        :raises CallerError: they are no samples.
        :raises CallerGone: they are too many.
        """
        size = len(audio)
        if size > self.piece_bytes:
            return self._take_long(audio)
        if size % 2 or not self._stream.plain or audio.startswith(RIFF):
            audio = self._stream.take(audio)
            size = len(audio)
        if not size:
            return None
        duration_s = size * self._s_per_byte
        self._limits.sound(duration_s, now)
        self.audio_in_s += duration_s
        self._traffic.audio_in_s += duration_s
        if duration_s <= STEP_S or not self._detecting:
            self._hear(audio, now)
            return None
        step_bytes = self._step_bytes
        for start in range(0, size, step_bytes):
            if not self._hear(audio[start : start + step_bytes], now):
                break
        return None

    def _take_long(self, audio: bytes) -> Work:
        piece_bytes = self.piece_bytes
        for start in range(0, len(audio), piece_bytes):
            self.take(audio[start : start + piece_bytes], self.now())
            yield

    def _hear(self, audio: bytes, now: float) -> bool:
        conversation = self._conversation
        if self._cancelling is not None:
            return self._hear_without_echo(self._cancelling, audio, now)
        if self._detecting:
            windows = self._detector.feed(audio, weigh_above_db=conversation.weigh_above_db)
            todo = conversation.hear(audio, windows, now)
        else:
            todo = conversation.hear(audio, (), now)
        if todo and not self._perform(todo, now):
            return False
        if self._make_cancelling is not None and self._detecting and conversation.echo.wants_cancelling:
            self._cancelling = self._make_cancelling(conversation, self.format)
        return self._weigh_undecided(audio, now)

    def _hear_without_echo(self, cancelling: EchoCancelling, audio: bytes, now: float) -> bool:
        conversation = self._conversation
        audio = cancelling.cancel(audio, now)
        if not audio:
            return True
        windows = self._detector.feed(audio, weigh_above_db=conversation.weigh_above_db) if self._detecting else ()
        todo = conversation.hear(audio, windows, now, cancelling.echo_db)
        if todo:
            if not self._perform(todo, now):
                return False
            cancelling.align()
        if cancelling.useless:
            if not self._perform(conversation.handle(EchoGone(), now), now):
                return False
            return self._weigh_undecided(audio, now) and self._stop_cancelling(cancelling, now)
        return self._weigh_undecided(audio, now)

    def _stop_cancelling(self, cancelling: EchoCancelling, now: float) -> bool:
        """Hear the sound as it is from now on."""
        self._cancelling = None
        return not cancelling.rest or self._hear(cancelling.rest, now)

    def _weigh_undecided(self, audio: bytes, now: float) -> bool:
        """Let the second detector listen too, if there is one and something is undecided."""
        if self._make_weigher is not None:
            undecided_from = self._conversation.undecided_from
            if undecided_from is not None:
                return self._weigh(audio, undecided_from, now)
            self._weigher = None
        return True

    def _weigh(self, audio: bytes, undecided_from: int, now: float) -> bool:
        """Something is undecided: let the second detector listen too, from before its onset on."""
        buffer = self._conversation.caller.buffer
        weigher = self._weigher
        end_sample = buffer.end_sample
        if weigher is None or self._weighed_to + self.format.samples_of(len(audio)) != end_sample:
            assert self._make_weigher is not None, "there is one where it is asked"
            start_sample = max(undecided_from, buffer.start_sample)
            weigher = self._weigher = self._make_weigher(self.format, start_sample)
            audio = buffer.peek(start_sample, end_sample)
        self._weighed_to = end_sample
        todo = self._conversation.weigh(weigher.feed(audio), now)
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
        self._cancelling = None
        self._weigher = None


def _nobody_performs(_: list[Action], __: float) -> bool:
    return False
