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


_YES: Final = {"true", "1", "yes"}
_NO: Final = {"false", "0", "no"}


class NoConfigurationError(BargeinError):
    """There is none of that name, or it cannot be read."""


def configurations(text: str) -> list[Configuration]:
    """Those that ``--compare`` names, with commas between them.

    :raises NoConfigurationError: there are none, two have one name, or one cannot be read.
    """
    found = [configuration(one.strip()) for one in text.split(",") if one.strip()]
    if not found:
        raise NoConfigurationError(f"--compare {text!r}: give at least one configuration: {', '.join(CONFIGURATIONS)}")
    for one in found:
        if [other.name for other in found].count(one.name) > 1:
            raise NoConfigurationError(f"--compare {text}: two are called {one.name!r}: leave one out, or rename it")
    return found


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
    if not name:
        raise NoConfigurationError(f"--compare: {text!r} has no name: write NAME:SETTING=VALUE;…")
    settings: dict[str, str] = {}
    for part in filter(None, rest.split(";")):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise NoConfigurationError(f"--compare {text}: {part!r} is not SETTING=VALUE")
        settings[key.strip().lower().removeprefix("bargein_")] = value.strip()
    words = settings.pop("words", "false")
    if words.lower() not in _YES | _NO:
        raise NoConfigurationError(f"--compare {text}: words: {words!r} is neither true nor false")
    return Configuration(name, dict(settings), words=words.lower() in _YES)
