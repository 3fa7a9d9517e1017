"""When models end, and what to take instead: ``data/model_ends.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from bargein.upstream.config import Flavour, UpstreamConfig, flavour_of

NOTICE: Final = timedelta(days=90)
"""So long before its end a model is warned of."""
_PROVIDERS: Final[dict[Flavour, str]] = {"openai": "openai", "azure": "azure", "generic": "openai"}
"""Whose dates count where. An unknown server that is asked for a model of OpenAI's passes it on."""
_OPENAIS_OWN: Final = "gpt-"
"""``whisper-1`` is what many a server calls a recogniser of its own."""


@dataclass(frozen=True, slots=True)
class ModelEnd:
    """A model and the last day on which it can be counted on not to answer."""

    name: str
    on: date
    instead: str | None
    """``None``: its successor is not known yet."""

    def is_over(self, today: date) -> bool:
        return today >= self.on

    def worded(self, today: date) -> str:
        """In words for the operator's log."""
        when = f"{self.on.day} {self.on:%B %Y}"
        if self.is_over(today):
            return f"its end was announced for {when}"
        days = (self.on - today).days
        return f"it ends on {when}, in {days} day{'' if days == 1 else 's'}"


def end_of(model: str, server: Flavour) -> ModelEnd | None:
    """The announced end of a model, ``None`` where none is known. A provider's prefix (``openai/``) may stand before
    its name.
    """
    provider = _PROVIDERS.get(server)
    name = model.rpartition("/")[2]
    if provider is None or (server == "generic" and not name.startswith(_OPENAIS_OWN)):
        return None
    for entry in _table()["model"]:
        if name in entry["names"] and provider in entry:
            return ModelEnd(name, entry[provider], entry.get("instead"))
    return None


def near_end_of(model: str, server: Flavour, today: date) -> ModelEnd | None:
    """The same, if the end is less than :data:`NOTICE` away, or was before ``today``."""
    end = end_of(model, server)
    return end if end is not None and end.on - today <= NOTICE else None


def configured_ends(
    config: UpstreamConfig, today: date, others: Iterable[tuple[str, str]] = ()
) -> list[tuple[str, ModelEnd]]:
    """What an operator has to change soon: names of settings, and the ends of what they are set to.

    :param others: settings that name further models of the same server, each with one.
    """
    found = []
    model = config.azure_deployment if config.server == "azure" and config.azure_deployment else config.model
    if (end := near_end_of(model, config.server, today)) is not None:
        found.append(("BARGEIN_AZURE_DEPLOYMENT" if model is not config.model else "BARGEIN_MODEL", end))
    for setting, other in others:
        if other != config.model and (end := near_end_of(other, config.server, today)) is not None:
            found.append((setting, end))
    recogniser = config.transcription_model
    if recogniser and (end := near_end_of(recogniser, recogniser_server(config), today)) is not None:
        found.append(("BARGEIN_TRANSCRIPTION_MODEL", end))
    return found


def recogniser_server(config: UpstreamConfig) -> Flavour:
    """The server that writes down what callers say."""
    elsewhere = config.transcription_base_url
    return config.server if elsewhere is None else flavour_of(elsewhere)


def recogniser_instead(model: str, server: Flavour, today: date) -> str | None:
    """What to ask OpenAI for where a caller names a recogniser that it does not have, or has no more; ``None`` where
    what was named can be asked for. Other servers use its names for models of their own.
    """
    if server != "openai":
        return None
    only_realtime = _table()["only_realtime"]
    if model in only_realtime["names"]:
        return str(only_realtime["instead"])
    end = end_of(model, server)
    return end.instead if end is not None and end.is_over(today) else None


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("bargein.upstream") / "data" / "model_ends.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
