"""Every metric of the server, in a registry of its own.

Names begin with ``bargein_`` and end with their base unit. Families with labels are mappings from the label's value
to the bound child, made once: ``metrics.holds["confirmed"].inc()``. No label ever holds something that a caller chose.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final, Literal, TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from bargein.build import is_compiled
from bargein.core.completion import Usage
from bargein.metrics.callback import CallbackCounter
from bargein.metrics.traffic import Traffic, TrafficCollector
from bargein.standard_error import dropped_lines

Dialect = Literal["ga", "beta", "bargein.v1", "twilio"]
RefusalReason = Literal["key", "origin", "host", "address", "rate", "full", "draining", "request"]
HoldOutcome = Literal["confirmed", "resumed", "expired"]
ResponseStatus = Literal["completed", "cancelled", "incomplete", "failed"]
UpstreamErrorKind = Literal["refused", "audio_gone", "rate_limited", "unavailable", "timed_out", "malformed"]
TranscriptionOutcome = Literal["completed", "failed"]
JudgeLabel = Literal["words", "local", "sound"]
JudgedAs = Literal["interruption", "backchannel", "noise"]
SpeculationOutcome = Literal["used", "dropped", "failed", "left"]
SilentReplyOutcome = Literal["asked_again", "given_up"]
TokenDirection = Literal["input", "output"]
TokenKind = Literal["text", "audio"]
CapScope = Literal["response", "session", "key_day", "day"]

CLOSE_CODES: Final = (
    1000,
    1001,
    1002,
    1003,
    1005,
    1006,
    1007,
    1008,
    1009,
    1011,
    1012,
    1013,
    4401,
    4403,
    4404,
    4408,
    4409,
    4429,
)
"""The close codes that have a label of their own; a caller may choose any other."""

_LATENCY_BUCKETS_S: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
_DECISION_BUCKETS_S: Final = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0)
_SHORT_BUCKETS_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
_SESSION_BUCKETS_S: Final = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)

# A second series for each counter, which nothing reads: the library's switch for it is for the whole process.
disable_created_metrics()  # type: ignore[no-untyped-call]

LabelT = TypeVar("LabelT", bound=str)


def _children(family: Counter, values: tuple[LabelT, ...]) -> dict[LabelT, Counter]:
    return {value: family.labels(value) for value in values}


class Metrics:
    """The metrics of one server process. Use them on the event loop's thread.

    :param version: of this package, for ``bargein_build_info``.
    """

    def __init__(self, version: str = "unknown") -> None:
        self.registry: Final = CollectorRegistry(auto_describe=True)
        self.traffic: Final = Traffic()
        """Messages, bytes and seconds of audio: plain fields to add to."""
        self.registry.register(TrafficCollector(self.traffic))
        ProcessCollector(registry=self.registry)
        Info("bargein_build", "The version that is running.", registry=self.registry).info(
            {
                "version": version,
                "python": platform.python_version(),
                "compiled": "yes" if is_compiled() else "no",
            }
        )
        self._make_session_metrics()
        self._make_turn_metrics()
        self._make_upstream_metrics()
        self._make_server_metrics()

    def _make_session_metrics(self) -> None:
        self.sessions_open = self._gauge("bargein_sessions_open", "Sessions open now.")
        self.sessions: Mapping[Dialect, Counter] = _children(
            self._counter("bargein_sessions", "Sessions opened, by the dialect that the caller speaks.", "dialect"),
            get_args(Dialect),
        )
        self.sessions_refused: Mapping[RefusalReason, Counter] = _children(
            self._counter("bargein_sessions_refused", "Sessions refused before the upgrade, by reason.", "reason"),
            get_args(RefusalReason),
        )
        self._closed = self._counter("bargein_sessions_closed", "Sessions ended, by WebSocket close code.", "code")
        self._closed_by_code = {code: self._closed.labels(str(code)) for code in CLOSE_CODES}
        self._closed_other = self._closed.labels("other")
        self.session_duration_s = self._histogram(
            "bargein_session_duration_seconds", "How long sessions lasted.", _SESSION_BUCKETS_S
        )
        self.slow_callers = self._counter(
            "bargein_slow_callers_closed", "Callers closed with 4408 because they did not read what was sent."
        )
        self._caller_errors = self._counter(
            "bargein_caller_errors", "Messages of callers that were refused, by the error's code.", "code"
        )

    def _make_turn_metrics(self) -> None:
        self.turns = self._counter("bargein_turns", "Turns of callers that were committed.")
        self.turns_healed = self._counter(
            "bargein_turns_healed", "Turns that were ended too early, went on, and were answered as one."
        )
        self.speculations: Mapping[SpeculationOutcome, Counter] = _children(
            self._counter(
                "bargein_speculations", "Requests made before a turn was over, by what came of them.", "outcome"
            ),
            get_args(SpeculationOutcome),
        )
        self._make_interruption_metrics()
        self._make_response_metrics()
        self._make_tool_metrics()
        self._make_money_metrics()

    def _make_interruption_metrics(self) -> None:
        self.barge_ins = self._counter("bargein_barge_ins", "Confirmed interruptions of a response.")
        self.holds: Mapping[HoldOutcome, Counter] = _children(
            self._counter("bargein_holds", "Holds of play-out, by how they ended.", "outcome"), get_args(HoldOutcome)
        )
        self.false_interruptions = self._counter(
            "bargein_false_interruptions", "Interruptions in which nothing was said: the reply went on."
        )
        judgements = Counter(
            "bargein_judgements",
            "Short utterances over a reply, by who judged them and as what.",
            ["judge", "verdict"],
            registry=self.registry,
        )
        self.judgements: Mapping[tuple[JudgeLabel, JudgedAs], Counter] = {
            (judge, verdict): judgements.labels(judge, verdict)
            for judge in get_args(JudgeLabel)
            for verdict in get_args(JudgedAs)
        }
        self.judgement_s = self._histogram(
            "bargein_judgement_seconds",
            "From the end of a short utterance over a reply to the verdict.",
            _DECISION_BUCKETS_S,
        )
        self.hold_delay_s = self._histogram(
            "bargein_hold_delay_seconds",
            "From the arrival of the onset of the caller's speech to the hold.",
            _DECISION_BUCKETS_S,
        )
        self.confirm_delay_s = self._histogram(
            "bargein_confirm_delay_seconds",
            "From the arrival of the onset of the caller's speech to the barge-in.",
            _DECISION_BUCKETS_S,
        )

    def _make_response_metrics(self) -> None:
        self.responses: Mapping[ResponseStatus, Counter] = _children(
            self._counter("bargein_responses", "Responses ended, by status.", "status"), get_args(ResponseStatus)
        )
        self.response_latency_s = self._histogram(
            "bargein_response_latency_seconds",
            "From the end of the caller's speech to the first audio sent.",
            _LATENCY_BUCKETS_S,
        )
        self.silent_replies: Mapping[SilentReplyOutcome, Counter] = _children(
            self._counter(
                "bargein_silent_replies",
                "Answers in text alone where speech was asked for, by what followed.",
                "outcome",
            ),
            get_args(SilentReplyOutcome),
        )
        tokens = Counter(
            "bargein_tokens",
            "Tokens of responses, by direction and kind.",
            ["direction", "kind"],
            registry=self.registry,
        )
        self.tokens: Mapping[tuple[TokenDirection, TokenKind], Counter] = {
            (direction, kind): tokens.labels(direction, kind)
            for direction in get_args(TokenDirection)
            for kind in get_args(TokenKind)
        }
        self.completions: Mapping[ResponseStatus, Counter] = _children(
            self._counter("bargein_completions", "Turns over HTTP (push to talk) ended, by status.", "status"),
            get_args(ResponseStatus),
        )
        self.cached_tokens = self._counter("bargein_cached_tokens", "Input tokens that the model had cached.")

    def _make_tool_metrics(self) -> None:
        self._tool_calls = Counter(
            "bargein_tool_calls",
            "Calls of the agents' own tools, by tool and by what came of them.",
            ["tool", "result"],
            registry=self.registry,
        )
        self._tool_call_s = Histogram(
            "bargein_tool_call_seconds",
            "How long the agents' own tools took.",
            ["tool"],
            registry=self.registry,
            buckets=_LATENCY_BUCKETS_S,
        )

    def _make_money_metrics(self) -> None:
        self.cost_dollars = self._counter(
            "bargein_cost_dollars",
            "US dollars that responses and transcriptions have cost, as far as prices are known, by model.",
            "model",
        )
        self.unpriced = self._counter(
            "bargein_unpriced",
            "Responses and transcriptions whose price is not known, by model.",
            "model",
        )
        self.budget_warnings: Mapping[CapScope, Counter] = _children(
            self._counter(
                "bargein_budget_warnings", "Caps of which four fifths were spent, by what they bound.", "cap"
            ),
            get_args(CapScope),
        )
        self.budget_refusals: Mapping[CapScope, Counter] = _children(
            self._counter("bargein_budget_refusals", "Turns refused because a cap was full, by what it bounds.", "cap"),
            get_args(CapScope),
        )

    def _make_upstream_metrics(self) -> None:
        self.upstream_streams_open = self._gauge("bargein_upstream_streams_open", "Streams of the model open now.")
        self.upstream_streams = self._counter("bargein_upstream_streams", "Streams asked of the model.")
        self.upstream_errors: Mapping[UpstreamErrorKind, Counter] = _children(
            self._counter("bargein_upstream_errors", "Failures of the model, by kind.", "kind"),
            get_args(UpstreamErrorKind),
        )
        self.upstream_first_piece_s = self._histogram(
            "bargein_upstream_first_piece_seconds", "From the request to the model's first piece.", _LATENCY_BUCKETS_S
        )
        self.first_delta_delay_s = self._histogram(
            "bargein_first_delta_delay_seconds",
            "From the model's first audio byte to the first audio byte on its way to the caller.",
            _SHORT_BUCKETS_S,
        )
        self.cancel_s = self._histogram(
            "bargein_cancel_seconds",
            "From the decision to cancel to the closed connection to the model.",
            _SHORT_BUCKETS_S,
        )
        self.transcriptions: Mapping[TranscriptionOutcome, Counter] = _children(
            self._counter("bargein_transcriptions", "Transcriptions of callers' speech, by outcome.", "outcome"),
            get_args(TranscriptionOutcome),
        )

    def _make_server_metrics(self) -> None:
        self.model_ready = self._gauge(
            "bargein_model_ready", "1 while the model can be asked, as far as turns and light questions have found."
        )
        self.draining = self._gauge(
            "bargein_draining", "1 while the server takes no new sessions and lets the open ones end."
        )
        self.event_loop_lag_s = self._histogram(
            "bargein_event_loop_lag_seconds", "How late the event loop ran what was due.", _SHORT_BUCKETS_S
        )
        self.http_body_bytes = self._gauge("bargein_http_body_bytes", "Bytes of request bodies that are held now.")
        self.registry.register(
            CallbackCounter(
                "bargein_log_lines_dropped",
                "Lines of the log that were dropped, because nobody read it.",
                dropped_lines,
            )
        )
        self._http_requests = Counter(
            "bargein_http_requests",
            "HTTP requests answered, by route and status.",
            ["route", "status"],
            registry=self.registry,
        )

    def session_ended(self, code: int, duration_s: float) -> None:
        """Count one session's end; :attr:`sessions_open` is the caller's to keep."""
        self._closed_by_code.get(code, self._closed_other).inc()
        self.session_duration_s.observe(duration_s)

    def caller_error(self, code: str | None) -> None:
        """Count one message that was refused. ``code`` is one of the server's own, never the caller's text."""
        self._caller_errors.labels(code or "none").inc()

    def judged(self, judge: str, verdict: JudgedAs, took_s: float) -> None:
        """Count one utterance that was judged, by one of :data:`JudgeLabel`."""
        for label in get_args(JudgeLabel):
            if label == judge:
                self.judgements[label, verdict].inc()
        self.judgement_s.observe(took_s)

    def tool_called(self, tool: str, result: str, took_s: float) -> None:
        """Count one call of an agent's own tool: its name is the operator's, never a caller's."""
        self._tool_calls.labels(tool, result).inc()
        self._tool_call_s.labels(tool).observe(took_s)

    def count_tokens(self, usage: Usage) -> None:
        """Count what one reply has used."""
        self.tokens["input", "text"].inc(usage.input_text_tokens)
        self.tokens["input", "audio"].inc(usage.input_audio_tokens)
        self.tokens["output", "text"].inc(usage.output_text_tokens)
        self.tokens["output", "audio"].inc(usage.output_audio_tokens)
        self.cached_tokens.inc(usage.cached_tokens)

    def http_request(self, route: str, status: int) -> None:
        """Count one HTTP answer. ``route`` is the route's pattern, never the path that was asked for."""
        self._http_requests.labels(route, str(status)).inc()

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(name, documentation, registry=self.registry)

    def _histogram(self, name: str, documentation: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, documentation, registry=self.registry, buckets=buckets)
