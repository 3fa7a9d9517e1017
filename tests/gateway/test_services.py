"""Settings reach what they are about: every one that shares its name, and those that do not."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from bargein.core.config import CorePolicy
from bargein.errors import SettingsError
from bargein.gateway.judges import make_phrase_hearer
from bargein.gateway.services import core_policy, model_server, session_limits, upstream_config
from bargein.settings import Settings, load_settings
from bargein.upstream import Transcriptions, UpstreamConfig


@pytest.fixture(autouse=True)
def empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_every_setting_of_the_core_reaches_it() -> None:
    changed: dict[str, Any] = {}
    others = {
        "overflow": "drop",
        "transcripts": "early",
        "short_utterance": "ignore",
        "false_interruption": "answer",
        "confirm_after_ms": 320,
        "text_model": "reads",
        "beside_model": "stands-by",
    }
    for field in fields(CorePolicy):
        if field.name in Settings.model_fields:
            default = Settings.model_fields[field.name].default
            changed[field.name] = others[field.name] if field.name in others else default + 1
    assert len(changed) >= 12
    policy = core_policy(load_settings(**changed))
    assert {name: getattr(policy, name) for name in changed} == changed


def test_the_defaults_are_the_cores_own() -> None:
    """But for the second detector, which comes with more speech that confirms."""
    assert core_policy(load_settings(vad="webrtcvad")) == CorePolicy(duck_db=18, least_lead_ms=280)
    assert core_policy(load_settings()) == CorePolicy(weighs=True, confirm_after_ms=320, duck_db=18, least_lead_ms=280)
    judged = core_policy(load_settings(), judges_words=True)
    assert judged == replace(core_policy(load_settings()), judges_words=True, confirm_judged_ms=550)


def test_no_lead_means_no_pacing() -> None:
    assert core_policy(load_settings(lead_ms=0)).lead_ms is None


def test_limits() -> None:
    limits = session_limits(
        load_settings(
            session_limit_s=1, idle_limit_s=2, slow_caller_s=3, slow_caller_bytes=70_000, control_messages_per_s=7
        )
    )
    assert (limits.max_session_s, limits.idle_s, limits.slow_caller_s) == (1, 2, 3)
    assert (limits.backlog_limit_bytes, limits.control_messages_per_s, limits.control_burst) == (70_000, 7, 14)


def test_the_models_key_goes_to_the_model_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-model")
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    assert upstream_config(load_settings()).api_key == "sk-model"
    assert upstream_config(load_settings(), "http://127.0.0.1:1/v1").api_key is None
    elsewhere = load_settings(transcription_url="http://elsewhere/v1")
    assert upstream_config(elsewhere).transcription_api_key is None
    keyed = load_settings(transcription_url="http://elsewhere/v1", transcription_api_key_env="OTHER_KEY")
    assert upstream_config(keyed).transcription_api_key == "sk-other"


def test_the_demo_model_is_given_the_time_that_is_set() -> None:
    settings = load_settings(upstream_url="demo", upstream_first_byte_timeout_s=60.0, upstream_chunk_timeout_s=30.0)
    config = upstream_config(settings, "http://127.0.0.1:9/v1")
    assert (config.first_byte_timeout_s, config.chunk_timeout_s) == (60.0, 30.0)


def test_without_a_model_there_is_nothing_to_ask() -> None:
    with pytest.raises(SettingsError, match="BARGEIN_UPSTREAM_URL"):
        upstream_config(load_settings())


@pytest.mark.parametrize(
    ("settings", "heard_by"),
    [
        ({}, None),
        ({"transcription_url": "http://127.0.0.1:9/v1"}, "whisper-1"),
        ({"transcription_url": "http://127.0.0.1:9/v1", "transcription_model": "mine"}, "mine"),
        ({"transcription_url": "http://127.0.0.1:9/v1", "turn_end_words": False}, None),
        ({"upstream_url": "https://api.openai.com/v1"}, None),
        ({"upstream_url": "https://api.openai.com/v1", "turn_end_words": True}, "gpt-transcribe"),
    ],
)
async def test_words_before_pauses_are_heard_by_a_recogniser_of_one_s_own(
    settings: dict[str, Any], heard_by: str | None
) -> None:
    """Unless told otherwise: others are paid for by the minute."""
    chosen = load_settings(**settings)
    async with Transcriptions(UpstreamConfig(base_url="http://127.0.0.1:9/v1", model="m")) as transcriber:
        hearer = make_phrase_hearer(chosen, model_server(chosen), transcriber)
    named = None if hearer is None else hearer.transcription
    assert (None if named is None else named.model) == heard_by
    assert make_phrase_hearer(chosen, model_server(chosen), None) is None
    assert core_policy(chosen, hears_phrases=True).hears_phrases
