"""Why replies end, in the words of many servers."""

from __future__ import annotations

from typing import Final, get_args

from bargein.core.completion import FinishReason

REASONS: Final[dict[str, FinishReason]] = {reason: reason for reason in get_args(FinishReason)} | {
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "max_length": "length",
    "token_limit": "length",
    "incomplete": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "recitation": "content_filter",
    "refusal": "content_filter",
}
"""What is none of these (``eos``, ``end_turn``, ``stop_sequence``, …) is an end like any other."""
FAILURES: Final = frozenset(
    {
        "error", "abort", "aborted", "cancelled", "canceled", "failed", "failure", "timeout", "network_error",
        "internal_error", "server_error", "insufficient_system_resource", "malformed_function_call",
    }
)  # fmt: skip
_NO_REASON: Final = frozenset({"", "null", "none"})


def name_of(reason: object) -> str | None:
    """A finish reason in small letters, as text or as an object of some type; ``None`` where it is none."""
    if isinstance(reason, dict):
        reason = reason.get("type")
    name = reason.lower() if isinstance(reason, str) else ""
    return None if name in _NO_REASON else name
