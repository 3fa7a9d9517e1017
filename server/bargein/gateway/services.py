"""From the operator's settings to what the sessions are made with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final

import structlog

from bargein.agents import Agents, ToolClient, load_agents
from bargein.core.config import CorePolicy
from bargein.core.sound_judge import LONG_MS
from bargein.errors import CallerError, SettingsError
from bargein.gateway.accounts import make_books
from bargein.gateway.admission import Admitted
from bargein.gateway.caller_session import CallerSession, OpenSession
from bargein.gateway.judges import history_writer, make_judges, make_phrase_hearer, recogniser_for_judging
from bargein.metrics import Metrics
from bargein.money.books import Books
from bargein.protocols.realtime import RealtimeProtocol, Spoken
from bargein.protocols.twilio import TwilioProtocol
from bargein.recording import Recorder
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.cancelling import EchoCancelling, MakeCancelling
from bargein.session.connection import CallerConnection
from bargein.session.field_notices import FieldNotices
from bargein.session.making import Collaborators, collaborators
from bargein.session.names import Names
from bargein.session.session import Session
from bargein.session.setup import Services, SessionLimits
from bargein.session.timers import Timers
from bargein.settings import Settings, read_variable
from bargein.sound.polishing import Aec3Polisher
from bargein.sound.polishing import is_installed as aec3_is_installed
from bargein.upstream import Flavour, Transcriber, Upstream, UpstreamConfig
from bargein.upstream.config import flavour_of
from bargein.upstream.dialects import dialect_of
from bargein.upstream.model_ends import configured_ends
from bargein.upstream.voices import Voices
from bargein.vad.choice import ears
from bargein.wire.audio_models import REALTIME_VOICES

WEIGHED_CONFIRM_MS: Final = round(LONG_MS)
"""Speech that confirms where a second detector weighs it, and its sound alone tells."""
JUDGED_CONFIRM_MS: Final = 550
"""The same where words are heard: most backchannels have ended by then, and are judged by them."""
_ANYWHERE: Final = "http://127.0.0.1/v1"
"""For what does not depend on where the demo model is."""
_log: Final = structlog.get_logger("bargein.session")


def upstream_config(settings: Settings, demo_url: str | None = None) -> UpstreamConfig:
    """How the model is asked.

    :param demo_url: where the demo model is; then it answers, and no key is sent.
    :raises SettingsError: naming what is wrong.
    """
    if demo_url is not None:
        return UpstreamConfig(
            base_url=demo_url,
            model=settings.model,
            flavour="openai",
            voice=settings.voice,
            voices=settings.voices,
            connect_timeout_s=settings.upstream_connect_timeout_s,
            first_byte_timeout_s=settings.upstream_first_byte_timeout_s,
            chunk_timeout_s=settings.upstream_chunk_timeout_s,
        )
    base_url = settings.effective_upstream_url
    if base_url is None:
        raise SettingsError("BARGEIN_UPSTREAM_URL is not set, and there is no demo model to ask")
    key, transcription_key = settings.model_key, settings.transcription_key
    return UpstreamConfig(
        base_url=base_url,
        model=settings.model,
        api_key=key.get_secret_value() if key is not None else None,
        flavour=settings.upstream_flavour,
        voice=settings.voice,
        voices=settings.voices,
        azure_deployment=settings.azure_deployment,
        azure_api_version=settings.azure_api_version,
        connect_timeout_s=settings.upstream_connect_timeout_s,
        first_byte_timeout_s=settings.upstream_first_byte_timeout_s,
        chunk_timeout_s=settings.upstream_chunk_timeout_s,
        transcription_base_url=settings.transcription_url,
        transcription_api_key=transcription_key.get_secret_value() if transcription_key is not None else None,
        transcription_model=settings.transcription_model,
    )


def warn_of_ends(settings: Settings, today: date) -> None:
    """Say in the log which of the configured models end soon, or have ended, and what to take instead."""
    if settings.effective_upstream_url is None:
        return
    others = [("BARGEIN_MODELS", model) for model in settings.models]
    others += [("BARGEIN_TEXT_MODEL", settings.text_model)] if settings.text_model else []
    others += [("BARGEIN_BESIDE_MODEL", settings.beside_model)] if settings.beside_model else []
    for setting, end in configured_ends(upstream_config(settings), today, others):
        _log.warning("a model ends", setting=setting, model=end.name, why=end.worded(today), instead=end.instead)


def make_services(
    settings: Settings,
    metrics: Metrics,
    timers: Timers,
    upstream: Upstream,
    transcriber: Transcriber | None,
    local_recogniser: Transcriber | None = None,
    books: Books | None = None,
    agents: Agents | None = None,
) -> Services:
    """What all sessions of this process share.

    :param local_recogniser: hears the words of short utterances on this machine.
    :param books: what was spent, where several processes share it.
    :param agents: the operator's, where they were read already.
    """
    heard_with = ears(settings.vad)
    agents = make_agents(settings) if agents is None else agents
    judges = make_judges(settings, model_server(settings), transcriber, local_recogniser, timers.clock.now)
    known = local_recogniser is not None or recogniser_for_judging(settings, model_server(settings)) is not None
    hearer = make_phrase_hearer(settings, model_server(settings), transcriber)
    hears = hearer is not None
    policy = core_policy(settings, judges_words=bool(judges), knows_recogniser=known, hears_phrases=hears)
    writer = None
    if policy.history_sound_turns:
        writer, recogniser = history_writer(settings, model_server(settings), transcriber, local_recogniser)
        policy = replace(policy, history_transcription=recogniser)
        if writer is None and settings.effective_upstream_url is not None:
            _log.info(
                "turns of callers who ask for no transcripts stay in the history as sound: no recogniser is known",
                setting="BARGEIN_TRANSCRIPTION_MODEL",
            )
    return Services(
        upstream=upstream,
        transcriber=transcriber,
        make_detector=heard_with.make_detector,
        make_weigher=heard_with.make_weigher,
        make_cancelling=cancelling(settings),
        metrics=metrics,
        books=books or make_books(settings),
        timers=timers,
        log=_log,
        default_voice=shown_voice(settings.voice),
        images=takes_images(settings),
        agents=agents,
        tools=ToolClient(tool.url for agent in agents for tool in agent.tools) if agents.have_tools else None,
        notices=FieldNotices(model_server(settings)),
        recorder=make_recorder(settings, agents),
        limits=session_limits(settings),
        policy=policy,
        history_transcriber=writer,
        judges=judges,
        phrase_hearer=hearer,
    )


def make_agents(settings: Settings) -> Agents:
    """The operator's agents.

    :raises SettingsError: a file is wrong.
    """
    return load_agents(settings.agents, read_variable)


def make_recorder(settings: Settings, agents: Agents) -> Recorder | None:
    """Writes calls down, where a setting asks for it.

    :raises SettingsError: not into that directory.
    """
    if settings.record_dir is None:
        return None
    recorder = Recorder(
        settings.record_dir,
        settings.record_call_bytes,
        settings.record_dir_bytes,
        (*settings.secret_values, *agents.secret_values),
        _log,
    )
    _log.warning("every call is recorded, with all that is said in it", directory=str(settings.record_dir))
    return recorder


def cancelling(settings: Settings) -> MakeCancelling | None:
    """What takes an echo out of callers' sound: our own filter, and behind it WebRTC's where it is installed."""
    match settings.echo_cancellation:
        case "off":
            return None
        case "filter":
            return functools.partial(EchoCancelling, make_polisher=None)
        case "auto":
            return functools.partial(EchoCancelling, make_polisher=Aec3Polisher if aec3_is_installed() else None)


def shown_voice(voice: str | None) -> str:
    """The voice that sessions show where callers have chosen none: one that the protocol knows."""
    return voice if voice in REALTIME_VOICES else "alloy"


def offered_voices(settings: Settings) -> tuple[str, ...]:
    """The voices of the model among which callers can choose; the demo model is asked as OpenAI's is."""
    demo_url = _ANYWHERE if settings.effective_upstream_url is None else None
    return Voices(upstream_config(settings, demo_url)).offered


