"""The caller's half of the Realtime protocol, sans-IO: server messages in, notices and messages to send out.

Keeps the :class:`~bargein.load.listener.Listener` supplied, and obeys the server the way a good client does: a stock
client drops what is queued at ``speech_started`` and truncates the item; a ``bargein.v1`` client honours hold, resume
and flush, and reports what was played.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bargein.core.audio import AudioFormat
from bargein.load.listener import Listener
from bargein.load.notices import (
    TRUNCATION,
    ConversationCut,
    ErrorReceived,
    FirstAudio,
    Notice,
    Paused,
    ResponseCreated,
    ResponseDone,
    Resumed,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    Stopped,
    TurnCommitted,
    VoiceChanged,
)
from bargein.wire.binary import unpack

AudioWatcher = Callable[[str, bytes | str, float], None]
"""Told of each piece of reply sound: its item, the samples or their base64 text as they came, and when."""

REPORT_INTERVAL_S: Final = 0.1
"""How often play-out is reported where the server names no interval."""


@dataclass(slots=True)
class Reply:
    """One response, as the caller knows it."""

    response_id: str
    created_s: float
    item_ids: list[str] = field(default_factory=list)
    first_audio_s: float | None = None
    """When its first sound arrived."""
    interrupted_s: float | None = None
    """When the server said that the caller has talked over it: no sound of it may follow."""
    heard_when_interrupted: int = 0
    stale_samples: int = 0
    """Sound of it that arrived after the interruption."""
    transcript: str = ""
    status: str | None = None
    """``None`` while in progress."""
    done_s: float | None = None
    detail: str = ""
    """Why it was not completed, in the server's words."""


