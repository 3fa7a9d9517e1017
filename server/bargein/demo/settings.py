"""How the demo model is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bargein.numbers import WholeWithin, Within

DEFAULT_PORT: Final = 8766
BACKLOG: Final = 2048


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """One option each for ``bargein demo-model`` and ``python -m bargein.demo``; their help is in :data:`HELP`."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    pace: float = 4.0
    first_byte_ms: float = 150.0
    espeak: bool = True
    listen: bool = True
    api_key: str | None = None
    audio_ttl_s: float = 3600.0
    log: Path | None = None
    log_rows: int = 2000
    exit_with_stdin: bool = False
    listen_fd: int | None = None


BOUNDS: Final[Mapping[str, Within | WholeWithin]] = {
    "port": WholeWithin(0, 65_535),
    "pace": Within(0, 1_000_000),
    "first_byte_ms": Within(0, 3_600_000),
    "audio_ttl_s": Within(0, 31_536_000),
    "log_rows": WholeWithin(1, 1_000_000),
}
"""What the numbers may be."""
HELP: Final = {
    "host": "Address to listen on.",
    "port": "Port to listen on; 0 takes a free one. The address is printed as one line of JSON.",
    "pace": "How fast sound is sent, as a multiple of real time. 0 is as fast as the client reads.",
    "first_byte_ms": "Answer no sooner than this after the request, in milliseconds, as a large model would.",
    "espeak": "Speak freely through the program espeak-ng where it is installed; otherwise only recorded phrases.",
    "listen": "Understand short spoken commands, in a process of its own, where a decoder of speech has a wheel.",
    "api_key": "Refuse other keys with 401. Without it any key, or none, will do.",
    "audio_ttl_s": "How long an earlier reply can be referred to by its audio id, in seconds.",
    "log": "Append one line of JSON per request to this file. GET /log has the same.",
    "log_rows": "How many requests GET /log remembers.",
    "exit_with_stdin": "Stop when standard input closes: a parent process holds it open as long as it lives.",
    "listen_fd": "Listen on this descriptor, a socket that a parent process holds; host and port do not matter then.",
}
