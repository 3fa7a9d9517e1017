"""The shared timers, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bargein.session.timers import LoopClock, Timers
from support.memory import held_after


class HandClock:
    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> float:
        return self.at_s


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def fired() -> list[str]:
    return []


def test_callbacks_run_in_the_order_of_their_times(clock: HandClock, fired: list[str]) -> None:
    timers = Timers(clock)
    timers.schedule("b", 2.0, lambda: fired.append("b"))
    timers.schedule("a", 1.0, lambda: fired.append("a"))
    timers.schedule("c", 3.0, lambda: fired.append("c"))
    clock.at_s = 2.0
    timers.run_due()
    assert fired == ["a", "b"]
    assert timers.next_due() == 3.0
    assert timers.pending == 1


def test_a_key_has_one_time(clock: HandClock, fired: list[str]) -> None:
    timers = Timers(clock)
    timers.schedule("a", 1.0, lambda: fired.append("first"))
    timers.schedule("a", 5.0, lambda: fired.append("later"))
    timers.schedule("a", 3.0, lambda: fired.append("between"))
    clock.at_s = 1.0
    timers.run_due()
    assert fired == []
    clock.at_s = 3.0
    timers.run_due()
    clock.at_s = 9.0
    timers.run_due()
    assert fired == ["between"]
    assert timers.pending == 0


def test_cancelled_is_not_called_even_by_a_callback_of_the_same_moment(clock: HandClock, fired: list[str]) -> None:
    timers = Timers(clock)
    timers.schedule("a", 1.0, lambda: timers.cancel("b"))
    timers.schedule("b", 1.0, lambda: fired.append("b"))
    timers.cancel("unknown")
    clock.at_s = 1.0
    timers.run_due()
    assert fired == []


def test_moved_by_a_callback_of_the_same_moment(clock: HandClock, fired: list[str]) -> None:
    timers = Timers(clock)
    timers.schedule("a", 1.0, lambda: timers.schedule("b", 4.0, lambda: fired.append("b")))
    timers.schedule("b", 1.0, lambda: fired.append("too early"))
    clock.at_s = 1.0
    timers.run_due()
    assert fired == []
    clock.at_s = 4.0
    timers.run_due()
    assert fired == ["b"]


def test_a_callback_that_asks_for_now_again_does_not_spin(clock: HandClock, fired: list[str]) -> None:
    timers = Timers(clock)

    def again() -> None:
        fired.append("again")
        timers.schedule("a", 0.0, again)

    timers.schedule("a", 0.0, again)
    timers.run_due()
    assert fired == ["again"]
    clock.at_s = 0.001
    timers.run_due()
    assert fired == ["again", "again"]


def test_moving_a_time_a_million_times_keeps_the_heap_small(clock: HandClock) -> None:
    timers = Timers(clock)

    def move() -> None:
        for number in range(20_000):
            timers.cancel("idle")
            timers.schedule("idle", 600.0 + number, lambda: None)

    assert held_after(move).size_bytes < 50_000


def test_tidying_the_heap_loses_no_time(clock: HandClock, fired: list[str]) -> None:
    timers = Timers(clock)
    timers.schedule("moved", 1.0, lambda: fired.append("moved"))
    timers.schedule("moved", 5.0, lambda: fired.append("moved"))
    timers.schedule("kept", 3.0, lambda: fired.append("kept"))
    for number in range(1000):
        timers.cancel("idle")
        timers.schedule("idle", 600.0 + number, lambda: fired.append("idle"))
    clock.at_s += 4.0
    timers.run_due()
    assert fired == ["kept"]
    clock.at_s += 2.0
    timers.run_due()
    assert fired == ["kept", "moved"]
    clock.at_s += 2000.0
    timers.run_due()
    assert fired == ["kept", "moved", "idle"]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("schedule"), st.integers(0, 3), st.integers(0, 20)),
            st.tuples(st.just("cancel"), st.integers(0, 3), st.just(0)),
            st.tuples(st.just("advance"), st.just(0), st.integers(0, 5)),
        ),
        max_size=60,
    )
)
@example([("schedule", 0, 0), ("schedule", 0, 1), ("schedule", 1, 0), ("advance", 0, 1)])
def test_agrees_with_a_dictionary_of_times(steps: list[tuple[str, int, int]]) -> None:
    clock = HandClock()
    timers = Timers(clock)
    fired: list[tuple[int, float]] = []
    expected: list[tuple[int, float]] = []
    times: dict[int, float] = {}
    for step, key, number in steps:
        if step == "schedule":
            when_s = clock.at_s + number
            times[key] = when_s
            timers.schedule(key, when_s, lambda key=key, when_s=when_s: fired.append((key, when_s)))  # type: ignore[misc]
        elif step == "cancel":
            times.pop(key, None)
            timers.cancel(key)
        else:
            clock.at_s += number
            due = sorted((when_s, key) for key, when_s in times.items() if when_s <= clock.at_s)
            expected += [(key, when_s) for when_s, key in due]
            times = {name: when_s for name, when_s in times.items() if when_s > clock.at_s}
            timers.run_due()
    assert sorted(fired) == sorted(expected)
    assert [when_s for _, when_s in fired] == [when_s for _, when_s in expected]
    assert timers.pending == len(times)


async def test_the_loop_wakes_it_and_one_failure_does_not_stop_the_others() -> None:
    loop = asyncio.get_running_loop()
    timers = Timers(LoopClock(loop), loop)
    failures: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    done = asyncio.Event()

    def fail() -> None:
        raise ValueError("on purpose")

    timers.schedule("bad", loop.time(), fail)
    timers.schedule("good", loop.time() + 0.002, done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert [str(failure["exception"]) for failure in failures] == ["on purpose"]
    timers.schedule("never", loop.time() + 60, done.set)
    timers.close()
    assert timers.pending == 0
