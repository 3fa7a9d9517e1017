"""What the Python programs of this folder share: a microphone, and a record of every server event.

They run in the stock clients' environment, against a server that they know only by its address.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection

FRAME_BYTES = 960
FRAME_S = 0.02


class Microphone:
    """Sends 20 ms of PCM16 at 24 kHz every 20 ms: what is said, else silence."""

    def __init__(self, append: Callable[[bytes], Awaitable[None]]) -> None:
        self._append = append
        self._waiting = b""
        self._task: asyncio.Task[None]

    def say(self, wav: str) -> None:
        """Speak a WAV (mono PCM16, 24 kHz) after what is already being said. Returns at once."""
        with wave.open(wav) as file:
            self._waiting += file.readframes(file.getnframes())

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            frame, self._waiting = self._waiting[:FRAME_BYTES], self._waiting[FRAME_BYTES:]
            await self._append(frame.ljust(FRAME_BYTES, b"\0"))
            due_s += FRAME_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))


def record_events(dialect: str) -> None:
    """From now on every message that a ``websockets`` client receives is kept as ``tests/support`` keeps them."""
    directory = os.environ.get("BARGEIN_TEST_EVENTS_DIR")
    if directory is None:
        return
    numbers = itertools.count()
    receive = ClientConnection.recv

    async def recording_receive(self: ClientConnection, decode: bool | None = None) -> Any:  # noqa: ANN401
        message = await receive(self, decode=decode)
        text = message if isinstance(message, str) else message.decode()
        path = Path(directory) / f"stock-{os.getpid()}-{id(self)}.jsonl"
        with path.open("a", encoding="utf-8") as file:
            test = json.dumps(f"{Path(sys.argv[0]).name} #{next(numbers)}")
            file.write(f'{{"dialect": "{dialect}", "test": {test}, "event": {text}}}\n')
        return message

    ClientConnection.recv = recording_receive  # type: ignore[method-assign]


Scenario = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def run(scenarios: dict[str, Scenario], dialect: str = "ga") -> None:
    """Run all scenarios at once, each on a connection of its own, and print what each found as one JSON object.

    The program's argument is a JSON object with ``http_url``, ``realtime_url`` and the WAVs ``question``, ``story``
    and ``interruption``. A scenario that raises or takes too long is reported with ``failed``.
    """
    given = json.loads(sys.argv[1])
    record_events(dialect)

    async def one(scenario: Scenario) -> dict[str, Any]:
        try:
            async with asyncio.timeout(given["deadline_s"]):
                return await scenario(given)
        except Exception as error:
            return {"failed": repr(error)}

    async def every() -> dict[str, Any]:
        return dict(zip(scenarios, await asyncio.gather(*map(one, scenarios.values())), strict=True))

    print(json.dumps(asyncio.run(every())))
