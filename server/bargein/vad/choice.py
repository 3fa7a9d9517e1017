"""Which detectors callers are heard with: by a name, that of a choice here or of another package's entry point.

A package of your own registers one in the group ``bargein.detectors``, naming an object that is an
:class:`~bargein.vad.detector.Ears`::

    [project.entry-points."bargein.detectors"]
    mine = "my_package:EARS"
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from bargein.errors import SettingsError
from bargein.vad.detector import Ears
from bargein.vad.silero import SileroDetector, SileroWeigher
from bargein.vad.webrtc import WebRtcDetector

GROUP: Final = "bargein.detectors"
CHOICES: Final[dict[str, Ears]] = {
    "webrtcvad": Ears(WebRtcDetector),
    "silero": Ears(SileroDetector, SileroWeigher),
    "cascade": Ears(WebRtcDetector, SileroWeigher),
}


def ears(name: str) -> Ears:
    """The detectors of that name.

    :raises SettingsError: there are none, or what is registered under it cannot be loaded.
    """
    found = CHOICES.get(name)
    if found is not None:
        return found
    others = {point.name: point for point in entry_points(group=GROUP)}
    if name not in others:
        known = ", ".join([*CHOICES, *sorted(others)])
        raise SettingsError(f"BARGEIN_VAD: there is no {name!r}; there are {known}")
    try:
        loaded = others[name].load()
    except Exception as error:  # Whatever another package's code raises when it is imported.
        raise SettingsError(f"BARGEIN_VAD: {name!r} cannot be loaded from {others[name].value}: {error}") from error
    if not isinstance(loaded, Ears):
        raise SettingsError(f"BARGEIN_VAD: {name!r}, {others[name].value}, is no bargein.vad.detector.Ears")
    return loaded
