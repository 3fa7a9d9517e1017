"""What OpenAI refuses of a Chat Completions request, as far as a conversation can get it wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def refusal(request: Mapping[str, Any]) -> str | None:
    """Why OpenAI would answer 400, in its words; ``None`` where it would not."""
    messages = request["messages"]
    if not messages:
        return (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
    unanswered: set[str] = set()
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in unanswered:
                return (
                    f"Invalid parameter: messages[{index}] with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'."
                )
            unanswered.remove(message["tool_call_id"])
            continue
        if unanswered:
            break
        unanswered = {call["id"] for call in message.get("tool_calls", ())}
        if message["role"] != "assistant" and not message.get("content"):
            return f"Invalid value for 'messages[{index}].content': expected a string or an array, got nothing."
    if unanswered:
        named = ", ".join(sorted(unanswered))
        return (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {named}"
        )
    return None
