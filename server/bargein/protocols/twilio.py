"""Twilio Media Streams: a telephone call over a WebSocket, both ways.

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages. Sound is µ-law at 8 kHz in both directions;
what was heard is known by marks (:mod:`bargein.protocols.twilio_playout`). The protocol has no words for errors: they
are logged, and where the call cannot go on, they are the reason of the close frame.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
import pybase64

from bargein.agents import Agent
from bargein.core import actions
from bargein.core.actions import AudioSent, BargeinAction, CallerAction
from bargein.core.audio import PCMU_8K
from bargein.core.events import (
    CancelRequested,
    ItemCreateRequested,
    PlaybackFlushed,
    PlaybackReported,
    ResponseRequested,
)
from bargein.core.items import InputText, Message
from bargein.errors import CallerError, CallerGone
from bargein.loop.clock import unix_s
from bargein.protocols.greeting import greeting_request
from bargein.protocols.twilio_playout import Heard, MarkedPlayOut, Piece
from bargein.session.audio_input import Work
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.connection import CallerConnection
from bargein.session.endings import Ending
from bargein.session.names import Names
from bargein.session.setup import Services
from bargein.wire.session_object import SessionObject
from bargein.wire.validation import MAX_DEPTH, is_deeper_than

Json = dict[str, Any]

FORMAT: Final = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
MULAW: Final = {"format": {"type": "audio/pcmu"}}
OURS: Final = {"audio": {"input": MULAW, "output": MULAW}, "output_modalities": ["audio"]}
MAX_MESSAGE_BYTES: Final = 65_536
LAST_MARK_S: Final = 1.0
"""So long the mark behind a clear is waited for when a hold is over."""
KEYS_PAUSE_S: Final = 1.0
"""So long after the last key what was pressed is told to the model; at once after ``#``."""
MOST_KEYS: Final = 64
LOGGED_CHARACTERS: Final = 64
LOGGED_NAMES: Final = 8
KEYS: Final = frozenset("0123456789*#ABCD")
PARAMETERS: Final = ("agent", "instructions", "voice", "greeting", "session")
"""What ``start.customParameters`` may say: the operator's own words, which go before an agent's file. Others do
nothing.
"""


