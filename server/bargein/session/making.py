"""What a session is made of, and how it is put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from bargein.alignment.aligner import Aligner
from bargein.core.conversation import Conversation
from bargein.loop.clock import unix_s
from bargein.session.backlog import BacklogWatch
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.driver import Driver
from bargein.session.hearing import Hearing
from bargein.session.judgements import JudgementTasks
from bargein.session.lifetime import Lifetime
from bargein.session.limits import CallerLimits
from bargein.session.measures import NumpyMeasures
from bargein.session.mistakes import Mistakes
from bargein.session.names import Names
from bargein.session.observer import Observer
from bargein.session.performer import Performer
from bargein.session.setup import Services, SessionLimits
from bargein.session.streams import Streams
from bargein.session.transcriptions import TranscriptionTasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """What a session works with."""

    id: str
    protocol: CallerProtocol
    driver: Driver
    hearing: Hearing
    streams: Streams
    transcriptions: TranscriptionTasks
    judgements: JudgementTasks
    performer: Performer
    observer: Observer
    caller_limits: CallerLimits
    mistakes: Mistakes
    lifetime: Lifetime
    watch: BacklogWatch
    limits: SessionLimits
    now: Callable[[], float]
    log: FilteringBoundLogger


def collaborators(
    services: Services, names: Names, protocol: CallerProtocol, unix_now: Callable[[], float] = unix_s
) -> Collaborators:
    """Everything that one caller's session needs.

    :param unix_now: the time of day, in seconds.
    """
    timers, limits, metrics = services.timers, services.limits, services.metrics
    now = timers.clock.now
    log = services.log.bind(session_id=names.session_id)
    measures = NumpyMeasures()
    unix_offset_s = unix_now() - now()
    conversation = Conversation(
        protocol.config,
        services.policy,
        names.new_id,
        measures,
        Aligner(measures),
        reports=protocol.reports,
        unix_offset_s=unix_offset_s,
    )
    caller_limits = CallerLimits(limits, timers)
    streams = Streams(services.upstream, metrics, log)
    judgements = JudgementTasks(services.judges, services.policy.short_utterance, lambda: conversation.config, now, log)
    transcriptions = TranscriptionTasks(services.transcriber, log, judgements.transcript_of)
    observer = Observer(metrics, log)
    performer = Performer(protocol, streams, transcriptions, judgements, observer)
    recording = None
    if services.recorder is not None:
        recording = services.recorder.begin(
            names.session_id,
            protocol.config,
            services.policy,
            reports=protocol.reports,
            unix_offset_s=unix_offset_s,
            now=now(),
        )
    conversation.explain(protocol.wants_decisions or observer.writes_decisions)
    return Collaborators(
        id=names.session_id,
        protocol=protocol,
        driver=Driver(conversation, performer, observer, timers, log, recording),
        hearing=Hearing(
            conversation,
            services.make_detector,
            caller_limits,
            metrics.traffic,
            now,
            services.make_cancelling,
            make_weigher=services.make_weigher,
        ),
        streams=streams,
        transcriptions=transcriptions,
        judgements=judgements,
        performer=performer,
        observer=observer,
        caller_limits=caller_limits,
        mistakes=Mistakes(limits),
        lifetime=Lifetime(timers, limits),
        watch=BacklogWatch(protocol.connection, limits, timers),
        limits=limits,
        now=now,
        log=log,
    )
