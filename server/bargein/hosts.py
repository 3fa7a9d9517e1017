"""Names of hosts, as people write them into settings, files and options."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

HOST_NAME: Final = re.compile(
    r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.IGNORECASE
)
_LONGEST: Final = 253


def is_host(value: str) -> bool:
    """Whether ``value`` can be an address or the name of a host. What can be none makes resolvers raise."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        pass
    else:
        return True
    try:
        name = value.encode("idna").decode()
    except UnicodeError:
        return False
    return len(name) <= _LONGEST and HOST_NAME.fullmatch(name) is not None
