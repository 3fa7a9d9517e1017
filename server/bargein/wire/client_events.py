"""The events a caller sends, and the parser that turns a message into one of them.

The eleven client events of the GA Realtime protocol, and the three of ``bargein.v1``. The inner objects ``session``,
``item`` and ``response`` stay plain JSON here: what they may hold depends on the session, and they are read by
:mod:`bargein.wire.session_object` and :mod:`bargein.wire.to_core`. Unknown fields are refused, as the service does;
those of ``bargein.*`` events are ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError, model_validator

from bargein.errors import CallerError
from bargein.wire import beta as beta_dialect
from bargein.wire.structure import check_structure
from bargein.wire.validation import first_fault, invalid_choice, invalid_type, only_one_unknown

Json = dict[str, Any]

MAX_EVENT_ID_LENGTH: Final = 512
EventId = Annotated[str | None, Field(max_length=MAX_EVENT_ID_LENGTH)]
Id = Annotated[str, Field(min_length=1, max_length=512)]
OptionalId = Annotated[str | None, Field(max_length=512)]
GivenId = Annotated[str, Field(max_length=512)]


class _ClientMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    event_id: EventId = None

    @model_validator(mode="before")
    @classmethod
    def _few_unknown_fields(cls, value: Any) -> Any:  # noqa: ANN401 (any JSON)
        return only_one_unknown(value, cls.model_fields)


class _Settings(_ClientMessage):
    """What a beta caller sets and GA has nothing like is kept beside it, to be told of: it does nothing."""

    _dropped: Json = PrivateAttr(default_factory=dict)

    def keep_dropped(self, dropped: Json) -> None:
        """Remember what the translation from the beta dialect has left out."""
        self._dropped = dropped


class SessionUpdate(_Settings):
    """``session`` is a partial session object: what it does not name stays as it is."""

    type: Literal["session.update"] = "session.update"
    session: Json

    @property
    def given(self) -> Json:
        """``session``, with what a beta caller set beyond it."""
        return self.session | self._dropped


class InputAudioBufferAppend(_ClientMessage):
    """``audio`` is base64 in the session's input format. The only event that is not answered."""

    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"
    audio: str


class InputAudioBufferCommit(_ClientMessage):
    type: Literal["input_audio_buffer.commit"] = "input_audio_buffer.commit"


class InputAudioBufferClear(_ClientMessage):
    type: Literal["input_audio_buffer.clear"] = "input_audio_buffer.clear"


class OutputAudioBufferClear(_ClientMessage):
    """For WebRTC, where the server has a play-out buffer. Clients written for both send it here too: it is ignored."""

    type: Literal["output_audio_buffer.clear"] = "output_audio_buffer.clear"


class ConversationItemCreate(_ClientMessage):
    type: Literal["conversation.item.create"] = "conversation.item.create"
    item: Json
    previous_item_id: OptionalId = None
    """``None`` or empty appends; ``root`` inserts at the front."""


class ConversationItemRetrieve(_ClientMessage):
    type: Literal["conversation.item.retrieve"] = "conversation.item.retrieve"
    item_id: GivenId


class ConversationItemTruncate(_ClientMessage):
    type: Literal["conversation.item.truncate"] = "conversation.item.truncate"
    item_id: GivenId
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0)]


class ConversationItemDelete(_ClientMessage):
    type: Literal["conversation.item.delete"] = "conversation.item.delete"
    item_id: GivenId


class ResponseCreate(_Settings):
    type: Literal["response.create"] = "response.create"
    response: Json | None = None

    @property
    def given(self) -> Json:
        """``response``, with what a beta caller set beyond it."""
        return (self.response or {}) | self._dropped


class ResponseCancel(_ClientMessage):
    type: Literal["response.cancel"] = "response.cancel"
    response_id: OptionalId = None


class _BargeinMessage(_ClientMessage):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class BargeinPlayed(_BargeinMessage):
    """How much of an item's audio has come out of the speaker."""

    type: Literal["bargein.played"] = "bargein.played"
    response_id: Id
    item_id: Id
    samples: Annotated[int, Field(ge=0)]
    playing: bool


class BargeinFlushed(_BargeinMessage):
    """The answer to ``bargein.flush``: exact and final."""

    type: Literal["bargein.flushed"] = "bargein.flushed"
    response_id: Id
    item_id: Id
    samples: Annotated[int, Field(ge=0)]


class BargeinPing(_BargeinMessage):
    type: Literal["bargein.ping"] = "bargein.ping"
    id: Annotated[str, Field(max_length=512)] | int


StandardClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemTruncate
    | ConversationItemDelete
    | ResponseCreate
    | ResponseCancel
)
BargeinClientEvent = BargeinPlayed | BargeinFlushed | BargeinPing
ClientEvent = StandardClientEvent | BargeinClientEvent
"""Every message that :func:`parse_client_event` returns."""


_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {
    model.model_fields["type"].default: TypeAdapter(model) for model in get_args(ClientEvent)
}
_STANDARD_ADAPTERS: Final = {kind: _ADAPTERS[kind] for kind in _ADAPTERS if not kind.startswith("bargein.")}

_REFUSED_TYPES: Final = {
    "transcription_session.update": (
        "Transcription sessions are not supported by this server. Send 'session.update' with session.type "
        "'realtime' and set session.audio.input.transcription to get transcripts of what the caller says."
    ),
    "session.close": "'session.close' is not supported by this server. Close the WebSocket to end the session.",
}


def parse_client_event(message: bytes | str, *, beta: bool = False, bargein: bool = False) -> ClientEvent:
    """Read one text message.

    :param beta: the caller speaks the beta dialect; what is returned is GA all the same.
    :param bargein: the caller negotiated ``bargein.v1``.
    :raises CallerError: with ``event_id`` set to the message's own, where it has a usable one.
    """
    event = _json_object(message)
    dropped: Json = {}
    if beta:
        dropped = beta_dialect.without_counterpart(event)
        event = beta_dialect.from_beta(event)
    try:
        adapter = _adapter(event, _ADAPTERS if bargein else _STANDARD_ADAPTERS)
        check_structure(event, len(message))
        parsed: ClientEvent = adapter.validate_python(event)
    except ValidationError as invalid:
        raise _with_event_id(first_fault(invalid, event), event) from None
    except CallerError as refused:
        raise _with_event_id(refused, event) from None
    if dropped and isinstance(parsed, _Settings):
        parsed.keep_dropped(dropped)
    return parsed


def _with_event_id(error: CallerError, event: Json) -> CallerError:
    event_id = event.get("event_id")
    if isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID_LENGTH:
        error.event_id = event_id
    return error


def _json_object(message: bytes | str) -> Json:
    try:
        event = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise CallerError(f"The message is not valid JSON: {error}.", code="invalid_json") from None
    if not isinstance(event, dict):
        raise invalid_type("", "an object with a 'type'", event)
    return event


def _adapter(event: Json, vocabulary: dict[str, TypeAdapter[Any]]) -> TypeAdapter[Any]:
    kind = event.get("type")
    if kind is None:
        raise CallerError("The 'type' field is missing.", code="invalid_event", param="type")
    if not isinstance(kind, str):
        raise invalid_type("type", "a string", kind)
    if kind in _REFUSED_TYPES:
        raise CallerError(_REFUSED_TYPES[kind], code="invalid_value", param="type")
    if kind not in vocabulary:
        raise invalid_choice("type", kind, tuple(vocabulary))
    return vocabulary[kind]
