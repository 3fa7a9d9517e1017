"""What can go wrong between a request and the end of its answer. :mod:`bargein.upstream.failures` words it for callers.

Messages are for the operator's log; what the libraries below have raised is the cause.
"""

from __future__ import annotations

from typing import Final

import aiohttp
import httpx
from aiohttp.http import HttpProcessingError


class HttpError(Exception):
    """Base of everything that this package raises about a server."""


class ConnectFailed(HttpError):
    """The name does not resolve, nobody listens, or the proxy will not go there."""


class ConnectTimedOut(HttpError):
    """Name resolution, TCP and TLS together took too long."""


class TlsFailed(HttpError):
    """There is no TLS to be had, or a certificate that nobody vouches for."""


class ConnectionCut(HttpError):
    """The connection ended before the answer did, from either side."""


class InvalidHttp(HttpError):
    """What came is not HTTP/1.1, or more of it than can be meant."""


class UnknownEncoding(HttpError):
    """The body is compressed in a way that is neither asked for nor understood."""


FOREIGN: Final = (httpx.HTTPError, aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError)
"""What the libraries raise once there is a connection; a ``RuntimeError`` where it has gone under their hands."""


def named(error: Exception) -> HttpError:
    """``error`` of :data:`FOREIGN` by our own name. What httpx makes of aiohttp's errors mixes up a connection that was
    cut with one that was never made: its cause tells them apart.
    """
    cause = error.__cause__ if isinstance(error, httpx.HTTPError) and error.__cause__ is not None else error
    match cause:
        case aiohttp.ClientResponseError() | HttpProcessingError() | httpx.RemoteProtocolError():
            return InvalidHttp(f"not HTTP/1.1: {cause}")
        case _:
            return ConnectionCut(f"the connection ended before the answer did: {cause}")
