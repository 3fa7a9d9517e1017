"""The sound and the images that a conversation keeps, within a bound."""

from __future__ import annotations

from bargein.core.items import InputAudio, InputImage, Message, OutputAudio


class KeptSound:
    """Knows the messages that hold sound or images, and how much. A reply in progress is measured when it matters."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        """In the order in which they came."""
        self._sizes: dict[str, int] = {}
        """In bytes, of those that do not grow any more."""
        self._settled_bytes = 0
        self._growing: set[str] = set()

    def add(self, message: Message) -> None:
        self._messages[message.id] = message
        self._growing.add(message.id)
        if message.status != "in_progress":
            self._settle(message)

    def remove(self, item_id: str) -> None:
        """It is no item of the conversation any more, if it ever was."""
        self._settled_bytes -= self._sizes.pop(item_id, 0)
        self._messages.pop(item_id, None)
        self._growing.discard(item_id)

    def forget(self, limit_bytes: int, *, newest_id: str | None) -> None:
        """Forget the oldest until ``limit_bytes`` are kept: replies first, then callers whose words are known, then the
        rest; the newest item never.
        """
        growing_bytes = 0
        for item_id in list(self._growing):
            message = self._messages[item_id]
            if message.status == "in_progress":
                growing_bytes += _size_bytes(message)
            else:
                self._settle(message)
        for forget in (_forget_reply, _forget_written, _forget_caller):
            if self._settled_bytes + growing_bytes <= limit_bytes:
                return
            for item_id in [item_id for item_id in self._sizes if item_id != newest_id]:
                message = self._messages[item_id]
                if forget(message):
                    self._settle(message)
                    if self._settled_bytes + growing_bytes <= limit_bytes:
                        return

    def _settle(self, message: Message) -> None:
        self._growing.discard(message.id)
        size = _size_bytes(message)
        self._settled_bytes += size - self._sizes.get(message.id, 0)
        if size:
            self._sizes[message.id] = size
        else:
            self._sizes.pop(message.id, None)
            del self._messages[message.id]


def _size_bytes(message: Message) -> int:
    size = 0
    for part in message.parts:
        if isinstance(part, OutputAudio):
            size += sum(len(piece) for piece in part.pieces)
        elif isinstance(part, InputAudio):
            size += len(part.audio)
        elif isinstance(part, InputImage):
            size += len(part.url)
    return size


def _forget_reply(message: Message) -> bool:
    forgot = False
    for part in message.parts:
        if isinstance(part, OutputAudio):
            part.pieces = []
            part.timeline = part.timeline.upto(part.transcript)
            forgot = True
    return forgot


def _forget_written(message: Message) -> bool:
    forgot = False
    for part in message.parts:
        if isinstance(part, InputAudio) and part.transcript:
            part.audio = b""
            forgot = True
    return forgot


def _forget_caller(message: Message) -> bool:
    forgot = False
    for part in message.parts:
        if isinstance(part, InputAudio):
            part.audio = b""
            forgot = True
        elif isinstance(part, InputImage):
            part.url = ""
            forgot = True
    return forgot
