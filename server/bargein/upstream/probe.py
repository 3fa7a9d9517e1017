"""A light question that costs nothing: which models are there? Any answer tells that the server is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamRefused, UpstreamUnavailable
from bargein.loop.time_limit import time_limit
from bargein.upstream import failures
from bargein.upstream.answer import Answer, refusal
from bargein.upstream.endpoint import Endpoint
from bargein.upstream.http import HttpClient

_LIMIT_BYTES: Final = 4 * 1024 * 1024
_MAY_NOT_LIST: Final = re.compile(r"scope|permission", re.IGNORECASE)
"""A key that may speak and not list: OpenAI's keys can be restricted so."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a server answered.

    :ivar key_taken: ``False`` where it cannot be told, as of a server that lists its models for anybody.
    :ivar models: their names; ``None`` where it has no list, or none for us.
    """

    key_taken: bool
    models: tuple[str, ...] | None


async def probe(client: HttpClient, endpoint: Endpoint, limit_s: float) -> Probe:
    """Ask.

    :raises UpstreamError: the server cannot be reached, does not take the key, or is down.
    """
    lease = client.lease()
    answer: Answer | None = None
    try:
        async with time_limit(limit_s) as limit:
            response = await client.get(endpoint.url, endpoint.headers | {"accept": "application/json"}, lease)
            if response.status_code != 200:
                return _refused(await refusal(response, endpoint.secret))
            answer = Answer(response, first_byte_s=limit_s, chunk_s=limit_s)
            models = _names(await answer.whole(_LIMIT_BYTES))
            return Probe(endpoint.secret is not None and models is not None, models)
    except failures.FOREIGN as error:
        raise failures.timed_out("first_byte") if limit.lost else failures.from_exception(error) from error
    finally:
        lease.drop()
        if answer is not None:
            await answer.aclose()


def _refused(error: UpstreamError) -> Probe:
    """A server that answers is there. Many have no list, or not for every key.

    :raises UpstreamError: it is ``error`` that everybody's turn will meet.
    """
    match error:
        case UpstreamRefused(code="missing_scope"):
            return Probe(key_taken=False, models=None)
        case UpstreamRefused(http_status=401 | 403) if not _MAY_NOT_LIST.search(error.message):
            raise error
        case UpstreamUnavailable(http_status=502 | 503 | 504) | UpstreamMalformed():
            raise error
        case _:
            return Probe(key_taken=False, models=None)


def _names(body: bytes) -> tuple[str, ...] | None:
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    listed = said.get("data") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        return None
    return tuple(str(model["id"]) for model in listed if isinstance(model, dict) and "id" in model)
