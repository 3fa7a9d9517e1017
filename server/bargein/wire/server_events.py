"""The events a server sends, one function for each, in the shapes of the GA Realtime protocol.

Each returns a new JSON object without ``event_id`` and ``seq``: :class:`bargein.wire.encode.Encoder` stamps those. The
functions are ordered as a conversation goes. Source: the server events of ``openai.types.realtime``, and recorded
sessions for the nullable keys. Events of our own subprotocol are in :mod:`bargein.wire.bargein_events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bargein.core.items import Failure

ServerEvent = dict[str, Any]
Json = dict[str, Any]


def error(
    message: str,
    *,
    type: str = "invalid_request_error",  # noqa: A002  the protocol's own word
    code: str | None = None,
    param: str | None = None,
    event_id: str | None = None,
) -> ServerEvent:
    """Refuse a client event, or tell a fault of ours.

    :param type: ``invalid_request_error`` for the caller's faults, ``server_error`` for ours.
    :param event_id: the *client's* event id, which SDKs match against what they sent.
    """
    return {
        "type": "error",
        "error": {"type": type, "code": code, "message": message, "param": param, "event_id": event_id},
    }


# Session.


def session_created(session: Json, bargein: Json | None = None) -> ServerEvent:
    """Open a conversation, before any client event.

    :param bargein: :func:`bargein.wire.bargein_events.welcome` for callers of ``bargein.v1``; ``None`` for all others.
    """
    if bargein is None:
        return {"type": "session.created", "session": session}
    return {"type": "session.created", "bargein": bargein, "session": session}


def session_updated(session: Json) -> ServerEvent:
    return {"type": "session.updated", "session": session}


def conversation_created(conversation_id: str) -> ServerEvent:
    """Beta dialect only: follows ``session.created``."""
    return {
        "type": "conversation.created",
        "conversation": {"id": conversation_id, "object": "realtime.conversation"},
    }


# Input audio.


def speech_started(item_id: str, audio_start_ms: int) -> ServerEvent:
    return {"type": "input_audio_buffer.speech_started", "audio_start_ms": audio_start_ms, "item_id": item_id}


def speech_stopped(item_id: str, audio_end_ms: int) -> ServerEvent:
    return {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": audio_end_ms, "item_id": item_id}


def input_committed(item_id: str, previous_item_id: str | None) -> ServerEvent:
    return {"type": "input_audio_buffer.committed", "previous_item_id": previous_item_id, "item_id": item_id}


def input_cleared() -> ServerEvent:
    return {"type": "input_audio_buffer.cleared"}


def timeout_triggered(item_id: str, audio_start_ms: int, audio_end_ms: int) -> ServerEvent:
    """Nobody spoke for ``idle_timeout_ms``: the silent stretch of the input becomes a turn."""
    return {
        "type": "input_audio_buffer.timeout_triggered",
        "audio_start_ms": audio_start_ms,
        "audio_end_ms": audio_end_ms,
        "item_id": item_id,
    }


# Items. ``item`` is what ``bargein.wire.items`` writes.


def item_added(item: Json, previous_item_id: str | None) -> ServerEvent:
    return {"type": "conversation.item.added", "previous_item_id": previous_item_id, "item": item}


def item_done(item: Json, previous_item_id: str | None) -> ServerEvent:
    return {"type": "conversation.item.done", "previous_item_id": previous_item_id, "item": item}


def item_retrieved(item: Json) -> ServerEvent:
    return {"type": "conversation.item.retrieved", "item": item}


def item_truncated(item_id: str, content_index: int, audio_end_ms: int) -> ServerEvent:
    return {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


def item_deleted(item_id: str) -> ServerEvent:
    return {"type": "conversation.item.deleted", "item_id": item_id}


# What the caller said, as text.


def transcription_delta(item_id: str, delta: str) -> ServerEvent:
    return {
        "type": "conversation.item.input_audio_transcription.delta",
        "item_id": item_id,
        "content_index": 0,
        "delta": delta,
    }


def transcription_completed(
    item_id: str, transcript: str, seconds: float, logprobs: Sequence[Mapping[str, Any]] | None = None
) -> ServerEvent:
    """``seconds`` is the length of the transcribed audio: strict clients require the usage."""
    event: ServerEvent = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": item_id,
        "content_index": 0,
        "transcript": transcript,
        "usage": {"type": "duration", "seconds": seconds},
    }
    return event if logprobs is None else event | {"logprobs": list(logprobs)}


def transcription_failed(item_id: str, failure: Failure) -> ServerEvent:
    """A missing code is left out: clients of the JavaScript Agents SDK drop the event when it is null."""
    return {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": item_id,
        "content_index": 0,
        "error": failure_json(failure),
    }


def failure_json(failure: Failure) -> Json:
    """``type``, ``code`` if there is one, and ``message``."""
    if failure.code is None:
        return {"type": failure.type, "message": failure.message}
    return {"type": failure.type, "code": failure.code, "message": failure.message}


# Responses. ``response`` is what ``bargein.wire.response_object`` writes.


def response_created(response: Json) -> ServerEvent:
    return {"type": "response.created", "response": response}


def response_done(response: Json) -> ServerEvent:
    return {"type": "response.done", "response": response}


def output_item_added(response_id: str, output_index: int, item: Json) -> ServerEvent:
    return {
        "type": "response.output_item.added",
        "response_id": response_id,
        "output_index": output_index,
        "item": item,
    }


def output_item_done(response_id: str, output_index: int, item: Json) -> ServerEvent:
    return {
        "type": "response.output_item.done",
        "response_id": response_id,
        "output_index": output_index,
        "item": item,
    }


def _of_part(type: str, response_id: str, item_id: str, output_index: int, content_index: int) -> ServerEvent:  # noqa: A002
    return {
        "type": type,
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        "content_index": content_index,
    }


def content_part_added(
    response_id: str, item_id: str, output_index: int, part: Json, content_index: int = 0
) -> ServerEvent:
    """``part`` is written by :func:`bargein.wire.items.begun_content_part_json`."""
    return {**_of_part("response.content_part.added", response_id, item_id, output_index, content_index), "part": part}


def content_part_done(
    response_id: str, item_id: str, output_index: int, part: Json, content_index: int = 0
) -> ServerEvent:
    return {**_of_part("response.content_part.done", response_id, item_id, output_index, content_index), "part": part}


def text_delta(response_id: str, item_id: str, output_index: int, delta: str, content_index: int = 0) -> ServerEvent:
    event = _of_part("response.output_text.delta", response_id, item_id, output_index, content_index)
    event["delta"] = delta
    return event


def text_done(response_id: str, item_id: str, output_index: int, text: str, content_index: int = 0) -> ServerEvent:
    event = _of_part("response.output_text.done", response_id, item_id, output_index, content_index)
    event["text"] = text
    return event


def transcript_delta(
    response_id: str, item_id: str, output_index: int, delta: str, content_index: int = 0
) -> ServerEvent:
    event = _of_part("response.output_audio_transcript.delta", response_id, item_id, output_index, content_index)
    event["delta"] = delta
    return event


def transcript_done(
    response_id: str, item_id: str, output_index: int, transcript: str, content_index: int = 0
) -> ServerEvent:
    event = _of_part("response.output_audio_transcript.done", response_id, item_id, output_index, content_index)
    event["transcript"] = transcript
    return event


def audio_delta(response_id: str, item_id: str, output_index: int, delta: str, content_index: int = 0) -> ServerEvent:
    """Reply audio as base64. What goes out is written by ``Encoder.audio``, which must equal this."""
    event = _of_part("response.output_audio.delta", response_id, item_id, output_index, content_index)
    event["delta"] = delta
    return event


def audio_done(response_id: str, item_id: str, output_index: int, content_index: int = 0) -> ServerEvent:
    return _of_part("response.output_audio.done", response_id, item_id, output_index, content_index)


def arguments_delta(response_id: str, item_id: str, output_index: int, call_id: str, delta: str) -> ServerEvent:
    return {
        "type": "response.function_call_arguments.delta",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        "call_id": call_id,
        "delta": delta,
    }


def arguments_done(
    response_id: str, item_id: str, output_index: int, call_id: str, name: str, arguments: str
) -> ServerEvent:
    """``name`` is required by strict clients."""
    return {
        "type": "response.function_call_arguments.done",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }
