"""What picows calls. Compiled classes cannot derive from its own, so these stay interpreted, and only hand on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from picows import WSListener, WSTransport

_logger: Final = logging.getLogger("bargein.picows")


class Receiver(Protocol):
    """Takes what a connection brings."""

    def opened(self) -> None: ...

    def take(self, transport: WSTransport, frame: Any) -> None: ...  # noqa: ANN401 (see PicowsTransport.take)

    def gone(self) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class FrameListener(WSListener):
    """The listener of one connection. Frames and the fill of the socket go straight to the receiver, whose methods it
    holds in place of its own: one that only handed them on would be the only thing interpreted for each frame.
    """

    __slots__ = ("_gone", "_opened", "on_ws_frame", "pause_writing", "resume_writing")

    def __init__(self, receiver: Receiver) -> None:
        self._opened: Callable[[], None] = receiver.opened
        self._gone: Callable[[], None] = receiver.gone
        self._lend(receiver.take, receiver.pause_writing, receiver.resume_writing)

    def let_go(self) -> None:
        """The connection is gone: nobody is called any more, who would else wait for the garbage collector."""
        self._opened = self._gone = _nothing
        self._lend(_take_nothing, _nothing, _nothing)

    def _lend(
        self, take: Callable[[WSTransport, Any], None], pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        for name, method in (("on_ws_frame", take), ("pause_writing", pause), ("resume_writing", resume)):
            setattr(self, name, method)

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The response to the handshake is out."""
        self._opened()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        self._gone()


class ParserLog:
    """picows says in its log only that its parser refuses what came; the close frame follows at once."""

    def __init__(self, failing: Callable[[int, str], None]) -> None:
        self._failing = failing

    def let_go(self) -> None:
        """See :meth:`FrameListener.let_go`."""
        self._failing = _fail_nothing

    def isEnabledFor(self, _: int) -> bool:  # noqa: N802 (logging's name)
        return False

    def debug(self, *_: object) -> None:
        pass

    info = warning = log = debug

    def error(self, message: str, *arguments: object) -> None:
        match arguments:
            case [(int(code), str(reason), *_)]:
                self._failing(code, reason)
            case _:
                _logger.error(message, *arguments)

    def exception(self, message: str, *arguments: object) -> None:
        _logger.exception(message, *arguments)  # noqa: LOG004 (picows calls this from its handlers)


def _nothing() -> None:
    pass


def _take_nothing(_: WSTransport, __: Any) -> None:  # noqa: ANN401 (see PicowsTransport.take)
    pass


def _fail_nothing(_: int, __: str) -> None:
    pass
