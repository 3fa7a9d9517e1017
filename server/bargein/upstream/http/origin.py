"""Where a URL leads: whom to connect to, and what to ask them for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from bargein.errors import SettingsError

_PORTS: Final = {"http": 80, "https": 443}
_TARGET_SAFE: Final = "/%:@!$&'()*+,;=~-._[]?"
"""What stays as it is in a path and a query (RFC 3986 section 3.3), and what is escaped already."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A server: all of its requests may share connections."""

    scheme: str
    host: str
    """As it is resolved: ASCII, without brackets."""
    port: int

    @property
    def tls(self) -> bool:
        return self.scheme == "https"

    @property
    def netloc(self) -> str:
        """Host and port as in an authority, the port always there (RFC 9112 section 3.2.3)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def host_header(self) -> str:
        """Without a port that goes without saying."""
        return self.netloc.removesuffix(f":{self.port}") if self.port == _PORTS[self.scheme] else self.netloc

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}"


@functools.lru_cache(64)
def parse_url(url: str) -> tuple[Origin, str]:
    """The server of an ``http`` or ``https`` URL, and the path with its query as it is asked for.

    :raises SettingsError: it has no host, or one that no name can be, or a port that no port can be.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host.encode("idna").decode()
    except ValueError as error:
        raise SettingsError(f"{url!r} is not a URL: {error}") from error
    if parts.scheme not in _PORTS or not host or not host.isprintable() or " " in host:
        raise SettingsError(
            f"{url!r} is not a URL that can be asked, expected something like https://api.openai.com/v1"
        )
    target = quote(parts.path or "/", safe=_TARGET_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_TARGET_SAFE)
    return Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port), target
