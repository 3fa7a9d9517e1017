"""What came of a scene."""

from __future__ import annotations

from dataclasses import dataclass, field

from bargein.bench.scene import Scene, Wanted


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that was decided or heard.

    :ivar at_s: in seconds of the call.
    """

    at_s: float
    what: str


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one scene. Times are in milliseconds after the onset; ``None``: it did not happen."""

    scene: Scene
    onset_s: float
    end_s: float
    void: str | None = None
    """Why it says nothing of what it was made for."""
    hold_ms: float | None = None
    confirm_ms: float | None = None
    silence_ms: float | None = None
    """When the caller's loudspeaker fell silent for good, where the reply was interrupted."""
    quiet_ms: float | None = None
    """The same, or ducked for good."""
    early: int = 0
    """Interruptions, or turns while nobody spoke, before the onset."""
    interruptions: int = 0
    """From the onset on."""
    turns: int = 0
    """That began while the agent was silent, from the onset on."""
    holds: int = 0
    silence_heard_ms: float = 0.0
    """Silence in a reply that survived: from the onset on."""
    quiet_heard_ms: float = 0.0
    """The same of what was ducked."""
    heard_s: float = 0.0
    """How long a reply was heard."""
    lasted_s: float = 0.0
    lost_samples: int = 0
    repeated_samples: int = 0
    resumes: int = 0
    samples_sent: int = 0
    cut_off: bool = False
    """A turn with a pause in it became more than one."""
    healed: int = 0
    """Pieces of turns that were joined with those before them."""
    early_answer: bool = False
    """The model was told its pieces as turns of their own: one of them was answered before it was over."""
    answer_ms: float | None = None
    """From the end of the caller's words to the first sound of the answer that stays."""
    requests: int = 0
    judged: list[str] = field(default_factory=list)
    """``verdict by judge`` of each utterance that was judged, in order."""
    judged_ms: list[float] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    heard: list[tuple[float, float]] = field(default_factory=list)
    """From when until when the loudspeaker played."""

    @property
    def yielded(self) -> bool:
        return self.confirm_ms is not None

    @property
    def right(self) -> bool:
        """Whether the server did what a good one does."""
        match self.scene.wanted:
            case Wanted.YIELD | Wanted.TURN:
                return self.yielded
            case Wanted.SURVIVE:
                return not self.interruptions and not self.early
            case Wanted.QUIET:
                return not self.turns and not self.early
            case Wanted.ONE_TURN:
                return not self.early_answer and self.turns > 0
