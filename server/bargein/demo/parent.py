"""An end to a process whose parent has ended, at whatever moment and in whatever way that was."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final

GRACE_S: Final = 5.0
"""To end in order. What does not by then is ended as it is: nobody is left who could do it."""
_STDIN: Final = 0


class ParentWatch:
    """Notices that standard input has closed, which the operating system does however the parent ends.

    A thread of its own, from the first line on: while modules are imported, and while an event loop stands still or
    waits for something that will not come, nobody else would.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self._gone = False
        threading.Thread(target=self._watch, name="parent-watch", daemon=True).start()

    def then(self, end: Callable[[], None]) -> None:
        """From now on the process can end in order: ``end`` begins that, from any thread. Called once."""
        with self._lock:
            self._end = end
            if self._gone:
                end()

    def _watch(self) -> None:
        try:
            while os.read(_STDIN, 4096):
                pass
        except OSError:
            pass  # Closed already.
        with self._lock:
            self._gone = True
            if self._end is None:
                os._exit(0)
            self._end()
        time.sleep(GRACE_S)
        os._exit(0)
