"""The caller's end of the WebSocket, over picows: at a thousand callers the client library is most of the cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import urlsplit

import picows

from bargein.hosts import is_host
from bargein.load.errors import ConnectError

CLOSED_WITHOUT_CODE: Final = 1005
PROTOCOL_ERROR: Final = 1002
"""The call was ended here, for the server does not speak the Realtime protocol."""
CLOSED_ABNORMALLY: Final = 1006
"""RFC 6455 section 7.4.1: the connection went away without a closing handshake."""
MESSAGE_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""``conversation.item.retrieved`` with long audio is the one event that grows past a megabyte."""

NO_ADDRESS: Final = "is not a WebSocket address: give ws://HOST:PORT/v1/realtime or wss://…"


class Receiver(Protocol):
    """What a connection delivers to, on the event loop's thread and in order; ``ended`` exactly once, last."""

    def receive_text(self, message: bytes) -> None: ...

    def receive_binary(self, message: bytes) -> None: ...

    def ended(self, code: int, reason: str) -> None: ...


class Connection(Protocol):
    """One open WebSocket. Nothing here blocks or raises: after the end it does nothing."""

    @property
    def subprotocol(self) -> str | None:
        """What the server chose of the subprotocols that were offered."""
        ...

    def send_text(self, message: bytes) -> None: ...

    def send_binary(self, message: bytes) -> None: ...

    def pause_reading(self) -> None:
        """Leave what arrives in the kernel's buffers, as a client on a stalled network does."""
        ...

    def resume_reading(self) -> None: ...

    def close(self, code: int = 1000) -> None:
        """Start the closing handshake; ``ended`` follows."""
        ...


