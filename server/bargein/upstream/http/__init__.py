"""HTTP to the model's side: httpx over aiohttp, and a hold on the socket under each request, so that it can be dropped.

``client`` asks, ``connector`` makes and keeps connections, ``lease`` drops them, ``decoding`` inflates.
"""

from bargein.upstream.http.client import HttpClient, Response
from bargein.upstream.http.decoding import body_reader
from bargein.upstream.http.errors import (
    ConnectFailed,
    ConnectionCut,
    ConnectTimedOut,
    HttpError,
    InvalidHttp,
    TlsFailed,
    UnknownEncoding,
)
from bargein.upstream.http.lease import Lease

__all__ = [
    "ConnectFailed",
    "ConnectTimedOut",
    "ConnectionCut",
    "HttpClient",
    "HttpError",
    "InvalidHttp",
    "Lease",
    "Response",
    "TlsFailed",
    "UnknownEncoding",
    "body_reader",
]
