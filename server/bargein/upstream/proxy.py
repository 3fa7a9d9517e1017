"""A caller's own Chat Completions request, passed on under the operator's key: push to talk without a WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import orjson

from bargein.loop.time_limit import time_limit
from bargein.upstream import failures
from bargein.upstream.answer import Answer
from bargein.upstream.config import UpstreamConfig
from bargein.upstream.endpoint import Endpoint
from bargein.upstream.http import HttpClient, Lease

_PASSED_ON: Final = frozenset(
    {"cache-control", "content-length", "content-type", "retry-after", "retry-after-ms", "x-request-id"}
)
"""Headers that a caller has a use for. The rest is hop-by-hop (RFC 9110 section 7.6.1) or tells of the operator's
account.
"""


@dataclass(slots=True)
class ProxiedAnswer:
    """What the model's server answered. Close it; a ``body`` that was read to its end has given its connection back by
    then.
    """

    status: int
    headers: dict[str, str]
    body: AsyncIterator[bytes]
    """The bytes as they come. Raises :class:`~bargein.errors.UpstreamError` where they stop too early."""
    _lease: Lease = field(repr=False)
    _answer: Answer = field(repr=False)

    async def aclose(self) -> None:
        """Close the connection at once, unless the answer has been read to its end. May be called twice."""
        self._lease.drop()
        self._answer.close()


async def proxied(client: HttpClient, endpoint: Endpoint, config: UpstreamConfig, body: bytes) -> ProxiedAnswer:
    """See :meth:`bargein.upstream.chat.ChatCompletions.proxy`."""
    lease = client.lease()
    try:
        answer = await _ask(client, endpoint, config, body, lease)
        status = answer.response.status_code
        headers = {name: value for name, value in answer.response.headers.items() if name in _PASSED_ON}
        if "content-encoding" in answer.response.headers:
            headers.pop("content-length", None)
        if 200 <= status < 300:
            return ProxiedAnswer(status, headers, _body(answer), lease, answer)
        said = await _refusal(answer, endpoint.secret)
        return ProxiedAnswer(status, headers | {"content-length": str(len(said))}, _one(said), lease, answer)
    except BaseException:
        lease.drop()
        raise


async def _refusal(answer: Answer, secret: str | None) -> bytes:
    """What the model's server says against the request, without keys.

    :raises UpstreamError: it has nothing against the request, but against this server.
    """
    response = answer.response
    said = await answer.whole(failures.ERROR_BODY_LIMIT_BYTES)
    if response.status_code < 400 or response.status_code in {401, 403}:
        raise failures.from_status(response.status_code, response.headers, said, secret)
    return failures.scrub(said.decode(errors="replace"), secret).encode()


async def _ask(client: HttpClient, endpoint: Endpoint, config: UpstreamConfig, body: bytes, lease: Lease) -> Answer:
    streamed = _asks_for_stream(body)
    limit_s = config.first_byte_timeout_s if streamed else config.whole_answer_timeout_s
    headers = endpoint.headers | {"content-type": "application/json"}
    try:
        async with time_limit(limit_s) as limit:
            response = await client.post(endpoint.url, headers, body, lease)
            return Answer(response, first_byte_s=limit.left_s, chunk_s=config.chunk_timeout_s)
    except failures.FOREIGN as error:
        phase = "first_byte" if streamed else "whole_answer"
        raise failures.timed_out(phase) if limit.lost else failures.from_exception(error) from error


async def _body(answer: Answer) -> AsyncIterator[bytes]:
    while (chunk := await answer.read()) is not None:
        yield chunk


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _asks_for_stream(body: bytes) -> bool:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(request, dict) and bool(request.get("stream"))
