"""The response object of ``response.created`` and ``response.done`` (reference, section "Response object")."""

from __future__ import annotations

from typing import Any

from bargein.core.audio import AudioFormat, Encoding
from bargein.core.completion import Usage
from bargein.core.items import Response
from bargein.wire.items import item_json
from bargein.wire.server_events import failure_json

Json = dict[str, Any]


def response_json(response: Response) -> Json:
    """The object as it stands now: a snapshot that shares nothing with ``response``."""
    settings = response.settings
    return {
        "object": "realtime.response",
        "id": response.id,
        "status": response.status,
        "status_details": _status_details(response),
        "output": [item_json(item) for item in response.output],
        "conversation_id": response.conversation_id,
        "output_modalities": ["audio"] if settings.audio else ["text"],
        "max_output_tokens": "inf" if settings.max_output_tokens is None else settings.max_output_tokens,
        "audio": {"output": {"format": format_json(settings.output_format), "voice": settings.voice}},
        "usage": None if response.usage is None else usage_json(response.usage),
        "metadata": None if response.metadata is None else dict(response.metadata),
    }


def _status_details(response: Response) -> Json | None:
    match response.status:
        case "in_progress" | "completed":
            return None
        case "cancelled" | "incomplete":
            return {"type": response.status, "reason": response.reason} | _error(response)
        case "failed":
            return {"type": "failed"} | _error(response)


def _error(response: Response) -> Json:
    """What went wrong, where it has no reason of the protocol's own: strict clients know no other reasons."""
    return {} if response.failure is None else {"error": failure_json(response.failure)}


def usage_json(usage: Usage) -> Json:
    """Token counts; every counter is an integer, and the details sum to their totals.

    Chat Completions does not say of which kind the cached tokens were: they are taken for text, as far as there was
    text.
    """
    cached_text = min(usage.cached_tokens, usage.input_text_tokens)
    return {
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "input_token_details": {
            "text_tokens": usage.input_text_tokens,
            "audio_tokens": usage.input_audio_tokens,
            "image_tokens": 0,
            "cached_tokens": usage.cached_tokens,
            "cached_tokens_details": {
                "text_tokens": cached_text,
                "audio_tokens": usage.cached_tokens - cached_text,
                "image_tokens": 0,
            },
        },
        "output_token_details": {
            "text_tokens": usage.output_text_tokens,
            "audio_tokens": usage.output_audio_tokens,
        },
    }


def format_json(audio_format: AudioFormat) -> Json:
    """Only PCM names its rate: G.711 is always at 8 kHz."""
    if audio_format.encoding is Encoding.PCM16:
        return {"type": audio_format.encoding.value, "rate": audio_format.rate_hz}
    return {"type": audio_format.encoding.value}
