"""The event loop's lateness: as it is reported, and as it is forgiven."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from bargein.loop.lateness import FORGIVEN_FROM_S, PROBE_INTERVAL_S, lateness_of
from bargein.loop.patience import Patience
from bargein.loop.time_limit import time_limit
from bargein.session.timers import LoopClock, Timers

STALL_S = 0.5


def stall(duration_s: float = STALL_S) -> None:
    """Stand still, as the whole process does when its machine is paused."""
    time.sleep(duration_s)


async def test_a_blocked_loop_shows_and_is_counted_as_lost() -> None:
    observed: list[float] = []
    seen = asyncio.Event()

    def observe(lag_s: float) -> None:
        observed.append(lag_s)
        seen.set()

    lateness = lateness_of(asyncio.get_running_loop())
    before_s = lateness.lost_s()
    await asyncio.sleep(0)
    lateness.report_to(observe)
    stall(3 * PROBE_INTERVAL_S)
    await seen.wait()
    assert observed[0] >= PROBE_INTERVAL_S
    assert lateness.lost_s() - before_s >= FORGIVEN_FROM_S


async def test_a_stall_is_known_to_whoever_asks_first() -> None:
    """A timer that is due in the middle of a stall runs before the probe that would notice it."""
    loop = asyncio.get_running_loop()
    lateness = lateness_of(loop)
    known: list[float] = []
    judged = asyncio.Event()

    def judge() -> None:
        known.append(lateness.lost_s())
        judged.set()

    before_s = lateness.lost_s()
    loop.call_later(0.001, judge)
    stall()
    await judged.wait()
    assert known[0] - before_s >= STALL_S - 2 * PROBE_INTERVAL_S


async def test_there_is_one_for_each_loop() -> None:
    loop = asyncio.get_running_loop()
    assert lateness_of(loop) is lateness_of(loop)


async def test_a_loop_that_is_only_busy_forgives_nothing() -> None:
    lateness = lateness_of(asyncio.get_running_loop())
    await asyncio.sleep(0)
    before_s = lateness.lost_s()
    for _ in range(100):
        await asyncio.sleep(0)
    assert lateness.lost_s() == before_s


async def test_late_timers_read_before_they_judge() -> None:
    """What came while the process stood still is read before a deadline that has passed meanwhile is looked at."""
    loop = asyncio.get_running_loop()
    timers = Timers(LoopClock(loop), loop)
    order: list[str] = []
    judged = asyncio.Event()
    here, there = socket.socketpair()
    here.setblocking(False)

    def read() -> None:
        here.recv(10)
        order.append("read")

    def judge() -> None:
        order.append("judged")
        judged.set()

    loop.add_reader(here, read)
    timers.schedule("deadline", loop.time() + 0.01, judge)
    await asyncio.sleep(0)
    there.send(b"in time")
    stall()
    await judged.wait()
    loop.remove_reader(here)
    here.close()
    there.close()
    timers.close()
    assert order == ["read", "judged"]


class Order:
    """In which order timers fire around a stall."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.timers = Timers(LoopClock(self.loop), self.loop)
        self.fired: list[str] = []
        self._over = asyncio.Event()

    def end(self, name: str) -> None:
        """The last one fires."""
        self.fired.append(name)
        self._over.set()

    async def stalled(self) -> list[str]:
        """What has fired by the end, with a stall in between."""
        self.loop.call_later(0.1, stall)
        await self._over.wait()
        self.timers.close()
        return self.fired


async def test_who_waits_is_not_charged_for_a_stall() -> None:
    order = Order()
    began = order.loop.time()
    order.timers.wait("patient", 0.2, lambda: order.end("patient"))
    order.timers.schedule("strict", began + 0.2, lambda: order.fired.append("strict"))
    assert await order.stalled() == ["strict", "patient"]
    assert order.loop.time() - began >= 0.2 + STALL_S - 2 * PROBE_INTERVAL_S


async def test_a_key_that_waited_can_be_scheduled_and_is_then_on_the_clock() -> None:
    order = Order()
    order.timers.wait("a", 5.0, lambda: order.fired.append("waited"))
    order.timers.schedule("a", order.loop.time() + 0.2, lambda: order.fired.append("a"))
    order.timers.wait("b", 0.2, lambda: order.end("b"))
    assert await order.stalled() == ["a", "b"]


async def test_patience_is_not_lost_in_a_stall_but_in_silence() -> None:
    loop = asyncio.get_running_loop()
    lost = asyncio.Event()
    patience = Patience(lost.set)
    patience.begin(0.3)
    loop.call_later(0.05, stall)
    await asyncio.sleep(0.1)
    assert not patience.lost
    assert patience.left_s > 0.0
    await lost.wait()
    assert patience.lost


async def test_a_read_after_a_stall_has_the_whole_time_again() -> None:
    loop = asyncio.get_running_loop()
    lost = asyncio.Event()
    patience = Patience(lost.set)
    patience.begin(0.3)
    loop.call_later(0.05, stall)
    await asyncio.sleep(0.1)
    patience.end()
    began = loop.time()
    patience.begin(0.3)
    await lost.wait()
    assert loop.time() - began > 0.299


async def test_a_time_limit_forgives_a_stall() -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, stall)
    async with time_limit(0.3) as limit:
        await asyncio.sleep(0.1)
        assert limit.left_s > 0.0
    with pytest.raises(TimeoutError):
        async with time_limit(0.05) as limit:
            await asyncio.Event().wait()
    assert limit.lost
