"""Who is calling, by address, and how often one address may."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from bargein.gateway.refusal import Refusal, try_later
from bargein.session.timers import Clock

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN: Final = "unknown"
"""Whom a trusted proxy names by something that is no address: all of these are one party."""
MAX_PROXIES: Final = 16
"""How far ``X-Forwarded-For`` is followed."""

_WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+")


def client_address(peer: str, headers: Mapping[str, str], trusted_proxies: Sequence[Network]) -> str:
    """The caller's address: the last one in ``X-Forwarded-For`` that is no trusted proxy, where ``peer`` is one."""
    address = parse_address(peer)
    if address is None:
        return peer
    if trusted_proxies and is_in(address, trusted_proxies):
        for hop in reversed(headers.get("x-forwarded-for", "").rsplit(",", MAX_PROXIES)[-MAX_PROXIES:]):
            if not hop.strip():
                continue
            address = parse_address(hop)
            if address is None:
                return UNKNOWN
            if not is_in(address, trusted_proxies):
                break
    return str(address)


def parse_address(text: str) -> Address | None:
    """An IP address as proxies write it: perhaps with a port, in brackets, quoted, with a zone, or IPv4 within IPv6.
    ``None`` where it is none.
    """
    text = text.strip().strip('"')
    if (found := _WITH_PORT.fullmatch(text)) is not None:
        text = found[1] if found[1] is not None else found[2]
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, ipaddress.IPv6Address) else parsed


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def party_of(address: str) -> str | None:
    """What counts as one party: the address, or an IPv6 customer's /64. ``None`` is loopback, which is not limited."""
    parsed = parse_address(address)
    if parsed is None:
        return address or None
    if parsed.is_loopback:
        return None
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


class AddressLimits:
    """Counts the open and the recent sessions of each address.

    :param max_open: open sessions per address; 0 is no limit.
    :param max_new_per_minute: sessions begun by an address within one minute of the clock; 0 is no limit.
    """

    def __init__(self, clock: Clock, max_open: int, max_new_per_minute: int) -> None:
        self._clock = clock
        self._max_open = max_open
        self._max_new = max_new_per_minute
        self._open: Counter[str] = Counter()
        self._new: Counter[str] = Counter()
        self._minute = -1

    def check(self, address: str) -> Refusal | None:
        """``None`` where one more session of ``address`` is within the limits."""
        party = party_of(address)
        if party is None:
            return None
        if self._max_open and self._open[party] >= self._max_open:
            message = f"This address has {self._max_open} sessions open (BARGEIN_MAX_SESSIONS_PER_ADDRESS)."
            return self._too_many(message, "too_many_sessions", 5)
        self._turn_over()
        if self._max_new and self._new[party] >= self._max_new:
            message = f"This address began {self._max_new} sessions this minute (BARGEIN_MAX_NEW_SESSIONS_PER_MINUTE)."
            return self._too_many(message, "too_many_new_sessions", 60 - self._clock.now() % 60)
        return None

    def opened(self, address: str) -> None:
        """Count one session in."""
        party = party_of(address)
        if party is not None:
            self._turn_over()
            self._open[party] += 1
            self._new[party] += 1

    def closed(self, address: str) -> None:
        """Count one session out."""
        party = party_of(address)
        if party is not None:
            self._open[party] -= 1
            if self._open[party] <= 0:
                del self._open[party]

    def _turn_over(self) -> None:
        minute = int(self._clock.now() // 60)
        if minute != self._minute:
            self._minute = minute
            self._new.clear()

    @staticmethod
    def _too_many(message: str, code: str, retry_after_s: float) -> Refusal:
        return try_later(
            HTTPStatus.TOO_MANY_REQUESTS, message, code=code, reason="address", retry_after_s=retry_after_s
        )
