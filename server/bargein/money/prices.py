"""Which model costs what: by the operator's own file, else by the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bargein.money.catalogue import catalogue_price
from bargein.money.price import Price

_REMEMBERED_LIMIT: Final = 256
"""Callers choose the names of recognisers."""


class Prices:
    """The price of each model that is asked.

    :param own: the operator's, by the models' names. They win.
    :param provider: whose prices the catalogue is asked for; ``None``: only :attr:`own` counts, for a server of
        one's own has none, and the demo model costs nothing that anybody bills.
    :param transcription_provider: the same for recognisers.
    """

    def __init__(
        self,
        own: Mapping[str, Price] | None = None,
        provider: str | None = None,
        transcription_provider: str | None = None,
    ) -> None:
        self._own = dict(own or {})
        self._provider = provider
        self._transcription_provider = transcription_provider
        self._found: dict[tuple[str, str], Price | None] = {}

    def of_model(self, model: str) -> Price | None:
        """What a model that answers costs; ``None``: nobody knows."""
        return self._of(self._provider, model)

    def of_recogniser(self, model: str) -> Price | None:
        """What a recogniser costs."""
        return self._of(self._transcription_provider, model)

    def _of(self, provider: str | None, model: str) -> Price | None:
        if model in self._own:
            return self._own[model]
        if provider is None:
            return None
        if (provider, model) not in self._found:
            if len(self._found) >= _REMEMBERED_LIMIT:
                self._found.clear()
            self._found[provider, model] = catalogue_price(provider, model)
        return self._found[provider, model]
