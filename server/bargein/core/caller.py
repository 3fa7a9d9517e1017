"""The caller's side of the floor: the input buffer, the speech in it, and the turns it becomes."""

from __future__ import annotations

from typing import Final

from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.endpointing import Endpointer
from bargein.core.floor import CallerState
from bargein.core.input_buffer import InputBuffer
from bargein.core.items import InputAudio, Message
from bargein.core.reply import NewId
from bargein.errors import CallerError

SHORTEST_COMMIT_MS: Final = 100
TRIM_SLACK_MS: Final = 40
"""Silence is trimmed when this much more than needed has gathered: not at every frame."""


class Caller:
    """What the caller says, before it is an item."""

    def __init__(self, config: SessionConfig, policy: CorePolicy, new_id: NewId) -> None:
        self._policy = policy
        self._new_id = new_id
        self._config = config
        self.buffer = InputBuffer(config.input_format, policy.input_limit_ms)
        self.endpointer: Endpointer | None = None
        self.speech_item_id: str | None = None
        """The id that the speech in progress will have as an item; set when it was announced."""
        self._speech_start = 0
        self.configure(config)

    @property
    def state(self) -> CallerState:
        return CallerState.SILENT if self.endpointer is None else self.endpointer.state

    @property
    def position_ms(self) -> int:
        """How much was ever appended."""
        return self.buffer.format.ms_of(self.buffer.end_sample)

    @property
    def since_onset_s(self) -> float:
        """How long ago, in samples received, the speech in progress began."""
        if self.endpointer is None:
            return 0.0
        return (self.buffer.end_sample - self.endpointer.onset_sample) / self.buffer.format.rate_hz

    def configure(self, config: SessionConfig) -> None:
        """Take a new configuration. What is buffered is kept unless the format of the input changes."""
        self._config = config
        if config.input_format != self.buffer.format:
            self.buffer = InputBuffer(config.input_format, self._policy.input_limit_ms, self.position_ms)
            self.endpointer = None
            self.speech_item_id = None
        if config.turn_detection is None:
            self.endpointer = None
            self.speech_item_id = None
        elif self.endpointer is None:
            self.endpointer = Endpointer(config.turn_detection, self._policy, config.input_format.rate_hz)
            self.endpointer.position_samples = self.buffer.end_sample
        else:
            self.endpointer.configure(config.turn_detection)
        self._kept_samples = self._samples_worth_keeping()
        slack_samples = config.input_format.samples_in_ms(TRIM_SLACK_MS)
        self._trimmed_above_samples = self._kept_samples + slack_samples

    def forget_silence(self) -> None:
        """While nobody speaks, keep no more sound than an onset could reach back to."""
        buffer, endpointer = self.buffer, self.endpointer
        if (
            buffer.end_sample - buffer.start_sample > self._trimmed_above_samples
            and endpointer is not None
            and endpointer.state is CallerState.SILENT
        ):
            buffer.discard_before(buffer.end_sample - self._kept_samples)

    def announce(self) -> tuple[str, int]:
        """The speech in progress is to be announced: its item's id, and where it starts, padding included, in ms."""
        onset = self.buffer.end_sample if self.endpointer is None else self.endpointer.onset_sample
        self.speech_item_id = self._new_id("item")
        self._speech_start = max(self.buffer.start_sample, onset - self._padding_samples)
        return self.speech_item_id, self.buffer.format.ms_of(self._speech_start)

    def take_turn(self, end_sample: int) -> Message:
        """The announced speech, up to ``end_sample``, becomes an item."""
        item_id = self.speech_item_id or self._new_id("item")
        self.speech_item_id = None
        return self._item(item_id, self.buffer.take(self._speech_start, end_sample))

    def take_all(self) -> Message:
        """All that is buffered becomes an item, by the caller's own ``commit``.

        :raises CallerError: less than 100 ms are buffered.
        """
        if self.buffer.duration_ms < SHORTEST_COMMIT_MS:
            raise CallerError(
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
                f"but buffer only has {self.buffer.duration_ms:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        start = self.buffer.start_sample if self.speech_item_id is None else self._speech_start
        item_id = self.speech_item_id or self._new_id("item")
        self._forget_speech()
        return self._item(item_id, self.buffer.take(start, self.buffer.end_sample))

    def take_silence(self) -> Message:
        """All that is buffered, however short, becomes an item: the caller has said nothing for too long."""
        return self._item(self._new_id("item"), self.buffer.take(self.buffer.start_sample, self.buffer.end_sample))

    def clear(self) -> None:
        """Forget what is buffered and the speech in it."""
        self.buffer.clear()
        self._forget_speech()

    def _item(self, item_id: str, audio: bytes) -> Message:
        return Message(item_id, "user", [InputAudio(audio, self.buffer.format)])

    def _forget_speech(self) -> None:
        self.speech_item_id = None
        if self.endpointer is not None:
            self.endpointer.reset()

    def _samples_worth_keeping(self) -> int:
        """While nobody speaks: what an onset could reach back to, and what an idle timeout would commit."""
        detection = self._config.turn_detection
        if detection is None or self.endpointer is None:
            return 0
        kept = self._padding_samples + self.endpointer.reach_samples
        if detection.idle_timeout_ms is not None:
            kept = max(kept, self.buffer.format.samples_in_ms(detection.idle_timeout_ms))
        return kept

    @property
    def _padding_samples(self) -> int:
        detection = self._config.turn_detection
        return 0 if detection is None else self.buffer.format.samples_in_ms(detection.prefix_padding_ms)
