"""Client events as events of the core."""

from __future__ import annotations

from typing import assert_never

from bargein.core.events import (
    CancelRequested,
    ClearRequested,
    CommitRequested,
    ItemCreateRequested,
    ItemDeleteRequested,
    ItemRetrieveRequested,
    ItemTruncateRequested,
    PlaybackFlushed,
    PlaybackReported,
    ResponseRequested,
)
from bargein.errors import CallerError
from bargein.wire import client_events as client
from bargein.wire.item_models import parse_item
from bargein.wire.session_object import SessionObject

Request = (
    CommitRequested
    | ClearRequested
    | ItemCreateRequested
    | ItemRetrieveRequested
    | ItemTruncateRequested
    | ItemDeleteRequested
    | ResponseRequested
    | CancelRequested
    | PlaybackReported
    | PlaybackFlushed
)
CoreClientEvent = (
    client.InputAudioBufferCommit
    | client.InputAudioBufferClear
    | client.OutputAudioBufferClear
    | client.ConversationItemCreate
    | client.ConversationItemRetrieve
    | client.ConversationItemTruncate
    | client.ConversationItemDelete
    | client.ResponseCreate
    | client.ResponseCancel
    | client.BargeinPlayed
    | client.BargeinFlushed
)
"""The client events that concern the conversation. The session itself handles the update, the append and the ping."""


def core_event(event: CoreClientEvent, session: SessionObject, *, audio_produced: bool = False) -> Request | None:
    """What ``event`` asks of the conversation; ``None`` if nothing.

    :param audio_produced: the model has already spoken in this session.
    :raises CallerError: its inner object is wrong; ``event_id`` is set.
    """
    try:
        return _request(event, session, audio_produced)
    except CallerError as error:
        error.event_id = event.event_id
        raise


def _request(event: CoreClientEvent, session: SessionObject, audio_produced: bool) -> Request | None:
    match event:
        case client.InputAudioBufferCommit():
            return CommitRequested()
        case client.InputAudioBufferClear():
            return ClearRequested()
        case client.OutputAudioBufferClear():
            return None
        case client.ConversationItemCreate():
            item = parse_item(event.item, "item", session.to_config().input_format, images=session.images)
            return ItemCreateRequested(item, event.previous_item_id or None)
        case client.ConversationItemRetrieve():
            return ItemRetrieveRequested(event.item_id)
        case client.ConversationItemTruncate():
            return ItemTruncateRequested(event.item_id, event.content_index, event.audio_end_ms)
        case client.ConversationItemDelete():
            return ItemDeleteRequested(event.item_id)
        case client.ResponseCreate():
            return session.merge_response(event.response, audio_produced=audio_produced)
        case client.ResponseCancel():
            return CancelRequested(event.response_id or None)
        case client.BargeinPlayed():
            return PlaybackReported(event.response_id, event.item_id, event.samples, event.playing)
        case client.BargeinFlushed():
            return PlaybackFlushed(event.response_id, event.item_id, event.samples)
    assert_never(event)
