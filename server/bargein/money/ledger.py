"""What was spent, by day, key and model, and what turns in progress may come to: an SQLite database.

In memory for one process; in a file where several workers share it, or where it shall outlast them. A turn is two
short transactions, one when the model is asked and one when it is known what it has used. Between them its worst case
is *held*, so that turns in progress at the same time, in whatever process, cannot together go past a cap.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from bargein.core.completion import Usage
from bargein.loop.clock import unix_s
from bargein.money.caps import Caps, Full, Scope, Standing
from bargein.money.waiting import Statement, Waiting

_BUSY_MS: Final = 50
"""How long another's transaction is waited for, and with it everybody who speaks. A worker's takes some microseconds; a
backup, or somebody with a shell, takes longer, and what is to be written waits for the next occasion then."""
_OPENING_S: Final = 2.0
"""The same where the server begins or ends, and nobody speaks."""
DAYS_KEPT: Final = 400
"""A year, and what it takes to close its accounts."""
_COUNTS: Final = ("input_text", "input_audio", "cached", "output_text", "output_audio")
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS spent (
    day TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL,
    dollars REAL NOT NULL DEFAULT 0, unpriced INTEGER NOT NULL DEFAULT 0, responses INTEGER NOT NULL DEFAULT 0,
    transcribed_s REAL NOT NULL DEFAULT 0,
    {", ".join(f"{name}_tokens INTEGER NOT NULL DEFAULT 0" for name in _COUNTS)},
    PRIMARY KEY (day, key, model)
);
CREATE TABLE IF NOT EXISTS held (
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL, key TEXT NOT NULL, dollars REAL NOT NULL
);
"""
_ADDED: Final = ("dollars", "unpriced", "responses", "transcribed_s", *(f"{name}_tokens" for name in _COUNTS))
_ADD: Final = (
    f"INSERT INTO spent (day, key, model, {', '.join(_ADDED)}) VALUES (?, ?, ?, {', '.join('?' * len(_ADDED))}) "  # noqa: S608 (our own names)
    f"ON CONFLICT (day, key, model) DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in _ADDED)}"
)
_LET_GO: Final = "DELETE FROM held WHERE id = ?"
_SPENT: Final = "SELECT SUM(dollars) FROM spent WHERE day = ?1 AND (?2 IS NULL OR key = ?2)"
_HELD: Final = "SELECT SUM(dollars) FROM held WHERE ?1 IS NULL OR key = ?1"


