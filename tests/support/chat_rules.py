"""What OpenAI refuses of a Chat Completions request: written again for what a conversation can get wrong, and for the
rest by the rules that the demo model has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bargein.errors import CallerError
from bargein.wire.chat import parse_chat


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
    if request.keys() & {"voice", "audios", "images"} or request.get("audio", {}).get("format") == "wav":
        # Another server's dialect (vLLM-Omni, sglang-omni, DashScope), which has rules of its own.
        return None
    if "audio" in request:
        # A server that is not OpenAI's is asked without a voice where none was chosen.
        request = {**request, "audio": {"voice": "alloy"} | request["audio"]}
    try:
        parse_chat(request)
    except CallerError as error:
        return error.message
    return None
