"""What a process says on standard error, written by a thread: whoever does not read it holds nobody up.

A pipe holds 64 kB. When nobody reads its other end, a write to it waits, and with it all callers. So lines go through a
bounded queue; what does not fit is dropped and counted, and a line says so when the rest flows again.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import logging
import os
import queue
import select
import sys
import threading
from collections.abc import Callable
from typing import Final

QUEUE_BYTES: Final = 4 * 1024 * 1024
"""Of lines that wait, some twenty thousand. What does not fit is dropped."""
FLUSH_S: Final = 2.0
"""How long the end of a process waits for what it still has to say."""
_BATCH_BYTES: Final = 65_536
_DESCRIPTOR: Final = 2

Notice = Callable[[int], str]
"""Words a line that says how many were dropped."""


class LineWriter:
    """Writes lines to a file descriptor from a thread of its own. Its methods may be called from any thread.

    :param max_bytes: of lines that wait.
    """

    def __init__(self, descriptor: int, max_bytes: int = QUEUE_BYTES) -> None:
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # A signal's handler may say something while the same thread does.
        self._changed = threading.Condition(threading.RLock())
        self._waiting_bytes = 0
        self._untold_lines = 0
        self._thread: threading.Thread | None = None
        self.dropped_lines = 0
        """Since the start."""
        self.notice: Notice = _notice

    def put(self, line: str) -> None:
        """Have one line written, without its line end. Never waits."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._changed:
            if self._waiting_bytes + len(data) > self._max_bytes:
                self.dropped_lines += 1
                self._untold_lines += 1
                return
            if self._untold_lines and self._waiting_bytes < self._max_bytes // 2:
                self._tell()
            self._put(data)

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until everything is written; false where that takes too long."""
        if threading.current_thread() is self._thread:
            return False
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting_bytes and not self._untold_lines, timeout_s)

    def _put(self, data: bytes) -> None:
        self._waiting_bytes += len(data)
        self._lines.put(data)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="standard-error")
            self._thread.start()

    def _tell(self) -> None:
        count, self._untold_lines = self._untold_lines, 0
        self._put(self.notice(count).encode("utf-8", "backslashreplace") + b"\n")

    def _run(self) -> None:
        while True:
            batch = [self._lines.get()]
            size = len(batch[0])
            with contextlib.suppress(queue.Empty):
                while size < _BATCH_BYTES:
                    batch.append(self._lines.get_nowait())
                    size += len(batch[-1])
            written = self._write(b"".join(batch))
            with self._changed:
                self._waiting_bytes -= size
                if not written:
                    self.dropped_lines += len(batch)
                elif self._untold_lines and not self._waiting_bytes:
                    self._tell()
                self._changed.notify_all()

    def _write(self, data: bytes) -> bool:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                # Somebody who shares it has made it so.
                select.select([], [self._descriptor], [])
            except OSError:
                return False  # The other end is closed: there is nobody to tell.
        return True


class QueuedHandler(logging.Handler):
    """Logs to a :class:`LineWriter`."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Have the record written. Never waits, never raises."""
        try:
            self._writer.put(self.format(record))
        except Exception:
            self.handleError(record)


class QueuedStream(io.TextIOBase):
    """Stands in for ``sys.stderr``: what libraries and the interpreter print goes the same way as the logs."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer
        self._line = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return _DESCRIPTOR

    def isatty(self) -> bool:
        return os.isatty(_DESCRIPTOR)

    def write(self, text: str) -> int:
        """Have whole lines written; the rest waits for its end."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._writer.put(line)
        return len(text)

    def flush(self) -> None:
        """Have what is not a whole line written too. Never waits: the end of the process does."""
        line, self._line = self._line, ""
        if line:
            self._writer.put(line)


def never_wait_for_standard_error() -> LineWriter:
    """From now on, everything that this process prints on standard error is written by a thread.

    Call it once the process serves: what is said before, on the way to an error of the operator's, needs none. The
    end of the process waits up to :data:`FLUSH_S` for what is still to be said.
    """
    global _writer  # noqa: PLW0603 (there is one standard error)
    if _writer is None:
        _writer = LineWriter(_DESCRIPTOR)
        atexit.register(_writer.flush)
    sys.stderr = QueuedStream(_writer)
    return _writer


def dropped_lines() -> int:
    """How many lines of this process were dropped."""
    return 0 if _writer is None else _writer.dropped_lines


_writer: LineWriter | None = None


def _notice(count: int) -> str:
    return f"{count} lines were dropped here, because nobody read standard error"
