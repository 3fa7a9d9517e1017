"""What a process knows of money: prices, what was spent, and the caps that hold before a turn begins."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import structlog

from bargein.core.completion import Usage
from bargein.money.caps import Caps, Full, Scope, Standing
from bargein.money.ledger import Entry, Ledger
from bargein.money.prices import Prices

SOON_S: Final = 5
"""When to come back where a cap is full of turns that are in progress."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Worst:
    """A turn as it is about to be asked.

    :ivar usage: its input, estimated, with nothing cached.
    :ivar audio: an answer in speech is asked for.
    :ivar max_tokens: of the answer, if the caller sets a bound.
    """

    model: str
    usage: Usage
    audio: bool
    max_tokens: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """A turn may begin.

    :ivar name: under which its worst case is held; ``None``: no cap of the day is set.
    :ivar dollars: the worst case.
    :ivar max_tokens: that the answer may have.
    """

    name: int | None
    dollars: float
    max_tokens: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A turn may not begin.

    :ivar message: why, and when it may, in whole sentences.
    :ivar retry_after_s: in seconds; ``None``: not in this session, or not in this form.
    """

    scope: Scope
    message: str
    retry_after_s: int | None


class Books:
    """One for each process.

    :param model: that answers where a request names none.
    :param max_tokens: of an answer where a cap is set and its caller sets no bound: without any there is no worst case.
    :param named: models, beside that, that the operator has named.
    """

    def __init__(
        self,
        prices: Prices,
        ledger: Ledger,
        caps: Caps,
        *,
        model: str,
        max_tokens: int,
        named: frozenset[str] = frozenset(),
    ) -> None:
        self.prices: Final = prices
        self.ledger: Final = ledger
        self.caps: Final = caps
        self.model: Final = model
        self._max_tokens = max_tokens
        self._named = named | {model}
        self._broken = False
        self._warned: set[tuple[Scope, str, int | None]] = set()

    def label(self, model: str) -> str:
        """Under which metrics and the ledger count it: callers name recognisers as they like."""
        return model if model in self._named else "other"

    def worst_dollars(self, worst: Worst) -> tuple[float, int | None] | Refused:
        """What a turn costs at most, and how many tokens its answer may have for that."""
        price = self.prices.of_model(worst.model)
        per_token = None if price is None else price.output_token(audio=worst.audio)
        asked = None if price is None else price.of(worst.usage)
        if per_token is None or asked is None:
            # Caps are only accepted where prices are known.
            return 0.0, worst.max_tokens
        tokens = self._max_tokens if worst.max_tokens is None else worst.max_tokens
        cap = self.caps.response
        if cap is not None:
            affordable = int((cap - asked) / per_token + 1e-6) if per_token else tokens
            if asked >= cap or affordable < 1:
                message = (
                    f"One response may cost {_dollars(cap)} here, and telling the model what was said so far would "
                    f"cost {_dollars(asked)}. Begin a new conversation, or delete items."
                )
                return Refused("response", message, None)
            tokens = min(tokens, affordable)
        return asked + tokens * per_token, tokens

    def hold(self, key: str, worst: Worst) -> Held | Refused:
        """Hold a turn's worst case, or say why it may not begin."""
        if not self.caps.any:
            return Held(None, 0.0, worst.max_tokens)
        found = self.worst_dollars(worst)
        if isinstance(found, Refused):
            return found
        dollars, tokens = found
        if self.caps.key_day is None and self.caps.day is None:
            return Held(None, dollars, tokens)
        try:
            held = self.ledger.hold(key, dollars, self.caps)
        except sqlite3.Error:
            self._note_broken()
            return _unknown()
        self._note_written()
        return _refused(held, self.ledger.now()) if isinstance(held, Full) else Held(held, dollars, tokens)

    def hold_more(self, held: Held, dollars: float) -> Held:
        """The same turn asks the model once more."""
        if held.name is not None:
            self._try(lambda: self.ledger.hold_more(held.name or 0, dollars))
        return replace(held, dollars=held.dollars + dollars)

    def add(self, key: str, entry: Entry, held: Held | None = None) -> None:
        """Write down what was used, and let go of what was held for it."""
        self._try(lambda: self.ledger.add(key, entry, None if held is None else held.name))

    def let_go(self, held: Held) -> None:
        """Nothing was used."""
        self._try(lambda: self.ledger.let_go(held.name))

    def spent(self, key: str) -> Refused | None:
        """The cap of the day that is spent, for what costs so little that nothing is held for it."""
        if self.caps.key_day is None and self.caps.day is None:
            return None
        try:
            standings = self.ledger.standings(key, self.caps)
        except sqlite3.Error:
            self._note_broken()
            return _unknown()
        full = next((standing for standing in standings if standing.spent >= standing.limit), None)
        return None if full is None else _refused(Full(full, 0.0), self.ledger.now())

    def standings(self, key: str) -> list[Standing]:
        """How the caps of the day stand for ``key``."""
        if self.caps.key_day is None and self.caps.day is None:
            return []
        try:
            return self.ledger.standings(key, self.caps)
        except sqlite3.Error:
            self._note_broken()
            return []

    def first_warning(self, key: str, standing: Standing) -> bool:
        """Whether four fifths of a cap are spent, and nobody was told yet: of a day's, which many share, once in a day;
        of a session's whoever has it remembers.
        """
        if not standing.warning or standing.scope == "session":
            return standing.warning
        said = (standing.scope, key if standing.scope == "key_day" else "", standing.resets_at)
        if said in self._warned:
            return False
        # Other days are over.
        self._warned = {one for one in self._warned if one[2] == standing.resets_at} | {said}
        return True

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except sqlite3.Error:
            self._note_broken()
        else:
            self._note_written()

    def _note_broken(self) -> None:
        """A disk is full, or somebody else writes into the file: calls go on, and their cost waits."""
        if not self._broken:
            self._broken = True
            _log.exception("what was used cannot be written down now: it waits, and caps of a day refuse turns")

    def _note_written(self) -> None:
        if self._broken:
            self._broken = False
            _log.info("what was used is written down again")


def session_full(standing: Standing, *, by_others: bool) -> Refused:
    """The cap of a session has no room."""
    if by_others:
        return Refused("session", "Responses in progress may use up what this conversation may still cost.", SOON_S)
    message = f"This conversation has used up what it may cost, {_dollars(standing.limit)}. Begin a new one."
    return Refused("session", message, None)


def _unknown() -> Refused:
    return Refused("day", "The budget cannot be looked at right now. Try again in a moment.", SOON_S)


def _refused(full: Full, now: datetime) -> Refused:
    standing = full.standing
    whose = "of this key" if standing.scope == "key_day" else "of this server"
    if not full.is_spent:
        message = (
            f"Turns in progress may use up the rest of today's budget {whose}, {_dollars(standing.limit)}. "
            f"Try again in {SOON_S} seconds."
        )
        return Refused(standing.scope, message, SOON_S)
    assert standing.resets_at is not None, "days end"
    free = datetime.fromtimestamp(standing.resets_at, UTC)
    message = (
        f"Today's budget {whose}, {_dollars(standing.limit)}, is used up. It is free again at "
        f"{free.isoformat(timespec='minutes').replace('+00:00', 'Z')}."
    )
    return Refused(standing.scope, message, max(1, standing.resets_at - int(now.timestamp())))


def _dollars(amount: float) -> str:
    return f"{amount:.2f} US dollars" if amount >= 0.1 else f"{amount:.4f} US dollars"
