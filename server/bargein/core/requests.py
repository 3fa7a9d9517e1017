"""From the conversation, or an input of its own, to what the model is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bargein.core import context
from bargein.core.completion import CompletionRequest, SystemMessage
from bargein.core.config import CorePolicy, ResponseSettings
from bargein.core.events import ResponseRequested
from bargein.core.history import History
from bargein.core.items import FunctionCall, FunctionCallOutput, Item, ItemReference
from bargein.core.recent_items import recent_items
from bargein.errors import CallerError

NOTHING_SAID: Final = "Nothing has been said yet. You begin."
"""What the model is told where there is nothing to tell: no server takes a request without a message."""


def build_request(
    settings: ResponseSettings,
    items: Iterable[Item],
    history: History,
    policy: CorePolicy,
    *,
    unix_s: float,
) -> CompletionRequest:
    """Build the request for one response.

    :raises bargein.core.context.ContextOverflowError: it does not fit and may not be shortened.
    """
    recent = recent_items(list(items), history.heard, policy.max_context_tokens)
    told = context.messages(
        recent, history.heard, settings.instructions, unix_s=unix_s, refers_to_audio=policy.refers_to_audio
    )
    messages = context.fit(
        told,
        max_bytes=policy.max_request_bytes,
        max_tokens=policy.max_context_tokens,
        overflow=policy.overflow,
        truncation=settings.truncation,
        post_instructions_tokens=settings.post_instructions_tokens,
    )
    return CompletionRequest(
        messages or (SystemMessage(NOTHING_SAID),),
        settings.audio,
        settings.voice if settings.voice_chosen else None,
        settings.tools,
        settings.tool_choice,
        settings.max_output_tokens,
        settings.parallel_tool_calls,
        settings.reasoning_effort,
    )


def context_items(wanted: ResponseRequested, history: History) -> Iterable[Item]:
    """The items that a response is about: its own ``input``, or the conversation.

    :raises CallerError: its ``input`` refers to an item that does not exist, or answers a call that was never made.
    """
    if wanted.input is None:
        return [item for item in history if item.id not in history.untold] if history.untold else history
    items: list[Item] = []
    called: set[str] = set()
    for position, given in enumerate(wanted.input):
        item = given
        if isinstance(item, ItemReference):
            item = _referred(item, history, f"response.input[{position}].id")
        if isinstance(item, FunctionCallOutput) and item.call_id not in called:
            items.append(_call_of(item, history, f"response.input[{position}].call_id"))
            called.add(item.call_id)
        elif isinstance(item, FunctionCall):
            called.add(item.call_id)
        items.append(item)
    return items


def _referred(reference: ItemReference, history: History, param: str) -> Item:
    found = history.get(reference.id)
    if found is None:
        raise CallerError(f"Item with id '{reference.id}' does not exist.", code="invalid_value", param=param)
    return found


def _call_of(output: FunctionCallOutput, history: History, param: str) -> FunctionCall:
    """The call that an output is of, from the conversation: without it the model cannot be told the output."""
    call = history.call(output.call_id)
    if call is None:
        raise CallerError(
            f"Tool call ID '{output.call_id}' not found in conversation.", code="invalid_tool_call_id", param=param
        )
    return call
