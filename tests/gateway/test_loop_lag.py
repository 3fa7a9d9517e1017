"""The event loop's lag, as it is measured."""

from __future__ import annotations

import asyncio
import time

from bargein.gateway.loop_lag import PROBE_INTERVAL_S, LoopLagProbe


async def test_a_blocked_loop_shows_and_a_stopped_probe_is_silent() -> None:
    observed: list[float] = []
    seen = asyncio.Event()

    def observe(lag_s: float) -> None:
        observed.append(lag_s)
        seen.set()

    loop = asyncio.get_running_loop()
    probe = LoopLagProbe(loop, observe)
    probe.start()
    time.sleep(3 * PROBE_INTERVAL_S)  # noqa: ASYNC251 (what is to be noticed)
    await seen.wait()
    assert observed[0] >= PROBE_INTERVAL_S
    probe.stop()
    count = len(observed)
    later = asyncio.Event()
    loop.call_later(2 * PROBE_INTERVAL_S, later.set)
    await later.wait()
    assert len(observed) == count
