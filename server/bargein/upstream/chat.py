"""Completion streams from a Chat Completions server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Protocol, Self

import orjson

from bargein.core.completion import CompletionRequest, StreamPiece
from bargein.errors import UpstreamError, UpstreamRefused
from bargein.loop.time_limit import time_limit
from bargein.upstream import failures
from bargein.upstream.answer import WHOLE_LIMIT_BYTES, Answer, refusal
from bargein.upstream.attempts import Asking, Attempts, Once
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.config import UpstreamConfig
from bargein.upstream.dialects import dialect_of
from bargein.upstream.endpoint import Endpoint, chat_endpoint, models_endpoint
from bargein.upstream.health import ModelHealth
from bargein.upstream.http import HttpClient, Lease
from bargein.upstream.plain import EncodedAudio, PlainRequest, encoded_pieces, plain_body
from bargein.upstream.probe import Probe, probe
from bargein.upstream.voices import Voices

WHOLE_ANSWER_S: Final = 120.0
"""Stands in for the time until the first byte where an answer comes in one piece."""
Drop = Callable[[], bool]
"""Drops a connection. Returns whether it is over now, for the other side too. May be called twice."""


class Upstream(Protocol):
    """A model that answers in streams."""

    def stream(
        self,
        request: CompletionRequest,
        *,
        on_begun: Callable[[Drop], None] | None = None,
        on_closed: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamPiece]]:
        """Ask the model.

        Entering sends the request and waits for the answer to begin. Iterating yields its pieces,
        :class:`~bargein.core.completion.Finished` last. Nothing is read while nobody iterates. Iterate past the last
        piece to give the connection back; leaving earlier closes it at once, by cancellation too, and from the first
        name lookup on.

        :param on_begun: called once, before anything is sent, with what drops the connection from any callback: leaving
            the context, by cancellation too, takes the event loop some passes more.
        :param on_closed: called once, after the context was left and the socket is closed or back in the pool.
        :raises UpstreamError: on entering or iterating.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Other:
    """A model beside the one that answers callers. What it cannot do says nothing of that one."""

    endpoint: Endpoint
    asking: Asking
    health: ModelHealth


