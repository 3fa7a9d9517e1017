"""The session object: what a caller has configured, how updates change it, and what the core sees of it.

An update is all or nothing. What it does not name stays; ``audio.input`` and ``audio.output`` are merged field by
field; ``turn_detection`` and every other object is replaced, its missing members filled with defaults. Source:
reference, sections "Session object" and "Update semantics".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter

from bargein.core.audio import FORMATS, AudioFormat
from bargein.core.completion import ForcedFunction, ToolChoice
from bargein.core.config import (
    RULE_OF_EAGERNESS,
    ResponseSettings,
    SessionConfig,
    Transcription,
    TurnDetection,
    usual_silence_ms,
)
from bargein.core.events import ResponseRequested
from bargein.errors import CallerError
from bargein.wire import audio_models, written
from bargein.wire import session_models as models
from bargein.wire.item_models import parse_input_item
from bargein.wire.validation import MAX_DEPTH, is_deeper_than, validate
from bargein.wire.written import Written

Json = dict[str, Any]
Fields = TypeVar("Fields", bound=BaseModel)

_SESSION: Final = TypeAdapter(models.SessionFields)
_RESPONSE: Final = TypeAdapter(models.ResponseFields)
_MERGED: Final = (audio_models.Audio, audio_models.AudioInput, audio_models.AudioOutput)

_CEILING_OF_EAGERNESS_MS: Final = {"low": 8000, "medium": 4000, "high": 2000, "auto": 4000}


@dataclass(frozen=True)
class SessionObject:
    """One caller's configuration, immutable: an update returns a new one."""

    id: str
    model: str
    expires_at: int
    """Unix seconds."""
    fields: models.SessionFields
    default_voice: str = "alloy"
    """Shown where the caller has chosen no voice; what the model is asked for then is its server's matter."""
    images: bool = False
    """The model takes images."""
    _written: Written = field(default_factory=Written, repr=False, compare=False)

    @classmethod
    def begin(
        cls,
        *,
        id: str,  # noqa: A002  the protocol's name
        model: str,
        expires_at: int,
        instructions: str = "",
        default_voice: str = "alloy",
        images: bool = False,
        initial: Json | None = None,
    ) -> SessionObject:
        """A new session, with the server's defaults.

        :param expires_at: Unix seconds.
        :param instructions: the server's default text.
        :param default_voice: shown where the caller chooses none.
        :param images: the model takes images.
        :param initial: what an ephemeral token carries, under the rules of ``session.update``.
        :raises CallerError: ``initial`` is wrong; ``param`` begins with ``session``.
        """
        fields = models.SessionFields(instructions=instructions)
        session = cls(id, model, expires_at, fields, default_voice, images)
        if initial is None:
            return session
        if is_deeper_than(initial, MAX_DEPTH):
            raise CallerError(
                f"The session is nested too deeply: objects and arrays may be at most {MAX_DEPTH} levels inside each "
                "other.",
                code="invalid_value",
                param="session",
            )
        return session.update(initial)

    def update(self, patch: Json, *, audio_produced: bool = False) -> SessionObject:
        """The session with ``patch``, the ``session`` of a ``session.update``, applied.

        :param audio_produced: the model has already spoken in this session: the voice is then fixed.
        :raises CallerError: something in ``patch`` is wrong; ``self`` is as it was.
        """
        given = validate(_SESSION, patch, "session")
        fields = _merged(self.fields, given)
        choice = fields.tool_choice
        if isinstance(choice, models.ForcedFunction) and all(tool.name != choice.name for tool in fields.tools):
            if "tool_choice" in given.model_fields_set:
                raise _unknown_function(choice.name, "session")
            # It was among the tools before: the caller has taken it away, and asks for nothing impossible.
            fields = fields.model_copy(update={"tool_choice": "auto"})
        if audio_produced:
            self._check_voice(fields.audio.output.voice or self.default_voice, "session.audio.output.voice")
            # Its own echo, sent back, is no choice.
            fields = _with_voice(fields, self.fields.audio.output.voice)
        if self.fields.tracing is not None and fields.tracing != self.fields.tracing:
            raise CallerError(
                "Cannot update tracing once it is enabled. Start a new session to trace differently.",
                code="cannot_update_tracing",
                param="session.tracing",
            )
        self._written.take(fields.tools)
        return replace(self, fields=fields)

    def echo(self) -> Json:
        """The complete effective session, as ``session.created`` and ``session.updated`` show it."""
        fields = self.fields
        shown: Json = {
            "type": fields.type,
            "object": "realtime.session",
            "id": self.id,
            "model": self.model,
            "output_modalities": list(fields.output_modalities),
            "instructions": self._written.text(fields.instructions),
            "tools": self._written.tools(fields.tools),
            "tool_choice": _shown(fields.tool_choice),
            "max_output_tokens": fields.max_output_tokens,
            "tracing": _shown(fields.tracing),
            "truncation": _shown(fields.truncation),
            "prompt": _shown(fields.prompt),
            "expires_at": self.expires_at,
            "audio": {
                "input": _shown_input(fields.audio.input),
                "output": fields.audio.output.model_dump() | {"voice": self.voice},
            },
            "include": None if fields.include is None else list(fields.include),
        }
        if fields.parallel_tool_calls is not None:
            shown["parallel_tool_calls"] = fields.parallel_tool_calls
        if fields.reasoning is not None:
            shown["reasoning"] = _shown(fields.reasoning)
        return shown

    @property
    def voice(self) -> str:
        """As it is shown."""
        return self.fields.audio.output.voice or self.default_voice

    def to_config(self) -> SessionConfig:
        """What the core needs to know of it."""
        return self._config

    @cached_property
    def _config(self) -> SessionConfig:
        fields = self.fields
        audio = fields.audio
        return SessionConfig(
            input_format=_format(audio.input.format),
            turn_detection=_turn_detection(audio.input.turn_detection),
            echo_cancellation=audio.input.echo_cancellation,
            transcription=_transcription(audio.input.transcription, logprobs=bool(fields.include)),
            response=ResponseSettings(
                instructions=fields.instructions,
                audio=fields.output_modalities == ["audio"],
                voice=self.voice,
                voice_chosen=audio.output.voice is not None,
                output_format=_format(audio.output.format),
                tools=self._written.settings(fields.tools),
                tool_choice=_tool_choice(fields.tool_choice),
                max_output_tokens=_limit(fields.max_output_tokens),
                parallel_tool_calls=fields.parallel_tool_calls,
                reasoning_effort=None if fields.reasoning is None else fields.reasoning.effort,
                truncation=_truncation(fields.truncation),
                post_instructions_tokens=_post_instructions(fields.truncation),
            ),
        )

    def merge_response(self, params: Json | None, *, audio_produced: bool = False) -> ResponseRequested:
        """What ``response.create`` asks for: the session's settings, overridden by ``params``.

        :param params: its ``response`` member.
        :raises CallerError: something in ``params`` is wrong; ``param`` begins with ``response``.
        """
        settings = self._config.response
        if params is None:
            return ResponseRequested(settings)
        given = validate(_RESPONSE, params, "response")
        tools = settings.tools
        if given.tools is not None:
            tools = written.settings_of(given.tools)
            written.tools_json(tools, "response.tools")
        tool_choice = settings.tool_choice if given.tool_choice is None else _tool_choice(given.tool_choice)
        if isinstance(tool_choice, ForcedFunction) and all(tool["name"] != tool_choice.name for tool in tools):
            if given.tool_choice is not None:
                raise _unknown_function(tool_choice.name, "response")
            # The session's, for the session's tools.
            tool_choice = "auto"
        output = given.audio.output
        if audio_produced and output.voice is not None:
            self._check_voice(output.voice, "response.audio.output.voice")
        limit = given.max_output_tokens or given.max_response_output_tokens
        return ResponseRequested(
            settings=replace(
                settings,
                instructions=settings.instructions if given.instructions is None else given.instructions,
                audio=settings.audio if given.output_modalities is None else given.output_modalities == ["audio"],
                voice=settings.voice if output.voice is None else output.voice,
                voice_chosen=settings.voice_chosen or (output.voice is not None and not audio_produced),
                output_format=settings.output_format if output.format is None else _format(output.format),
                tools=tools,
                tool_choice=tool_choice,
                max_output_tokens=settings.max_output_tokens if limit is None else _limit(limit),
                parallel_tool_calls=settings.parallel_tool_calls
                if given.parallel_tool_calls is None
                else given.parallel_tool_calls,
                reasoning_effort=settings.reasoning_effort if given.reasoning is None else given.reasoning.effort,
            ),
            out_of_band=given.conversation == "none",
            input=None
            if given.input is None
            else tuple(
                parse_input_item(item, f"response.input[{place}]", self._config.input_format, images=self.images)
                for place, item in enumerate(given.input)
            ),
            metadata=given.metadata,
        )

    def _check_voice(self, voice: str, param: str) -> None:
        if voice != self.voice:
            raise CallerError(
                "Cannot update a conversation's voice if assistant audio is present.",
                code="cannot_update_voice",
                param=param,
            )


