"""One fake caller: calls, talks, hangs up, and calls again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bargein.core.audio import AudioFormat
from bargein.load.call_meter import CallMeter
from bargein.load.dialogue import AudioWatcher, Dialogue, Reply
from bargein.load.errors import ConnectError
from bargein.load.frames import session_update
from bargein.load.line import StallingLine
from bargein.load.listener import Listener
from bargein.load.measurements import Measurements
from bargein.load.notices import ErrorReceived, SessionReady
from bargein.load.person import Person, Phase
from bargein.load.phrasebook import Phrasebook
from bargein.load.scenario import Scenario
from bargein.load.speech_scheduler import SpeechScheduler
from bargein.load.ticker import Ticker
from bargein.load.timeline import Timeline
from bargein.load.transport import Connection, connect
from bargein.wire.bargein_events import SUBPROTOCOL

READY_WITHIN_S = 10.0
REDIAL_S = 1.0
"""The least pause after a call that did not come about."""


Instructions = Callable[[int, int], str | None]
"""What the session is told, from the caller's number and its call's; ``None``: the server's own."""


CutWatcher = Callable[[int, int, int, str, int, int], None]
"""Told of each reply that was talked over: caller, call, the reply's number in it, transcript received, samples heard,
and their rate.
"""


@dataclass(frozen=True, slots=True)
class Number:
    """Whom all callers call, and how."""

    url: str
    key: str | None
    audio_format: AudioFormat
    frame_ms: int
    bargein: bool
    """Offer ``bargein.v1``: binary messages, hold and resume."""
    instructions: Instructions
    on_cut: CutWatcher | None = None
    on_audio: AudioWatcher | None = None

    @property
    def subprotocols(self) -> Sequence[str]:
        return (SUBPROTOCOL, "realtime") if self.bargein else ("realtime",)


class Caller:
    """Receives what the server sends to one caller, and is ticked once in each frame.

    :param index: its number; its chances are drawn from ``seed`` and this.
    """

    def __init__(
        self,
        index: int,
        number: Number,
        scenario: Scenario,
        phrasebook: Phrasebook,
        ticker: Ticker,
        measurements: Measurements,
        seed: int,
        timeline: Timeline | None = None,
    ) -> None:
        self.index = index
        self._number = number
        self._scenario = scenario
        self._phrasebook = phrasebook
        self._ticker = ticker
        self._measurements = measurements
        self._draw = random.Random(f"{seed} {index}")  # noqa: S311  # a repeatable draw, no secret
        self._timeline = timeline
        self._call: _Call | None = None

    @property
    def phase(self) -> Phase | None:
        """What the caller does now; ``None`` between calls."""
        return self._call.person.phase if self._call is not None else None

    async def live(self) -> None:
        """Call after call, until cancelled; the call that is up is hung up then."""
        calls = 0
        while True:
            calls += 1
            away_s = self._draw.uniform(*self._scenario.call.away_s)
            try:
                await self._have_call(calls)
            except ConnectError as error:
                self._measurements.count("failed_connects", self.index)
                self._measurements.closes[str(error)] += 1
                away_s = max(away_s, REDIAL_S)
            await asyncio.sleep(away_s)

    async def _have_call(self, call_number: int) -> None:
        call = _Call(
            self.index,
            self._number,
            self._scenario,
            self._phrasebook,
            self._measurements,
            self._draw,
            self._timeline,
            call_number,
        )
        try:
            await call.open()
            self._call = call
            self._ticker.add(call)
            await call.over.wait()
        finally:
            self._call = None
            self._ticker.remove(call)
            call.hang_up()


