"""The caller that sends the worst messages, and what it sends them with."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any, Final

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

RATE_HZ: Final = 24_000
ANSWER_S: Final = 60.0
Json = dict[str, Any]


class Caller:
    """One WebSocket. What comes is read all the time."""

    def __init__(self, url: str, *, bargein: bool = False, beta: bool = False) -> None:
        self.socket: ClientConnection = connect(
            f"{url}/v1/realtime" if "/v1" not in url else url,
            subprotocols=[Subprotocol("bargein.v1")] if bargein else None,
            additional_headers={"OpenAI-Beta": "realtime=v1"} if beta else None,
            max_size=None,
            compression=None,
            ping_interval=None,
        )
        self.events: list[Json] = []
        self._changed = threading.Condition()
        self._seen = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, event: Json) -> None:
        self.send_raw(json.dumps(event, separators=(",", ":"), ensure_ascii=False))

    def send_raw(self, message: str | bytes) -> None:
        self.socket.send(message)

    def wait(self, *kinds: str) -> Json:
        """The next event of one of these kinds; an error is one too, unless it is asked for."""
        end = time.monotonic() + ANSWER_S
        with self._changed:
            while True:
                while self._seen < len(self.events):
                    event = self.events[self._seen]
                    self._seen += 1
                    if event["type"] in kinds or event["type"] in {"error", "closed"}:
                        if event["type"] not in kinds:
                            raise RuntimeError(f"{kinds} did not come, but {str(event)[:300]}")
                        return event
                if not self._changed.wait(end - time.monotonic()):
                    raise RuntimeError(f"{kinds} did not come")

    def configure(self, **session: Any) -> None:  # noqa: ANN401 (JSON)
        self.send({"type": "session.update", "session": {"type": "realtime", **session}})
        self.wait("session.updated")

    def add(self, item: Json) -> str:
        self.send({"type": "conversation.item.create", "item": item})
        item_id: str = self.wait("conversation.item.added")["item"]["id"]
        return item_id

    def speak(self, seconds: int, **session: Any) -> None:  # noqa: ANN401 (JSON)
        """Fill the input buffer, without turn detection."""
        self.configure(audio={"input": {"turn_detection": None} | session})
        piece = base64.b64encode(bytes(RATE_HZ * 2 * 10)).decode()
        for _ in range(seconds // 10):
            self.send({"type": "input_audio_buffer.append", "audio": piece})
        self.send({"type": "response.cancel"})
        self.wait("error")

    def reply(self, seconds: int, until: str = "response.done") -> str:
        """Let the model speak; returns the id of its item."""
        self.configure(instructions=f"seconds={seconds:4}")
        self.add(text("go"))
        self.send({"type": "response.create"})
        item_id: str = self.wait("response.output_item.added")["item"]["id"]
        self.wait(until)
        return item_id

    def close(self) -> None:
        self.socket.close()

    def _read(self) -> None:
        try:
            for message in self.socket:
                if isinstance(message, str):
                    event = json.loads(message)
                    if event["type"] == "error" and event["error"]["code"] == "rate_limit_exceeded":
                        event["type"] = "closed"
                    if not event["type"].endswith("audio.delta"):
                        self._note(event)
        except ConnectionClosed:
            pass
        self._note({"type": "closed", "code": self.socket.close_code, "reason": self.socket.close_reason})

    def _note(self, event: Json) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()


def text(words: str, kind: str = "input_text") -> Json:
    return {"type": "message", "role": "user", "content": [{"type": kind, "text": words}]}


def recording(seconds: float) -> str:
    random = np.random.default_rng(1)
    return base64.b64encode((random.standard_normal(int(seconds * RATE_HZ)) * 3000).astype("<i2").tobytes()).decode()


def spoken(seconds: float) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": recording(seconds)}]}
