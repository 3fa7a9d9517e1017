"""A caller whose part a test's script speaks: one WebSocket to the server, and a microphone that never stops."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket

ServerEvent = dict[str, Any]
FRAME_S: Final = 0.02
FRAME_BYTES: Final = 960
"""20 ms of PCM16 at 24 kHz."""
DEADLINE_S: Final = 300.0
"""Virtual seconds: only turns a hang into a failure that says what did come."""


class NothingCameError(AssertionError):
    """What a test waited for did not come."""


@asynccontextmanager
async def calling(url: str, *, path: str = "/realtime", key: str | None = None) -> AsyncIterator[ScriptedCaller]:
    """Call a server until the context is left.

    :param url: from :func:`~bargein.testing.server.serving`; or any other, whose time is real then.
    :param path: with a query, if there is one: ``/realtime?agent=shop``.
    :param key: the server's, or a token that it has given out, where it asks for one.
    :raises websockets.exceptions.InvalidStatus: the server refused; ``.response.body`` says why.
    """
    address = url.replace("http", "ws", 1) + path
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with connect_websocket(
        address, additional_headers=headers, max_size=None, compression=None, proxy=None
    ) as socket:
        caller = ScriptedCaller(socket)
        reading = asyncio.create_task(caller.read(), name="scripted caller's ear")
        speaking = asyncio.create_task(caller.speak(), name="scripted caller's microphone")
        try:
            yield caller
        finally:
            speaking.cancel()
            await asyncio.wait({speaking})
            await socket.close()
            await reading


class ScriptedCaller:
    """Made by :func:`calling`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.events: list[ServerEvent] = []
        """Every server event so far, in order."""
        self._socket = socket
        self._came = asyncio.Condition()
        self._next = 0
        self._ended = False
        self._sound: deque[tuple[bytearray, asyncio.Future[None]]] = deque()

    # What came.

    @property
    def types(self) -> list[str]:
        """The types of :attr:`events`."""
        return [event["type"] for event in self.events]

    def words(self, response_id: str | None = None) -> str:
        """The transcript that came, of one reply or of all."""
        deltas = self._deltas("response.output_audio_transcript.delta", response_id)
        return "".join(deltas)

    def sound(self, response_id: str | None = None) -> bytes:
        """The sound that came, of one reply or of all: PCM16 at 24 kHz."""
        return b"".join(map(base64.b64decode, self._deltas("response.output_audio.delta", response_id)))

    async def wait_for(
        self, event_type: str, predicate: Callable[[ServerEvent], object] = lambda _: True
    ) -> ServerEvent:
        """The next event of a type for which ``predicate`` holds, behind the one that was waited for before.

        :raises NothingCameError: the connection ended, or nothing came in :data:`DEADLINE_S`.
        """
        begin = self._next
        try:
            async with asyncio.timeout(DEADLINE_S), self._came:
                while True:
                    while self._next < len(self.events):
                        event = self.events[self._next]
                        self._next += 1
                        if event["type"] == event_type and predicate(event):
                            return event
                    if self._ended:
                        break
                    await self._came.wait()
        except TimeoutError:
            pass
        state = "ended" if self._ended else "is open"
        raise NothingCameError(f"no {event_type!r}: {self.types[begin:]} came, and the connection {state}")

    # What is said and sent.

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one client event."""
        await self._socket.send(json.dumps(event))

    async def configure(self, **session: Any) -> ServerEvent:  # noqa: ANN401 (whatever a session has)
        """Send a ``session.update``; returns the ``session.updated``."""
        await self.send({"type": "session.update", "session": {"type": "realtime", **session}})
        return await self.wait_for("session.updated")

    async def write(self, text: str) -> None:
        """Say it by keyboard, and ask for a reply."""
        content = [{"type": "input_text", "text": text}]
        await self.send(
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}
        )
        await self.send({"type": "response.create"})

    async def give(self, call_id: str, output: str) -> None:
        """Give the output of a function, and ask for a reply."""
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        await self.send({"type": "conversation.item.create", "item": item})
        await self.send({"type": "response.create"})

    async def say(self, sound: bytes) -> None:
        """Speak into the microphone: PCM16 at 24 kHz. Returns when the last of it was said; the rest is not said
        if this is cancelled.

        :raises ConnectionError: the connection ended before.
        """
        said = asyncio.get_running_loop().create_future()
        if self._ended:
            raise ConnectionError("the connection has ended")
        speech = (bytearray(sound), said)
        self._sound.append(speech)
        try:
            await said
        finally:
            if speech in self._sound:
                self._sound.remove(speech)

    # Its two tasks.

    async def read(self) -> None:
        """Take what comes, to the end of the connection."""
        with suppress(websockets.ConnectionClosedError):
            async for message in self._socket:
                self.events.append(json.loads(message))
                async with self._came:
                    self._came.notify_all()
        self._ended = True
        async with self._came:
            self._came.notify_all()

    async def speak(self) -> None:
        """Send a frame every 20 ms: what is being said, or silence."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        with suppress(websockets.ConnectionClosed):
            while True:
                sound = base64.b64encode(self._frame()).decode()
                await self._socket.send(f'{{"type":"input_audio_buffer.append","audio":"{sound}"}}')
                self._told()
                due_s += FRAME_S
                await asyncio.sleep(max(0.0, due_s - loop.time()))
        for _, said in self._sound:
            said.set_exception(ConnectionError("the connection ended before everything was said"))

    def _frame(self) -> bytes:
        frame = b""
        for rest, _ in self._sound:
            room = FRAME_BYTES - len(frame)
            frame += rest[:room]
            del rest[:room]
        return frame.ljust(FRAME_BYTES, b"\0")

    def _told(self) -> None:
        while self._sound and not self._sound[0][0]:
            said = self._sound.popleft()[1]
            if not said.done():
                said.set_result(None)

    def _deltas(self, event_type: str, response_id: str | None) -> list[str]:
        return [
            event["delta"]
            for event in self.events
            if event["type"] == event_type and response_id in {None, event["response_id"]}
        ]