class _Call:
    """One call, from dialling to the end."""

    def __init__(
        self,
        index: int,
        number: Number,
        scenario: Scenario,
        phrasebook: Phrasebook,
        measurements: Measurements,
        draw: random.Random,
        timeline: Timeline | None,
        call_number: int,
    ) -> None:
        self._index = index
        self._call_number = call_number
        self._number = number
        self._network = scenario.network
        self._measurements = measurements
        self._draw = draw
        self.over = asyncio.Event()
        self._ready = asyncio.Event()
        self._refusal: str | None = None
        self._connection: Connection | None = None
        self._line: StallingLine | None = None
        self._hung_up = False
        fmt = number.audio_format
        self.dialogue = Dialogue(Listener(fmt.rate_hz), fmt, bargein=False, on_audio=number.on_audio)
        scheduler = SpeechScheduler(phrasebook.room, number.frame_ms, draw.randrange(len(phrasebook.room)))
        on_cut = self._tell_cut if number.on_cut is not None else None
        meter = CallMeter(index, scheduler, self.dialogue, measurements, timeline, on_cut)
        self.person = Person(scenario, phrasebook, scheduler, self.dialogue, meter, draw)
        self._wake_at_s = 0.0
        self._send_frame: Callable[[bytes], None] = lambda message: None

    async def open(self) -> None:
        """Dial, and configure the session.

        :raises ConnectError: no call came about.
        """
        dialled_s = time.monotonic()
        number = self._number
        connection = await connect(number.url, self, key=number.key, subprotocols=number.subprotocols)
        self._connection = connection
        if self._network is not None:
            connection = self._line = StallingLine(connection, self._network, self._draw, dialled_s)
            self._connection = connection
        self.dialogue.bargein = connection.subprotocol == SUBPROTOCOL
        if number.bargein and not self.dialogue.bargein:
            raise ConnectError(f"{number.url}: the server does not speak {SUBPROTOCOL}: leave --binary out")
        self._send_frame = connection.send_binary if number.bargein else connection.send_text
        instructions = number.instructions(self._index, self._call_number)
        connection.send_text(session_update(number.audio_format, instructions=instructions))
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._ready.wait()
        except TimeoutError:
            raise ConnectError(f"{number.url}: no session.updated within {READY_WITHIN_S:g} s") from None
        if self._refusal is not None:
            raise ConnectError(f"{number.url}: {self._refusal}")
        now_s = time.monotonic()
        self._measurements.count("calls", self._index)
        self._measurements.add("connect", self._index, now_s, now_s - dialled_s)
        self.person.begin(now_s)

    def tick(self, now_s: float) -> None:
        if self._line is not None:
            self._line.tick(now_s)
        message = self.person.next_frame(now_s)
        if self.person.phase is Phase.DONE:
            self.over.set()
            return
        self._send_frame(message)
        if self.dialogue.bargein and now_s >= self._wake_at_s:
            self._wake(now_s)

    def receive_text(self, message: bytes) -> None:
        now_s = time.monotonic()
        for notice in self.dialogue.receive_text(message, now_s):
            if not self._ready.is_set():
                if isinstance(notice, ErrorReceived):
                    self._refusal = notice.message
                if isinstance(notice, ErrorReceived | SessionReady):
                    self._ready.set()
            self.person.notice(notice)
        if self.dialogue.bargein or self.dialogue.outgoing:
            self._wake(now_s)

    def receive_binary(self, message: bytes) -> None:
        now_s = time.monotonic()
        for notice in self.dialogue.receive_binary(message, now_s):
            self.person.notice(notice)
        self._wake(now_s)

    def ended(self, code: int, reason: str) -> None:
        if not self._hung_up:
            why = f"{code} {reason}".rstrip()
            if self._ready.is_set():
                self._measurements.count("dropped_calls", self._index)
                self._measurements.closes[why] += 1
            else:
                self._refusal = f"the connection ended at once: {why}"
        self._ready.set()
        self.over.set()

    def hang_up(self) -> None:
        self._hung_up = True
        self.person.hang_up(time.monotonic())
        if self._connection is not None:
            self._connection.close()

    def _tell_cut(self, reply: Reply, heard_samples: int) -> None:
        if self._number.on_cut is not None:
            rate_hz = self._number.audio_format.rate_hz
            number = list(self.dialogue.replies).index(reply.response_id)
            self._number.on_cut(self._index, self._call_number, number, reply.transcript, heard_samples, rate_hz)

    def _wake(self, now_s: float) -> None:
        self.dialogue.wake(now_s)
        wake_at_s = self.dialogue.wake_at_s
        self._wake_at_s = float("inf") if wake_at_s is None else wake_at_s
        if self.dialogue.outgoing and self._connection is not None:
            for message in self.dialogue.outgoing:
                self._connection.send_text(message)
            self.dialogue.outgoing.clear()
