"""The dated list of models, on literal days."""

from __future__ import annotations

from datetime import date

import pytest

from bargein.gateway.judges import OPENAI_RECOGNISER
from bargein.settings import Settings
from bargein.upstream import UpstreamConfig
from bargein.upstream.config import Flavour
from bargein.upstream.model_ends import configured_ends, end_of, near_end_of, recogniser_instead

CONFIG = {"base_url": "https://api.openai.com/v1"}


def test_what_is_asked_by_default_does_not_end() -> None:
    assert end_of(Settings.model_fields["model"].default, "openai") is None


@pytest.mark.parametrize(
    ("model", "server", "on", "instead"),
    [
        ("gpt-audio", "openai", date(2027, 1, 20), "gpt-audio-1.5"),
        ("gpt-audio-mini", "openai", date(2027, 1, 20), "gpt-audio-1.5"),
        ("gpt-audio", "azure", date(2027, 3, 2), "gpt-audio-1.5"),
        ("gpt-audio-mini", "azure", date(2027, 6, 15), "gpt-audio-1.5"),
        ("gpt-audio-1.5", "azure", date(2027, 8, 24), None),
        ("openai/gpt-audio", "generic", date(2027, 1, 20), "gpt-audio-1.5"),
        ("gpt-4o-audio-preview", "openai", date(2026, 5, 7), "gpt-audio-1.5"),
        ("whisper-1", "openai", date(2027, 2, 26), "gpt-transcribe"),
        ("gpt-4o-mini-transcribe", "openai", date(2027, 2, 26), "gpt-transcribe"),
    ],
)
def test_ends(model: str, server: Flavour, on: date, instead: str | None) -> None:
    end = end_of(model, server)
    assert end is not None
    assert (end.on, end.instead) == (on, instead)


@pytest.mark.parametrize(
    ("model", "server"),
    [
        ("gpt-audio-1.5", "openai"),
        ("gpt-transcribe", "openai"),
        ("gpt-audio", "vllm-omni"),
        ("whisper-1", "generic"),
        ("gpt-audio", "dashscope"),
        ("my-gpt-audio", "openai"),
        ("qwen3.5-omni-plus", "dashscope"),
    ],
)
def test_models_without_an_announced_end(model: str, server: Flavour) -> None:
    assert end_of(model, server) is None


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 10, 21), None),
        (date(2026, 10, 22), "it ends on 20 January 2027, in 90 days"),
        (date(2027, 1, 19), "it ends on 20 January 2027, in 1 day"),
        (date(2027, 1, 20), "its end was announced for 20 January 2027"),
        (date(2030, 1, 1), "its end was announced for 20 January 2027"),
    ],
)
def test_when_it_is_warned_of(today: date, said: str | None) -> None:
    end = near_end_of("gpt-audio", "openai", today)
    assert (None if end is None else end.worded(today)) == said


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ({"model": "gpt-audio"}, ["BARGEIN_MODEL"]),
        ({"model": "gpt-audio-1.5"}, []),
        ({"model": "m", "transcription_model": "whisper-1"}, ["BARGEIN_TRANSCRIPTION_MODEL"]),
        ({"model": "gpt-audio", "transcription_model": "whisper-1"}, ["BARGEIN_MODEL", "BARGEIN_TRANSCRIPTION_MODEL"]),
        ({"model": "m", "transcription_model": "whisper-1", "flavour": "vllm-omni"}, []),
        ({"model": "m", "flavour": "azure", "azure_deployment": "gpt-audio"}, ["BARGEIN_AZURE_DEPLOYMENT"]),
        ({"model": "gpt-audio", "flavour": "azure", "azure_deployment": "voice"}, []),
    ],
)
def test_what_an_operator_has_to_change(config: dict[str, str], settings: list[str]) -> None:
    found = configured_ends(UpstreamConfig(**(CONFIG | config)), date(2027, 2, 1))  # type: ignore[arg-type]
    assert [setting for setting, _ in found] == settings


def test_models_beside_the_one_that_answers_end_too() -> None:
    others = [("BARGEIN_MODELS", "gpt-audio"), ("BARGEIN_MODELS", "gpt-audio-1.5"), ("BARGEIN_TEXT_MODEL", "m")]
    found = configured_ends(UpstreamConfig(model="gpt-audio-1.5", **CONFIG), date(2027, 1, 2), others)  # type: ignore[arg-type]
    assert [(setting, end.name) for setting, end in found] == [("BARGEIN_MODELS", "gpt-audio")]


def test_what_words_are_heard_with_by_default_does_not_end() -> None:
    assert end_of(OPENAI_RECOGNISER, "openai") is None


BEFORE, AFTER = date(2027, 2, 25), date(2027, 2, 26)


@pytest.mark.parametrize(
    ("model", "server", "today", "instead"),
    [
        ("whisper-1", "openai", BEFORE, None),
        ("whisper-1", "openai", AFTER, "gpt-transcribe"),
        ("gpt-4o-transcribe", "openai", AFTER, "gpt-transcribe"),
        ("gpt-realtime-whisper", "openai", BEFORE, "gpt-transcribe"),
        ("gpt-live-transcribe", "openai", BEFORE, "gpt-transcribe"),
        ("gpt-transcribe", "openai", AFTER, None),
        ("whisper-1", "generic", AFTER, None),
        ("whisper-1", "azure", AFTER, None),
        ("gpt-realtime-whisper", "generic", AFTER, None),
    ],
)
def test_recognisers_that_callers_name(model: str, server: Flavour, today: date, instead: str | None) -> None:
    assert recogniser_instead(model, server, today) == instead
