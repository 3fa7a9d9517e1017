"""``bargein serve`` that notes on which part of itself its CPU time goes.

The kernel's profiling timer counts CPU time, not the wall's, and its signal is handled between two steps of the
interpreter: time in C, such as parsing or the socket's, falls to the Python line that asked for it or runs next. The
counts are written as JSON to the file named by ``PROFILE`` when the server ends.

Run: ``PROFILE=FILE python -m benchmarks.profiled_server serve …``.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

from bargein.cli import main

INTERVAL_S: Final = 0.001
PARTS: Final = (
    ("resample", ("bargein/sound/",)),
    ("VAD", ("bargein/vad/", "core/endpointing", "core/noise_floor", "core/echo")),
    ("decode", ("bargein/wire/client_events", "bargein/wire/input_audio", "bargein/wire/validation", "pydantic")),
    ("encode", ("bargein/wire/",)),
    ("core", ("bargein/core/",)),
    ("upstream", ("bargein/upstream/", "session/streams", "/aiohttp/", "/httpx")),
    ("socket", ("bargein/gateway/", "/websockets/", "/picows/", "/uvicorn/")),
    ("pacing and session", ("bargein/session/", "bargein/protocols/")),
    ("metrics", ("bargein/metrics/", "prometheus_client")),
)
"""Names of parts, and what the path of a file contains that belongs to it; the innermost frame that fits decides."""


def part_of(frame: FrameType | None) -> str | None:
    """The part that was running; ``None`` while the server is still being imported."""
    part: str | None = None
    while frame is not None:
        path = frame.f_code.co_filename
        if "importlib" in path:
            return None
        if part is None:
            part = next((name for name, fragments in PARTS if any(text in path for text in fragments)), None)
        frame = frame.f_back
    return part or "event loop"


def profile(path: Path) -> None:
    """Serve, counting samples by part, and by function."""
    parts: Counter[str] = Counter()
    functions: Counter[str] = Counter()

    def note(signal_number: int, frame: FrameType | None) -> None:
        part = part_of(frame)
        if part is not None and frame is not None:
            parts[part] += 1
            functions[f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}"] += 1

    signal.signal(signal.SIGPROF, note)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    try:
        main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        found = {"parts": dict(parts), "functions": dict(functions.most_common(40))}
        path.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    profile(Path(os.environ["PROFILE"]))
