"""Writes calls down while they last, beside the event loop: nothing here waits for a disk, and nothing ends a call.

A file has one JSON value a line: the head (format, version, configuration), then ``[time, event]`` as they happen. What
was written is there when the process is killed; what waits is written every 50 ms. A recording that would become too
large, or whose disk is too slow, ends with a line that says so: one with a hole could not be replayed.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

import orjson
from structlog.typing import FilteringBoundLogger

from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.events import Event
from bargein.errors import SettingsError
from bargein.recording.codec import FORMAT, dumped, to_json

SUFFIX: Final = ".bargein.jsonl"
BATCH_S: Final = 0.05
QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Of all recordings together, that wait to be written."""
FLUSH_S: Final = 2.0
"""How long the end of a process waits for what is still to be written."""
TOO_LARGE: Final = "the recording has reached BARGEIN_RECORD_CALL_BYTES"
DISK_SLOW: Final = "the disk was too slow"
DISK_FAILED: Final = "the disk failed"
FOLDER_FULL: Final = "all recordings together have reached BARGEIN_RECORD_DIR_BYTES"
UNWRITABLE: Final = "something happened that has no form in a recording"
_SHORTEST_SECRET: Final = 8
"""Shorter ones would be found everywhere."""


class CallRecording:
    """One call. Use it on the event loop's thread; made by :meth:`Recorder.begin`."""

    def __init__(self, recorder: Recorder, path: Path, limit_bytes: int) -> None:
        self.path = path
        self.descriptor: int | None = None
        """The writer's own."""
        self._recorder = recorder
        self._left_bytes = limit_bytes
        self._over = False

    def note(self, event: Event, now: float) -> None:
        """Write down what happened at ``now``, in seconds on the call's clock. Never waits, never raises."""
        if self._over:
            return
        try:
            line = dumped((now, event))
        except Exception:
            self._recorder.log.exception("an event cannot be recorded", kind=type(event).__name__)
            self.cut(UNWRITABLE)
            return
        self.put(line)

    def put(self, line: bytes) -> None:
        """Have one line written."""
        self._left_bytes -= len(line) + 1
        if self._left_bytes < 0:
            self.cut(TOO_LARGE)
        elif not self._recorder.put(self, line):
            self.cut(DISK_SLOW)

    def cut(self, why: str) -> None:
        """End it early, and say so in it."""
        if not self._over:
            self._recorder.log.warning("a recording ends early", path=str(self.path), why=why)
            self._recorder.put(self, dumped({"cut": why}), even_if_full=True)
            self.close()

    def close(self) -> None:
        """The call is over."""
        if not self._over:
            self._over = True
            self._recorder.put(self, None)


