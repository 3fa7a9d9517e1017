"""What each field of a session and of ``response.create`` does: ``data/fields.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Json = Mapping[str, Any]
Kind = Literal["session", "response"]


@dataclass(frozen=True, slots=True)
class FieldEffect:
    """One row of the table."""

    kind: Kind
    field: str
    """Dotted, without the object that it stands in: ``audio.output.speed``."""
    effect: Literal["here", "model", "none"]
    does: str
    not_with: tuple[str, ...] = ()
    unless: object = None
    only_beta: bool = False
    """The beta dialect has it; GA refuses it."""

    @property
    def path(self) -> str:
        return f"{self.kind}.{self.field}"

    def does_nothing_with(self, server: str) -> bool:
        """:param server: the flavour of the model's server."""
        return self.effect == "none" or server in self.not_with


@cache
def field_effects() -> tuple[FieldEffect, ...]:
    """Every row, in the order of the protocol's own lists."""
    text = (resources.files("bargein.wire") / "data" / "fields.toml").read_text(encoding="utf-8")
    kinds: tuple[Kind, ...] = ("session", "response")
    table: dict[str, list[dict[str, Any]]] = tomllib.loads(text)
    rows = ((kind, row | {"not_with": tuple(row.get("not_with", ()))}) for kind in kinds for row in table[kind])
    return tuple(FieldEffect(kind, **row) for kind, row in rows)


def without_effect(kind: Kind, given: Json, server: str) -> Iterator[FieldEffect]:
    """The fields of ``given``, which has been validated, that ask for something and get nothing.

    :param server: the flavour of the model's server.
    """
    for row in _idle_rows(server):
        if row.kind == kind and _value(given, row.field) not in (None, row.unless):
            yield row


@cache
def _idle_rows(server: str) -> tuple[FieldEffect, ...]:
    return tuple(row for row in field_effects() if row.does_nothing_with(server))


def _value(given: Json, field: str) -> object:
    value: object = given
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


_EFFECTS = {"here": "by this server", "model": "passed on", "none": "**nothing**"}


def fields_table() -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| field | takes effect | what it does |", "|---|---|---|"]
    for row in field_effects():
        effect = _EFFECTS[row.effect]
        if row.not_with:
            effect += f", but nothing with {', '.join(row.not_with)}"
        lines.append(f"| `{row.path}` | {effect} | {row.does} |")
    return "\n".join(lines) + "\n"
