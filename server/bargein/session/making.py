"""What a session is made of, and how it is put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from structlog.typing import FilteringBoundLogger

from bargein.alignment.aligner import Aligner
from bargein.core.config import CorePolicy
from bargein.core.conversation import Conversation
from bargein.loop.clock import unix_s
from bargein.recording import CallRecording
from bargein.session.audio_input import AudioInput
from bargein.session.backlog import BacklogWatch
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.driver import Driver
from bargein.session.judgements import JudgementTasks
from bargein.session.lifetime import Lifetime
from bargein.session.limits import CallerLimits
from bargein.session.measures import NumpyMeasures
from bargein.session.mistakes import Mistakes
from bargein.session.names import Names
from bargein.session.observer import Observer
from bargein.session.performer import Performer
from bargein.session.purse import Purse
from bargein.session.recognisers import Recognisers
from bargein.session.setup import Services, SessionLimits
from bargein.session.streams import Streams
from bargein.session.tool_runs import ToolRuns
from bargein.session.transcriptions import TranscriptionTasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """What a session works with."""

    id: str
    protocol: CallerProtocol
    driver: Driver
    audio_input: AudioInput
    streams: Streams
    transcriptions: TranscriptionTasks
    judgements: JudgementTasks
    tools: ToolRuns
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
    services: Services,
    names: Names,
    protocol: CallerProtocol,
    unix_now: Callable[[], float] = unix_s,
    *,
    key: str = "",
) -> Collaborators:
    """Everything that one caller's session needs.

    :param key: who pays: a fingerprint of the caller's key, if it has one.
    :param unix_now: the time of day, in seconds.
    """
    timers, limits = services.timers, services.limits
    now = timers.clock.now
    log = services.log.bind(session_id=names.session_id)
    unix_offset_s = unix_now() - now()
    policy = services.policy if protocol.ducks else replace(services.policy, duck_db=None)
    conversation = _conversation(protocol, policy, names, unix_offset_s)
    caller_limits = CallerLimits(limits, timers)
    observer = Observer(services.metrics, log)
    streams = Streams(services.upstream, observer.work)
    purse = Purse(services.books, key, observer.work)
    recognisers = Recognisers(purse)
    judgements = _judgements(services, recognisers, conversation, observer)
    transcriptions = _transcriptions(services, recognisers, judgements, observer)
    tools = ToolRuns(
        services.tools,
        lambda: protocol.agent,
        names,
        lambda: conversation.config,
        observer.work,
        now,
        callers_answer=protocol.answers_calls,
    )
    performer = Performer(protocol, streams, transcriptions, judgements, tools, observer, purse)
    recording = _recording(services, protocol, policy, names, unix_offset_s)
    conversation.explain(protocol.wants_decisions or observer.writes_decisions)
    return Collaborators(
        id=names.session_id,
        protocol=protocol,
        driver=Driver(conversation, performer, observer, timers, log, recording),
        audio_input=_audio_input(services, conversation, caller_limits),
        streams=streams,
        transcriptions=transcriptions,
        judgements=judgements,
        tools=tools,
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


def _conversation(protocol: CallerProtocol, policy: CorePolicy, names: Names, unix_offset_s: float) -> Conversation:
    measures = NumpyMeasures()
    return Conversation(
        protocol.config,
        policy,
        names.new_id,
        measures,
        Aligner(measures),
        reports=protocol.reports,
        unix_offset_s=unix_offset_s,
    )


def _judgements(
    services: Services, recognisers: Recognisers, conversation: Conversation, observer: Observer
) -> JudgementTasks:
    hearer = services.phrase_hearer
    return JudgementTasks(
        [judge.asking(recognisers.of) for judge in services.judges],
        services.policy.short_utterance,
        lambda: conversation.config,
        services.timers.clock.now,
        observer.work,
        None if hearer is None else replace(hearer, transcriber=recognisers.of(hearer.transcriber)),
    )


def _transcriptions(
    services: Services, recognisers: Recognisers, judgements: JudgementTasks, observer: Observer
) -> TranscriptionTasks:
    transcriber, writer = services.transcriber, services.history_transcriber
    return TranscriptionTasks(
        None if transcriber is None else recognisers.of(transcriber),
        observer.work,
        judgements.transcript_of,
        None if writer is None else recognisers.of(writer),
    )


def _audio_input(services: Services, conversation: Conversation, caller_limits: CallerLimits) -> AudioInput:
    return AudioInput(
        conversation,
        services.make_detector,
        caller_limits,
        services.metrics.traffic,
        services.timers.clock.now,
        services.make_cancelling,
        make_weigher=services.make_weigher,
    )


def _recording(
    services: Services, protocol: CallerProtocol, policy: CorePolicy, names: Names, unix_offset_s: float
) -> CallRecording | None:
    if services.recorder is None:
        return None
    return services.recorder.begin(
        names.session_id,
        protocol.config,
        policy,
        reports=protocol.reports,
        unix_offset_s=unix_offset_s,
        now=services.timers.clock.now(),
    )
