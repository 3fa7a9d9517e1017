"""The model's streams of one session: a task each, because each is a wait of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from bargein.core.completion import CompletionRequest, StreamPiece
from bargein.core.items import Failure
from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamTimedOut
from bargein.loop.tasks import Tasks
from bargein.session.work_observer import WorkObserver
from bargein.upstream import Drop, Upstream

OnPiece = Callable[[str, StreamPiece], None]
OnFailure = Callable[[str, Failure, bool], None]
"""The response's id, what went wrong, and whether the model may have worked on the request."""
OnClosed = Callable[[str, float], None]
"""A cancelled stream's connection is closed: the response's id, and how many seconds after the decision."""


class _Stream:
    """One stream: its task, and the gate that holds it while enough is kept."""

    __slots__ = ("cancelled_at", "closed", "closed_at", "drop", "gate", "started_at", "task")

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.cancelled_at: float | None = None
        self.closed_at: float | None = None
        self.closed = False
        """Told so."""
        self.drop: Drop | None = None
        self.gate: asyncio.Event | None = None
        self.task: asyncio.Task[None] | None = None


class Streams:
    """Runs streams and tells what comes of them, on the event loop's thread, in order.

    Nothing is told of a stream after :meth:`cancel` has returned.
    """

    def __init__(self, upstream: Upstream, observer: WorkObserver) -> None:
        self._upstream = upstream
        self._observer = observer
        self._on_piece: OnPiece = _nobody_reads
        self._on_failure: OnFailure = _nobody_minds
        self._on_closed: OnClosed = _nobody_asks
        self._loop = asyncio.get_running_loop()
        self._streams: dict[str, _Stream] = {}
        self._tasks = Tasks()
        self._closed = False
        self._room: asyncio.Event | None = None
        """Set when the caller's socket has room again; there is one while it has none."""

    def begin(self, on_piece: OnPiece, on_failure: OnFailure, on_closed: OnClosed) -> None:
        """Say who is told what."""
        self._on_piece = on_piece
        self._on_failure = on_failure
        self._on_closed = on_closed

    def start(self, response_id: str, request: CompletionRequest) -> None:
        """Ask the model."""
        if self._closed:
            return
        stream = _Stream(self._loop.time())
        self._streams[response_id] = stream
        self._observer.model_asked()
        stream.task = self._tasks.start(self._run(response_id, stream, request), f"stream {response_id}")

    def refuse(self, response_id: str, failure: Failure) -> None:
        """The model may not be asked: the response fails, once what it came with has been done."""
        self._loop.call_soon(self._tell_refused, response_id, failure)

    def cancel(self, response_id: str) -> None:
        """Drop the connection at once. Does nothing if the stream has ended."""
        stream = self._streams.pop(response_id, None)
        if stream is not None and stream.task is not None:
            stream.cancelled_at = self._loop.time()
            if stream.drop is not None and stream.drop():
                stream.closed_at = self._loop.time()
                # Told when what the decision came with has been done.
                self._loop.call_soon(self._note_closed, response_id, stream)
            stream.task.cancel()

    def pause(self, response_id: str) -> None:
        """Read no further: the connection's own flow control holds the model back."""
        stream = self._streams.get(response_id)
        if stream is not None:
            stream.gate = asyncio.Event()

    def go_on(self, response_id: str) -> None:
        """Read on after :meth:`pause`."""
        stream = self._streams.get(response_id)
        if stream is not None and stream.gate is not None:
            stream.gate.set()
            stream.gate = None

    def hold(self) -> None:
        """Read no stream any further: what has come waits for the caller to read it."""
        if self._room is None:
            self._room = asyncio.Event()

    def release(self) -> None:
        """Read on after :meth:`hold`."""
        room, self._room = self._room, None
        if room is not None:
            room.set()

    def close(self) -> None:
        """The session ends: cancel every stream, and start none any more."""
        self._closed = True
        for response_id in list(self._streams):
            self.cancel(response_id)

    async def wait_closed(self) -> None:
        """Return when no task is left. Nobody is known any more then: a cancelled task's traceback knows this."""
        await self._tasks.wait()
        self._on_piece, self._on_failure, self._on_closed = _nobody_reads, _nobody_minds, _nobody_asks

    async def _run(self, response_id: str, stream: _Stream, request: CompletionRequest) -> None:
        self._observer.stream_began()
        try:
            await self._read(response_id, stream, request)
        except UpstreamError as error:
            self._observer.stream_failed(response_id, error)
            self._fail(
                response_id, stream, Failure(error.type, error.code, error.message), processed=may_have_worked(error)
            )
        except Exception:
            self._observer.stream_broke(response_id)
            self._fail(response_id, stream, Failure("server_error", "internal_error", INTERNAL_MESSAGE), processed=True)
        finally:
            self._observer.stream_ended()
            if self._streams.get(response_id) is stream:
                del self._streams[response_id]
            # A cancelled task keeps its error, which knows this frame, which knows the stream: a circle.
            stream.task = None

    async def _read(self, response_id: str, stream: _Stream, request: CompletionRequest) -> None:
        def begun(drop: Drop) -> None:
            stream.drop = drop

        first = True
        closed = partial(self._note_closed, response_id, stream)
        async with self._upstream.stream(request, on_begun=begun, on_closed=closed) as pieces:
            async for piece in pieces:
                if stream.cancelled_at is not None:
                    return
                if first:
                    first = False
                    self._observer.first_piece_came(self._loop.time() - stream.started_at)
                self._on_piece(response_id, piece)
                while (gate := stream.gate or self._room) is not None:
                    await gate.wait()

    def _note_closed(self, response_id: str, stream: _Stream) -> None:
        if stream.cancelled_at is not None and not stream.closed:
            stream.closed = True
            closed_at = self._loop.time() if stream.closed_at is None else stream.closed_at
            self._on_closed(response_id, closed_at - stream.cancelled_at)

    def _tell_refused(self, response_id: str, failure: Failure) -> None:
        if not self._closed:
            self._on_failure(response_id, failure, False)

    def _fail(self, response_id: str, stream: _Stream, failure: Failure, *, processed: bool) -> None:
        # Another stream may have taken its place: what comes of this one is known already.
        if self._streams.get(response_id) is stream:
            del self._streams[response_id]
            self._on_failure(response_id, failure, processed)


def _nobody_reads(_: str, __: StreamPiece) -> None:
    pass


def _nobody_minds(_: str, __: Failure, ___: bool) -> None:
    pass


def _nobody_asks(_: str, __: float) -> None:
    pass


INTERNAL_MESSAGE: Final = "The server had an internal error. The conversation can go on."


def may_have_worked(error: UpstreamError) -> bool:
    """Whether the model may have worked on a request that ended in ``error``, and its server count the tokens."""
    match error:
        case UpstreamTimedOut():
            return error.code != "connect_timeout"
        case UpstreamMalformed():
            return error.http_status is None
        case _:
            return False
