"""A bare relay: takes every frame and does nothing with it, and speaks ready-made deltas for half of the time.

What a server on this transport costs at the very least, with as many messages each way as a conversation has. Run:
``python -m benchmarks.relay websockets|picows PORT``.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any, Final, Protocol

import picows
import pybase64
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from benchmarks.model import MARK, PIECE_S, RATE_HZ, STAMP

SPEAK_S: Final = 5.0
PAUSE_S: Final = 5.0
SLOT_S: Final = 0.005

_REST: Final = pybase64.b64encode(b"\x00\x10" * (int(PIECE_S * RATE_HZ) - STAMP.size // 2))
_CREATED: Final = b'{"type":"session.created","event_id":"e","session":{"type":"realtime"}}'
_UPDATED: Final = b'{"type":"session.updated","event_id":"e","session":{"type":"realtime"}}'
_BEGIN: Final = b'{"type":"response.created","event_id":"e","response":{"id":"r%d","status":"in_progress"}}'
_DELTA: Final = (
    b'{"type":"response.output_audio.delta","event_id":"e","response_id":"r%d","item_id":"i%d",'
    b'"output_index":0,"content_index":0,"delta":"%b' + _REST + b'"}'
)
_END: Final = b'{"type":"response.done","event_id":"e","response":{"id":"r%d","status":"completed"}}'


class Sender(Protocol):
    def send(self, message: bytes) -> None: ...


class Talker:
    """One connection's ready-made replies."""

    def __init__(self, sender: Sender, offset_s: float) -> None:
        self._sender = sender
        self._pieces = -round(offset_s / PIECE_S)
        self._number = 0

    def speak(self) -> None:
        """Called every ``PIECE_S``."""
        self._pieces += 1
        if self._pieces <= 0:
            return
        if self._pieces == 1:
            self._number += 1
            self._sender.send(_BEGIN % self._number)
        if self._pieces <= SPEAK_S / PIECE_S:
            stamp = pybase64.b64encode(STAMP.pack(MARK, time.monotonic()))
            self._sender.send(_DELTA % (self._number, self._number, stamp))
        if self._pieces == SPEAK_S / PIECE_S:
            self._sender.send(_END % self._number)
            self._pieces = -round(PAUSE_S / PIECE_S)


class Talkers:
    """All talkers on one tick, spread over the length of a piece."""

    def __init__(self) -> None:
        self._slots: list[list[Talker]] = [[] for _ in range(round(PIECE_S / SLOT_S))]
        self._joined = 0

    def join(self, sender: Sender) -> Talker:
        self._joined += 1
        talker = Talker(sender, self._joined % 100 * (SPEAK_S + PAUSE_S) / 100)
        min(self._slots, key=len).append(talker)
        return talker

    def leave(self, talker: Talker) -> None:
        for slot in self._slots:
            if talker in slot:
                slot.remove(talker)

    async def run(self) -> None:
        began_s, number = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, began_s + number * SLOT_S - time.monotonic()))
            for talker in self._slots[number % len(self._slots)]:
                talker.speak()
            number += 1


class _WebsocketsSender:
    """``websockets`` sends in a coroutine; one task for each connection takes what is to be sent from a queue."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, message: bytes) -> None:
        self.queue.put_nowait(message)

    async def run(self) -> None:
        while True:
            await self._socket.send(await self.queue.get(), text=True)


async def websockets_relay(port: int, talkers: Talkers) -> int:
    async def handle(socket: ServerConnection) -> None:
        sender = _WebsocketsSender(socket)
        task = asyncio.create_task(sender.run())
        sender.send(_CREATED)
        sender.send(_UPDATED)
        talker = talkers.join(sender)
        try:
            async for _ in socket:
                pass
        finally:
            talkers.leave(talker)
            task.cancel()

    server = await serve(handle, "127.0.0.1", port, compression=None, subprotocols=[Subprotocol("realtime")])
    return int(next(iter(server.sockets)).getsockname()[1])


class _PicowsRelay(picows.WSListener):
    def __init__(self, talkers: Talkers) -> None:
        self._ticker = talkers

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport
        self._talker = self._ticker.join(self)
        self.send(_CREATED)
        self.send(_UPDATED)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        frame.get_payload_as_bytes()
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._ticker.leave(self._talker)

    def send(self, message: bytes) -> None:
        self._transport.send(picows.WSMsgType.TEXT, message)


async def picows_relay(port: int, talkers: Talkers) -> int:
    def answer(request: picows.WSUpgradeRequest) -> Any:  # noqa: ANN401  # picows' own union
        chosen = {"Sec-WebSocket-Protocol": "realtime"} if "Sec-WebSocket-Protocol" in request.headers else {}
        response = picows.WSUpgradeResponse.create_101_response(extra_headers=chosen)
        return picows.WSUpgradeResponseWithListener(response, _PicowsRelay(talkers))

    server = await picows.ws_create_server(answer, "127.0.0.1", port)
    return int(server.sockets[0].getsockname()[1])


async def main(kind: str, port: int) -> None:
    talkers = Talkers()
    bound = await (websockets_relay if kind == "websockets" else picows_relay)(port, talkers)
    print(f"ws://127.0.0.1:{bound}/v1/realtime", flush=True)
    await talkers.run()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