def takes_images(settings: Settings) -> bool:
    """Whether the model sees, by the operator's word or by what is known of its server."""
    return dialect_of(model_server(settings)).sees_images if settings.images is None else settings.images


def model_server(settings: Settings) -> Flavour:
    """Which server the model's is; the demo model speaks as OpenAI's does."""
    url = settings.effective_upstream_url
    if url is None:
        return "openai"
    return settings.upstream_flavour or flavour_of(url)


def session_limits(settings: Settings) -> SessionLimits:
    return SessionLimits(
        max_session_s=settings.session_limit_s,
        idle_s=settings.idle_limit_s,
        slow_caller_s=settings.slow_caller_s,
        backlog_limit_bytes=settings.slow_caller_bytes,
        control_messages_per_s=settings.control_messages_per_s,
        control_burst=max(1, round(2 * settings.control_messages_per_s)),
    )


def core_policy(
    settings: Settings, *, judges_words: bool = False, knows_recogniser: bool = True, hears_phrases: bool = False
) -> CorePolicy:
    """
    :param judges_words: somebody can be asked for the words of short utterances.
    :param knows_recogniser: also of callers who name none.
    :param hears_phrases: somebody can be asked for the words before a pause.
    :raises SettingsError: there is no detector of that name.
    """
    weighs = ears(settings.vad).make_weigher is not None
    usual_ms = WEIGHED_CONFIRM_MS if weighs else CorePolicy().confirm_after_ms
    judged_ms = JUDGED_CONFIRM_MS if weighs and judges_words and settings.confirm_after_ms is None else None
    return CorePolicy(
        weighs=weighs,
        judges_words=judges_words,
        confirm_judged_ms=judged_ms,
        knows_recogniser=knows_recogniser,
        hears_phrases=hears_phrases,
        hold_after_ms=settings.hold_after_ms,
        confirm_after_ms=max(settings.confirm_after_ms or usual_ms, settings.hold_after_ms),
        hold_limit_ms=settings.hold_limit_ms,
        duck_db=settings.duck_db or None,
        lead_ms=settings.lead_ms or None,
        least_lead_ms=settings.least_lead_ms,
        transcripts=settings.transcripts,
        backlog_limit_ms=settings.backlog_limit_ms,
        turn_limit_ms=settings.turn_limit_ms,
        input_limit_ms=settings.input_limit_ms,
        speculation_share=settings.speculation_share,
        gate_margin_db=settings.gate_margin_db,
        gate_margin_speaking_db=settings.gate_margin_speaking_db,
        max_request_bytes=settings.max_request_bytes,
        max_context_tokens=settings.max_context_tokens,
        history_audio_limit_bytes=settings.history_audio_limit_bytes,
        refers_to_audio=dialect_of(model_server(settings)).keeps_audio,
        overflow=settings.overflow,
        history_sound_turns=settings.history_sound_turns,
        text_model=settings.text_model,
        beside_model=settings.beside_model,
        judge_limit_ms=settings.judge_limit_ms,
        short_utterance=settings.short_utterance,
        false_interruption=settings.false_interruption,
        tells_backchannels=settings.tell_backchannels,
    )


def session_opener(services: Services, make_session: Callable[[Collaborators], CallerSession] = Session) -> OpenSession:
    """Makes a session of every admitted caller.

    :param make_session: of what a session works with.
    """

    def open_session(admitted: Admitted, connection: CallerConnection) -> CallerSession:
        names = Names()
        protocol: CallerProtocol
        if admitted.twilio:
            protocol = TwilioProtocol(connection, admitted.model, services, names)
            return make_session(collaborators(services, names, protocol, key=admitted.payer))
        try:
            agent = services.agents.choose(admitted.agent)
        except LookupError as error:
            raise CallerError(error.args[0], code="unknown_agent", param="agent") from None
        spoken = Spoken(
            agent=agent,
            model=admitted.model,
            beta=admitted.beta,
            bargein=admitted.bargein,
            decisions=admitted.decisions,
            initial_session=admitted.initial_session,
        )
        protocol = RealtimeProtocol(connection, spoken, services, names)
        return make_session(collaborators(services, names, protocol, key=admitted.payer))

    return open_session
