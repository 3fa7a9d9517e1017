"""From the conversation, or an input of its own, to what the model is asked."""

from __future__ import annotations

from collections.abc import Iterable

from bargein.core import context
from bargein.core.completion import CompletionRequest
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig
from bargein.core.events import ResponseRequested
from bargein.core.history import History
from bargein.core.items import Item, ItemReference
from bargein.errors import CallerError


def build_request(
    settings: ResponseSettings,
    items: Iterable[Item],
    history: History,
    policy: CorePolicy,
    config: SessionConfig,
    *,
    unix_s: float,
) -> CompletionRequest:
    """Build the request for one response.

    :raises bargein.core.context.ContextOverflowError: it does not fit and may not be shortened.
    """
    told = context.messages(items, history.heard, settings.instructions, unix_s=unix_s)
    messages = context.fit(
        told,
        max_bytes=policy.max_request_bytes,
        max_tokens=policy.max_context_tokens,
        overflow=policy.overflow,
        truncation=config.truncation,
    )
    return CompletionRequest(
        messages,
        settings.audio,
        settings.voice,
        settings.tools,
        settings.tool_choice,
        settings.max_output_tokens,
    )


def context_items(wanted: ResponseRequested, history: History) -> Iterable[Item]:
    """The items that a response is about: its own ``input``, or the conversation.

    :raises CallerError: its ``input`` refers to an item that does not exist.
    """
    if wanted.input is None:
        return history
    items: list[Item] = []
    for position, item in enumerate(wanted.input):
        if isinstance(item, ItemReference):
            found = history.get(item.id)
            if found is None:
                raise CallerError(
                    f"Item with id '{item.id}' does not exist.",
                    code="invalid_value",
                    param=f"response.input[{position}].id",
                )
            items.append(found)
        else:
            items.append(item)
    return items