class _PicowsConnection(picows.WSListener):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._transport: picows.WSTransport | None = None
        self._parts: list[bytes] = []
        self._parts_are_text = True
        self._ended = False
        self._opened = False
        self.subprotocol: str | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport
        self._opened = True
        self.subprotocol = transport.response.headers.get("Sec-WebSocket-Protocol")

    @property
    def is_open(self) -> bool:
        """It has been opened, whether or not it has ended since."""
        return self._opened

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind == picows.WSMsgType.CLOSE:
            # Read here: picows knows the codes of the RFC only.
            payload = frame.get_payload_as_bytes()
            code = int.from_bytes(payload[:2], "big") or CLOSED_WITHOUT_CODE
            self._end(code, payload[2:].decode("utf-8", "replace"))
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
            return
        if kind not in _DATA:
            return
        payload = frame.get_payload_as_bytes()
        if not frame.fin or self._parts:
            if not self._parts:
                self._parts_are_text = kind == picows.WSMsgType.TEXT
            self._parts.append(payload)
            if not frame.fin:
                return
            payload = b"".join(self._parts)
            self._parts.clear()
            kind = picows.WSMsgType.TEXT if self._parts_are_text else picows.WSMsgType.BINARY
        receive = self._receiver.receive_text if kind == picows.WSMsgType.TEXT else self._receiver.receive_binary
        try:
            receive(payload)
        except _NO_EVENT as error:
            said = payload[:_SHOWN_BYTES].decode("utf-8", "replace")
            self._end(PROTOCOL_ERROR, f"what it sent is no event that can be read ({type(error).__name__}): {said!r}")
            transport.send_close(picows.WSCloseCode.PROTOCOL_ERROR)
            transport.disconnect()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._end(CLOSED_ABNORMALLY, "")
        self._transport = None

    def send_text(self, message: bytes) -> None:
        if self._transport is not None and not self._ended:
            self._transport.send(picows.WSMsgType.TEXT, message)

    def send_binary(self, message: bytes) -> None:
        if self._transport is not None and not self._ended:
            self._transport.send(picows.WSMsgType.BINARY, message)

    def pause_reading(self) -> None:
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):
                self._transport.underlying_transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):
                self._transport.underlying_transport.resume_reading()

    def close(self, code: int = 1000) -> None:
        if self._transport is not None and not self._ended:
            self._transport.send_close(picows.WSCloseCode(code))
            self._transport.disconnect()
            self._end(code, "")

    def _end(self, code: int, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._receiver.ended(code, reason)


_NO_EVENT: Final = (ValueError, LookupError, TypeError, AttributeError, struct.error)
"""What comes of reading what is no JSON, or lacks what its type has."""
_SHOWN_BYTES: Final = 100
_DATA: Final = (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY, picows.WSMsgType.CONTINUATION)


async def connect(
    url: str, receiver: Receiver, *, key: str | None = None, subprotocols: Sequence[str] = (), timeout_s: float = 10.0
) -> Connection:
    """Open a WebSocket at ``url`` (``ws://`` or ``wss://``).

    Messages may reach ``receiver`` before this returns. Cancellation closes the half-open connection.

    :param key: sent as ``Authorization: Bearer``.
    :raises ConnectError: the address is wrong, nobody listens there, or the server refused; the message says which.
    """
    if not is_address(url):
        raise ConnectError(f"{url!r} {NO_ADDRESS}")
    if key and not (key.isascii() and key.isprintable()):
        raise ConnectError("the key holds a letter or a line's end that no header can carry: give --key anew")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if subprotocols:
        headers["Sec-WebSocket-Protocol"] = ", ".join(subprotocols)
    connection = _PicowsConnection(receiver)
    try:
        async with asyncio.timeout(timeout_s):
            await picows.ws_connect(
                lambda: connection,
                url,
                extra_headers=headers,
                websocket_handshake_timeout=timeout_s,
                max_frame_size=MESSAGE_LIMIT_BYTES,
                max_redirects=0,  # The key is for whom it was given.
                logger_name=_SILENT,
            )
    except TimeoutError:
        raise ConnectError(f"{url}: no answer to the WebSocket handshake within {timeout_s:g} s") from None
    except picows.WSHandshakeError as error:
        raise _refused(url, error) from None
    except OSError as error:
        raise ConnectError(f"{url}: cannot connect: {error.strerror or error}. Is the server running?") from None
    if not connection.is_open:
        raise ConnectError(f"{url}: what listens there hung up instead of answering: is it a Realtime server?")
    return connection


def is_address(url: str) -> bool:
    """Whether a WebSocket can be there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"ws", "wss"} and is_host(parts.hostname or "") and parts.port != 0 and "#" not in url
    except ValueError:  # brackets without an address in them, a port that is no number
        return False


_SILENT: Final = logging.getLogger("bargein.load.transport")


_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}


def _refused(url: str, error: picows.WSHandshakeError) -> ConnectError:
    if error.response is None:
        return ConnectError(f"{url}: the answer is no WebSocket handshake: {error}")
    status = int(error.response.status)
    location = error.response.headers.get("Location")
    if location and status // 100 == 3:
        return ConnectError(f"{url}: it redirects to {location[:200]!r}, which is not followed", http_status=status)
    hints: dict[int, str] = {
        HTTPStatus.UNAUTHORIZED: "the key is missing or wrong: give --key",
        HTTPStatus.FORBIDDEN: "the server does not accept this client",
        HTTPStatus.NOT_FOUND: "nothing is served at this path: the Realtime protocol's is /v1/realtime",
        HTTPStatus.SERVICE_UNAVAILABLE: "the server is full or shutting down",
    }
    hint = hints.get(status) or _said(error.raw_body or b"") or _PHRASES.get(status, "no status that HTTP knows")
    return ConnectError(f"{url}: refused with HTTP {status}: {hint}", http_status=status)


def _said(body: bytes) -> str:
    """The words of an error as OpenAI's API has them, in one line; empty where there are none."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    message = error.get("message") if isinstance(error, dict) else error
    words = " ".join(message.split()) if isinstance(message, str) else ""
    words = "".join(filter(str.isprintable, words))
    return words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}…"


_SHOWN_CHARACTERS: Final = 200
