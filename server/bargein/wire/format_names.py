"""Names of audio formats in one word, as the beta of the protocol has them.

``pcm16_8000hz`` and ``pcm16_16000hz`` are those of Azure's Voice Live; the other rates are named in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bargein.core.audio import PCM16_24K, PCM16_RATES_HZ

Json = dict[str, Any]

_PCM16: Final = "audio/pcm"
_FORMATS: Final[dict[str, Json]] = {
    "pcm16": {"type": _PCM16, "rate": PCM16_24K.rate_hz},
    **{f"pcm16_{rate_hz}hz": {"type": _PCM16, "rate": rate_hz} for rate_hz in PCM16_RATES_HZ},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_OF_24K: Final = f"pcm16_{PCM16_24K.rate_hz}hz"
FORMAT_NAMES: Final = tuple(name for name in _FORMATS if name != _OF_24K)


def format_of_name(name: str) -> Json | None:
    """The format object that a name stands for; ``None`` where it stands for none."""
    found = _FORMATS.get(name.replace("-", "_"))
    return None if found is None else dict(found)


def name_of_format(fmt: Mapping[str, Any]) -> str:
    """The name of a format object that is served."""
    return next(name for name, one in _FORMATS.items() if one == fmt)
