"""Books without prices and caps, for parts of a session that are tried alone."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from bargein.metrics import Metrics
from bargein.money import Caps, Ledger, Prices
from bargein.money.books import Books
from bargein.session.observer import Observer
from bargein.session.purse import Purse
from bargein.session.work_observer import WorkObserver


def empty_books(caps: Caps | None = None) -> Books:
    return Books(Prices(), Ledger(now=lambda: datetime.now(UTC)), caps or Caps(), model="scripted", max_tokens=4096)


def empty_purse(metrics: Metrics | None = None, caps: Caps | None = None) -> Purse:
    """Of one session, nobody's."""
    return Purse(empty_books(caps), "", work_observer(metrics))


def observer_of(metrics: Metrics) -> Observer:
    """An observer of one session, nobody's."""
    return Observer(metrics, structlog.get_logger())


def work_observer(metrics: Metrics | None = None) -> WorkObserver:
    """What watches the work of one session, nobody's."""
    return WorkObserver(metrics or Metrics(), structlog.get_logger())
