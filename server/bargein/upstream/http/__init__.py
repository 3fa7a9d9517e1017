"""An HTTP/1.1 client for one thing: many long streams from one server, each of which can be dropped at once.

``client`` posts, ``pool`` keeps connections, ``connector`` makes them, ``connection`` is the socket's side of one,
``parser`` reads answers without any socket.
"""

from bargein.upstream.http.client import HttpClient, Lease
from bargein.upstream.http.connection import Response
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
