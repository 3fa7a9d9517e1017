"""Keeps every server event that any test receives, so that one last test can check them all.

The directory is named by the environment variable :data:`DIRECTORY_VARIABLE` (``tests/conftest.py`` sets it for a
whole run, and programs started by tests inherit it). Without it nothing is recorded. One file per connection, one
JSON object per line: ``{"dialect": …, "test": …, "event": …}`` with the event exactly as it came.
``tests/stock_clients/validate_events.py`` reads them.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Literal

DIRECTORY_VARIABLE = "BARGEIN_TEST_EVENTS_DIR"

Dialect = Literal["ga", "beta", "bargein.v1"]
"""Which shapes a connection speaks: the standard's, the old beta's, or the standard's and our subprotocol's."""

_numbers = itertools.count()


class EventRecorder:
    """Appends one connection's server events to a file of its own."""

    def __init__(self, dialect: Dialect) -> None:
        directory = os.environ.get(DIRECTORY_VARIABLE)
        self._file = None
        if directory:
            path = Path(directory) / f"{os.getpid()}-{next(_numbers)}.jsonl"
            self._file = path.open("a", encoding="utf-8")
        self._dialect = json.dumps(dialect)

    def record(self, message: str) -> None:
        """Append one text message as it came from the socket. It must be JSON on one line."""
        if self._file is not None:
            test = json.dumps(os.environ.get("PYTEST_CURRENT_TEST", ""))
            self._file.write(f'{{"dialect": {self._dialect}, "test": {test}, "event": {message}}}\n')

    def close(self) -> None:
        """Write out what is still buffered. May be called twice."""
        if self._file is not None:
            self._file.close()
            self._file = None
