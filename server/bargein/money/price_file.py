"""Prices that the operator has written down: a TOML file with a table for each model.

.. code-block:: toml

    [models."gpt-audio-1.5"]
    text_in = 2.5          # dollars for a million tokens
    audio_in = 32
    text_out = 10
    audio_out = 64

    [models.my-recogniser]
    per_minute = 0.006     # dollars for a minute of sound that is written down
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from bargein.errors import SettingsError
from bargein.money.price import Price
from bargein.toml_files import NotTomlError, parse_toml
from bargein.toml_lines import TomlLines

_KNOWN: Final = {field.name for field in fields(Price)}
_MOST_DOLLARS: Final = 1_000_000
"""No price is higher; what is would be a slip, or no number to reckon with."""
_SHOWN_CHARACTERS: Final = 40
_BY_THE_MINUTE: Final = {"per_minute": "per_second", "speech_per_minute": "speech_per_second"}


def read_prices(path: Path) -> dict[str, Price]:
    """The prices by the models' names.

    :raises SettingsError: the file cannot be read, or says something that is no price; in one line, with the place.
    """
    try:
        text, given = parse_toml(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"BARGEIN_PRICES: {path} cannot be read: {error.strerror}") from None
    except NotTomlError as error:
        raise SettingsError(f"BARGEIN_PRICES: {path} is no TOML: {error}") from None
    models = given.pop("models", None)
    if given or not isinstance(models, dict):
        others = f", and nothing else: {', '.join(sorted(given))}" if given else ""
        raise SettingsError(f'BARGEIN_PRICES: {path} has to hold tables named [models."NAME"]{others}')
    try:
        return {name: _price(name, table) for name, table in models.items()}
    except _NoPriceError as wrong:
        line = TomlLines(text).line(wrong.place)
        raise SettingsError(f"BARGEIN_PRICES: {path}, line {line}: {wrong}") from None


class _NoPriceError(Exception):
    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.place = ("models", *place)


class _WrongPriceError(_NoPriceError):
    """Of a model that is named as it should be."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(f'[models."{place[0]}"]{message}', *place)


def _whole_name(name: str, inner: str, table: dict[str, Any]) -> str:
    """What a name was meant to be that its dots have parted: ``[models.gpt-audio-1.5]``."""
    parts: list[str] = [name]
    value: Any = table
    while isinstance(value, dict) and (isinstance(value.get(inner), dict)):
        parts.append(inner)
        value = value[inner]
        inner = next(iter(value), "")
    return ".".join(parts)


def _price(model: str, table: Any) -> Price:  # noqa: ANN401 (whatever a file says)
    if not isinstance(table, dict):
        raise _WrongPriceError(" has to be a table", model)
    values: dict[str, float] = {}
    for name, value in table.items():
        field, per = (_BY_THE_MINUTE[name], 60) if name in _BY_THE_MINUTE else (name, 1)
        if isinstance(value, dict):
            whole = _whole_name(model, name, table)
            raise _NoPriceError(f'a dot parts names: write [models."{whole[:_SHOWN_CHARACTERS]}"]', model, name)
        if field not in _KNOWN:
            allowed = ", ".join(sorted(_KNOWN | set(_BY_THE_MINUTE)))
            raise _WrongPriceError(f": {name} is no price. There are {allowed}", model, name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= _MOST_DOLLARS:
            shown = repr(value)[:_SHOWN_CHARACTERS]
            allowed = f"a number of dollars from 0 up to {_MOST_DOLLARS:,}"
            raise _WrongPriceError(f": {name} is {shown}, and has to be {allowed}", model, name)
        if field in values:
            raise _WrongPriceError(f": gives {field} twice, by the second and by the minute", model, name)
        values[field] = value / per
    return Price(**values)
