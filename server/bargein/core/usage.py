"""Tokens of a response that the model's server has not counted, or not all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from bargein.core.completion import (
    AudioPiece,
    CompletionRequest,
    StreamPiece,
    TextPiece,
    ToolCallPiece,
    TranscriptPiece,
    Usage,
)
from bargein.core.sizes import CHARACTERS_PER_TOKEN, REPLY_AUDIO_MS_PER_TOKEN, audio_tokens, size_tokens


def question(request: CompletionRequest) -> Usage:
    """What the model is told, estimated, tools included: as if nothing of it was cached."""
    audio = sum(map(audio_tokens, request.messages))
    text = sum(map(size_tokens, request.messages)) - audio
    tools = sum([len(json.dumps(tool, ensure_ascii=False, separators=(",", ":"))) for tool in request.tools])
    return Usage(input_text_tokens=text - (-tools // CHARACTERS_PER_TOKEN), input_audio_tokens=audio, estimated=True)


def estimate(request: CompletionRequest, *, reply_characters: int, reply_ms: int) -> Usage:
    """Estimate usage from what was asked and what arrived.

    :param reply_characters: of transcript, text and arguments that arrived.
    :param reply_ms: of sound that arrived, whether it was sent on or not: the upstream made it.
    """
    return replace(
        question(request),
        output_text_tokens=-(-reply_characters // CHARACTERS_PER_TOKEN),
        output_audio_tokens=-(-reply_ms // REPLY_AUDIO_MS_PER_TOKEN),
        output_audio_ms=reply_ms,
    )


def counted(told: Usage | None, reply_ms: int, estimated: Callable[[], Usage]) -> Usage:
    """What the model's server has counted, and for a side of which it says nothing, or 0, an estimate: what is paid by
    tokens would cost nothing.

    :param told: by the server; ``None``: nothing.
    :param reply_ms: of sound that arrived.
    :param estimated: asked where it is needed.
    """
    if told is None:
        return estimated()
    told = replace(told, output_audio_ms=told.output_audio_ms or reply_ms)
    if told.input_tokens and told.output_tokens:
        return told
    guess = estimated()
    if not told.input_tokens and guess.input_tokens:
        told = replace(
            told,
            input_text_tokens=guess.input_text_tokens,
            input_audio_tokens=guess.input_audio_tokens,
            estimated=True,
        )
    if not told.output_tokens and guess.output_tokens:
        told = replace(
            told,
            output_text_tokens=guess.output_text_tokens,
            output_audio_tokens=guess.output_audio_tokens,
            estimated=True,
        )
    return told


def said_in(piece: StreamPiece) -> tuple[int, int]:
    """Characters of words and arguments in a piece of a stream, and samples of sound."""
    match piece:
        case AudioPiece(sample_count=count):
            return 0, count
        case TranscriptPiece(text) | TextPiece(text) | ToolCallPiece(arguments=text):
            return len(text), 0
        case _:
            return 0, 0
