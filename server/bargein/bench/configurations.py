"""Configurations that are compared: settings under a name. ``NAME:SETTING=VALUE;…`` adds one of somebody's own."""

from __future__ import annotations

from typing import Final

from bargein.bench.run import Configuration
from bargein.errors import BargeinError

CONFIGURATIONS: Final = {
    one.name: one
    for one in (
        Configuration("default"),
        Configuration("default+words", words=True),
        Configuration("webrtcvad", {"vad": "webrtcvad"}),
        Configuration("silero", {"vad": "silero"}),
        Configuration("cascade", {"vad": "cascade"}),
        Configuration("cascade+words", {"vad": "cascade"}, words=True),
        Configuration("400ms", {"confirm_after_ms": 400}),
        Configuration("500ms", {"confirm_after_ms": 500}),
    )
}


class NoConfigurationError(BargeinError):
    """There is none of that name, or it cannot be read."""


def configuration(text: str) -> Configuration:
    """By its name, or as it is written: ``mine:confirm_after_ms=400;gate_margin_db=6``; ``words=true`` among them gives
    it a recogniser that never errs.

    :raises NoConfigurationError: there is none of that name, or it cannot be read.
    """
    name, colon, rest = text.partition(":")
    if not colon:
        known = CONFIGURATIONS.get(name)
        if known is None:
            raise NoConfigurationError(
                f"--compare: there is no configuration {name!r}: known are {', '.join(CONFIGURATIONS)}; "
                "or write NAME:SETTING=VALUE;…"
            )
        return known
    settings: dict[str, str] = {}
    for part in filter(None, rest.split(";")):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise NoConfigurationError(f"--compare {text}: {part!r} is not SETTING=VALUE")
        settings[key.strip().lower().removeprefix("bargein_")] = value.strip()
    words = settings.pop("words", "false").lower() in {"true", "1", "yes"}
    return Configuration(name, dict(settings), words=words)
