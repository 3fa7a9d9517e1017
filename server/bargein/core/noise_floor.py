"""The level of a caller's background, from which speech must stand out.

Minimum statistics: the floor is the lowest level of the last two seconds. People pause more often than that, and a
steady noise becomes its own floor. After R. Martin, "Noise power spectral density estimation based on optimal
smoothing and minimum statistics", IEEE Trans. Speech and Audio Processing 9(5), 2001, reduced to one band.
"""

from __future__ import annotations

from collections import deque
from typing import Final

QUIETEST_DB: Final = -63.0
"""Below this a microphone gives digital silence or dither: a floor under it would let breath count as speech."""
SPAN_S: Final = 2.0
BLOCKS: Final = 8
KNOWN_BLOCKS: Final = 4
"""After this many, a second, what was heard is believed to hold a pause."""
LOUDEST_UNKNOWN_DB: Final = -35.0
"""Until then nothing louder is taken for background: a caller may speak from the first sample on."""


class NoiseFloor:
    """Tracks the floor of one caller. Cost per window: two comparisons."""

    __slots__ = ("_block_min_db", "_block_samples", "_blocks", "_filled_samples", "db")

    def __init__(self, rate_hz: int) -> None:
        self._block_samples = int(rate_hz * SPAN_S / BLOCKS)
        self._blocks: deque[float] = deque(maxlen=BLOCKS)
        self._block_min_db = 0.0
        self._filled_samples = 0
        self.db = 0.0
        """Level of the background, relative to full scale. Before the first window nothing can stand out from it."""

    def feed(self, sample_count: int, level_db: float) -> None:
        self._block_min_db = min(self._block_min_db, level_db)
        if level_db < self.db:
            self.db = max(level_db, QUIETEST_DB)
        if self.db > LOUDEST_UNKNOWN_DB and len(self._blocks) < KNOWN_BLOCKS:
            self.db = LOUDEST_UNKNOWN_DB
        self._filled_samples += sample_count
        if self._filled_samples >= self._block_samples:
            self._blocks.append(self._block_min_db)
            self._block_min_db = 0.0
            self._filled_samples = 0
            self.db = max(min(self._blocks), QUIETEST_DB)
