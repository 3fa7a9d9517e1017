"""From the operator's settings to prices, caps and the place where what was spent is written down; and what of it is
told to whom.
"""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from typing import Any, Final

import structlog

from bargein.core.completion import Usage
from bargein.errors import SettingsError
from bargein.gateway.judges import OPENAI_RECOGNISER
from bargein.gateway.worker_metrics import WorkerPlace
from bargein.money import Caps, Ledger, Price, Prices
from bargein.money.books import Books
from bargein.money.catalogue import is_installed
from bargein.money.price_file import read_prices
from bargein.settings import Settings
from bargein.upstream import Flavour
from bargein.upstream.config import flavour_of

_PROVIDERS: Final[dict[Flavour, str]] = {"openai": "openai", "azure": "openai"}
"""Whose prices the catalogue is asked for. Azure bills OpenAI's models as OpenAI does, and the catalogue has none of
its own for them."""
DAYS_TOLD: Final = 31

_log: Final = structlog.get_logger(__name__)


def make_prices(settings: Settings, own: dict[str, Price] | None = None) -> Prices:
    """What the models cost that are set.

    :param own: the operator's prices, where they have been read.
    :raises SettingsError: the operator's prices cannot be read.
    """
    return Prices(
        _own_prices(settings) if own is None else own,
        _provider(settings, settings.effective_upstream_url),
        _provider(settings, settings.transcription_url or settings.effective_upstream_url),
    )


def _own_prices(settings: Settings) -> dict[str, Price]:
    return {} if settings.prices is None else read_prices(settings.prices)


def make_books(settings: Settings, place: WorkerPlace | None = None) -> Books:
    """The books of this process.

    :param place: which of several workers it is: they share one file.
    :raises SettingsError: prices cannot be read, the file cannot be opened, or a cap is set for a model that has no
        price.
    """
    own = _own_prices(settings)
    prices = make_prices(settings, own)
    # Now: to read the catalogue takes some tenths of a second, which no caller should wait for.
    for named in filter(None, (settings.model, *settings.models, settings.text_model, settings.beside_model)):
        prices.of_model(named)
    prices.of_recogniser(settings.transcription_model or OPENAI_RECOGNISER)
    caps = Caps(
        response=settings.cap_response_usd,
        session=settings.cap_session_usd,
        key_day=settings.cap_key_day_usd,
        day=settings.cap_day_usd,
    )
    if caps.any:
        for model in (settings.model, *settings.models, settings.beside_model):
            if model is not None:
                _check_price(prices, model, caps, audio=True)
        if settings.text_model is not None:
            _check_price(prices, settings.text_model, caps, audio=False)
        if place is None or place.number == 0:
            _warn_of_recogniser(settings, prices)
    path = settings.usage_file
    if path is None and place is not None:
        path = place.directory / "usage.sqlite"
    owner, workers = (0, 1) if place is None else (place.number, settings.workers)
    try:
        ledger = Ledger(path, owner=owner, workers=workers)
    except sqlite3.Error as error:
        advice = "give a file that a Bargein has made, or a path where none is yet"
        raise SettingsError(f"BARGEIN_USAGE_FILE: {path} cannot be opened ({error}): {advice}") from None
    return Books(
        prices,
        ledger,
        caps,
        model=settings.model,
        max_tokens=settings.max_completion_tokens,
        named=frozenset(
            {
                *own,
                *settings.models,
                settings.transcription_model or OPENAI_RECOGNISER,
                *filter(None, (settings.text_model, settings.beside_model)),
            }
        ),
    )


def usage_report(books: Books, payer: str | None) -> dict[str, Any]:
    """What was used in the last month, for ``GET /v1/usage``.

    :param payer: of one key; ``None``: of all.
    """
    rows = books.ledger.used(payer, DAYS_TOLD)
    for row in rows:
        row["dollars"] = round(row["dollars"], 8)
        row["transcribed_s"] = round(row["transcribed_s"], 3)
    caps = [
        {
            "scope": standing.scope,
            "limit": standing.limit,
            "spent": round(standing.spent, 8),
            "resets_at": standing.resets_at,
            "warning": standing.warning,
        }
        for standing in books.standings(payer or "")
        if payer is not None or standing.scope == "day"
    ]
    return {"object": "usage", "currency": "USD", "key": payer, "data": rows, "caps": caps}


def _provider(settings: Settings, url: str | None) -> str | None:
    if url is None:
        return None
    chosen = settings.upstream_flavour if url == settings.effective_upstream_url else None
    return _PROVIDERS.get(chosen or flavour_of(url))


def _warn_of_recogniser(settings: Settings, prices: Prices) -> None:
    """Say in the log that caps know nothing of what a recogniser costs."""
    named = settings.transcription_model
    price = prices.of_recogniser(named or OPENAI_RECOGNISER)
    if price is None or price.of_transcription(1.0, None, 1) is None:
        _log.warning(
            "what a recogniser costs is not known: it counts for no cap",
            recogniser=named or "those that callers name",
            setting="BARGEIN_PRICES, and BARGEIN_TRANSCRIPTION_MODEL decides for all callers",
        )


def _check_price(prices: Prices, model: str, caps: Caps, *, audio: bool) -> None:
    """:raises SettingsError: nothing would keep the caps."""
    price = prices.of_model(model)
    one_of_each = Usage(input_text_tokens=1, input_audio_tokens=int(audio), output_text_tokens=1)
    if price is not None and price.of(one_of_each) is not None and price.output_token(audio=audio) is not None:
        return
    advice = "" if is_installed() else " pip install 'bargein[prices]' brings the prices of hosted models."
    are_set = [f"BARGEIN_CAP_{one.name.upper()}_USD" for one in fields(caps) if getattr(caps, one.name) is not None]
    raise SettingsError(
        f"{' and '.join(are_set)} {'is' if len(are_set) == 1 else 'are'} set, and what {model} costs is not known: "
        f'give text_in, audio_in, text_out and audio_out of [models."{model}"] in the file that BARGEIN_PRICES '
        f"names.{advice}"
    )
