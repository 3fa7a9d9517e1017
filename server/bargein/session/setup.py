"""What all sessions of a process share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from bargein.agents import NO_AGENTS, Agents, ToolClient
from bargein.core.audio import AudioFormat
from bargein.core.config import CorePolicy
from bargein.judging.judge import Judge
from bargein.judging.phrases import PhraseHearer
from bargein.metrics import Metrics
from bargein.money.books import Books
from bargein.recording import Recorder
from bargein.session.cancelling import MakeCancelling
from bargein.session.field_notices import FieldNotices
from bargein.session.timers import Timers
from bargein.upstream import Transcriber, Upstream
from bargein.vad.detector import Detector, Weigher


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """What one caller may take."""

    max_session_s: float = 3600.0
    idle_s: float = 600.0
    """Without a message of the caller's and without a response."""
    slow_caller_s: float = 5.0
    """How long a caller may take nothing of what waits for it."""
    backlog_limit_bytes: int = 4 * 1024 * 1024
    """Where more waits for it, it has to take more of that than a byte."""
    control_messages_per_s: float = 50.0
    control_burst: int = 100
    bad_messages: int = 20
    """Kinds of refused messages within :attr:`bad_messages_s` that end the session with 1008."""
    bad_messages_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What is one for all sessions."""

    upstream: Upstream
    transcriber: Transcriber | None
    make_detector: Callable[[AudioFormat], Detector]
    make_weigher: Callable[[AudioFormat, int], Weigher] | None = None
    """The second detector, where :attr:`CorePolicy.weighs`."""
    metrics: Metrics
    books: Books
    timers: Timers
    log: FilteringBoundLogger
    default_voice: str = "alloy"
    """Shown to callers who have chosen none."""
    images: bool = False
    """The model takes images."""
    make_cancelling: MakeCancelling | None = None
    """For callers who have shown an echo; ``None``: it is left in their sound."""
    agents: Agents = NO_AGENTS
    """Who answers."""
    tools: ToolClient | None = None
    """Calls their tools, where they have any."""
    notices: FieldNotices = field(default_factory=lambda: FieldNotices("generic"))
    recorder: Recorder | None = None
    """Writes every call down; ``None``: none is."""
    limits: SessionLimits = field(default_factory=SessionLimits)
    policy: CorePolicy = field(default_factory=CorePolicy)
    history_transcriber: Transcriber | None = None
    """Writes turns down that are to be told by their words; ``None``: nobody does."""
    judges: tuple[Judge, ...] = ()
    """Who is asked why somebody spoke over a reply, in order."""
    phrase_hearer: PhraseHearer | None = None
    """Who hears the words before a pause in a turn of ``semantic_vad``."""
