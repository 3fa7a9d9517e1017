"""Token counts, from Chat Completions' terms to the Realtime protocol's."""

from __future__ import annotations

from typing import Any

from bargein.core.completion import Usage


def read_usage(usage: dict[str, Any]) -> Usage:
    """The ``usage`` of a chunk. Whatever its details do not name as audio counts as text, so that the totals stay
    right.
    """
    input_text, input_audio, cached = _split(usage, "prompt")
    output_text, output_audio, _ = _split(usage, "completion")
    return Usage(
        input_text_tokens=input_text,
        input_audio_tokens=input_audio,
        cached_tokens=cached,
        output_text_tokens=output_text,
        output_audio_tokens=output_audio,
    )


def _split(usage: dict[str, Any], side: str) -> tuple[int, int, int]:
    """Text, audio and cached tokens of one side."""
    details = usage.get(f"{side}_tokens_details")
    details = details if isinstance(details, dict) else {}
    audio = _count(details, "audio_tokens")
    total = _count(usage, f"{side}_tokens")
    text = max(0, total - audio) if total else _count(details, "text_tokens")
    return text, audio, _count(details, "cached_tokens")


def _count(counts: dict[str, Any], name: str) -> int:
    count = counts.get(name)
    return max(0, count) if isinstance(count, int) else 0
