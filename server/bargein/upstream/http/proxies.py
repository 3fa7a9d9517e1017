"""Where requests go: URLs, and proxies from the environment's ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``."""

from __future__ import annotations

import base64
import urllib.request
from urllib.parse import unquote, urlsplit

import httpx

from bargein.errors import SettingsError


def check_url(url: str) -> None:
    """:raises SettingsError: it has no host, or one that no name can be, or a port that no port can be."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError as error:
        raise SettingsError(f"{url!r} is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or not host.isprintable() or " " in host:
        raise SettingsError(
            f"{url!r} is not a URL that can be asked, expected something like https://api.openai.com/v1"
        )


def proxy_for(url: str) -> httpx.Proxy | None:
    """The proxy on the way to ``url``. Never for this machine itself.

    :raises SettingsError: the variable holds something that is not an HTTP proxy.
    """
    parts = urlsplit(url)
    if parts.hostname in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(parts.netloc):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return _read(f"{parts.scheme.upper()}_PROXY", proxy) if proxy else None


def _read(name: str, url: str) -> httpx.Proxy:
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise SettingsError(f"{name} names a proxy for {parts.scheme}://, only http:// and https:// are spoken here")
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    try:
        check_url(place)
    except SettingsError as error:
        # Not the URL itself, which may hold a password.
        raise SettingsError(f"{name} does not name a proxy, expected something like http://proxy:3128") from error
    headers = {}
    if parts.username is not None:
        # RFC 7617 section 2.
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["proxy-authorization"] = f"Basic {base64.b64encode(user).decode()}"
    return httpx.Proxy(place, headers=headers)
