"""Validation of what callers send: pydantic's findings become the Realtime protocol's errors.

One place words all refusals, so that each names its field as ``session.tools[0].name`` and says what was expected and
what came. Codes and sentences: reference, section "Errors", which follows the service's own REST API.
"""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Sequence
from typing import Any, Final, NoReturn, TypeVar

import orjson
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError, PydanticKnownError

from bargein.errors import CallerError

T = TypeVar("T")
JsonValue = Any

_SHOWN_LENGTH: Final = 100

_REFUSAL: Final = "refused_by_name"
"""The pydantic error type under which :func:`refuse` travels."""


def validate(adapter: TypeAdapter[T], value: object, path: str = "") -> T:
    """``value``, checked and typed.

    :param path: where ``value`` stands in the client event, such as ``session``; empty for the event itself.
    :raises CallerError: the first thing that is wrong with it.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise first_fault(error, value, path) from None


def first_fault(error: ValidationError, value: object, path: str = "") -> CallerError:
    """The first thing that is wrong with ``value``, in the protocol's words.

    Missing fields come last: with a misspelt one, the unknown name is what helps.
    """
    details = error.errors(include_url=False)
    return _caller_error(min(details, key=lambda detail: detail["type"] == "missing"), value, path)


def refuse(message: str, code: str) -> NoReturn:
    """Refuse a value by name, from inside a pydantic validator.

    :param message: whole sentences, with what to do instead.
    """
    raise PydanticCustomError(_REFUSAL, "{message}", {"message": message, "code": code})


def _caller_error(detail: ErrorDetails, value: object, path: str) -> CallerError:
    param = _param(detail, value, path)
    context = detail.get("ctx", {})
    kind = detail["type"]
    given = detail["input"]
    if kind == _REFUSAL:
        named = context["code"] == "above_max_size"
        message = f"Invalid '{param}': too large. {context['message']}" if named else context["message"]
        return CallerError(message, code=context["code"], param=param)
    if kind in _EXPECTED:
        return invalid_type(param, _EXPECTED[kind], given)
    if kind.startswith("union_tag"):
        param = f"{param}.{_discriminator(context)}" if param else _discriminator(context)
    code, message = _worded(kind, param, context, given)
    return CallerError(message, code=code, param=param or None)


def invalid_type(param: str, expected: str, given: object) -> CallerError:
    """``given`` has the wrong JSON type. ``expected`` comes with its article: ``a string``."""
    where = f" for '{param}'" if param else ""
    return CallerError(
        f"Invalid type{where}: expected {expected}, but got {_kind_of(given)} instead.",
        code="invalid_type",
        param=param or None,
    )


def missing(param: str) -> CallerError:
    return CallerError(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def invalid_choice(param: str, given: object, choices: Sequence[str]) -> CallerError:
    return CallerError(
        f"Invalid value: {_shown(given)}. Supported values are: {_listed(choices)}.", code="invalid_value", param=param
    )


MAX_DEPTH: Final = 100
"""Objects and arrays inside each other: far more than a tool's schema needs, far less than an encoder can write."""


def no_larger_than(max_bytes: int) -> BeforeValidator:
    """For free-form JSON: refuse more than ``max_bytes`` of it."""

    def check(value: JsonValue) -> JsonValue:
        size = len(orjson.dumps(value))
        if size > max_bytes:
            refuse(f"It may take {max_bytes} bytes as JSON, and takes {size}. Send less.", "above_max_size")
        return value

    return BeforeValidator(check)


def at_most(count: int) -> BeforeValidator:
    """For objects: no more members than ``count``. Pydantic itself would look at all of them before it counts."""

    def check(value: JsonValue) -> JsonValue:
        if isinstance(value, dict) and len(value) > count:
            sizes = {"field_type": "Dictionary", "max_length": count, "actual_length": len(value)}
            raise PydanticKnownError("too_long", sizes)
        return value

    return BeforeValidator(check)


def only_one_unknown(value: Any, known: Collection[str]) -> Any:  # noqa: ANN401 (any JSON)
    """An object with no more than one of the members that are not ``known``: one is enough to refuse it, and pydantic
    would look for all of them.
    """
    if not isinstance(value, dict) or len(value) <= len(known):
        return value
    unknown = next((name for name in value if name not in known), None)
    return {name: inner for name, inner in value.items() if name in known or name == unknown}


