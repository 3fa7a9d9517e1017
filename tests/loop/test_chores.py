"""Work in pieces, in turn for everybody who has some."""

from __future__ import annotations

import asyncio
import time

from bargein.loop.chores import PASS_S, Step, chores_of


def long_step(name: str, order: list[str], count: int) -> Step:
    """A step that takes a pass for itself, ``count`` times."""
    left = count

    def step() -> bool:
        nonlocal left
        left -= 1
        end = time.perf_counter() + PASS_S
        while time.perf_counter() < end:
            pass
        order.append(name)
        return left > 0

    return step


async def test_everybody_has_a_turn_and_others_theirs_between() -> None:
    chores = chores_of(asyncio.get_running_loop())
    order: list[str] = []
    chores.add(long_step("a", order, 3))
    chores.add(long_step("b", order, 2))

    while len(order) - order.count("-") < 5:
        order.append("-")
        await asyncio.sleep(0)
    work = [entry for entry in order if entry != "-"]
    assert work == ["a", "b", "a", "b", "a"]
    first, last = order.index("a"), len(order)
    between = [order[at + 1] == "-" for at in range(first, last - 1) if order[at] != "-"]
    assert all(between)


async def test_short_steps_share_a_pass() -> None:
    chores = chores_of(asyncio.get_running_loop())
    passes = 0
    left = 20

    def step() -> bool:
        nonlocal left
        left -= 1
        return left > 0

    chores.add(step)
    while left:
        passes += 1
        await asyncio.sleep(0)
    assert passes < 20


async def test_a_step_that_fails_is_told_and_holds_up_nobody() -> None:
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    chores = chores_of(loop)
    error = ValueError("on purpose")
    done: list[str] = []

    def fail() -> bool:
        raise error

    def work() -> bool:
        done.append("done")
        return False

    chores.add(fail)
    chores.add(work)
    for _ in range(5):
        await asyncio.sleep(0)
    assert done
    assert complaints == [error]
