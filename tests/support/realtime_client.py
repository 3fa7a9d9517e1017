"""A caller for tests: one WebSocket to the server, every message kept, waiting without polling.

::

    async with connect(server.realtime_url) as caller:
        await caller.wait_for("session.created")
        await caller.say_text("What time is it?")
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        assert caller.audio()                                  # PCM16, 24 kHz

A spoken turn, and talking over the answer, with a microphone that never stops, as a real one::

    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await microphone.say(speak("tell me a story"))         # returns when its last sample was sent
        await caller.wait_for("response.output_audio.delta")
        await microphone.say(speak("wait, stop please"))
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "cancelled"

Waiting goes forward through what was received: each :meth:`RealtimeClient.wait_for` starts behind the message that
the one before returned, so a sequence of waits is a statement about order. ``since=0`` looks at everything again.
A deadline only turns a hang into a failure that says what did arrive; no test may depend on its length.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.typing import Subprotocol

from bargein.core.audio import PCM16_24K, AudioFormat
from support.audio_frame import AudioFrame
from support.event_recorder import Dialect, EventRecorder
from support.microphone import Microphone

ServerEvent = dict[str, Any]
"""One server event as it came, JSON decoded."""
Received = ServerEvent | AudioFrame
"""What one WebSocket message held."""

DEADLINE_S: Final = 60.0
BARGEIN_SUBPROTOCOLS: Final = ("bargein.v1", "realtime")
BETA_HEADERS: Final = {"OpenAI-Beta": "realtime=v1"}


class NothingCameError(AssertionError):
    """What a test waited for did not arrive: the connection ended, or the deadline passed."""


@asynccontextmanager
async def connect(
    url: str,
    *,
    subprotocols: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    key: str | None = None,
    origin: str | None = None,
    dialect: Dialect | None = None,
) -> AsyncIterator[RealtimeClient]:
    """Open a WebSocket and read it until the block ends, then close it with code 1000.

    :param url: ``ws://127.0.0.1:PORT/v1/realtime?model=…``
    :param subprotocols: offered in this order; :data:`BARGEIN_SUBPROTOCOLS` asks for ours. None by default.
    :param headers: sent with the handshake; :data:`BETA_HEADERS` asks for the beta dialect.
    :param key: sent as ``Authorization: Bearer``.
    :param dialect: that the server should speak, where neither a header nor a subprotocol tells.
    :raises websockets.exceptions.InvalidStatus: the server refused the upgrade; ``.response`` has status and body.
    """
    sent_headers = dict(headers or {})
    if key is not None:
        sent_headers["Authorization"] = f"Bearer {key}"
    socket = await connect_websocket(
        url,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        additional_headers=sent_headers,
        origin=websockets.Origin(origin) if origin is not None else None,
        compression=None,
        max_size=None,
        proxy=None,
    )
    client = RealtimeClient(socket, dialect or _dialect(socket, sent_headers, subprotocols))
    try:
        yield client
    finally:
        await client.close()


def _dialect(socket: ClientConnection, headers: Mapping[str, str], offered: Sequence[str]) -> Dialect:
    if socket.subprotocol == "bargein.v1":
        return "bargein.v1"
    beta = any(name.lower() == "openai-beta" for name in headers) or "openai-beta.realtime-v1" in offered
    return "beta" if beta else "ga"


class RealtimeClient:
    """One caller. Made by :func:`connect`, which also closes it."""

    def __init__(self, socket: ClientConnection, dialect: Dialect) -> None:
        self.socket = socket
        self.dialect = dialect
        self.messages: list[Received] = []
        """Everything received, in order."""
        self._arrived_s: dict[int, float] = {}
        self._changed = asyncio.Condition()
        self._next = 0
        self._ended = False
        self._recorder = EventRecorder(dialect)
        self._reader = asyncio.create_task(self._read(), name="test caller's reader")

    # What came

    @property
    def events(self) -> list[ServerEvent]:
        """Every server event so far, in order, without binary messages."""
        return [message for message in self.messages if isinstance(message, dict)]

    @property
    def frames(self) -> list[AudioFrame]:
        """Every binary message so far, in order (``bargein.v1`` only)."""
        return [message for message in self.messages if isinstance(message, AudioFrame)]

    @property
    def types(self) -> list[str]:
        """The types of :attr:`events`, for assertions about order."""
        return [event["type"] for event in self.events]

    @property
    def errors(self) -> list[ServerEvent]:
        """The ``error`` events so far."""
        return self.events_of("error")

    def events_of(self, event_type: str) -> list[ServerEvent]:
        """The events of one type so far."""
        return [event for event in self.events if event["type"] == event_type]

    def arrived_s(self, message: Received) -> float:
        """When ``message``, one of :attr:`messages`, arrived: seconds on the loop's clock."""
        return self._arrived_s[id(message)]

    def audio(self, response_id: str | None = None) -> bytes:
        """The reply audio received so far, of one response or of all, joined, in the session's output format."""
        pieces = []
        numbers = {e["number"] for e in self.events_of("bargein.response") if response_id in (None, e["response_id"])}
        for message in self.messages:
            match message:
                case AudioFrame(response_number=number, samples=samples) if number in numbers:
                    pieces.append(samples)
                case {
                    "type": "response.output_audio.delta" | "response.audio.delta",
                    "response_id": response,
                    "delta": delta,
                } if response_id in (None, response):
                    pieces.append(base64.b64decode(delta))
        return b"".join(pieces)

    def transcript(self, response_id: str | None = None) -> str:
        """The reply's words received so far, of one response or of all: transcript and text deltas, joined."""
        return "".join(
            event["delta"]
            for event in self.events
            if event["type"].startswith("response.")
            and event["type"].endswith(("audio_transcript.delta", "text.delta"))
            and response_id in (None, event["response_id"])
        )

    # Waiting

    def mark(self) -> int:
        """The position behind everything received so far, for ``since=``."""
        return len(self.messages)

    async def wait_for(
        self,
        event_type: str,
        predicate: Callable[[ServerEvent], object] | None = None,
        *,
        since: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> ServerEvent:
        """The next event of a type for which ``predicate`` holds.

        :param since: a position of :meth:`mark` to start at; by default behind the last message waited for.
        :raises NothingCameError: the connection ended or the deadline passed first. Says what came instead.
        """

        def wanted(message: Received) -> bool:
            if isinstance(message, AudioFrame) or message["type"] != event_type:
                return False
            return predicate is None or bool(predicate(message))

        found = await self._wait(wanted, f"a {event_type!r} event", since, deadline_s)
        assert isinstance(found, dict)
        return found

    async def wait_until(self, condition: Callable[[], object], *, deadline_s: float = DEADLINE_S) -> None:
        """Return once ``condition()`` holds; it is asked after each message. For sums such as bytes of audio."""
        async with self._changed:
            try:
                async with asyncio.timeout(deadline_s):
                    await self._changed.wait_for(lambda: self._ended or condition())
            except TimeoutError:
                raise NothingCameError(f"the condition did not hold in {deadline_s} s; {self._story(0)}") from None
        if not condition():
            raise NothingCameError(f"the connection ended before the condition held; {self._story(0)}")

    async def wait_closed(self, *, deadline_s: float = DEADLINE_S) -> tuple[int, str]:
        """Wait for the server to close the connection. Returns the close code and its reason."""
        async with asyncio.timeout(deadline_s):
            await self.socket.wait_closed()
            await asyncio.shield(self._reader)
        return self.socket.close_code or 1006, self.socket.close_reason or ""

    async def _wait(
        self, wanted: Callable[[Received], bool], name: str, since: int | None, deadline_s: float
    ) -> Received:
        position = start = self._next if since is None else since

        def advanced() -> bool:
            nonlocal position
            while position < len(self.messages):
                position += 1
                if wanted(self.messages[position - 1]):
                    return True
            return False

        found = False

        def decided() -> bool:
            nonlocal found
            found = advanced()
            return found or self._ended

        async with self._changed:
            try:
                async with asyncio.timeout(deadline_s):
                    await self._changed.wait_for(decided)
            except TimeoutError:
                raise NothingCameError(f"{name} did not come in {deadline_s} s; {self._story(start)}") from None
        if not found:
            raise NothingCameError(f"the connection ended without {name}; {self._story(start)}")
        self._next = position
        return self.messages[position - 1]

    def _story(self, start: int) -> str:
        """What a failing test's reader wants to know."""
        kinds = [m["type"] if isinstance(m, dict) else "(binary)" for m in self.messages[start:]]
        errors = [event["error"] for event in self.errors]
        closed = f"closed {self.socket.close_code} {self.socket.close_reason!r}" if self._ended else "still open"
        return f"came since: {kinds[-40:]}; errors: {errors}; the connection is {closed}"

    # Saying

    async def send(self, event: Mapping[str, object]) -> None:
        """Send one client event as a text message."""
        await self.socket.send(json.dumps(event))

    async def send_raw(self, message: str | bytes) -> None:
        """Send a text (``str``) or binary (``bytes``) message as it is."""
        await self.socket.send(message)

    async def append(self, audio: bytes) -> None:
        """Send audio in the session's input format in one message: binary with ``bargein.v1``, else an append."""
        if self.dialect == "bargein.v1":
            await self.socket.send(audio)
        else:
            encoded = base64.b64encode(audio).decode("ascii")
            await self.socket.send(f'{{"type":"input_audio_buffer.append","audio":"{encoded}"}}')

    async def update_session(self, **session: object) -> ServerEvent:
        """Send ``session.update`` in the GA shape and return the ``session.updated`` that answers it."""
        mark = self.mark()
        await self.send({"type": "session.update", "session": {"type": "realtime", **session}})
        return await self.wait_for("session.updated", since=mark)

    async def add_text(self, text: str, *, role: str = "user", item_id: str | None = None) -> None:
        """Add a text message to the conversation. Starts no response."""
        content_type = "output_text" if role == "assistant" else "input_text"
        item: dict[str, object] = {"type": "message", "role": role, "content": [{"type": content_type, "text": text}]}
        if item_id is not None:
            item["id"] = item_id
        await self.send({"type": "conversation.item.create", "item": item})

    async def say_text(self, text: str, **response: object) -> None:
        """A text turn: add a user message and ask for a response, with the given parameters if there are any."""
        await self.add_text(text)
        await self.send({"type": "response.create", **({"response": response} if response else {})})

    def microphone(
        self, *, audio_format: AudioFormat = PCM16_24K, frame_ms: int = 20, speed: float = 1.0
    ) -> Microphone:
        """A microphone that sends silence whenever nothing is said, until its ``async with`` block ends.

        :param audio_format: the session's input format.
        :param speed: 1.0 is real time. The server's endpointing counts samples, so a turn may be streamed faster;
            talking *over* a reply must be in real time, because the reply is played in real time.
        """
        return Microphone(self.append, audio_format=audio_format, frame_ms=frame_ms, speed=speed)

    # The connection

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close from the caller's side and wait until the reader has ended. May be called twice."""
        await self.socket.close(code, reason)
        await self._reader
        self._recorder.close()

    def vanish(self) -> None:
        """Cut the TCP connection without a closing handshake, as a caller who lost the network."""
        self.socket.transport.abort()

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                self._take(message)
                async with self._changed:
                    self._changed.notify_all()
        except websockets.ConnectionClosedError:
            pass
        finally:
            self._ended = True
            self._recorder.close()
            async with self._changed:
                self._changed.notify_all()

    def _take(self, message: str | bytes) -> None:
        decoded: Received
        if isinstance(message, bytes):
            decoded = AudioFrame.parse(message)
        else:
            decoded = json.loads(message)
            self._recorder.record(message)
        self.messages.append(decoded)
        self._arrived_s[id(decoded)] = asyncio.get_running_loop().time()
