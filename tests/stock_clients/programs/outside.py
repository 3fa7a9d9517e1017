"""What the Python programs of this folder share: a microphone, a record of every server event, calls with an agent.

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
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

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


# Frameworks whose agent is the client: each brings its own call, and all have the same conversations.

RATE_HZ = 24_000
LISTENS_S = 2.5
"""To a story, before it is talked over."""


class Answers:
    """What the agent says, as its own history keeps it, or the error that ends a scenario."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[str] = asyncio.Queue()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def add(self, text: str) -> None:
        self._said.put_nowait(text)

    def fail(self, error: object) -> None:
        if not self._failed.done():
            self._failed.set_exception(RuntimeError(repr(error)))

    async def next(self) -> str:
        waiting = asyncio.ensure_future(self._said.get())
        await asyncio.wait({waiting, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        if self._failed.done():
            waiting.cancel()
            self._failed.result()
        return waiting.result()


class AgentCall(Protocol):
    """One call with the agent of a framework."""

    mouth: Microphone
    answers: Answers

    @property
    def played_s(self) -> float:
        """How much of its speech has come out of the loudspeaker."""

    async def greet(self) -> None:
        """Let it speak before anybody else has."""

    async def ask(self, text: str) -> None:
        """Let it answer a text of the caller."""

    async def listen(self, seconds: float) -> None:
        """Return when so much of its speech was played."""

    def told(self) -> list[Any]:
        """What it believes was said: messages."""

    def calls(self) -> int:
        """How often it believes to have called a tool."""


class MakeCall(Protocol):
    """Opens a call; with ``tools`` the agent can ask for the time."""

    def __call__(self, given: dict[str, Any], *, tools: bool = False) -> AbstractAsyncContextManager[AgentCall]: ...


def run_agent(call: MakeCall) -> None:
    """Run a greeting, a text turn, a spoken turn, an interruption and a tool call."""

    async def greeting(given: dict[str, Any]) -> dict[str, Any]:
        async with call(given) as on:
            await on.greet()
            return {"answer": await on.answers.next(), "played_s": on.played_s}

    async def text_turn(given: dict[str, Any]) -> dict[str, Any]:
        async with call(given) as on:
            await on.ask("Who are you?")
            return {"answer": await on.answers.next(), "played_s": on.played_s}

    async def spoken_turn(given: dict[str, Any]) -> dict[str, Any]:
        async with call(given) as on:
            on.mouth.say(given["question"])
            return {"answer": await on.answers.next(), "told": on.told()}

    async def interruption(given: dict[str, Any]) -> dict[str, Any]:
        async with call(given) as on:
            await on.ask("Tell me a story.")
            await on.listen(LISTENS_S)
            on.mouth.say(given["interruption"])
            cut = await on.answers.next()
            return {"cut": cut, "played_s": on.played_s, "answer": await on.answers.next()}

    async def tool_call(given: dict[str, Any]) -> dict[str, Any]:
        async with call(given, tools=True) as on:
            await on.ask("What time is it?")
            return {"answer": await on.answers.next(), "calls": on.calls()}

    scenarios: list[Scenario] = [greeting, text_turn, spoken_turn, interruption, tool_call]
    run({scenario.__name__: scenario for scenario in scenarios})
