"""What a tool's parameters may look like: a model refuses every turn whose tools have a schema that is none."""

from __future__ import annotations

from typing import Any, Final

TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")
_BY_NAME: Final = ("properties", "patternProperties", "$defs", "definitions")
_ONE: Final = ("items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else")
_SEVERAL: Final = ("anyOf", "allOf", "oneOf", "prefixItems")


def wrong_in_schema(schema: Any, field: str) -> tuple[str, str] | None:  # noqa: ANN401 (whatever a file says)
    """Where, as a dotted path, and why this is no JSON schema; ``None``: nothing is known against it. What a schema may
    say beyond its types and its parts is the model's server's to judge.

    :param field: where it stands.
    """
    if isinstance(schema, bool):
        return None
    if not isinstance(schema, dict):
        return field, 'must be a table, such as { type = "string" }.'
    types = schema.get("type", [])
    for one in types if isinstance(types, list) else [types]:
        if one not in TYPES:
            return f"{field}.type", f"{one!r} is no type. There are: {', '.join(TYPES)}."
    if not isinstance(schema.get("enum", []), list):
        return f"{field}.enum", "must be a list of values."
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(one, str) for one in required):
        return f"{field}.required", "must be a list of names."
    for name in (*_BY_NAME, *_SEVERAL):
        kind, called = (dict, "a table of schemas") if name in _BY_NAME else (list, "a list of schemas")
        if name in schema and not isinstance(schema[name], kind):
            return f"{field}.{name}", f"must be {called}."
    for part, where in _parts(schema, field):
        if (wrong := wrong_in_schema(part, where)) is not None:
            return wrong
    return None


def _parts(schema: dict[str, Any], field: str) -> list[tuple[Any, str]]:
    parts: list[tuple[Any, str]] = []
    for name in _BY_NAME:
        parts += [(one, f"{field}.{name}.{key}") for key, one in schema.get(name, {}).items()]
    for name in (*_ONE, *_SEVERAL):
        if isinstance(found := schema.get(name, True), list):
            parts += [(one, f"{field}.{name}[{place}]") for place, one in enumerate(found)]
        else:
            parts.append((found, f"{field}.{name}"))
    return parts
