"""Tasks that end with their owner."""

from __future__ import annotations

import asyncio
import gc

import pytest

from bargein.loop.tasks import Tasks


async def test_a_task_is_kept_until_it_ends() -> None:
    tasks, told = Tasks(), asyncio.Event()

    async def work() -> None:
        await asyncio.get_running_loop().create_future()

    tasks.start(work()).add_done_callback(lambda _: told.set())
    await asyncio.sleep(0)
    gc.collect()
    assert not told.is_set()
    tasks.cancel()
    await tasks.wait()
    assert told.is_set()


async def test_one_that_fails_leaves_the_others() -> None:
    tasks, go_on = Tasks(), asyncio.Event()
    done: list[str] = []

    async def fails() -> None:
        raise ValueError("broken")

    async def works() -> None:
        await go_on.wait()
        done.append("works")

    failed = tasks.start(fails(), "fails")
    tasks.start(works())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="broken"):
        failed.result()
    assert failed.get_name() == "fails"
    go_on.set()
    await tasks.wait()
    assert done == ["works"]


async def test_who_waits_may_give_up_and_leaves_them_alone() -> None:
    tasks = Tasks()
    task = tasks.start(asyncio.sleep(3600))
    waiting = asyncio.ensure_future(tasks.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not task.done()
    tasks.cancel()
    await tasks.wait()
    await tasks.wait()
