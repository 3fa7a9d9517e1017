"""How steadily a caller's sound comes: what its line does to what is sent to it, as far as that can be known.

Callers send as they speak, so a sample should come when it was spoken, and a little later each time for the same
reasons. How far that moves is the jitter of the line. It is measured on the way in; the way out is taken to be alike.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

BLOCK_S: Final = 1.0
BLOCKS: Final = 10
"""So many are remembered: of a line that was bad it is believed for so long that it still is."""
KNOWN_BLOCKS: Final = 1
"""After so many it is believed to be as it was: what is worse counts at once."""
GONE_S: Final = 1.0
"""A caller of whom nothing came for so long was muted: what comes then is another beginning."""


class Line:
    """One caller's. Times are in seconds. What comes at one time counts as one piece, however it was cut."""

    __slots__ = ("_at", "_blocks", "_highest", "_late", "_lowest", "_past_highest", "_past_lowest", "_until", "came_at")

    def __init__(self) -> None:
        self.came_at = -math.inf
        """When sound came last, also where :meth:`came` is not told of it."""
        self._blocks: deque[tuple[float, float]] = deque(maxlen=BLOCKS)
        self._at: float | None = None
        self._late = self._highest = self._lowest = self._until = 0.0
        # Of all blocks: jitter is asked for with every piece of a reply.
        self._past_highest = self._past_lowest = 0.0

    def restart(self) -> None:
        """What was measured says nothing about what follows."""
        self._blocks.clear()
        self._at = None

    def came(self, position_s: float, now: float) -> None:
        """Sound came.

        :param position_s: where it ends in all that ever came.
        """
        late, before = now - position_s, self._at
        if before is None or now - before > GONE_S:
            self._blocks.clear()
            self._at, self._late = now, late
            self._highest, self._lowest = -math.inf, math.inf
            self._until = now + BLOCK_S
            return
        if now != before:
            known = self._late
            self._highest = max(self._highest, known)
            self._lowest = min(self._lowest, known)
            if now >= self._until:
                self._blocks.append((self._highest, self._lowest))
                self._past_highest = max([high for high, _ in self._blocks])
                self._past_lowest = min([low for _, low in self._blocks])
                self._highest = self._lowest = known
                self._until = now + BLOCK_S
            self._at = now
        self._late = late

    @property
    def jitter_s(self) -> float | None:
        """How far apart the latest and the earliest were, of late; ``None``: not known yet."""
        if len(self._blocks) < KNOWN_BLOCKS:
            return None
        return max(self._highest, self._past_highest) - min(self._lowest, self._past_lowest)