class Recorder:
    """The recordings of one process.

    :param call_bytes: the largest file.
    :param total_bytes: of all files in ``directory``: the oldest are removed to make room.
    :param secrets: what must not stand in a file.
    :raises SettingsError: nothing can be written into ``directory``.
    """

    def __init__(
        self, directory: Path, call_bytes: int, total_bytes: int, secrets: Iterable[str], log: FilteringBoundLogger
    ) -> None:
        self.log = log
        self._directory = directory
        self._call_bytes = call_bytes
        self._total_bytes = total_bytes
        self._secrets = [orjson.dumps(secret)[1:-1] for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        self._lines: queue.SimpleQueue[tuple[CallRecording, bytes | None]] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._waiting_bytes = 0
        self._waiting_lines = 0
        self._thread: threading.Thread | None = None
        self._open: set[CallRecording] = set()
        self._stored_bytes = 0
        self._failed = False
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = directory / f".{os.getpid()}{SUFFIX}"
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            raise SettingsError(
                f"BARGEIN_RECORD_DIR {directory}: {error.strerror}: give a directory that can be written"
            ) from None

    def begin(
        self,
        session_id: str,
        config: SessionConfig,
        policy: CorePolicy,
        *,
        reports: bool,
        unix_offset_s: float,
        now: float,
    ) -> CallRecording:
        """A call begins: with what :func:`bargein.core.recorded.replay` wants to know of it."""
        began = datetime.fromtimestamp(now + unix_offset_s, UTC)
        name = f"{began:%Y%m%dT%H%M%SZ}-{session_id}{SUFFIX}"
        recording = CallRecording(self, self._directory / name, self._call_bytes)
        head = {
            "bargein_recording": FORMAT,
            "version": metadata.version("bargein"),
            "began": began.isoformat(timespec="milliseconds"),
            "session_id": session_id,
            "reports": reports,
            "unix_offset_s": unix_offset_s,
            "config": to_json(config),
            "policy": to_json(policy),
        }
        recording.put(orjson.dumps(head, default=dict))
        return recording

    def put(self, recording: CallRecording, line: bytes | None, *, even_if_full: bool = False) -> bool:
        """Have a line written, or, for ``None``, the file closed. Never waits; false where too much waits already."""
        if line is not None:
            for secret in self._secrets:
                if secret in line:
                    line = line.replace(secret, b"(secret)")
            line += b"\n"
        with self._changed:
            size = 0 if line is None else len(line)
            if self._waiting_bytes + size > QUEUE_BYTES and not even_if_full and size:
                return False
            self._waiting_bytes += size
            self._waiting_lines += 1
            self._lines.put((recording, line))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="recorder")
                self._thread.start()
                atexit.register(self.flush)
        return True

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until everything is written; false where that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting_lines, timeout_s)

    # The writer's thread.

    def _run(self) -> None:
        while True:
            batch = [self._lines.get()]
            time.sleep(BATCH_S)
            while not self._lines.empty():
                batch.append(self._lines.get())
            together: dict[CallRecording, list[bytes]] = {}
            for recording, line in batch:
                if line is None:
                    self._write(recording, together.pop(recording, []))
                    self._finish(recording)
                else:
                    together.setdefault(recording, []).append(line)
            for recording, lines in together.items():
                self._write(recording, lines)
            with self._changed:
                self._waiting_bytes -= sum(len(line) for _, line in batch if line is not None)
                self._waiting_lines -= len(batch)
                self._changed.notify_all()

    def _write(self, recording: CallRecording, lines: list[bytes]) -> None:
        if not lines:
            return
        data = b"".join(lines)
        try:
            if recording not in self._open:
                self._make_room(len(data))
                self._open.add(recording)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
                recording.descriptor = os.open(recording.path, flags, 0o600)
            if recording.descriptor is None:
                return
            if self._stored_bytes + len(data) > self._total_bytes and not self._make_room(len(data)):
                self._give_up(recording, FOLDER_FULL)
                return
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(recording.descriptor, rest) :]
            self._stored_bytes += len(data)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self.log.warning("a call cannot be recorded", path=str(recording.path), why=error.strerror)
            self._give_up(recording, DISK_FAILED)

    def _give_up(self, recording: CallRecording, why: str) -> None:
        """Write no more of it; it says so itself, if that can still be written."""
        descriptor, recording.descriptor = recording.descriptor, None
        if descriptor is None:
            return
        try:
            os.write(descriptor, dumped({"cut": why}) + b"\n")
        except OSError:
            pass
        finally:
            os.close(descriptor)

    def _finish(self, recording: CallRecording) -> None:
        self._open.discard(recording)
        if recording.descriptor is not None:
            os.close(recording.descriptor)
            recording.descriptor = None

    def _make_room(self, size: int) -> bool:
        """Remove the oldest calls that are over until ``size`` more fit; false where they do not."""
        open_now = {recording.path for recording in self._open}
        found: list[tuple[float, int, Path]] = []
        for path in self._directory.glob(f"*{SUFFIX}"):
            try:
                known = path.stat()
            except FileNotFoundError:
                continue  # Another process has removed it.
            found.append((known.st_mtime, known.st_size, path))
        self._stored_bytes = sum(stored for _, stored, _ in found)
        for _, stored, path in sorted(found):
            if self._stored_bytes + size <= self._total_bytes:
                break
            if path not in open_now:
                path.unlink(missing_ok=True)
                self._stored_bytes -= stored
        return self._stored_bytes + size <= self._total_bytes
