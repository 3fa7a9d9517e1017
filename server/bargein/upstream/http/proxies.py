"""Proxies, from the environment's variables: ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``."""

from __future__ import annotations

import base64
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from bargein.errors import SettingsError
from bargein.upstream.http.origin import Origin, parse_url


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where requests go first."""

    origin: Origin
    headers: dict[str, str] = field(repr=False)
    """``Proxy-Authorization``, for the proxy's eyes only."""


def proxy_for(url: str) -> Proxy | None:
    """The proxy on the way to ``url``. Never for this machine itself.

    :raises SettingsError: the variable holds something that is not an HTTP proxy.
    """
    parts = urlsplit(url)
    if parts.hostname in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(parts.netloc):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return _read(f"{parts.scheme.upper()}_PROXY", proxy) if proxy else None


def _read(name: str, url: str) -> Proxy:
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise SettingsError(f"{name} names a proxy for {parts.scheme}://, only http:// and https:// are spoken here")
    place = parts.netloc.rpartition("@")[2]
    try:
        origin, _ = parse_url(f"{parts.scheme}://{place}")
    except SettingsError as error:
        # Not the URL itself, which may hold a password.
        raise SettingsError(f"{name} does not name a proxy, expected something like http://proxy:3128") from error
    headers = {}
    if parts.username is not None:
        # RFC 7617 section 2.
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["proxy-authorization"] = f"Basic {base64.b64encode(user).decode()}"
    return Proxy(origin, headers)
