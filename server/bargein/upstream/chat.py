"""Completion streams from a Chat Completions server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from types import TracebackType
from typing import Protocol, Self

import orjson

from bargein.core.completion import AssistantMessage, CompletionRequest, StreamPiece
from bargein.errors import AudioGone
from bargein.loop.time_limit import time_limit
from bargein.upstream import failures
from bargein.upstream.answer import Answer, refusal
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.config import UpstreamConfig
from bargein.upstream.dialects import dialect_of
from bargein.upstream.endpoint import chat_endpoint
from bargein.upstream.http import HttpClient, Lease
from bargein.upstream.proxy import ProxiedAnswer, proxied
from bargein.upstream.request import request_body

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


class ChatCompletions:
    """An :class:`Upstream` over HTTP/1.1. One serves all sessions of a process, on one event loop."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._config = config
        self._endpoint = chat_endpoint(config)
        self._dialect = dialect_of(config.server)
        self._client = HttpClient(self._endpoint.url, config.connect_timeout_s)

    def __repr__(self) -> str:
        return f"<ChatCompletions: {self._config.model} at {self._endpoint.url}>"

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
        to.
        """
        lease = self._client.lease()
        if on_begun is not None:
            on_begun(lease.drop)
        answer: Answer | None = None
        try:
            try:
                answer = await self._ask(request, lease)
            except AudioGone:
                if not any(isinstance(message, AssistantMessage) and message.audio_id for message in request.messages):
                    raise
                answer = await self._ask(request.without_audio_references(), lease)
            reader = ChunkReader(audio=request.audio, secret=self._endpoint.secret)
            async with aclosing(answer.pieces(reader, self._config.max_line_bytes)) as pieces:
                yield pieces
        finally:
            lease.drop()
            if on_closed is not None:
                # A transport closes its socket in the loop's next pass, and the callbacks of a pass run in order.
                asyncio.get_running_loop().call_soon(on_closed)
            if answer is not None:
                answer.close()

    async def proxy(self, body: bytes) -> ProxiedAnswer:
        """Pass a caller's own Chat Completions request on as it is, under this server's key. See
        :class:`ProxiedAnswer`.

        :param body: the request's JSON.
        :raises UpstreamError: there is no answer to pass back; :func:`~bargein.upstream.failures.to_answer` words it
        for the caller.
        """
        return await proxied(self._client, self._endpoint, self._config, body)

    async def _ask(self, request: CompletionRequest, lease: Lease) -> Answer:
        """Send the request; return when the headers of a 200 are there."""
        body = orjson.dumps(request_body(request, self._config.model, self._dialect))
        headers = self._endpoint.headers | {"content-type": "application/json", "accept": "text/event-stream"}
        config = self._config
        try:
            async with time_limit(config.first_byte_timeout_s) as limit:
                response = await self._client.post(self._endpoint.url, headers, body, lease)
                if response.status_code != 200:
                    raise await refusal(response, self._endpoint.secret)
                return Answer(response, first_byte_s=limit.left_s, chunk_s=config.chunk_timeout_s)
        except failures.FOREIGN as error:
            raise failures.timed_out("first_byte") if limit.lost else failures.from_exception(error) from error