class TwilioProtocol(CallerProtocol):
    """One call's."""

    def __init__(self, connection: CallerConnection, model: str, services: Services, names: Names) -> None:
        begun = SessionObject.begin(
            id=names.session_id,
            model=model,
            expires_at=int(unix_s() + services.limits.max_session_s),
            default_voice=services.default_voice,
        )
        self._object = begun.update(OURS)
        super().__init__(connection, self._object.to_config())
        self.raw_sound = self.reports = True
        self.answers_calls = False
        self._agents = services.agents
        self._timers = services.timers
        self._log = services.log.bind(session_id=names.session_id)
        self._stream_sid = ""
        """Empty before the stream has started."""
        self._play_out = MarkedPlayOut(PCMU_8K.rate_hz)
        self._held: actions.Held | None = None
        self._flushed: list[actions.Flushed] = []
        """Not answered yet."""
        self._responding = False
        self._keys = ""

    def let_go(self) -> None:
        """See :class:`~bargein.session.caller_protocol.CallerProtocol`, as of all that follows."""
        super().let_go()
        self._timers.cancel(self)
        self._timers.cancel(self._play_out)

    # In.

    def receive_text(self, data: bytes, now: float) -> Work | None:
        message = _message_of(data)
        kind = message.get("event")
        if kind == "media" and self._stream_sid:
            media = _member(message, "media")
            if media.get("track", "inbound") != "inbound":
                return None  # What we have said ourselves.
            return self._audio_input.take(_payload(media), now)
        if kind == "mark" and self._stream_sid:
            # As many as we have sent: there is nothing to count.
            self._mark(_text(_member(message, "mark"), "mark", "name"), now)
            return None
        self._talk.count_control(now)
        match kind:
            case "connected":
                pass
            case "start" if not self._stream_sid:
                self._start(message, now)
            case "dtmf" if self._stream_sid:
                self._press(_text(_member(message, "dtmf"), "dtmf", "digit"), now)
            case "stop":
                raise CallerGone(1000, "The call has ended.")
            case "media" | "mark" | "dtmf":
                raise _wrong(f"'{kind}' came before 'start'", "event")
            case "start":
                raise _wrong("a second 'start' came in one stream", "event")
            case _:
                raise _wrong("'event' must be connected, start, media, mark, dtmf or stop", "event")
        return None

    def receive_binary(self, data: bytes, now: float) -> Work | None:
        raise _wrong("Twilio Media Streams has no binary messages", "event")

    def _start(self, message: Json, now: float) -> None:
        start = _member(message, "start")
        stream_sid = start.get("streamSid") or message.get("streamSid")
        if not isinstance(stream_sid, str) or not stream_sid:
            raise CallerGone(1008, "start.streamSid is missing: sound could not be sent.")
        given = start.get("mediaFormat", FORMAT)
        if not isinstance(given, dict) or any(given.get(name) != value for name, value in FORMAT.items()):
            raise CallerGone(1008, "start.mediaFormat must be audio/x-mulaw, 8000 Hz, one channel.")
        parameters = start.get("customParameters") or {}
        try:
            patch = _session(parameters)
            self.agent = self._agents.choose(parameters.get("agent"))
            if self.agent is not None:
                self._object = self._object.update(self.agent.beginning())
                patch = _with_tools_of(self.agent, patch)
            self._object = self._object.update(patch).update(OURS)
        except CallerError as error:
            raise CallerGone(1008, f"start.customParameters: {error.message}") from None
        except LookupError as error:
            raise CallerGone(1008, f"start.customParameters: {error.args[0]}") from None
        self._log_start(start.get("callSid"), parameters)
        self._stream_sid = stream_sid
        self._talk.configure(self._object.to_config(), now)
        greeting = parameters.get("greeting") or (self.agent.greeting if self.agent is not None else "")
        if greeting:
            self._talk.handle(greeting_request(self._object.to_config().response, greeting), now)

    def _log_start(self, call_sid: object, parameters: Json) -> None:
        """Anything can stand for the call's name, nested so deeply that no log could write it."""
        unknown = [name[:LOGGED_CHARACTERS] for name in sorted(set(parameters) - set(PARAMETERS))]
        self._log.info(
            "call started",
            call_sid=call_sid[:LOGGED_CHARACTERS] if isinstance(call_sid, str) else None,
            without_effect=unknown[:LOGGED_NAMES] or None,
        )

    def _mark(self, name: str, now: float) -> None:
        self._follow(self._play_out.mark(name, now), now)

    def _follow(self, heard: Heard | None, now: float) -> None:
        """It may be known now what was heard."""
        if heard is not None:
            self._report(heard, now)
        if not self._play_out.waits:
            self._timers.cancel(self._play_out)
            self._send(self._play_out.resume(now))
        self.told(now)

    def _last_mark_is_late(self) -> None:
        self._talk.apart(lambda now: self._follow(self._play_out.stop_waiting(now), now))

    def _report(self, heard: Heard, now: float) -> None:
        self._talk.handle(PlaybackReported(heard.response_id, heard.item_id, heard.samples, heard.playing), now)

    def _press(self, key: str, now: float) -> None:
        if key not in KEYS:
            raise _wrong("'dtmf.digit' must be one of 0 to 9, *, #, A to D", "dtmf.digit")
        self._keys = (self._keys + key)[:MOST_KEYS]
        if key == "#":
            self._tell_keys(now)
        else:
            self._timers.schedule(self, now + KEYS_PAUSE_S, self._keys_paused)

    def _keys_paused(self) -> None:
        self._talk.apart(self._tell_keys)

    def _tell_keys(self, now: float) -> None:
        """What was pressed is a turn of the caller's: it interrupts, and is answered."""
        self._timers.cancel(self)
        keys, self._keys = self._keys, ""
        text = f"The caller pressed {' '.join(keys)} on the telephone's keypad."
        self._talk.handle(ItemCreateRequested(Message("", "user", [InputText(text)], "completed")), now)
        if self._responding:
            self._talk.handle(CancelRequested(), now)
        self._talk.handle(ResponseRequested(self._object.to_config().response), now)

    # Out.

    def tell(self, action: CallerAction | BargeinAction) -> None:
        match action:
            case actions.Held():
                self._held = action
                self._clear()
            case actions.Resumed() if self._held is not None:
                self._held = None
                now = self._timers.clock.now()
                self._send(self._play_out.resend(now))
                if self._play_out.resumes:
                    self._timers.schedule(self._play_out, now + LAST_MARK_S, self._last_mark_is_late)
            case actions.Flushed():
                if self._held is None and not self._flushed:
                    self._clear()
                self._held = None
                self._flushed.append(action)
            case actions.ResponseCreated():
                self._responding = True
            case actions.ResponseDone():
                self._responding = False
            case _:
                pass  # Nobody at a telephone reads along.

    def tell_audio(self, audio: AudioSent) -> None:
        samples = pybase64.b64decode(audio.audio) if isinstance(audio.audio, str) else audio.audio
        now = self._timers.clock.now()
        self._send(self._play_out.send(audio.response_id, audio.item_id, audio.start_sample, samples, now))

    def told(self, now: float) -> None:
        """Answer what was flushed, when it is known how much of it was heard."""
        if self._flushed and not self._play_out.waits:
            flushed, self._flushed = self._flushed, []
            for each in flushed:
                samples = self._play_out.drop(each.item_id)
                self._talk.handle(PlaybackFlushed(each.response_id, each.item_id, samples), now)

    def tell_refusal(self, error: CallerError) -> None:
        self._log.warning("a message was refused", code=error.code, param=error.param, error=error.message)

    def tell_ending(self, ending: Ending) -> None:
        """The close frame says all."""

    def _clear(self) -> None:
        last = self._play_out.clear(self._timers.clock.now())
        if last is not None:
            self._write("clear", {})
            self._write("mark", {"mark": {"name": last}})

    def _send(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if piece.audio:
                self._write("media", {"media": {"payload": pybase64.b64encode_as_string(piece.audio)}})
            self._write("mark", {"mark": {"name": piece.mark}})

    def _write(self, kind: str, more: Json) -> None:
        message = orjson.dumps({"event": kind, "streamSid": self._stream_sid, **more})
        self.connection.send_text(message)
        self._watch.sent(len(message))


def _with_tools_of(agent: Agent, patch: Json) -> Json:
    """``patch`` with the agent's tools among its own, if it has any."""
    own = patch.get("tools")
    return {**patch, "tools": [*agent.beginning()["tools"], *own]} if isinstance(own, list) else patch


def _session(parameters: object) -> Json:
    """The session that ``start.customParameters`` ask for, as ``session.update`` would have it."""
    if not isinstance(parameters, dict) or not all(isinstance(value, str) for value in parameters.values()):
        raise _wrong("must be an object of texts", "start.customParameters")
    patch: Any = {}
    if "session" in parameters:
        try:
            patch = orjson.loads(parameters["session"])
        except orjson.JSONDecodeError as error:
            raise _wrong(f"'session' must be JSON, a session object: {error}", "session") from None
        if not isinstance(patch, dict) or is_deeper_than(patch, MAX_DEPTH):
            raise _wrong("'session' must be JSON, a session object", "session")
    if "instructions" in parameters:
        patch["instructions"] = parameters["instructions"]
    if "voice" in parameters:
        audio = patch.setdefault("audio", {})
        if isinstance(audio, dict) and isinstance(audio.setdefault("output", {}), dict):
            audio["output"]["voice"] = parameters["voice"]
    asked: Json = patch
    return asked


def _message_of(data: bytes) -> Json:
    if len(data) > MAX_MESSAGE_BYTES:
        raise _wrong(f"a message may have {MAX_MESSAGE_BYTES} bytes", "event")
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise CallerError(f"The message is not valid JSON: {error}.", code="invalid_json") from None
    if not isinstance(message, dict):
        raise _wrong("the message must be an object with an 'event'", "event")
    return message


def _member(message: Json, name: str) -> Json:
    member = message.get(name)
    if not isinstance(member, dict):
        raise _wrong(f"'{name}' must be an object", name)
    return member


def _text(member: Json, name: str, field: str) -> str:
    text = member.get(field)
    if not isinstance(text, str) or not text:
        raise _wrong(f"'{name}.{field}' must be a text", f"{name}.{field}")
    return text


def _payload(media: Json) -> bytes:
    try:
        return pybase64.b64decode(_text(media, "media", "payload"), validate=True)
    except ValueError:
        raise _wrong("'media.payload' must be base64 of mu-law", "media.payload") from None


def _wrong(what: str, param: str) -> CallerError:
    return CallerError(f"{what[:1].upper()}{what[1:]} (Twilio Media Streams).", code="invalid_event", param=param)
