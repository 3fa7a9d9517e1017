"""The demo model kept running: one that ends is started again, at the same address."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self

from bargein.demo.process import DemoModelFailedError, DemoModelProcess
from bargein.demo.settings import BACKLOG

FIRST_DELAY_S: Final = 0.2
LONGEST_DELAY_S: Final = 30.0
SETTLED_S: Final = 60.0
"""One that has lived so long has not ended because of how it was started."""

_log: Final = logging.getLogger(__name__)


class KeptDemoModel:
    """Runs the demo model for the time of a ``with``, in a thread of its own, whatever loops there are beside it.

    The listening socket is this process's, so the address stays, and who connects while there is no model waits for
    the next one instead of being refused.

    :param arguments: further options, as on the command line.
    :ivar base_url: for an OpenAI client.
    """

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._started: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, name="demo-keeper", daemon=True)
        self._cancel: Future[Callable[[], object]] = Future()
        self.base_url = ""

    def __enter__(self) -> Self:
        """Start it, and wait until it listens.

        :raises DemoModelFailedError: it does not. Its own words are on standard error.
        """
        self._thread.start()
        try:
            self.base_url = self._started.result()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        # The loop is closed where the thread has come to its end by itself.
        with suppress(RuntimeError):
            self._cancel.result()()
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._keep())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            elif not isinstance(error, asyncio.CancelledError):
                _log.exception("the demo model is not kept any more")

    async def _keep(self) -> None:
        loop, keeping = asyncio.get_running_loop(), asyncio.current_task()
        assert keeping is not None
        self._cancel.set_result(partial(loop.call_soon_threadsafe, keeping.cancel))
        with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listening:
            delay_s = FIRST_DELAY_S
            while True:
                began_s = loop.time()
                try:
                    async with DemoModelProcess(*self._arguments, listening=listening) as process:
                        if not self._started.done():
                            self._started.set_result(process.base_url)
                        else:
                            _log.info("the demo model is there again")
                        code = await process.wait()
                    reason = f"it ended with code {code}"
                except DemoModelFailedError as error:
                    if not self._started.done():
                        raise
                    reason = str(error)
                if loop.time() - began_s >= SETTLED_S:
                    delay_s = FIRST_DELAY_S
                _log.warning("the demo model is started again in %g s: %s", delay_s, reason)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LONGEST_DELAY_S)