def utc_now() -> datetime:
    """By which days begin and end."""
    return datetime.fromtimestamp(unix_s(), UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one response, or one transcription, has used."""

    model: str
    dollars: float | None
    """``None``: it has no price."""
    usage: Usage = field(default_factory=Usage)
    responses: int = 1
    transcribed_s: float = 0.0


class Ledger:
    """Of one process. All methods run on the event loop's thread.

    :param path: the file; ``None``: in memory.
    :param owner: the number of this worker: what one of that number has left held, when it died, is let go.
    :param workers: how many there are: what those beyond have left is let go too.
    :param now: the date and time.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        owner: int = 0,
        workers: int = 1,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.now: Final = now
        self._owner = owner
        self._newest_day: date | None = None
        """That something was added on."""
        self._waiting = Waiting(_ADD)
        # Absolute: whatever a file is called, it is no name that means something else to SQLite.
        where = ":memory:" if path is None else path.absolute()
        self._db = sqlite3.connect(where, timeout=_OPENING_S, isolation_level=None)
        if path is not None:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        for table, columns in (
            ("spent", ("day", "key", "model", *_ADDED)),
            ("held", ("id", "owner", "key", "dollars")),
        ):
            # A table of that name may be somebody else's.
            self._db.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 0")  # noqa: S608 (our own names)
        self._db.execute("DELETE FROM held WHERE owner = ? OR owner >= ?", (owner, workers))
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")

    def close(self) -> None:
        """Write what waits, and close the file."""
        with suppress(sqlite3.Error):
            self._db.execute(f"PRAGMA busy_timeout = {int(_OPENING_S * 1000)}")
            self._write()
        self._db.close()

    def hold(self, key: str, dollars: float, caps: Caps) -> int | Full:
        """Hold the worst case of a turn that is about to begin. Returns the name under which it is held, or the cap
        that is full: spent, or held by others, up to its limit.

        :raises sqlite3.Error: nobody knows, for it cannot be looked at now.
        """
        with self._writing():
            for standing, held in self._standings(key, caps):
                if standing.spent + held >= standing.limit:
                    return Full(standing, held)
            row = self._db.execute(
                "INSERT INTO held (owner, key, dollars) VALUES (?, ?, ?) RETURNING id", (self._owner, key, dollars)
            ).fetchone()
        return int(row[0])

    def hold_more(self, held: int, dollars: float) -> None:
        """The same turn asks the model once more.

        :raises sqlite3.Error: see :meth:`add`.
        """
        self._write(("UPDATE held SET dollars = dollars + ? WHERE id = ?", (dollars, held)))

    def add(self, key: str, entry: Entry, held: int | None = None) -> None:
        """Something was used. What was held for it is let go.

        :raises sqlite3.Error: it cannot be written down now, and will be with whatever is written next.
        """
        counts, today = entry.usage.by_kind(), self.now().date()
        figures = (
            entry.dollars or 0.0,
            int(entry.dollars is None),
            entry.responses,
            entry.transcribed_s,
            *(counts[name] for name in _COUNTS),
        )
        self._waiting.used((today.isoformat(), key, entry.model), figures)
        statements: list[Statement] = []
        if held is not None:
            statements.append((_LET_GO, (held,)))
        if today != self._newest_day:
            self._newest_day = today
            oldest = today - timedelta(days=DAYS_KEPT - 1)
            statements.append(("DELETE FROM spent WHERE day < ?", (oldest.isoformat(),)))
        self._write(*statements)

    def let_go(self, held: int | None) -> None:
        """It has come to nothing.

        :raises sqlite3.Error: see :meth:`add`.
        """
        if held is not None:
            self._write((_LET_GO, (held,)))

    def standings(self, key: str, caps: Caps) -> list[Standing]:
        """How the caps of the day stand for ``key``, with what could not be written yet."""
        day = self.now().date().isoformat()
        whose = {"key_day": key, "day": None}
        return [
            replace(standing, spent=standing.spent + self._waiting.first_figure(day, whose[standing.scope]))
            for standing, _ in self._standings(key, caps)
        ]

    def used(self, key: str | None, days: int) -> list[dict[str, Any]]:
        """Rows of the newest ``days`` days, of one key or of all, the newest day first."""
        if self._waiting:
            with suppress(sqlite3.Error):
                self._write()
        since = (self.now().date() - timedelta(days=days - 1)).isoformat()
        columns = ("day", "key", "model", *_ADDED)
        rows = self._db.execute(
            f"SELECT {', '.join(columns)} FROM spent WHERE day >= ? AND (? IS NULL OR key = ?) "  # noqa: S608 (our own names)
            "ORDER BY day DESC, key, model",
            (since, key, key),
        )
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def _standings(self, key: str, caps: Caps) -> list[tuple[Standing, float]]:
        """With what is held of each."""
        today = self.now().date()
        found: list[tuple[Standing, float]] = []
        scopes: tuple[tuple[Scope, float | None, str | None], ...] = (
            ("key_day", caps.key_day, key),
            ("day", caps.day, None),
        )
        for scope, limit, whose in scopes:
            if limit is not None:
                spent = self._sum(_SPENT, (today.isoformat(), whose))
                held = self._sum(_HELD, (whose,))
                found.append((Standing(scope, limit, spent, _next_day(today)), held))
        return found

    def _write(self, *statements: Statement) -> None:
        for statement in statements:
            self._waiting.also(statement)
        with self._writing():
            pass

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Nobody else writes until it is left. What has waited is written first."""
        with _Transaction(self._db):
            try:
                for statement, values in self._waiting:
                    self._db.execute(statement, values)
            except sqlite3.OperationalError:
                raise  # The file is locked, or a disk full.
            except Exception:
                self._waiting.clear()  # It would fail for ever.
                raise
            yield
        self._waiting.clear()

    def _sum(self, query: str, values: tuple[str | None, ...]) -> float:
        (total,) = self._db.execute(query, values).fetchone()
        return float(total or 0.0)


class _Transaction:
    """Nobody else writes until it is left."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def _next_day(today: date) -> int:
    return int(datetime.combine(today + timedelta(days=1), time(), UTC).timestamp())
