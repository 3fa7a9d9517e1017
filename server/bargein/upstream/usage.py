"""Token counts, from Chat Completions' terms to the Realtime protocol's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bargein.core.completion import Usage
from bargein.upstream.lenient import whole_number

_INPUT: Final = ("prompt", "input")
"""Chat Completions' name of the side, and that of the Responses API, which some servers use here too."""
_OUTPUT: Final = ("completion", "output")
_CACHED: Final = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """The ``usage`` of a chunk. Whatever its details do not name as audio counts as text, so that the totals stay
    right.
    """
    total = _count(usage, "total_tokens")
    output_total = _total(usage, _OUTPUT)
    # Some tell the sum and one side.
    input_total = _total(usage, _INPUT) or max(0, total - output_total)
    input_text, input_audio, cached = _split(usage, _INPUT, input_total)
    output_text, output_audio, _ = _split(usage, _OUTPUT, output_total or max(0, total - input_total))
    return Usage(
        input_text_tokens=input_text,
        input_audio_tokens=input_audio,
        cached_tokens=cached or max(_count(usage, name) for name in _CACHED),
        output_text_tokens=output_text,
        output_audio_tokens=output_audio,
    )


def _total(usage: Mapping[str, Any], side: tuple[str, str]) -> int:
    return max(_count(usage, f"{name}_tokens") for name in side)


def _split(usage: Mapping[str, Any], side: tuple[str, str], total: int) -> tuple[int, int, int]:
    """Text, audio and cached tokens of one side."""
    details: Mapping[str, Any] = {}
    for name in (f"{part}_{kind}" for part in side for kind in ("tokens_details", "token_details")):
        if isinstance(found := usage.get(name), dict):
            details = found
            break
    audio = _count(details, "audio_tokens")
    if total:
        audio = min(audio, total)
    text = total - audio if total else _count(details, "text_tokens")
    return text, audio, _count(details, "cached_tokens")


def _count(counts: Mapping[str, Any], name: str) -> int:
    return max(0, whole_number(counts.get(name)) or 0)
