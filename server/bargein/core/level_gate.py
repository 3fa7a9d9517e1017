"""Which sound can be the caller's speech by its level: it stands out from the background, and from the agent's echo."""

from __future__ import annotations

import math
from typing import Final

from bargein.core.config import CorePolicy
from bargein.core.events import Window
from bargein.core.floor import CallerState
from bargein.core.noise_floor import NoiseFloor

RELAXED_MARGIN_DB: Final = 3.0
"""How much lower the gate is for speech that goes on than for speech that begins (hysteresis)."""
THRESHOLD_GATE_DB: Final = 12.0
"""How far the gate moves over the whole range of ``threshold``."""
WEIGHED_MARGIN_DB: Final = 5.0
"""How much lower the gate is for evidence where a second detector decides about it: in noise it would drop a caller."""
ECHO_MARGIN_DB: Final = 3.0
"""How much louder than its own echo a caller must be while the agent's sound plays."""
ECHO_REPEATS_WITHIN_S: Final = 5.0
"""An echo comes back for as long as the agent speaks. One likeness in a while is chance, and teaches nothing: who was
taken for an echo by mistake must be able to interrupt with the next word.
"""
ECHO_FORGOTTEN_DB_PER_S: Final = 0.5
"""How fast a learnt echo is forgotten: people turn their loudspeakers down, or put headphones on."""


class LevelGate:
    """The gate of one caller. It moves with the background, and with what it has learnt of the agent's echo."""

    def __init__(self, policy: CorePolicy, rate_hz: int) -> None:
        self._policy = policy
        self._rate_hz = rate_hz
        self._noise = NoiseFloor(rate_hz)
        self._evidence_relief_db = WEIGHED_MARGIN_DB if policy.weighs else 0.0
        self._shift_db = 0.0
        self._echo_db = -math.inf
        self._echo_noticed_at: int | None = None

    @property
    def floor_db(self) -> float:
        """The level of the background."""
        return self._noise.db

    @property
    def lowest_db(self) -> float:
        """What begins as speech is no quieter than this, for now."""
        margin_db = min(self._policy.gate_margin_db, self._policy.gate_margin_speaking_db)
        return self._noise.db + margin_db - self._evidence_relief_db + self._shift_db

    def configure(self, share: float) -> None:
        """:param share: the ``threshold`` that the caller has set, from 0 to 1."""
        self._shift_db = (share - 0.5) * THRESHOLD_GATE_DB

    def lets_through(self, window: Window, state: CallerState, *, agent_audible: bool, echo_db: float) -> bool:
        """Whether a window stands out. Ask before the background has taken it in, with :meth:`note`.

        :param agent_audible: the agent's sound is playing at the caller's, and may come back through the microphone.
        :param echo_db: the level that the agent's echo can have in it: what is no louder is no speech of the caller's.
        """
        if window.level_db <= echo_db:
            return False
        if state is CallerState.SPEAKING or state is CallerState.STOPPING:
            margin_db = self._policy.gate_margin_db - RELAXED_MARGIN_DB
        elif agent_audible:
            margin_db = self._policy.gate_margin_speaking_db - self._evidence_relief_db
            if echo_db > -math.inf:
                # Most of the echo is taken out: what was learnt of its level is of no meaning.
                self._echo_db = -math.inf
            self._echo_db -= ECHO_FORGOTTEN_DB_PER_S * window.sample_count / self._rate_hz
            if window.level_db < self._echo_db + ECHO_MARGIN_DB:
                return False
        else:
            margin_db = self._policy.gate_margin_db - self._evidence_relief_db
        return window.level_db >= self._noise.db + margin_db + self._shift_db

    def note(self, window: Window) -> None:
        """The background takes a window in."""
        self._noise.feed(window.sample_count, window.level_db)

    def learn_echo(self, levels_db: list[float], at_sample: int) -> None:
        """What was just taken for speech, at these levels, was the agent's own voice. When that happens again soon,
        what is no louder is taken for it too, while it speaks.
        """
        before, self._echo_noticed_at = self._echo_noticed_at, at_sample
        repeats = before is not None and at_sample - before <= ECHO_REPEATS_WITHIN_S * self._rate_hz
        if repeats and levels_db:
            self._echo_db = max(self._echo_db, sum(levels_db) / len(levels_db))