def _merged(current: Fields, patch: Fields) -> Fields:
    """``current`` with every field that ``patch`` was given."""
    changed: Json = {}
    for name in patch.model_fields_set:
        value = getattr(patch, name)
        changed[name] = _merged(getattr(current, name), value) if isinstance(value, _MERGED) else value
    return current.model_copy(update=changed)


def _with_voice(fields: models.SessionFields, voice: str | None) -> models.SessionFields:
    output = fields.audio.output.model_copy(update={"voice": voice})
    return fields.model_copy(update={"audio": fields.audio.model_copy(update={"output": output})})


def _shown(value: object) -> object:
    """A field that is a word, null, or an object of which only what was given is shown."""
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value


def _shown_input(audio: audio_models.AudioInput) -> Json:
    """Pipecat forbids any other key in the transcription than these three, and wants all of them."""
    transcription = audio.transcription
    # Known to nobody else: shown to those who have said it.
    own = {} if audio.echo_cancellation is None else {"echo_cancellation": audio.echo_cancellation}
    return {
        "format": audio.format.model_dump(),
        "transcription": None
        if transcription is None
        else {
            "model": transcription.model,
            "language": transcription.language,
            "prompt": transcription.prompt,
        },
        "noise_reduction": _shown(audio.noise_reduction),
        "turn_detection": None if audio.turn_detection is None else audio.turn_detection.model_dump(),
        **own,
    }


