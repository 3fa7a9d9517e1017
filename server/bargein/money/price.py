"""The price of one model, and what comes of it for what was used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bargein.core.completion import Usage
from bargein.core.sizes import CHARACTERS_PER_TOKEN, REPLY_AUDIO_MS_PER_TOKEN, USER_AUDIO_MS_PER_TOKEN

_MILLION: Final = 1_000_000
_SPEECH_TOKENS_PER_S: Final = 20
"""Of a model that is billed by the second: what most count, for the worst case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens of each kind, and for a second of sound. ``None``: unknown."""

    text_in: float | None = None
    audio_in: float | None = None
    cached_text_in: float | None = None
    """Unknown: no discount is counted on."""
    cached_audio_in: float | None = None
    text_out: float | None = None
    audio_out: float | None = None
    per_second: float | None = None
    """Of sound that is written down, instead of tokens."""
    speech_per_second: float | None = None
    """Of sound that the model makes, instead of :attr:`audio_out`."""

    def of(self, usage: Usage) -> float | None:
        """What a response costs, in dollars; ``None`` where the price of something in it is unknown.

        Servers of Chat Completions do not say of which kind the cached tokens were. They are taken for text, as far as
        there was text: what is told is then no less than what is billed.
        """
        cached_text = min(usage.cached_tokens, usage.input_text_tokens)
        cached_audio = min(usage.cached_tokens - cached_text, usage.input_audio_tokens)
        parts: list[tuple[float, float | None]] = [
            (usage.input_text_tokens - cached_text, self.text_in),
            (cached_text, _first(self.cached_text_in, self.text_in)),
            (usage.input_audio_tokens - cached_audio, self.audio_in),
            (cached_audio, _first(self.cached_audio_in, self.audio_in)),
            (usage.output_text_tokens, self.text_out),
        ]
        if self.speech_per_second is None:
            parts.append((usage.output_audio_tokens, self.audio_out))
        else:
            # How long it is nobody knows of sound that the model's server has encoded.
            made_ms = usage.output_audio_ms or usage.output_audio_tokens * REPLY_AUDIO_MS_PER_TOKEN
            parts.append((made_ms / 1000, self.speech_per_second * _MILLION))
        return _sum(parts)

    def of_transcription(self, seconds: float, usage: Usage | None, characters: int) -> float | None:
        """What it costs to have ``seconds`` of sound written down.

        :param usage: the recogniser's own count of tokens, if it has told.
        :param characters: of the transcript, where it has not.
        """
        if self.per_second is not None:
            return seconds * self.per_second
        if usage is None:
            usage = Usage(
                input_audio_tokens=-(-int(seconds * 1000) // USER_AUDIO_MS_PER_TOKEN),
                output_text_tokens=-(-characters // CHARACTERS_PER_TOKEN),
            )
        return self.of(usage)

    def output_token(self, *, audio: bool) -> float | None:
        """The most that one token of an answer can cost, in dollars.

        :param audio: it is to be spoken.
        """
        if not audio:
            return None if self.text_out is None else self.text_out / _MILLION
        if self.speech_per_second is not None:
            return max(self.speech_per_second / _SPEECH_TOKENS_PER_S, (self.text_out or 0.0) / _MILLION)
        return None if self.audio_out is None else max(self.audio_out, self.text_out or 0.0) / _MILLION


def _first(price: float | None, otherwise: float | None) -> float | None:
    return otherwise if price is None else price


def _sum(parts: list[tuple[float, float | None]]) -> float | None:
    total = 0.0
    for count, price in parts:
        if count > 0:
            if price is None:
                return None
            total += count * price
    return total / _MILLION
