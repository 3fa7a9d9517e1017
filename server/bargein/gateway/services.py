"""From the operator's settings to what the sessions are made with."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import date
from typing import Final

import structlog

from bargein.core.config import CorePolicy
from bargein.errors import SettingsError
from bargein.gateway.admission import Admitted
from bargein.gateway.caller_session import CallerSession, OpenSession
from bargein.gateway.judges import make_judges
from bargein.metrics import Metrics
from bargein.protocols.realtime import RealtimeProtocol, Spoken
from bargein.protocols.twilio import TwilioProtocol
from bargein.recording import Recorder
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.cancelling import EchoCancelling, MakeCancelling
from bargein.session.connection import CallerConnection
from bargein.session.field_notices import FieldNotices
from bargein.session.making import collaborators
from bargein.session.names import Names
from bargein.session.session import Session
from bargein.session.setup import Services, SessionLimits
from bargein.session.timers import Timers
from bargein.settings import Settings
from bargein.sound.polishing import Aec3Polisher
from bargein.sound.polishing import is_installed as aec3_is_installed
from bargein.upstream import Flavour, Transcriber, Upstream, UpstreamConfig
from bargein.upstream.config import flavour_of
from bargein.upstream.dialects import dialect_of
from bargein.upstream.model_ends import configured_ends
from bargein.vad.choice import ears
from bargein.wire.audio_models import REALTIME_VOICES

WEIGHED_CONFIRM_MS: Final = 400
"""Speech that confirms where a second detector weighs it: what is shorter is judged."""
_log: Final = structlog.get_logger("bargein.session")


def upstream_config(settings: Settings, demo_url: str | None = None) -> UpstreamConfig:
    """How the model is asked.

    :param demo_url: where the demo model is; then it answers, and no key is sent.
    :raises SettingsError: naming what is wrong.
    """
    if demo_url is not None:
        return UpstreamConfig(
            base_url=demo_url, model=settings.model, flavour="openai", voice=settings.voice, voices=settings.voices
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
    for setting, end in configured_ends(upstream_config(settings), today):
        _log.warning("a model ends", setting=setting, model=end.name, why=end.worded(today), instead=end.instead)


def make_services(
    settings: Settings,
    metrics: Metrics,
    timers: Timers,
    upstream: Upstream,
    transcriber: Transcriber | None,
    local_recogniser: Transcriber | None = None,
) -> Services:
    """What all sessions of this process share.

    :param local_recogniser: hears the words of short utterances on this machine.
    """
    heard_with = ears(settings.vad)
    judges = make_judges(settings, model_server(settings), transcriber, local_recogniser, timers.clock.now)
    return Services(
        upstream=upstream,
        transcriber=transcriber,
        make_detector=heard_with.make_detector,
        make_weigher=heard_with.make_weigher,
        make_cancelling=cancelling(settings),
        metrics=metrics,
        timers=timers,
        log=_log,
        default_voice=shown_voice(settings.voice),
        images=takes_images(settings),
        notices=FieldNotices(model_server(settings)),
        recorder=make_recorder(settings),
        limits=session_limits(settings),
        policy=replace(core_policy(settings), judges_words=bool(judges)),
        judges=judges,
    )


def make_recorder(settings: Settings) -> Recorder | None:
    """Writes calls down, where a setting asks for it.

    :raises SettingsError: not into that directory.
    """
    if settings.record_dir is None:
        return None
    recorder = Recorder(
        settings.record_dir, settings.record_call_bytes, settings.record_dir_bytes, settings.secret_values, _log
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


def core_policy(settings: Settings) -> CorePolicy:
    """:raises SettingsError: there is no detector of that name."""
    weighs = ears(settings.vad).make_weigher is not None
    usual_ms = WEIGHED_CONFIRM_MS if weighs else CorePolicy().confirm_after_ms
    return CorePolicy(
        weighs=weighs,
        hold_after_ms=settings.hold_after_ms,
        confirm_after_ms=max(settings.confirm_after_ms or usual_ms, settings.hold_after_ms),
        hold_limit_ms=settings.hold_limit_ms,
        lead_ms=settings.lead_ms or None,
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
        judge_limit_ms=settings.judge_limit_ms,
        short_utterance=settings.short_utterance,
        false_interruption=settings.false_interruption,
        tells_backchannels=settings.tell_backchannels,
    )


def session_opener(services: Services) -> OpenSession:
    """Makes a :class:`~bargein.session.session.Session` of every admitted caller."""

    def open_session(admitted: Admitted, connection: CallerConnection) -> CallerSession:
        names = Names()
        protocol: CallerProtocol
        if admitted.twilio:
            protocol = TwilioProtocol(connection, admitted.model, services, names)
            return Session(collaborators(services, names, protocol))
        spoken = Spoken(
            model=admitted.model,
            beta=admitted.beta,
            bargein=admitted.bargein,
            decisions=admitted.decisions,
            initial_session=admitted.initial_session,
        )
        protocol = RealtimeProtocol(connection, spoken, services, names)
        return Session(collaborators(services, names, protocol))

    return open_session
