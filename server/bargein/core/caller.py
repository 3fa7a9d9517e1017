"""The caller's side of the floor: the input buffer, the speech in it, and the turns it becomes."""

from __future__ import annotations

import math
from typing import Final

from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.endpointing import Endpointer
from bargein.core.floor import CallerState, CallerTrigger, Floor
from bargein.core.input_buffer import InputBuffer
from bargein.core.items import InputAudio, Message
from bargein.core.line import Line
from bargein.core.reply import NewId
from bargein.core.said import COMPARED_MS
from bargein.errors import CallerError

SHORTEST_COMMIT_MS: Final = 100
TRIM_SLACK_MS: Final = 40
"""Silence is trimmed when this much more than needed has gathered: not at every frame."""
LIMIT_SLACK_MS: Final = 100
"""What is judged lags behind what was appended, by a window at most: that an item is full is known a little late."""
LAPSE_S: Final = 1.0
"""Without any sound for so long, by the wall clock, the caller is silent: muted, or at the end of a recording."""
LONG_FRAME_MS: Final = 600
LONG_FRAME_LAPSES: Final = 1.5
"""Who sends long frames as they are spoken is given so many times their length."""
RECORDING_SHARE: Final = 1.25
"""A long frame that lasts so many times longer than what has passed since the one before was not spoken meanwhile."""