def _format(audio_format: audio_models.Format) -> AudioFormat:
    return FORMATS[audio_format.type, audio_format.rate]


def _turn_detection(detection: audio_models.TurnDetection | None) -> TurnDetection | None:
    match detection:
        case None:
            return None
        case audio_models.ServerVad():
            return TurnDetection(
                threshold=detection.threshold,
                prefix_padding_ms=detection.prefix_padding_ms,
                silence_duration_ms=detection.silence_duration_ms,
                create_response=detection.create_response,
                interrupt_response=detection.interrupt_response,
                idle_timeout_ms=detection.idle_timeout_ms,
            )
        case audio_models.SemanticVad():
            return TurnDetection(
                silence_duration_ms=usual_silence_ms(RULE_OF_EAGERNESS[detection.eagerness]),
                eagerness=RULE_OF_EAGERNESS[detection.eagerness],
                max_wait_ms=_CEILING_OF_EAGERNESS_MS[detection.eagerness],
                create_response=detection.create_response,
                interrupt_response=detection.interrupt_response,
            )


def _transcription(transcription: audio_models.Transcription | None, *, logprobs: bool) -> Transcription | None:
    if transcription is None:
        return None
    return Transcription(
        transcription.model,
        transcription.language,
        transcription.prompt,
        tuple(transcription.languages or ()),
        tuple(transcription.keywords or ()),
        logprobs,
    )


def _truncation(truncation: models.Truncation) -> Literal["auto", "disabled"] | float:
    return truncation if isinstance(truncation, str) else truncation.retention_ratio


def _post_instructions(truncation: models.Truncation) -> int | None:
    limits = None if isinstance(truncation, str) else truncation.token_limits
    return None if limits is None else limits.post_instructions


def _tool_choice(choice: models.ToolChoice) -> ToolChoice:
    return ForcedFunction(choice.name) if isinstance(choice, models.ForcedFunction) else choice


def _unknown_function(name: str, place: str) -> CallerError:
    return CallerError(
        f"'{place}.tool_choice' asks for a call of a function '{name[:64]}' that is not among the tools. Give it in "
        f"'{place}.tools' too, or choose 'auto', 'none' or 'required'.",
        code="invalid_value",
        param=f"{place}.tool_choice",
    )


def _limit(tokens: models.MaxOutputTokens) -> int | None:
    return None if tokens == "inf" else tokens
