"""Everything that leaves for the caller, in one order."""

from __future__ import annotations

from bargein.core.actions import AudioSent
from bargein.session.backlog import BacklogWatch
from bargein.session.connection import CallerConnection
from bargein.wire.encode import Encoder
from bargein.wire.long_items import LongItem
from bargein.wire.server_events import ServerEvent


class Outbox:
    """Writes events in the caller's dialect. Never waits: the watch ends a caller who does not read."""

    def __init__(self, connection: CallerConnection, encoder: Encoder, watch: BacklogWatch) -> None:
        self._connection = connection
        self._encoder = encoder
        self._watch = watch
        self.bargein = encoder.bargein
        """The caller understands ``bargein.v1``."""

    def send(self, event: ServerEvent) -> None:
        """Send one event; nothing where the caller's dialect has none of the kind."""
        for message in self._encoder.encode(event):
            self._connection.send_text(message)
            self._watch.sent(len(message))

    def send_long(self, event: ServerEvent, item: LongItem) -> None:
        """Send an event that holds a long item, which has been written."""
        for kind, json in self._encoder.encode_later(event):
            pieces = [self._encoder.head(kind), *item.fill(json)]
            self._connection.send_long_text(pieces)
            self._watch.sent(sum(map(len, pieces)))

    def send_audio(self, audio: AudioSent) -> None:
        """Send one delta of reply audio."""
        message = self._encoder.audio(audio)
        if self.bargein:
            self._connection.send_binary(message)
        else:
            self._connection.send_text(message)
        self._watch.sent(len(message))