class ChatCompletions:
    """An :class:`Upstream` over HTTP/1.1. One serves all sessions of a process, on one event loop."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._config = config
        self._endpoint = chat_endpoint(config)
        self._dialect = dialect_of(config.server)
        self._voices = Voices(config)
        self._asking = Asking(config)
        self._others: dict[str, _Other] = {}
        """Models beside it: the operator's, so there are few."""
        self._client = HttpClient(self._endpoint.url, config.connect_timeout_s)
        self.health: Final = ModelHealth()
        """Kept by every stream and by :meth:`probe`."""

    def __repr__(self) -> str:
        return f"<ChatCompletions: {self._config.model} at {self._endpoint.url}>"

    @property
    def open_connections(self) -> int:
        """To its server, now."""
        return self._client.open_connections

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection. Streams that still run fail with :class:`~bargein.errors.UpstreamUnavailable`."""
        await self._client.aclose()

    @asynccontextmanager
    async def stream(
        self,
        request: CompletionRequest,
        *,
        on_begun: Callable[[Drop], None] | None = None,
        on_closed: Callable[[], None] | None = None,
    ) -> AsyncIterator[AsyncIterator[StreamPiece]]:
        """See :meth:`Upstream.stream`. Asks again only where the server has forgotten audio that the request refers
        to, or refuses an option without which the model can answer.
        """
        endpoint, asking, health = self._endpoint, self._asking, self.health
        if request.model is not None and request.model != self._config.model:
            other = self._other(request.model)
            endpoint, asking, health = other.endpoint, other.asking, other.health
        attempts = asking.attempts(request)
        reader = ChunkReader(
            audio=request.audio, secret=endpoint.secret, tools=[tool["name"] for tool in request.tools]
        )
        async with self._run(endpoint, attempts, reader, health, on_begun, on_closed) as pieces:
            yield pieces

    def _other(self, model: str) -> _Other:
        other = self._others.get(model)
        if other is None:
            config = replace(self._config, model=model, azure_deployment=None)
            other = self._others[model] = _Other(chat_endpoint(config), Asking(config), ModelHealth())
        return other

    @asynccontextmanager
    async def stream_plain(
        self, request: PlainRequest, *, on_begun: Callable[[Drop], None] | None = None
    ) -> AsyncIterator[AsyncIterator[StreamPiece | EncodedAudio]]:
        """A caller's own request, asked as :meth:`Upstream.stream` asks, and once: what the server has against it, it
        has against the caller's words.
        """
        endpoint, health = self._endpoint, self.health
        if request.model != self._config.model:
            endpoint = chat_endpoint(replace(self._config, model=request.model, azure_deployment=None))
            # What another model cannot do says nothing of the one that everybody gets.
            health = ModelHealth()
        voice = self._voices.of(request.voice) if request.audio else None
        body = request.put_back(orjson.dumps(plain_body(request, voice, self._dialect)))
        if request.encoded is not None:
            async with self._answer(endpoint, Once(body), health, on_begun, first_byte_s=WHOLE_ANSWER_S) as answer:
                yield _encoded(answer, endpoint.secret)
            return
        tools = [tool["function"]["name"] for tool in request.options.get("tools") or ()]
        reader = ChunkReader(audio=request.audio, secret=endpoint.secret, tools=tools)
        async with self._run(endpoint, Once(body), reader, health, on_begun) as pieces:
            yield pieces

    async def probe(self) -> Probe:
        """Ask a light question, which costs nothing.

        :raises UpstreamError: the server cannot be reached, does not take the key, or is down.
        """
        clock = asyncio.get_running_loop().time
        try:
            found = await probe(self._client, models_endpoint(self._config), self._config.probe_timeout_s)
        except UpstreamError as error:
            self.health.asked_badly(error, clock())
            raise
        self.health.asked_well(clock())
        return found

    @asynccontextmanager
    async def _run(
        self,
        endpoint: Endpoint,
        attempts: Attempts,
        reader: ChunkReader,
        health: ModelHealth,
        on_begun: Callable[[Drop], None] | None,
        on_closed: Callable[[], None] | None = None,
    ) -> AsyncIterator[AsyncIterator[StreamPiece]]:
        async with (
            self._answer(endpoint, attempts, health, on_begun, on_closed) as answer,
            aclosing(answer.pieces(reader, self._config.max_line_bytes)) as pieces,
        ):
            yield pieces

    @asynccontextmanager
    async def _answer(
        self,
        endpoint: Endpoint,
        attempts: Attempts,
        health: ModelHealth,
        on_begun: Callable[[Drop], None] | None,
        on_closed: Callable[[], None] | None = None,
        *,
        first_byte_s: float | None = None,
    ) -> AsyncIterator[Answer]:
        """Ask until the headers of a 200 are there."""
        lease = self._client.lease()
        if on_begun is not None:
            on_begun(lease.drop)
        answer: Answer | None = None
        clock = asyncio.get_running_loop().time
        try:
            body = await asyncio.to_thread(attempts.first) if attempts.is_long else attempts.first()
            while answer is None:
                try:
                    answer = await self._ask(endpoint, body, lease, first_byte_s or self._config.first_byte_timeout_s)
                except UpstreamRefused as refused:
                    another = (
                        await asyncio.to_thread(attempts.after, refused)
                        if attempts.is_long
                        else attempts.after(refused)
                    )
                    if another is None:
                        raise
                    body = another
            body = b""
            attempts.answered()
            yield answer
            if answer.finished:
                health.turn_succeeded(clock())
        except UpstreamError as error:
            health.turn_failed(error, clock())
            raise
        finally:
            lease.drop()
            if on_closed is not None:
                # A transport closes its socket in the loop's next pass, and the callbacks of a pass run in order.
                asyncio.get_running_loop().call_soon(on_closed)
            if answer is not None:
                await answer.aclose()

    async def _ask(self, endpoint: Endpoint, body: bytes, lease: Lease, first_byte_s: float) -> Answer:
        """Send the request; return when the headers of a 200 are there."""
        headers = endpoint.headers | {"content-type": "application/json", "accept": "text/event-stream"}
        try:
            async with time_limit(first_byte_s) as limit:
                response = await self._client.post(endpoint.url, headers, body, lease)
                if not failures.is_answer(response.status_code):
                    raise await refusal(response, endpoint.secret)
                return Answer(response, first_byte_s=limit.left_s, chunk_s=self._config.chunk_timeout_s)
        except failures.FOREIGN as error:
            raise failures.timed_out("first_byte") if limit.lost else failures.from_exception(error) from error


async def _encoded(answer: Answer, secret: str | None) -> AsyncIterator[StreamPiece | EncodedAudio]:
    for piece in encoded_pieces(await answer.whole(WHOLE_LIMIT_BYTES), secret):
        yield piece
    answer.finished = True
