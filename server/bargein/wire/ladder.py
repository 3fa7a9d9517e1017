"""From what the core decides to what the caller is told: the protocol's events, in the protocol's order.

The orders are those of the reference, section "Sequences": a turn, its response, and the close-out of a response that
was cut short. Only what was opened is closed, because the core says no more than that.
"""

from __future__ import annotations

from typing import assert_never

from bargein.core import actions
from bargein.core.actions import BargeinAction, CallerAction
from bargein.core.items import FunctionCall, Item, Message, OutputAudio, OutputText, Response
from bargein.wire import bargein_events, server_events
from bargein.wire.errors import input_missing_event
from bargein.wire.items import (
    begun_item_json,
    content_part_json,
    item_json,
    item_with_audio_json,
)
from bargein.wire.response_object import response_json
from bargein.wire.server_events import ServerEvent


def events(action: CallerAction) -> list[ServerEvent]:
    """The events that tell ``action`` to any caller. Sound goes by the encoder's short way instead."""
    match action:
        case actions.SpeechStarted(item_id, audio_start_ms):
            return [server_events.speech_started(item_id, audio_start_ms)]
        case actions.SpeechStopped(item_id, audio_end_ms):
            return [server_events.speech_stopped(item_id, audio_end_ms)]
        case actions.IdleTimedOut(item_id, audio_start_ms, audio_end_ms):
            return [server_events.timeout_triggered(item_id, audio_start_ms, audio_end_ms)]
        case actions.InputCommitted(item, previous_item_id):
            return [server_events.input_committed(item.id, previous_item_id), *_whole_item(item, previous_item_id)]
        case actions.InputMissing(item_id, dropped_ms, limit_ms):
            return [input_missing_event(item_id, dropped_ms, limit_ms)]
        case actions.InputCleared():
            return [server_events.input_cleared()]
        case actions.ItemCreated(item, previous_item_id):
            return _whole_item(item, previous_item_id)
        case actions.ItemRetrieved(item):
            return [server_events.item_retrieved(item_with_audio_json(item))]
        case actions.ItemTruncated(item_id, content_index, audio_end_ms):
            return [server_events.item_truncated(item_id, content_index, audio_end_ms)]
        case actions.ItemDeleted(item_id):
            return [server_events.item_deleted(item_id)]
        case actions.TranscriptionDelta(item_id, delta):
            return [server_events.transcription_delta(item_id, delta)]
        case actions.TranscriptionDone(item_id, transcript, seconds, logprobs):
            return [server_events.transcription_completed(item_id, transcript, seconds, logprobs)]
        case actions.TranscriptionFailure(item_id, failure):
            return [server_events.transcription_failed(item_id, failure)]
        case _:
            return _response_events(action)


def _whole_item(item: Item, previous_item_id: str | None) -> list[ServerEvent]:
    shown = item_json(item)
    return [server_events.item_added(shown, previous_item_id), server_events.item_done(shown, previous_item_id)]


_ResponseAction = (
    actions.ResponseCreated
    | actions.OutputItemAdded
    | actions.TranscriptSent
    | actions.TextSent
    | actions.AudioSent
    | actions.ArgumentsSent
    | actions.OutputItemDone
    | actions.ResponseDone
)


def _response_events(action: _ResponseAction) -> list[ServerEvent]:
    match action:
        case actions.ResponseCreated(response):
            return [server_events.response_created(response_json(response))]
        case actions.OutputItemAdded(response, output_index, item, previous_item_id):
            return _item_begins(response, output_index, item, previous_item_id)
        case actions.TranscriptSent(response_id, item_id, output_index, delta):
            return [server_events.transcript_delta(response_id, item_id, output_index, delta)]
        case actions.TextSent(response_id, item_id, output_index, delta):
            return [server_events.text_delta(response_id, item_id, output_index, delta)]
        case actions.ArgumentsSent(response_id, item_id, output_index, call_id, delta):
            return [server_events.arguments_delta(response_id, item_id, output_index, call_id, delta)]
        case actions.OutputItemDone(response, output_index, item, previous_item_id):
            return _item_ends(response, output_index, item, previous_item_id)
        case actions.ResponseDone(response):
            return [server_events.response_done(response_json(response))]
        case actions.AudioSent():
            raise TypeError("sound is written by Encoder.audio")
        case _:
            assert_never(action)


def _item_begins(
    response: Response, output_index: int, item: Message | FunctionCall, previous_item_id: str | None
) -> list[ServerEvent]:
    begun = begun_item_json(item)
    told = [server_events.output_item_added(response.id, output_index, begun)]
    if response.conversation_id is not None:
        told.append(server_events.item_added(begun, previous_item_id))
    part = _part(item)
    if part is not None:
        shown = content_part_json(part)
        told.append(server_events.content_part_added(response.id, item.id, output_index, shown))
    return told


def _item_ends(
    response: Response, output_index: int, item: Message | FunctionCall, previous_item_id: str | None
) -> list[ServerEvent]:
    told: list[ServerEvent] = []
    match _part(item):
        case OutputAudio() as part:
            told.append(server_events.audio_done(response.id, item.id, output_index))
            told.append(server_events.transcript_done(response.id, item.id, output_index, part.transcript))
            told.append(server_events.content_part_done(response.id, item.id, output_index, content_part_json(part)))
        case OutputText(text) as part:
            told.append(server_events.text_done(response.id, item.id, output_index, text))
            told.append(server_events.content_part_done(response.id, item.id, output_index, content_part_json(part)))
        case None:
            pass
    if isinstance(item, FunctionCall):
        told.append(
            server_events.arguments_done(response.id, item.id, output_index, item.call_id, item.name, item.arguments)
        )
    shown = item_json(item)
    if response.conversation_id is not None:
        told.append(server_events.item_done(shown, previous_item_id))
    told.append(server_events.output_item_done(response.id, output_index, shown))
    return told


def _part(item: Message | FunctionCall) -> OutputAudio | OutputText | None:
    if isinstance(item, Message):
        for part in item.parts:
            if isinstance(part, OutputAudio | OutputText):
                return part
    return None


def bargein_event(action: BargeinAction) -> ServerEvent:
    """The event that tells ``action`` to a caller of ``bargein.v1``."""
    match action:
        case actions.VoiceChanged(speech, at_ms, level_db, probability):
            return bargein_events.voice_changed(speech, at_ms, level_db, probability)
        case actions.ReplyNumbered(response_id, item_id, number):
            return bargein_events.response_numbered(response_id, item_id, number)
        case actions.Held(response_id, item_id, at_sample, duck_db):
            return bargein_events.hold(response_id, item_id, at_sample, duck_db)
        case actions.Resumed(response_id, item_id, from_sample):
            return bargein_events.resume(response_id, item_id, from_sample)
        case actions.Flushed(response_id, item_id):
            return bargein_events.flush(response_id, item_id)
        case actions.Cut(response_id, item_id, heard_samples, heard_text, unheard_text):
            return bargein_events.cut(response_id, item_id, heard_samples, heard_text, unheard_text)
        case _:
            assert_never(action)
