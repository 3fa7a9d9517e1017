"""From the conversation, or an input of its own, to what the model is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from bargein.core import context
from bargein.core.completion import CompletionRequest, SystemMessage
from bargein.core.config import CorePolicy, ResponseSettings
from bargein.core.events import ResponseRequested
from bargein.core.history import Heard, History
from bargein.core.items import FunctionCall, FunctionCallOutput, Item, ItemReference
from bargein.core.recent_items import recent_items
from bargein.errors import CallerError

NOTHING_SAID: Final = "Nothing has been said yet. You begin."
"""What the model is told where there is nothing to tell: no server takes a request without a message."""

NOTHING_HEARD: Final[Mapping[str, Heard]] = MappingProxyType({})


def build_request(
    settings: ResponseSettings,
    items: Iterable[Item],
    history: History,
    policy: CorePolicy,
    *,
    unix_s: float,
    out_of_band: bool = False,
    so_far: Mapping[str, Heard] = NOTHING_HEARD,
) -> CompletionRequest:
    """Build the request for one response.

    :param so_far: what was heard of replies that are not over, by item.
    :raises bargein.core.context.ContextOverflowError: it does not fit and may not be shortened.
    """
    heard = {**history.heard, **so_far} if so_far else history.heard
    recent = recent_items(list(items), heard, policy.max_context_tokens)
    told = context.messages(
        recent,
        heard,
        settings.instructions,
        unix_s=unix_s,
        refers_to_audio=policy.refers_to_audio and not policy.history_sound_turns,
        in_words=history.in_words,
    )
    model = policy.beside_model if out_of_band else None
    if policy.text_model is not None and not settings.audio:
        written = context.in_writing(told)
        if written is not None:
            told, model = written, policy.text_model
    messages = context.fit(
        told,
        max_bytes=policy.max_request_bytes,
        max_tokens=policy.max_context_tokens,
        overflow=policy.overflow,
        truncation=settings.truncation,
        post_instructions_tokens=settings.post_instructions_tokens,
    )
    return CompletionRequest(
        # When it fits: arguments are read to know it, and there may be megabytes of them in the conversation.
        context.with_readable_calls(messages) or (SystemMessage(NOTHING_SAID),),
        settings.audio,
        settings.voice if settings.voice_chosen else None,
        settings.tools,
        settings.tool_choice,
        settings.max_output_tokens,
        settings.parallel_tool_calls,
        settings.reasoning_effort,
        model,
    )


def context_items(wanted: ResponseRequested, history: History) -> Iterable[Item]:
    """The items that a response is about: its own ``input``, or the conversation.

    :raises CallerError: its ``input`` refers to an item that does not exist, or answers a call that was never made.
    """
    if wanted.input is None:
        return [item for item in history if item.id not in history.untold] if history.untold else history
    items: list[Item] = []
    called: set[str] = set()
    referred: dict[str, FunctionCall] = {}
    """Calls of the conversation, by item id: each is told once."""
    for position, given in enumerate(wanted.input):
        item = given
        if isinstance(item, ItemReference):
            item = _referred(item, history, f"response.input[{position}].id")
        if isinstance(item, FunctionCallOutput) and item.call_id not in called:
            call = _call_of(item, history, f"response.input[{position}].call_id")
            referred[call.id] = call
            called.add(call.call_id)
            items.append(call)
        elif isinstance(item, FunctionCall):
            if referred.get(item.id) is item:
                continue
            if item is not given:
                referred[item.id] = item
            called.add(item.call_id)
        items.append(item)
    return _with_outputs(items, referred, history)


def _with_outputs(items: list[Item], referred: Mapping[str, FunctionCall], history: History) -> list[Item]:
    """The same, with the outputs that the conversation has of its calls among ``items``, where they have none."""
    unanswered = {call.call_id for call in referred.values()}
    unanswered -= {item.call_id for item in items if isinstance(item, FunctionCallOutput)}
    if not unanswered:
        return items
    outputs = {item.call_id: item for item in history if isinstance(item, FunctionCallOutput)}
    completed: list[Item] = []
    for item in items:
        completed.append(item)
        if isinstance(item, FunctionCall) and referred.get(item.id) is item and item.call_id in unanswered:
            output = outputs.get(item.call_id)
            completed += [] if output is None else [output]
    return completed


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
