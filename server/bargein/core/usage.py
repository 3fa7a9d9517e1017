"""Tokens of a response whose stream was cancelled before the upstream counted them."""

from __future__ import annotations

from bargein.core.completion import CompletionRequest, Usage
from bargein.core.sizes import CHARACTERS_PER_TOKEN, REPLY_AUDIO_MS_PER_TOKEN, audio_tokens, size_tokens


def estimate(request: CompletionRequest, *, reply_characters: int, reply_ms: int) -> Usage:
    """Estimate usage from what was asked and what arrived.

    :param reply_characters: of transcript, text and arguments that arrived.
    :param reply_ms: of sound that arrived, whether it was sent on or not: the upstream made it.
    """
    audio_in = sum(map(audio_tokens, request.messages))
    everything_in = sum(size_tokens(message) for message in request.messages)
    return Usage(
        input_text_tokens=everything_in - audio_in,
        input_audio_tokens=audio_in,
        output_text_tokens=-(-reply_characters // CHARACTERS_PER_TOKEN),
        output_audio_tokens=-(-reply_ms // REPLY_AUDIO_MS_PER_TOKEN),
        estimated=True,
    )
