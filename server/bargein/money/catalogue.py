"""Prices of models that ``genai-prices`` knows, where it is installed (``pip install 'bargein[prices]'``).

Its table comes with the package, and nothing is fetched. Only its rates are read; what they come to is calculated in
:mod:`bargein.money.price`, because it prices the sound of a model of whose sound it has no price as text.
"""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from typing import Final

from bargein.money.price import Price

_HOUR_S: Final = 3600


def is_installed() -> bool:
    return importlib.util.find_spec("genai_prices") is not None


def catalogue_price(provider: str, model: str) -> Price | None:
    """The price of a provider's model today; ``None`` where it is not known, or nothing is installed."""
    if not is_installed():
        return None
    from genai_prices import data_snapshot, types  # noqa: PLC0415 (an extra, and it takes a moment)

    try:
        _, info = data_snapshot.get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    rates = info.get_prices(datetime.now(UTC))

    def rate(*names: str) -> float | None:
        for name in names:
            value = getattr(rates, name, None)
            if value is not None:
                # Above some length all tokens cost more: no call is so long.
                return float(value.base if isinstance(value, types.TieredPrices) else value)
        return None

    hour = rate("input_audio_hours", "audio_hours")
    price = Price(
        text_in=rate("input_text_mtok", "input_mtok"),
        audio_in=rate("input_audio_mtok"),
        cached_text_in=rate("cache_text_read_mtok", "cache_read_mtok"),
        cached_audio_in=rate("cache_audio_read_mtok"),
        text_out=rate("output_text_mtok", "output_mtok"),
        audio_out=rate("output_audio_mtok"),
        per_second=None if hour is None else hour / _HOUR_S,
    )
    return None if price == Price() else price