def is_deeper_than(value: object, limit: int) -> bool:
    """Whether objects and arrays are more than ``limit`` levels inside each other."""
    level = [value]
    for _ in range(limit):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(one)
        if not inner:
            return False
        level = inner
    return any(isinstance(one, dict | list) for one in level)


def _param(detail: ErrorDetails, value: object, path: str) -> str:
    """Where the finding is, as a dotted path without the union tags that pydantic puts between the names."""
    param = path
    here: Any = value
    for step in detail["loc"]:
        if isinstance(here, list) and isinstance(step, int):
            param += f"[{step}]"
            here = here[step]
        elif isinstance(here, dict) and step in here:
            name = _cut(str(step))
            param += f".{name}" if param else name
            here = here[step]
    if detail["type"] == "missing":
        name = str(detail["loc"][-1])
        param += f".{name}" if param else name
    return param


def _discriminator(context: dict[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


_EXPECTED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "a boolean",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dataclass_type": "an object",
    "none_required": "null",
}


def _worded(kind: str, param: str, context: dict[str, Any], given: JsonValue) -> tuple[str, str]:
    """Code and sentence of one of pydantic's error types."""
    match kind:
        case "missing" | "union_tag_not_found":
            return "missing_required_parameter", f"Missing required parameter: '{param}'."
        case "extra_forbidden":
            return "unknown_parameter", f"Unknown parameter: '{param}'."
        case "literal_error":
            return "invalid_value", f"Invalid value: {_shown(given)}. Supported values are: {context['expected']}."
        case "union_tag_invalid":
            tag, tags = _shown(context["tag"]), context["expected_tags"]
            return "invalid_value", f"Invalid value: {tag}. Supported values are: {tags}."
        case "greater_than_equal":
            return _out_of_range(param, given, context["ge"], "below", "min", ">=")
        case "less_than_equal":
            return _out_of_range(param, given, context["le"], "above", "max", "<=")
        case "string_too_long":
            return "string_above_max_length", (
                f"Invalid '{param}': string too long. Expected a string with maximum length "
                f"{context['max_length']}, but got a string with length {len(given)} instead."
            )
        case "string_too_short":
            return "string_below_min_length", (
                f"Invalid '{param}': string too short. Expected a string with minimum length "
                f"{context['min_length']}, but got a string with length {len(given)} instead."
            )
        case "string_pattern_mismatch":
            return "invalid_value", (
                f"Invalid '{param}': string does not match pattern. Expected a string that matches the pattern "
                f"'{context['pattern']}'."
            )
        case "too_short":
            return "empty_array", (
                f"Invalid '{param}': empty array. Expected an array with minimum length {context['min_length']}, "
                "but got an empty array instead."
            )
        case "too_long":
            return "above_max_length", (
                f"Invalid '{param}': too many entries. Expected at most {context['max_length']}, "
                f"but got {context['actual_length'] or len(given)} instead."
            )
        case _:
            return "invalid_value", f"Invalid value for '{param}'."


def _out_of_range(param: str, given: object, bound: float, side: str, extreme: str, comparison: str) -> tuple[str, str]:
    if isinstance(bound, int):
        number, code = "integer", f"integer_{side}_{extreme}_value"
    else:
        number, code = "decimal", "invalid_value"
    return code, (
        f"Invalid '{param}': {number} {side} {extreme}imum value. "
        f"Expected a value {comparison} {bound}, but got {given} instead."
    )


def _kind_of(given: object) -> str:
    match given:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _shown(given: object) -> str:
    return f"'{_cut(given if isinstance(given, str) else shown_json(given))}'"


def shown_json(given: object) -> str:
    """The beginning of any JSON, for messages."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = _SHOWN_LENGTH
    short.maxlevel = 3
    return short.repr(given)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"


def _listed(choices: Sequence[str]) -> str:
    quoted = [f"'{choice}'" for choice in choices]
    if len(quoted) < 2:
        return "".join(quoted)
    separator = ", and " if len(quoted) > 2 else " and "
    return ", ".join(quoted[:-1]) + separator + quoted[-1]
