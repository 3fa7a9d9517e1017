"""What the model said lately: its audio by id, as the API keeps it for a while, and how a cut text went on."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from bargein.demo.clauses import bare, bare_words
from bargein.demo.phrases import RECORDED

KEPT_REPLIES: Final = 2_000
_NOTE: Final = re.compile(r"\s*[\[(<][^\])>]*[\])>]\s*$")


def without_note(heard: str) -> str:
    """The text without a note in brackets behind it, such as "[interrupted]": some servers mark a cut so."""
    return _NOTE.sub("", heard)


@dataclass(frozen=True, slots=True)
class _Remembered:
    transcript: str
    expires_unix_s: float


class ReplyMemory:
    """Replies of this process, the latest :data:`KEPT_REPLIES` of them.

    :param audio_ttl_s: how long an audio id can be referred to.
    """

    def __init__(self, audio_ttl_s: float) -> None:
        self._audio_ttl_s = audio_ttl_s
        self._audio: OrderedDict[str, _Remembered] = OrderedDict()
        self._texts = OrderedDict((text, tuple(bare_words(text))) for text in RECORDED)

    def begin(self, transcript: str) -> None:
        """A reply is going out: it may be cut."""
        self._texts[transcript] = tuple(map(bare, transcript.split()))
        self._texts.move_to_end(transcript)
        while len(self._texts) > KEPT_REPLIES:
            self._texts.popitem(last=False)

    def expires_unix_s(self, now_unix_s: float) -> int:
        """When audio that is finished now will be forgotten."""
        return int(now_unix_s + self._audio_ttl_s)

    def finish(self, audio_id: str, transcript: str, now_unix_s: float) -> None:
        """A reply is whole: only now its audio can be referred to."""
        self._audio[audio_id] = _Remembered(transcript, now_unix_s + self._audio_ttl_s)
        while len(self._audio) > KEPT_REPLIES:
            self._audio.popitem(last=False)

    def transcript_of(self, audio_id: str, now_unix_s: float) -> str | None:
        """What was said under an audio id, or ``None`` when it is unknown or has expired."""
        remembered = self._audio.get(audio_id)
        return remembered.transcript if remembered and now_unix_s < remembered.expires_unix_s else None

    def rest_of(self, heard: str) -> str | None:
        """What was cut off behind ``heard``, by the latest reply that begins with its words.

        ``None`` when nothing was, or when no such reply is known.
        """
        words = tuple(bare_words(heard))
        if not words:
            return None
        for transcript, said in reversed(self._texts.items()):
            if said[: len(words)] == words:
                # Both were split at white space, and every piece of a reply has a word in it.
                rest = transcript.split()[len(words) :]
                return " " + " ".join(rest) if rest else None
        return None
