"""The beta dialect (``OpenAI-Beta: realtime=v1``), translated at the JSON boundary in both directions.

Inside there is only GA. Both functions are pure and tolerate anything: what they do not know passes through, so that
validation words the error. ``temperature`` has no counterpart and is dropped (:func:`without_counterpart` tells that it
was set); it is never echoed. Source: reference, section "GA versus beta"; ``openai.types.beta.realtime``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bargein.wire.format_names import format_of_name, name_of_format

Json = dict[str, Any]
JsonValue = Any

_EVENT_NAMES: Final = {
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
}
_ONLY_IN_GA: Final = frozenset({"conversation.item.done", "input_audio_buffer.timeout_triggered"})

_NOT_IN_A_BETA_SESSION: Final = frozenset(
    {"type", "audio", "truncation", "include", "parallel_tool_calls", "reasoning"}
)

_SESSION_FIELDS: Final = {
    "modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "max_response_output_tokens": ("max_output_tokens",),
}
_RESPONSE_FIELDS: Final = {
    "modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "output_audio_format": ("audio", "output", "format"),
    "max_response_output_tokens": ("max_output_tokens",),
}
_WITHOUT_COUNTERPART: Final = "temperature"
_NO_DETECTION: Final = "none"
"""The type of turn detection with which Azure's first clients of the beta switch it off."""
_CONTENT_TYPES: Final = {"text": "output_text", "audio": "output_audio"}
_CONTENT_NAMES: Final = {ga: beta for beta, ga in _CONTENT_TYPES.items()}


# What a beta caller sends.


def from_beta(event: Json) -> Json:
    """A beta client event as the GA one; ``event`` itself is left alone."""
    match event:
        case {"type": "session.update", "session": dict(session)}:
            return {**event, "session": session_from_beta(session)}
        case {"type": "response.create", "response": dict(response)}:
            return {**event, "response": _response_from_beta(response)}
        case {"type": "conversation.item.create", "item": dict(item)}:
            return {**event, "item": _item_from_beta(item)}
        case _:
            return event


def without_counterpart(event: Json) -> Json:
    """What a beta client event sets of a session or a response that GA has nothing like."""
    for member in ("session", "response"):
        inner = event.get(member)
        if isinstance(inner, dict) and _WITHOUT_COUNTERPART in inner:
            return {_WITHOUT_COUNTERPART: inner[_WITHOUT_COUNTERPART]}
    return {}


def session_from_beta(session: Json) -> Json:
    """A flat session as the nested one."""
    nested = _nested(session, _SESSION_FIELDS)
    nested.pop("client_secret", None)
    nested.setdefault("type", "realtime")
    return nested


def _response_from_beta(response: Json) -> Json:
    nested = _nested(response, _RESPONSE_FIELDS)
    items = nested.get("input")
    if isinstance(items, list):
        nested["input"] = [_item_from_beta(item) if isinstance(item, dict) else item for item in items]
    return nested


def _nested(flat: Json, fields: dict[str, tuple[str, ...]]) -> Json:
    nested = {key: value for key, value in flat.items() if key not in fields and key != _WITHOUT_COUNTERPART}
    for name, path in fields.items():
        if name not in flat:
            continue
        place = nested
        for step in path[:-1]:
            inner = place.get(step)
            place[step] = dict(inner) if isinstance(inner, dict) else {}
            place = place[step]
        place[path[-1]] = _value_from_beta(name, flat[name])
    return nested


def _value_from_beta(name: str, value: JsonValue) -> JsonValue:
    if name == "modalities" and isinstance(value, list) and "audio" in value and len(value) == 2 and "text" in value:
        return ["audio"]
    if name.endswith("_audio_format") and isinstance(value, str):
        return format_of_name(value) or value
    if name == "turn_detection" and isinstance(value, dict) and value.get("type") == _NO_DETECTION:
        return None
    return value


def _item_from_beta(item: Json) -> Json:
    return _with_content_types(item, _CONTENT_TYPES)


# What a beta caller is sent.


def to_beta(event: Json) -> list[Json]:
    """A GA server event as the beta ones that stand for it: one, or none. ``event`` itself is left alone."""
    kind = event["type"]
    if kind in _ONLY_IN_GA:
        return []
    translated = dict(event)
    translated["type"] = _EVENT_NAMES.get(kind, kind)
    for member, translate in _MEMBERS.items():
        inner = translated.get(member)
        if isinstance(inner, dict):
            translated[member] = translate(inner)
    return [translated]


def session_to_beta(session: Json) -> Json:
    """A nested session as the flat one, without what beta does not have, or has only where it is set."""
    flat = {key: value for key, value in session.items() if key not in _NOT_IN_A_BETA_SESSION}
    flat = _flattened(flat, session, _SESSION_FIELDS)
    if flat.get("prompt") is None:
        flat.pop("prompt", None)
    detection = flat["turn_detection"]
    if detection is not None and detection.get("idle_timeout_ms") is None:
        flat["turn_detection"] = {key: value for key, value in detection.items() if key != "idle_timeout_ms"}
    return flat


def _response_to_beta(response: Json) -> Json:
    flat = {key: value for key, value in response.items() if key != "audio"}
    flat["output"] = [_item_to_beta(item) for item in response["output"]]
    fields = {name: path for name, path in _RESPONSE_FIELDS.items() if name != "max_response_output_tokens"}
    return _flattened(flat, response, fields)


def _flattened(flat: Json, nested: Json, fields: dict[str, tuple[str, ...]]) -> Json:
    for name, path in fields.items():
        value: Any = nested
        for step in path:
            value = value[step]
        flat.pop(path[0], None)
        flat[name] = _value_to_beta(name, value)
    return flat


def _value_to_beta(name: str, value: JsonValue) -> JsonValue:
    if name == "modalities":
        return ["text", "audio"] if "audio" in value else ["text"]
    if name.endswith("_audio_format"):
        return name_of_format(value)
    return value


def _item_to_beta(item: Json) -> Json:
    return {"object": "realtime.item", **_with_content_types(item, _CONTENT_NAMES)}


def _with_content_types(item: Json, names: dict[str, str]) -> Json:
    content = item.get("content")
    if item.get("role") != "assistant" or not isinstance(content, list):
        return item
    return {**item, "content": [_with_type(part, names) for part in content]}


def _with_type(part: JsonValue, names: dict[str, str]) -> JsonValue:
    if isinstance(part, dict) and isinstance(part.get("type"), str):
        return {**part, "type": names.get(part["type"], part["type"])}
    return part


def error_to_beta(error: Json) -> Json:
    """The field that is wrong, by the name under which the caller knows it."""
    param = error.get("param")
    if not isinstance(param, str):
        return error
    for object_name, fields in (("session", _SESSION_FIELDS), ("response", _RESPONSE_FIELDS)):
        for name, path in fields.items():
            nested = ".".join((object_name, *path))
            if param == nested or param.startswith((f"{nested}.", f"{nested}[")):
                known = f"{object_name}.{name}{param.removeprefix(nested)}"
                return {**error, "param": known, "message": error["message"].replace(f"'{param}'", f"'{known}'")}
    return error


_MEMBERS: Final[dict[str, Callable[[Json], Json]]] = {
    "session": session_to_beta,
    "response": _response_to_beta,
    "item": _item_to_beta,
    "error": error_to_beta,
}
