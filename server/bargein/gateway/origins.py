"""Which web pages may talk to the server, and under which names it may be reached.

A WebSocket is not bound by the same-origin policy: any page in any tab may open one to ``localhost``. So a foreign
``Origin`` is refused; programs other than browsers send none. A page can also make its own name resolve to
``127.0.0.1`` (DNS rebinding), after which it *is* of the same origin; where no key protects the server, ``Host`` must
therefore be a name that only the operator gives.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from bargein.gateway.refusal import Refusal


def check_origin(headers: Mapping[str, str], allowed: Collection[str]) -> Refusal | None:
    """``None`` where the request comes from no page, from a page of this server, or from an allowed origin."""
    origin = headers.get("origin")
    if origin is None or "*" in allowed or origin.lower() in allowed:
        return None
    if _authority(origin) == headers.get("host", "").lower():
        return None
    return Refusal(
        HTTPStatus.FORBIDDEN,
        "Pages of this origin may not connect. The operator can list it in BARGEIN_ALLOWED_ORIGINS.",
        "origin_not_allowed",
        reason="origin",
        # The page may read why it is turned away, and nothing else.
        headers={"Access-Control-Allow-Origin": "*"},
    )


def check_host(headers: Mapping[str, str], allowed: Collection[str]) -> Refusal | None:
    """``None`` where ``Host`` is ``localhost``, an IP address (which nobody can rebind), or an allowed name."""
    name = _name(headers.get("host", ""))
    if name == "localhost" or name.endswith(".localhost") or name in {entry.lower() for entry in allowed}:
        return None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return Refusal(
            HTTPStatus.FORBIDDEN,
            "This server asks for no keys, so it answers only under the names that it knows. "
            "The operator can list this one in BARGEIN_ALLOWED_HOSTS, or set BARGEIN_API_KEYS.",
            "host_not_allowed",
            reason="host",
        )
    return None


def _authority(origin: str) -> str | None:
    """Host and port of an origin, as ``Host`` would say it; ``None`` for the opaque origin ``null``, and for none."""
    try:
        return urlsplit(origin.lower()).netloc or None
    except ValueError:
        return None


def _name(host: str) -> str:
    """The name of a ``Host`` header without its port, IPv6 brackets removed; empty where it is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
