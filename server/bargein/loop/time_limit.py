"""How long a block may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bargein.loop.patience import Patience


@asynccontextmanager
async def time_limit(limit_s: float) -> AsyncIterator[Patience]:
    """As ``asyncio.timeout``, but time in which this process did not run does not count.

    What it yields says in ``lost`` whether it was the limit that ended the block, and in ``left_s`` what is left of it.

    :raises TimeoutError: the limit has passed.
    """
    async with asyncio.timeout(None) as limit:
        patience = Patience(lambda: expire(limit))
        patience.begin(limit_s)
        try:
            yield patience
        finally:
            patience.close()


def expire(limit: asyncio.Timeout) -> None:
    """End a block now. May be called twice."""
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())