@dataclass(slots=True)
class Dialogue:
    """One conversation over one connection.

    ``receive_text`` and ``receive_binary`` return what is worth knowing; ``outgoing`` collects what must be sent.
    """

    listener: Listener
    output_format: AudioFormat
    bargein: bool
    """The server answered the subprotocol ``bargein.v1``."""
    on_audio: AudioWatcher | None = None
    replies: dict[str, Reply] = field(default_factory=dict)
    outgoing: list[bytes] = field(default_factory=list)
    _reply_of_item: dict[str, Reply] = field(default_factory=dict)
    _item_of_number: dict[int, str] = field(default_factory=dict)
    _ignored: set[str] = field(default_factory=set)
    _report_interval_s: float = REPORT_INTERVAL_S
    _reported: tuple[str, bool] | None = None
    """Item and whether it was playing, in the last report."""
    _report_due_s: float = 0.0

    def receive_binary(self, message: bytes, now_s: float) -> list[Notice]:
        """One binary message: reply audio of ``bargein.v1``."""
        sound = unpack(message)
        item_id = self._item_of_number.get(sound.response_number)
        if item_id is None:
            return []
        reply = self._reply_of_item[item_id]
        if self.on_audio is not None:
            self.on_audio(item_id, sound.samples, now_s)
        return self._sound(reply, item_id, self.output_format.samples_of(len(sound.samples)), now_s)

    def receive_text(self, message: bytes, now_s: float) -> list[Notice]:
        """One JSON event. Unknown ones are no error: protocols grow."""
        event: dict[str, Any] = orjson.loads(message)
        match event["type"]:
            case "response.output_audio.delta":
                return self._audio_delta(event, now_s)
            case "response.output_audio_transcript.delta":
                self._reply(event["response_id"], now_s).transcript += event["delta"]
            case "response.output_audio.done":
                self.listener.end(event["item_id"], now_s)
            case "session.created":
                self._report_interval_s = (event.get("bargein") or {}).get("report_ms", 1000 * REPORT_INTERVAL_S) / 1000
            case "session.updated":
                return [SessionReady(now_s)]
            case "input_audio_buffer.speech_started":
                return self._speech_started(event, now_s)
            case "input_audio_buffer.speech_stopped":
                return [SpeechStopped(now_s, event["item_id"])]
            case "input_audio_buffer.committed":
                return [TurnCommitted(now_s, event["item_id"])]
            case "response.created":
                return [ResponseCreated(now_s, self._reply(event["response"]["id"], now_s).response_id)]
            case "response.done":
                return self._response_done(event, now_s)
            case "error":
                return [_error(event["error"], now_s)]
            case str(name) if name.startswith("bargein."):
                return self._bargein_event(name, event, now_s)
        return []

    def _bargein_event(self, name: str, event: Mapping[str, Any], now_s: float) -> list[Notice]:
        match name:
            case "bargein.response":
                self._item(self._reply(event["response_id"], now_s), event["item_id"])
                self._item_of_number[event["number"]] = event["item_id"]
            case "bargein.vad":
                return [VoiceChanged(now_s, event["speech"])]
            case "bargein.hold":  # This loudspeaker has no volume: it pauses where others would duck.
                self._item(self._reply(event["response_id"], now_s), event["item_id"])
                self.listener.hold(event["item_id"], now_s)
                self._report(now_s)
                return [Paused(now_s, event["response_id"], event["item_id"])]
            case "bargein.resume":
                self.listener.resume(event["item_id"], now_s)
                self._report(now_s)
                return [Resumed(now_s, event["response_id"], event["item_id"])]
            case "bargein.flush":
                return self._flush(event, now_s)
            case "bargein.cut":
                return [_cut(event, now_s)]
        return []

    def wake(self, now_s: float) -> None:
        """Play out up to now, and report it where that is due."""
        self.listener.advance(now_s)
        if self.bargein:
            self._report(now_s)

    @property
    def wake_at_s(self) -> float | None:
        """When :meth:`wake` has something to report next; ``None`` while nothing plays."""
        dry_at_s = self.listener.dry_at_s
        if not self.bargein or dry_at_s is None:
            return None
        return min(self._report_due_s, dry_at_s)

    def stale_heard_samples(self) -> int:
        """Sound of interrupted replies that left the loudspeaker after the interruption."""
        return sum(
            self._heard(reply) - reply.heard_when_interrupted
            for reply in self.replies.values()
            if reply.interrupted_s is not None
        )

    def _heard(self, reply: Reply) -> int:
        return sum(self.listener.heard_samples(item_id) for item_id in reply.item_ids)

    def _reply(self, response_id: str, now_s: float) -> Reply:
        reply = self.replies.get(response_id)
        if reply is None:
            reply = self.replies[response_id] = Reply(response_id, now_s)
        return reply

    def _item(self, reply: Reply, item_id: str) -> None:
        if item_id not in self._reply_of_item:
            self._reply_of_item[item_id] = reply
            reply.item_ids.append(item_id)

    def _sound(self, reply: Reply, item_id: str, sample_count: int, now_s: float) -> list[Notice]:
        if reply.interrupted_s is not None:
            reply.stale_samples += sample_count
        if item_id in self._ignored:
            return []
        self.listener.receive(item_id, sample_count, now_s)
        if self.bargein:
            self._report(now_s)
        if reply.first_audio_s is not None:
            return []
        reply.first_audio_s = now_s
        return [FirstAudio(now_s, reply.response_id, item_id)]

    def _interrupt(self, now_s: float) -> None:
        """The caller has talked over every reply that is not over yet, or still sounds."""
        self.listener.advance(now_s)
        sounding = {self._reply_of_item[item].response_id for item in self.listener.queued_items}
        for reply in self.replies.values():
            if reply.interrupted_s is None and (reply.status is None or reply.response_id in sounding):
                reply.interrupted_s = now_s
                reply.heard_when_interrupted = self._heard(reply)

    def _report(self, now_s: float) -> None:
        listener = self.listener
        item_id = listener.playing_item if listener.sounding else None
        if item_id is None:
            if self._reported is not None and self._reported[1]:
                self._send_played(self._reported[0], now_s, playing=False)
            return
        if self._reported is not None and self._reported[1] and self._reported[0] != item_id:
            self._send_played(self._reported[0], now_s, playing=False)
        if self._reported != (item_id, True) or now_s >= self._report_due_s:
            self._send_played(item_id, now_s, playing=True)

    def _send_played(self, item_id: str, now_s: float, *, playing: bool) -> None:
        self._reported = (item_id, playing)
        self._report_due_s = now_s + self._report_interval_s
        self._send(
            {
                "type": "bargein.played",
                "response_id": self._reply_of_item[item_id].response_id,
                "item_id": item_id,
                "samples": self.listener.heard_samples(item_id),
                "playing": playing,
            }
        )

    def _send(self, event: Mapping[str, Any]) -> None:
        self.outgoing.append(orjson.dumps(event))

    def _speech_started(self, event: Mapping[str, Any], now_s: float) -> list[Notice]:
        self._interrupt(now_s)
        notices: list[Notice] = [SpeechStarted(now_s, event["item_id"], event["audio_start_ms"])]
        if self.bargein:
            return notices
        for item_id in self.listener.flush_all(now_s):
            heard_samples = self.listener.heard_samples(item_id)
            notices.append(Stopped(now_s, self._reply_of_item[item_id].response_id, item_id, heard_samples))
            self._send(
                {
                    "type": "conversation.item.truncate",
                    "event_id": f"{TRUNCATION}{item_id}",
                    "item_id": item_id,
                    "content_index": 0,
                    "audio_end_ms": self.output_format.ms_of(heard_samples),
                }
            )
        return notices

    def _audio_delta(self, event: Mapping[str, Any], now_s: float) -> list[Notice]:
        reply = self._reply(event["response_id"], now_s)
        item_id, text = event["item_id"], event["delta"]
        self._item(reply, item_id)
        if self.on_audio is not None:
            self.on_audio(item_id, text, now_s)
        byte_count = len(text) * 3 // 4 - text.count("=", -2)
        return self._sound(reply, item_id, self.output_format.samples_of(byte_count), now_s)

    def _response_done(self, event: Mapping[str, Any], now_s: float) -> list[Notice]:
        response = event["response"]
        reply = self._reply(response["id"], now_s)
        reply.status, reply.done_s = response["status"], now_s
        details = response.get("status_details") or {}
        reply.detail = (details.get("error") or {}).get("message") or details.get("reason") or ""
        for item_id in reply.item_ids:
            self.listener.end(item_id, now_s)
        return [ResponseDone(now_s, reply.response_id, reply.status or "", reply.detail)]

    def _flush(self, event: Mapping[str, Any], now_s: float) -> list[Notice]:
        item_id, response_id = event["item_id"], event["response_id"]
        reply = self._reply(response_id, now_s)
        self._item(reply, item_id)
        heard_samples = self.listener.flush(item_id, now_s)
        self._ignored.add(item_id)
        if reply.interrupted_s is None:
            reply.interrupted_s, reply.heard_when_interrupted = now_s, self._heard(reply)
        self._reported = (item_id, False)
        self._send(
            {"type": "bargein.flushed", "response_id": response_id, "item_id": item_id, "samples": heard_samples}
        )
        return [Stopped(now_s, response_id, item_id, heard_samples)]


def _error(error: Mapping[str, Any], now_s: float) -> ErrorReceived:
    code = error.get("code") or error.get("type") or "unknown"
    return ErrorReceived(now_s, code, error.get("message") or "", error.get("event_id"))


def _cut(event: Mapping[str, Any], now_s: float) -> ConversationCut:
    return ConversationCut(now_s, event["response_id"], event["item_id"], event["heard_samples"])
