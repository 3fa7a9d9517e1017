"""HTTP clients for servers of this machine."""

from __future__ import annotations

import ssl
from typing import Any, Final

import httpx

NOBODY_VOUCHES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""No connection of these clients is over TLS, and reading the authorities of the world takes longer than most tests."""


def http_client(**options: Any) -> httpx.AsyncClient:  # noqa: ANN401 (those of httpx)
    """A client for ``http:`` alone."""
    return httpx.AsyncClient(verify=NOBODY_VOUCHES, **options)
