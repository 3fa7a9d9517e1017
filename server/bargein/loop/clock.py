"""The one clock: the event loop's own.

``loop.time()`` is what every deadline, hold, lifetime and measurement is on, so whoever gives another loop gives
another time to all of them (:mod:`bargein.testing` does). What has a date, because it goes to other machines, is
on the time of day.
"""

from __future__ import annotations

import asyncio
import time


def steady_s() -> float:
    """The running loop's clock, in seconds since any fixed moment; never goes back."""
    return asyncio.get_running_loop().time()


def unix_s() -> float:
    """The time of day: of the running loop, where it has one of its own, or the machine's. May jump."""
    of_day = getattr(asyncio.get_running_loop(), "unix_time", None)
    return time.time() if of_day is None else float(of_day())