class Caller:
    """What the caller says, before it is an item."""

    def __init__(self, config: SessionConfig, policy: CorePolicy, new_id: NewId, floor: Floor) -> None:
        self._policy = policy
        self._floor = floor
        self._new_id = new_id
        self._config = config
        self.buffer = InputBuffer(config.input_format)
        self.line = Line()
        self._follows_line = policy.least_lead_ms is not None
        self.endpointer: Endpointer | None = None
        self.heard_at = -math.inf
        """When sound came last, in seconds on the clock of whoever drives us."""
        self.paused_at = math.inf
        """When the newest pause was found."""
        self._long_frame_at = math.inf
        self._long_frame_s = 0.0
        self._long_frame_lasts_s = 0.0
        self._recording_samples = range(0)
        """The newest long frame that is a recording."""
        self._dropped_samples = 0
        self.speech_item_id: str | None = None
        """The id that the speech in progress will have as an item; set when it was announced."""
        self._announced_id: str | None = None
        """The same of speech that was given up with its detector: the caller's own commit makes that item."""
        self._speech_start = 0
        self.configure(config)

    def __repr__(self) -> str:
        speech = "" if self.speech_item_id is None else f" {self.speech_item_id}"
        return f"<Caller {self.state.value}{speech}, at {self.position_ms} ms>"

    @property
    def state(self) -> CallerState:
        return self._floor.caller_state

    @property
    def position_ms(self) -> int:
        """How much was ever appended."""
        return self.buffer.format.ms_of(self.buffer.end_sample)

    def onset_at(self, now: float) -> float:
        """When the speech in progress began, in seconds: counted back from its newest sample, which is spoken just now.
        A recording is not: it is as new as its coming.
        """
        if self.endpointer is None or self.endpointer.onset_sample in self._recording_samples:
            return now
        return now - (self.buffer.end_sample - self.endpointer.onset_sample) / self.buffer.format.rate_hz

    def configure(self, config: SessionConfig) -> bool:
        """Take a new configuration. What is buffered is kept unless the format of the input changes. Returns whether
        speech in progress, if there was any, was given up with its detector.
        """
        before, self._config = self._config.turn_detection, config
        another_format = config.input_format != self.buffer.format
        if another_format:
            self.buffer = InputBuffer(config.input_format, start_ms=self.position_ms)
            self.line.restart()
            self._recording_samples = range(0)
            self._dropped_samples = 0
            self._announced_id = None
        given_up = self.endpointer is not None and (another_format or config.turn_detection is None)
        if given_up:
            self._announced_id = None if another_format else self.speech_item_id
            self._forget_speech()
            self.endpointer = None
        if config.turn_detection is None:
            pass
        elif self.endpointer is None:
            self._dropped_samples = 0
            self.endpointer = Endpointer(config.turn_detection, self._policy, config.input_format.rate_hz, self._floor)
            self.endpointer.position_samples = self.buffer.end_sample
        elif config.turn_detection != before:
            self.endpointer.configure(config.turn_detection)
        fmt = config.input_format
        self._limit_samples = fmt.samples_in_ms(self._policy.input_limit_ms)
        if config.turn_detection is not None:
            pause_ms = min(config.turn_detection.longest_silence_ms, self._policy.turn_limit_ms)
            self._limit_samples += fmt.samples_in_ms(LIMIT_SLACK_MS + pause_ms)
        self._kept_samples = self._samples_worth_keeping()
        self._trimmed_above_samples = self._kept_samples + fmt.samples_in_ms(TRIM_SLACK_MS)
        self._long_frame_bytes = fmt.bytes_of(fmt.samples_in_ms(LONG_FRAME_MS))
        return given_up

    def append(self, audio: bytes, now: float) -> None:
        """Take sound; :meth:`keep_to_limit` follows when it was judged."""
        size = len(audio)
        if size:
            self.buffer.append(audio)
            if size >= self._long_frame_bytes:
                self._note_long_frame(size, now)
            self.heard_at = self.line.came_at = now
            if self._follows_line:
                self.line.came(self.buffer.end_sample / self.buffer.format.rate_hz, now)

    def keep_to_limit(self) -> None:
        """Forget the oldest of what is too much: the newest speech is what matters. Where turns are detected, no turn
        grows so long, and it is silence that goes.
        """
        buffer = self.buffer
        excess = buffer.end_sample - buffer.start_sample - self._limit_samples
        if excess > 0:
            buffer.discard_before(buffer.start_sample + excess)
            if self.endpointer is None:
                self._dropped_samples += excess

    @property
    def announced_id(self) -> str | None:
        """The id that the caller was told of an item that is yet to come."""
        return self.speech_item_id or self._announced_id

    @property
    def given_up_id(self) -> str | None:
        """The same of speech that was given up with its detector, where it can be committed."""
        return self._announced_id if self.buffer.duration_ms >= SHORTEST_COMMIT_MS else None

    @property
    def dropped_ms(self) -> int:
        """What of the uncommitted sound was too much to be kept, where the caller makes the turns."""
        return self.buffer.format.ms_of(self._dropped_samples)

    @property
    def lapses_at(self) -> float | None:
        """When the speech in progress ends if no more sound comes until then; ``None`` where there is none."""
        detection = self._config.turn_detection
        state = self._floor.caller_state
        # What is being judged has a deadline of its own.
        if state is CallerState.SILENT or state is CallerState.JUDGING or detection is None:
            return None
        wait_s = max(LAPSE_S, detection.silence_duration_ms / 1000)
        if self._long_frame_at == self.heard_at:
            wait_s = max(wait_s, LONG_FRAME_LAPSES * self._long_frame_lasts_s)
        at = self.heard_at + wait_s
        if state is CallerState.STOPPING and self.endpointer is not None:
            # Some codecs send next to nothing in silence: a frame now and then would draw the pause out without end.
            return min(at, self.paused_at + self.endpointer.pause_may_last_s + wait_s)
        return at

    def forgive(self, lost_s: float, now: float) -> None:
        """See :meth:`Conversation.forgive`. Sound may have been read since."""
        self.line.restart()
        long_frame = self._long_frame_at == self.heard_at
        self.heard_at = min(self.heard_at + lost_s, now)
        self.paused_at += lost_s
        if long_frame:
            self._long_frame_at = self.heard_at

    def _note_long_frame(self, size: int, now: float) -> None:
        """Frames that are long, and as far apart as they are long, are spoken right now; others are a recording."""
        samples, end = self.buffer.format.samples_of(size), self.buffer.end_sample
        duration_s = samples / self.buffer.format.rate_hz
        if duration_s > RECORDING_SHARE * (now - self.heard_at):
            self._recording_samples = range(end - samples, end)
        follows = self._long_frame_at == self.heard_at
        spoken = follows and now - self.heard_at >= self._long_frame_s / 2
        self._long_frame_lasts_s = duration_s if spoken else 0.0
        self._long_frame_s = duration_s
        self._long_frame_at = now

    def forget_silence(self) -> None:
        """While nobody speaks, keep no more sound than an onset could reach back to."""
        buffer, endpointer = self.buffer, self.endpointer
        if (
            buffer.end_sample - buffer.start_sample > self._trimmed_above_samples
            and endpointer is not None
            and self._floor.caller_state is CallerState.SILENT
        ):
            buffer.discard_before(buffer.end_sample - self._kept_samples)

    def announce(self) -> tuple[str, int]:
        """The speech in progress is to be announced: its item's id, and where it starts, in ms: with the padding before
        it, where that was not committed already.
        """
        onset = self.buffer.end_sample if self.endpointer is None else self.endpointer.onset_sample
        self.speech_item_id = self._new_id("item")
        self._announced_id = None
        self._speech_start = max(self.buffer.start_sample, onset - self._padding_samples)
        return self.speech_item_id, self.buffer.format.ms_of(self._speech_start)

    def take_turn(self, end_sample: int) -> Message:
        """The announced speech, up to ``end_sample``, becomes an item."""
        item_id = self.speech_item_id or self._new_id("item")
        self.speech_item_id = None
        return self._item(item_id, self.buffer.take(self._speech_start, end_sample))

    def turn_so_far(self) -> Message | None:
        """The announced speech as it would be an item now; ``None``: there is none."""
        if self.speech_item_id is None:
            return None
        return self._item(self.speech_item_id, self.buffer.peek(self._speech_start, self.buffer.end_sample))

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
        start = self.buffer.start_sample if self.announced_id is None else self._speech_start
        item_id = self.announced_id or self._new_id("item")
        self._dropped_samples = 0
        self._announced_id = None
        self._forget_speech()
        return self._item(item_id, self.buffer.take(start, self.buffer.end_sample))

    def take_silence(self, duration_ms: int) -> Message:
        """The caller has said nothing for ``duration_ms``: what is buffered becomes an item. A caller who is muted
        sends nothing that could be buffered, and is silent all the same.
        """
        audio = self.buffer.take(self.buffer.start_sample, self.buffer.end_sample)
        fmt = self.buffer.format
        missing = fmt.samples_in_ms(duration_ms) - fmt.samples_of(len(audio))
        return self._item(self._new_id("item"), audio + fmt.silence(max(0, missing)))

    def clear(self) -> None:
        """Forget what is buffered and the speech in it."""
        self.buffer.clear()
        self._dropped_samples = 0
        self._announced_id = None
        self._forget_speech()

    def _item(self, item_id: str, audio: bytes) -> Message:
        return Message(item_id, "user", [InputAudio(audio, self.buffer.format)])

    def _forget_speech(self) -> None:
        self.speech_item_id = None
        if self.endpointer is None:
            self._floor.take(CallerTrigger.TAKEN)
        else:
            self.endpointer.forget(CallerTrigger.TAKEN)

    def _samples_worth_keeping(self) -> int:
        """While nobody speaks: what an onset could reach back to, what is compared with an echo, and what an idle
        timeout would commit.
        """
        detection = self._config.turn_detection
        if detection is None or self.endpointer is None:
            return 0
        samples_in_ms = self.buffer.format.samples_in_ms
        kept = max(self._padding_samples + self.endpointer.reach_samples, samples_in_ms(COMPARED_MS))
        if detection.idle_timeout_ms is not None:
            kept = max(kept, samples_in_ms(detection.idle_timeout_ms))
        return min(kept, samples_in_ms(self._policy.input_limit_ms - TRIM_SLACK_MS))

    @property
    def _padding_samples(self) -> int:
        detection = self._config.turn_detection
        return 0 if detection is None else self.buffer.format.samples_in_ms(self._policy.padding_ms(detection))
