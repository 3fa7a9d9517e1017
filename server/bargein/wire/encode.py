"""From server events to messages: numbering, the caller's dialect, bytes."""

from __future__ import annotations

from typing import Final

import orjson
import pybase64

from bargein.core.actions import AudioSent
from bargein.wire import beta as beta_dialect
from bargein.wire import binary, server_events
from bargein.wire.server_events import ServerEvent

_ONLY_IN_BETA: Final = frozenset({"conversation.created"})


class Encoder:
    """One connection's writer of messages. The only place that knows which dialect the caller speaks.

    It stamps ``event_id`` on every event and, for ``bargein.v1``, ``seq``, which counts binary messages too. What a
    caller's dialect does not have is dropped: ``bargein.*`` for all who did not offer the subprotocol,
    ``conversation.created`` for GA.

    :param id_prefix: makes event ids unique beyond this connection, such as 12 random letters. JSON-safe ASCII.
    :param beta: the caller speaks the beta dialect.
    :param bargein: the caller negotiated ``bargein.v1``.
    :param seq: number of the last message already sent, where a connection goes on for another.
    """

    __slots__ = ("_audio_head", "_audio_key", "_audio_middle", "_beta", "_event_count", "_id_prefix", "bargein", "seq")

    def __init__(self, id_prefix: str, *, beta: bool = False, bargein: bool = False, seq: int = 0) -> None:
        self.bargein = bargein
        self.seq = seq
        self._beta = beta
        self._id_prefix = f"event_{id_prefix}"
        self._event_count = 0
        kind = "response.audio.delta" if beta else "response.output_audio.delta"
        self._audio_head = f'{{"type":"{kind}","event_id":"{self._id_prefix}'
        self._audio_key = ("", "", -1)
        self._audio_middle = ""

    def encode(self, event: ServerEvent) -> list[bytes]:
        """The text messages for ``event``: one, or none where the caller's dialect has no such event."""
        kind = event["type"]
        if kind.startswith("bargein.") and not self.bargein:
            return []
        if not self._beta:
            return [] if kind in _ONLY_IN_BETA else [self._stamped(event)]
        return [self._stamped(translated) for translated in beta_dialect.to_beta(event)]

    def encode_later(self, event: ServerEvent) -> list[tuple[str, bytes]]:
        """As :meth:`encode`, for events of every dialect: the type of each, and its JSON behind the head, which
        :meth:`head` gives when it is sent.
        """
        translated = beta_dialect.to_beta(event) if self._beta else [event]
        return [(each.pop("type"), orjson.dumps(each)[1:]) for each in map(dict, translated)]

    def head(self, kind: str) -> bytes:
        """How the next event begins, of whatever kind: in front of what :meth:`encode_later` gave."""
        self._event_count += 1
        number = ""
        if self.bargein:
            self.seq += 1
            number = f'"seq":{self.seq},'
        return f'{{"type":"{kind}","event_id":"{self._id_prefix}{self._event_count}",{number}'.encode()

    def audio(self, sent: AudioSent) -> bytes:
        """One delta of reply audio: a binary message for ``bargein.v1`` (send it as such), else a text message.

        Base64 text goes out as it is, between pre-built halves: it must be canonical (RFC 4648 section 4).
        """
        audio = sent.audio
        if self.bargein:
            self.seq += 1
            samples = pybase64.b64decode(audio, validate=True) if isinstance(audio, str) else audio
            return binary.pack(self.seq, sent.response_number, sent.output_index, 0, sent.start_sample, samples)
        key = (sent.response_id, sent.item_id, sent.output_index)
        if key != self._audio_key:
            self._audio_middle = self._middle_of(sent)
            self._audio_key = key
        self._event_count += 1
        text = audio if isinstance(audio, str) else pybase64.b64encode_as_string(audio)
        return f'{self._audio_head}{self._event_count}{self._audio_middle}{text}"}}'.encode()

    def _stamped(self, event: ServerEvent) -> bytes:
        self._event_count += 1
        stamped: ServerEvent = {"type": event["type"], "event_id": f"{self._id_prefix}{self._event_count}"}
        if self.bargein:
            self.seq += 1
            stamped["seq"] = self.seq
        return orjson.dumps(stamped | event)

    def _middle_of(self, sent: AudioSent) -> str:
        """What stands between the event's id and its audio, the same for all deltas of an item."""
        event = server_events.audio_delta(sent.response_id, sent.item_id, sent.output_index, "")
        del event["type"]
        return '",' + orjson.dumps(event).decode()[1:].removesuffix('"}')
