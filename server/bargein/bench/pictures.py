"""One scene as a picture: what the microphone heard, what the loudspeaker played, and what was decided when."""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np

from bargein.bench.outcome import Noted, Outcome
from bargein.bench.rendering import render
from bargein.bench.waves import RATE_HZ, Sound

WIDTH: Final = 900
_WAVE: Final = 40
_HEIGHT: Final = 150
_LOUDEST_DB, _QUIETEST_DB = 0.0, -70.0
_STYLES: Final = {
    "Held": "hold",
    "Resumed": "resume",
    "INTERRUPTED": "interrupt",
    "JUDGED": "judge",
    "SpeechStarted": "speech",
    "SpeechStopped": "speech",
    "InputCommitted": "turn",
}


def picture(one: Outcome) -> str:
    """The scene as SVG. The level of the microphone stands for its waveform, in dB: a whisper is seen too."""
    seconds = one.scene.seconds

    def x(at_s: float) -> float:
        return WIDTH * min(max(at_s, 0.0), seconds) / seconds

    onset, end = x(one.onset_s), x(one.end_s)
    parts = [
        f'<rect class="event" x="{onset:.1f}" y="0" width="{max(1.0, end - onset):.1f}" height="{2 * _WAVE}"/>',
        f'<path class="wave" d="{_outline(render(one.scene).microphone)}"/>',
    ]
    parts += [
        f'<rect class="heard" x="{x(start):.1f}" y="{2 * _WAVE + 6}" width="{x(stop) - x(start):.1f}" height="14"/>'
        for start, stop in one.heard
    ]
    for number, noted in enumerate(shown(one.noted)):
        at = x(noted.at_s + one.onset_s)
        style = next((style for word, style in _STYLES.items() if noted.what.startswith(word)), "other")
        label = escape(f"{noted.at_s * 1000:+.0f} ms: {noted.what}")
        top = 2 * _WAVE + 24 + 11 * (number % 4)
        parts.append(
            f'<line class="{style}" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{top}"><title>{label}</title></line>'
        )
        name = escape(noted.what.split(":")[0].split(" (")[0])
        parts.append(f'<text class="{style}" x="{at + 2:.1f}" y="{top + 2}">{name}<title>{label}</title></text>')
    return f'<svg viewBox="0 0 {WIDTH} {_HEIGHT}" width="{WIDTH}" height="{_HEIGHT}">{"".join(parts)}</svg>'


def shown(noted: list[Noted]) -> list[Noted]:
    """What has a place in the picture."""
    return [one for one in noted if any(one.what.startswith(word) for word in _STYLES)]


def _outline(sound: Sound) -> str:
    """A closed path around the middle: as wide as the sound is loud."""
    columns = WIDTH // 2
    step = max(1, len(sound) // columns)
    whole = sound[: step * (len(sound) // step)].reshape(-1, step)
    levels = 10 * np.log10(np.mean(np.square(whole, dtype=np.float64), axis=1) + 1e-10)
    share = np.clip((levels - _QUIETEST_DB) / (_LOUDEST_DB - _QUIETEST_DB), 0.01, 1) * _WAVE
    places = (np.arange(len(share)) + 0.5) * step / RATE_HZ * WIDTH / (len(sound) / RATE_HZ)
    above = [f"{place:.1f},{_WAVE - height:.1f}" for place, height in zip(places, share, strict=True)]
    below = [f"{place:.1f},{_WAVE + height:.1f}" for place, height in zip(places, share, strict=True)][::-1]
    return f"M{' L'.join([*above, *below])}Z"
