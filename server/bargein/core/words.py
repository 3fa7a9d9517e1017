"""The words of a reply and its sound, as the core sees them: where one is in the other is found outside.

Chat Completions gives a transcript ahead of the sound, and no timings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bargein.core.items import OutputAudio


class Timeline(Protocol):
    """The transcript of one reply, and when its pieces arrived."""

    @property
    def length(self) -> int:
        """Characters of :attr:`text`."""
        ...

    @property
    def text(self) -> str: ...

    def add(self, text: str, received_samples: int) -> None:
        """A piece arrived when ``received_samples`` of sound had: it is spoken after them."""
        ...

    def upto(self, text: str) -> Timeline:
        """One that holds ``text``, its beginning, and no more."""
        ...


class WordPlaces(Protocol):
    """Where the words of one reply are, while its sound is being sent."""

    def add(self, text: str) -> None:
        """A piece of the transcript arrived."""
        ...

    def characters_by(self, samples: int) -> int:
        """How many characters of the transcript go with the first ``samples`` of the sound: whole words, and never
        fewer than before.
        """
        ...

    def ended(self) -> None:
        """All of the reply was sent: learn from it."""
        ...


class WordAligner(Protocol):
    """Lays transcripts along their sound, for one conversation. Pure functions, but for what is learnt of the voice."""

    def timeline(self, rate_hz: int) -> Timeline:
        """Of a reply that begins."""
        ...

    def follow(self, audio: OutputAudio) -> WordPlaces:
        """Of a reply that is being sent."""
        ...

    def heard_characters(self, audio: OutputAudio, samples: int) -> int:
        """How many characters of the transcript were heard with the first ``samples`` of its sound, cut after a whole
        word.
        """
        ...
