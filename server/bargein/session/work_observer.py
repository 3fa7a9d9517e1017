"""The half of the observer that is told what becomes of work: of what a session has others do for it, and pays.

No action of the core tells of that: the model's streams, recognisers, judges and tools tell it here, and so does the
purse. What was decided is in :mod:`bargein.session.observer`.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bargein.core.turn_end import PhraseEnd
from bargein.errors import (
    AudioGone,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
)
from bargein.metrics import Metrics
from bargein.metrics.metrics import UpstreamErrorKind
from bargein.money import Standing
from bargein.money.caps import Scope


class WorkObserver:
    """Watches one session's work. It changes nothing. What is said of a defect of our own is said while it is handled:
    its trace goes with it.
    """

    def __init__(self, metrics: Metrics, log: FilteringBoundLogger) -> None:
        self.dollars = 0.0
        """What the session has cost, of all that has a price."""
        self.unpriced = 0
        """Responses and transcriptions without a price."""
        self._metrics = metrics
        self._log = log
        self._said: set[str] = set()
        """What the log was told, once."""

    # The model's streams.

    def model_asked(self) -> None:
        self._metrics.upstream_streams.inc()

    def stream_began(self) -> None:
        self._metrics.upstream_streams_open.inc()

    def first_piece_came(self, after_s: float) -> None:
        """The first piece of an answer, so long after it was asked for."""
        self._metrics.upstream_first_piece_s.observe(after_s)

    def stream_failed(self, response_id: str, error: UpstreamError) -> None:
        kind = kind_of(error)
        self._metrics.upstream_errors[kind].inc()
        self._log.warning(
            "upstream failed", response_id=response_id, kind=kind, status=error.http_status, error=str(error)
        )

    def stream_broke(self, response_id: str) -> None:
        """By a defect of ours."""
        self._log.exception("stream broke", response_id=response_id)

    def stream_ended(self) -> None:
        """Whatever came of it."""
        self._metrics.upstream_streams_open.dec()

    # Recognisers.

    def transcription_failed(self, item_id: str, error: UpstreamError) -> None:
        self._log.warning("transcription failed", item_id=item_id, error=str(error))

    def transcription_broke(self, item_id: str) -> None:
        """By a defect of ours."""
        self._log.exception("transcription broke", item_id=item_id)

    def turns_stay_sound(self, item_id: str) -> None:
        """A turn stays in the history as sound, because nobody has written it down."""
        if self._first("sound"):
            self._log.warning("turns that nobody has written down stay in the history as sound", first=item_id)

    def judge_was_late(self, judge: str) -> None:
        self._log.info("a judge is late: the sound decides", judge=judge)

    def judge_failed(self, judge: str, error: UpstreamError) -> None:
        self._log.warning("a judge failed", judge=judge, error=str(error))

    def judge_broke(self, judge: str) -> None:
        """By a defect of ours."""
        self._log.exception("a judge broke", judge=judge)

    def phrase_heard(self, end: PhraseEnd | None, took_s: float) -> None:
        """The words before a pause, and what they tell of it."""
        self._log.debug("the words before a pause", end=end, took_ms=round(took_s * 1000))

    def phrase_was_late(self) -> None:
        self._log.debug("the words before a pause came too late")

    def phrase_failed(self, error: UpstreamError) -> None:
        self._log.warning("the words before a pause were not heard", error=str(error))

    def phrase_broke(self) -> None:
        """By a defect of ours."""
        self._log.exception("the words before a pause were not heard")

    # Tools.

    def tool_begins(self, tool: str, call_id: str, key: str, arguments: str) -> None:
        self._log.debug("a tool is called", tool=tool, call_id=call_id, key=key, arguments=arguments)

    def tool_called(
        self, tool: str, call_id: str, key: str, result: str, http_status: int | None, took_s: float
    ) -> None:
        """It has answered, failed, or was given up."""
        self._metrics.tool_called(tool, result, took_s)
        self._log.info(
            "tool called",
            tool=tool,
            call_id=call_id,
            key=key,
            result=result,
            http_status=http_status,
            took_ms=round(took_s * 1000),
        )

    def tool_broke(self, tool: str) -> None:
        """By a defect of ours."""
        self._log.exception("a tool broke", tool=tool)

    def tool_output_untold(self, why: str) -> None:
        """The caller has made it impossible meanwhile."""
        self._log.warning("a tool's output is not told", why=why)

    def tools_have_no_end(self, rounds: int) -> None:
        """The model has called tools so often that it has to speak."""
        self._log.warning("the model calls tools without end: it has to speak", rounds=rounds)

    # What it costs.

    def paid(self, label: str, dollars: float | None, session_dollars: float, unpriced: int) -> None:
        """For a response or a transcription.

        :param label: of who was asked.
        :param dollars: ``None``: it has no price.
        :param session_dollars: all that the session has paid, with it.
        :param unpriced: how much of it had no price.
        """
        self.dollars, self.unpriced = session_dollars, unpriced
        if dollars is None:
            self._metrics.unpriced.labels(label).inc()
        else:
            self._metrics.cost_dollars.labels(label).inc(dollars)

    def model_not_asked(self, response_id: str, cap: Scope) -> None:
        """A cap is full."""
        self._metrics.budget_refusals[cap].inc()
        if self._first(f"{cap} is full"):
            self._log.warning("a cap is full: the model is not asked", response_id=response_id, cap=cap)

    def recogniser_not_asked(self, cap: Scope) -> None:
        """A cap is full."""
        if self._first("recognisers"):
            self._log.warning("a cap is full: recognisers are not asked", cap=cap)

    def cap_comes_near(self, standing: Standing, key: str) -> None:
        """Four fifths of it are spent.

        :param key: whose it is, where it is a key's.
        """
        if standing.scope != "session" or self._first("session comes near"):
            tell_cap_comes_near(self._metrics, self._log, standing, key)

    def _first(self, said: str) -> bool:
        """Whether this is said for the first time."""
        known = said in self._said
        self._said.add(said)
        return not known


def tell_cap_comes_near(metrics: Metrics, log: FilteringBoundLogger, standing: Standing, key: str) -> None:
    """Count and log that four fifths of a cap are spent.

    :param key: whose it is, where it is a key's.
    """
    metrics.budget_warnings[standing.scope].inc()
    log.warning(
        "a cap comes near",
        cap=standing.scope,
        spent_dollars=round(standing.spent, 6),
        limit_dollars=standing.limit,
        **({"key": key} if standing.scope == "key_day" else {}),
    )


def kind_of(error: UpstreamError) -> UpstreamErrorKind:
    """The label under which a failure is counted."""
    match error:
        case AudioGone():
            return "audio_gone"
        case UpstreamRateLimited():
            return "rate_limited"
        case UpstreamRefused():
            return "refused"
        case UpstreamTimedOut():
            return "timed_out"
        case UpstreamMalformed():
            return "malformed"
        case _:
            return "unavailable"
