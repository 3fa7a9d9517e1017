"""Other processes: what they begin with, and when they end."""

from __future__ import annotations

import os
import select
import signal

ENDS_WITHIN_S = 120.0


def wait_for_end(pid: int, within_s: float = ENDS_WITHIN_S) -> None:
    """Return when the process, which need not be a child of this one, has ended. Linux only."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], within_s)
        assert ended, f"process {pid} has not ended"
    finally:
        os.close(descriptor)


def ignore_nothing() -> None:
    """What is ignored is inherited: by whoever runs the tests in the background of a shell, or with ``nohup``."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
