"""One scene as a call over a real socket, in real time: what the server tells is what was decided."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import numpy as np
import orjson
import pybase64

from bargein.bench.checking import ReplyCheck
from bargein.bench.echoing import EchoPath
from bargein.bench.live_model import SAYS
from bargein.bench.loudspeaker import Loudspeaker, Piece
from bargein.bench.making import session_patch
from bargein.bench.observing import Observer
from bargein.bench.outcome import Outcome
from bargein.bench.rendering import Rendered
from bargein.bench.reply import reply_of
from bargein.bench.scene import Scene
from bargein.bench.sending import frames_of
from bargein.bench.waves import FRAME_SAMPLES, RATE_HZ, pcm16
from bargein.core import actions, decisions
from bargein.load.transport import Connection, connect
from bargein.wire.binary import unpack

FRAME_S: Final = FRAME_SAMPLES / RATE_HZ
ASKED_S: Final = 0.1
REPORT_FRAMES: Final = 5
_WAIT_S: Final = 20.0


class LiveCall:
    """Calls once. A :class:`~bargein.load.transport.Receiver`."""

    def __init__(self, scene: Scene, rendered: Rendered, reply_voice: str) -> None:
        self._scene = scene
        self._rendered = rendered
        self._check = ReplyCheck(reply_of(scene.reply or reply_voice))
        self._speaker = Loudspeaker()
        self._observer = Observer(scene, rendered, self._speaker)
        self._echo = None if scene.echo is None else EchoPath(scene.echo, scene.seconds)
        self._v1 = scene.client == "bargein.v1"
        self._ready = asyncio.Event()
        self._connection: Connection | None = None
        self._began_s = float("inf")
        self._items: dict[int, tuple[str, str]] = {}
        self._came: dict[str, int] = {}
        self._commits = 0
        self._interrupted: set[str] = set()
        self.error: str | None = None

    async def run(self, url: str) -> Outcome:
        """The whole call.

        :raises ConnectError: nobody answers there.
        """
        subprotocols = ("realtime", "bargein.v1") if self._v1 else ("realtime",)
        address = f"{url}?decisions=1" if self._v1 else url
        connection = self._connection = await connect(address, self, subprotocols=subprotocols)
        try:
            patch = session_patch(self._scene)
            patch["instructions"] = SAYS.format(voice=self._scene.reply or "adam")
            self._send({"type": "session.update", "session": patch})
            async with asyncio.timeout(_WAIT_S):
                await self._ready.wait()
            await self._talk()
        finally:
            connection.close()
        return self._observer.outcome(self._commits)

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        self._began_s = began_s = loop.time()
        microphone = self._rendered.microphone
        frames = frames_of(self._scene, microphone) if self._echo is None else None
        for number in range(len(microphone) // FRAME_SAMPLES):
            await asyncio.sleep(max(0.0, began_s + (number + 1) * FRAME_S - loop.time()))
            self._play()
            if frames is None:
                start = number * FRAME_SAMPLES
                echo = np.zeros(1, np.float32) if self._echo is None else self._echo.heard(start)
                frame = pcm16(microphone[start : start + FRAME_SAMPLES] + echo).astype("<i2").tobytes()
            else:
                frame = frames[number]
            self._send_sound(frame)
            if number == round(ASKED_S / FRAME_S) and self._scene.reply is not None:
                self._send({"type": "response.create"})
            if self._v1 and number % REPORT_FRAMES == 0 and self._speaker.playing:
                self._report()

    # What comes.

    def receive_binary(self, message: bytes) -> None:
        """Sound of a reply, to a ``bargein.v1`` client."""
        sound = unpack(message)
        response_id, item_id = self._items.get(sound.response_number, ("", ""))
        self._sound(response_id, item_id, sound.start_sample, sound.samples)

    def receive_text(self, message: bytes) -> None:
        """An event."""
        event: dict[str, Any] = orjson.loads(message)
        at_s = asyncio.get_running_loop().time() - self._began_s
        match event["type"]:
            case "session.updated":
                self._ready.set()
            case "error":
                self.error = str(event["error"].get("message"))
            case "bargein.response":
                self._items[event["number"]] = (event["response_id"], event["item_id"])
            case "response.output_audio.delta":
                start = self._came.get(event["item_id"], 0)
                self._sound(event["response_id"], event["item_id"], start, pybase64.b64decode(event["delta"]))
            case "response.done":
                self._response_done(event["response"], at_s)
            case str(kind):
                self._floor(kind, event, at_s)

    def _floor(self, kind: str, event: dict[str, Any], at_s: float) -> None:
        self._play()
        match kind:
            case "input_audio_buffer.speech_started":
                if not self._v1:
                    self._speaker.drop()
                self._observer.note(actions.SpeechStarted(event["item_id"], event["audio_start_ms"]), at_s)
            case "input_audio_buffer.committed":
                self._commits += 1
                self._observer.committed(at_s)
            case "bargein.hold":
                duck_db = event["duck_db"]
                self._speaker.paused, self._speaker.ducked = duck_db is None, duck_db is not None
                held = actions.Held(event["response_id"], event["item_id"], event["at_sample"], duck_db)
                self._observer.note(held, at_s)
                self._report()
            case "bargein.resume":
                self._speaker.paused = self._speaker.ducked = False
                self._observer.note(actions.Resumed(event["response_id"], event["item_id"], event["from_sample"]), at_s)
                self._report()
            case "bargein.flush":
                position = self._speaker.drop(event["item_id"])
                self._observer.note(actions.Flushed(event["response_id"], event["item_id"]), at_s)
                item = {"response_id": event["response_id"], "item_id": event["item_id"]}
                self._send({"type": "bargein.flushed", **item, "samples": position})

    def ended(self, code: int, reason: str) -> None:
        """The connection is gone."""
        if code not in {1000, 1005}:
            self.error = f"closed with {code} {reason}".rstrip()
        self._ready.set()

    def _response_done(self, response: dict[str, Any], at_s: float) -> None:
        details = response.get("status_details") or {}
        if response["status"] == "cancelled" and details.get("reason") == "turn_detected":
            told = decisions.Interrupted(response["id"], "confirmed", 0, 0, None, response["id"], (), None)
            self._observer.note(told, at_s)

    def _sound(self, response_id: str, item_id: str, start: int, raw: bytes) -> None:
        self._play()
        count = len(raw) // 2
        self._came[item_id] = start + count
        self._observer.sent(count, intact=self._check.is_intact(item_id, start, raw))
        self._speaker.came(Piece(response_id, item_id, start, count))

    # What goes.

    def _play(self) -> None:
        played = self._speaker.advance(max(0.0, asyncio.get_running_loop().time() - self._began_s))
        if self._echo is not None:
            for part in played:
                self._echo.played(part.at, self._check.sound(part.item_id, part.start, part.count))

    def _report(self) -> None:
        current = self._speaker.current
        if current is not None and self._v1:
            response_id, item_id, samples = current
            report = {"type": "bargein.played", "response_id": response_id, "item_id": item_id, "samples": samples}
            self._send({**report, "playing": self._speaker.playing})

    def _send_sound(self, frame: bytes) -> None:
        if self._connection is None:
            return
        if self._v1:
            self._connection.send_binary(frame)
        else:
            audio = pybase64.b64encode(frame)
            self._connection.send_text(b'{"type":"input_audio_buffer.append","audio":"%b"}' % audio)

    def _send(self, event: dict[str, Any]) -> None:
        if self._connection is not None:
            self._connection.send_text(orjson.dumps(event))
