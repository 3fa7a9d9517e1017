"""What can go wrong between a request and the end of its answer. :mod:`bargein.upstream.failures` words it for callers.

Messages are for the operator's log; the operating system's error is the cause, where there is one.
"""

from __future__ import annotations


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
