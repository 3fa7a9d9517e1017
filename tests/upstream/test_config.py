"""From settings to a URL and headers; keys stay out of sight."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from bargein.errors import SettingsError
from bargein.settings import Settings
from bargein.upstream.chat import ChatCompletions
from bargein.upstream.config import Flavour, UpstreamConfig, flavour_of
from bargein.upstream.endpoint import chat_endpoint, transcription_endpoint

KEY = "sk-a-key-that-nobody-may-see"
CONFIG = UpstreamConfig(base_url="https://api.openai.com/v1", model="gpt-audio-1.5", api_key=KEY)


@pytest.mark.parametrize(
    ("base_url", "flavour"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://name.openai.azure.com", "azure"),
        ("https://name.openai.azure.us", "azure"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://dashscope-us.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://ws-1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://dashscope.aliyuncs.com.example.org/v1", "generic"),
        ("https://maas.aliyuncs.com.example.org/v1", "generic"),
        ("http://127.0.0.1:8766", "generic"),
        ("https://api.openai.com.example.org/v1", "generic"),
    ],
)
def test_flavour_by_address(base_url: str, flavour: Flavour) -> None:
    assert flavour_of(base_url) == flavour
    assert replace(CONFIG, base_url=base_url).server == flavour
    assert replace(CONFIG, base_url=base_url, flavour="vllm-omni").server == "vllm-omni"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/chat/completions"),
        ("http://127.0.0.1:8766", "http://127.0.0.1:8766/v1/chat/completions"),
        ("https://host/compatible-mode/v1", "https://host/compatible-mode/v1/chat/completions"),
        (
            "https://name.openai.azure.com",
            "https://name.openai.azure.com/openai/deployments/my%20audio/chat/completions?api-version=2025-01-01-preview",
        ),
        (
            "https://name.openai.azure.com/openai/",
            "https://name.openai.azure.com/openai/deployments/my%20audio/chat/completions?api-version=2025-01-01-preview",
        ),
        (
            "https://name.openai.azure.com/openai/deployments/other",
            "https://name.openai.azure.com/openai/deployments/other/chat/completions?api-version=2025-01-01-preview",
        ),
        ("https://name.openai.azure.com/openai/v1", "https://name.openai.azure.com/openai/v1/chat/completions"),
    ],
)
def test_chat_url(base_url: str, url: str) -> None:
    assert chat_endpoint(replace(CONFIG, base_url=base_url, azure_deployment="my audio")).url == url


def test_the_deployment_is_named_like_the_model() -> None:
    azure = replace(CONFIG, base_url="https://name.openai.azure.com")
    assert "/deployments/gpt-audio-1.5/" in chat_endpoint(azure).url
    assert "/deployments/whisper/audio/transcriptions" in transcription_endpoint(azure, "whisper").url


def test_the_key_goes_where_its_server_wants_it() -> None:
    assert chat_endpoint(CONFIG).headers["authorization"] == f"Bearer {KEY}"
    azure = chat_endpoint(replace(CONFIG, base_url="https://name.openai.azure.com")).headers
    assert azure["api-key"] == KEY
    assert "authorization" not in azure
    assert not {"authorization", "api-key"} & chat_endpoint(replace(CONFIG, api_key=None)).headers.keys()


def test_the_key_goes_to_no_other_server() -> None:
    elsewhere = replace(CONFIG, transcription_base_url="http://127.0.0.1:9000")
    endpoint = transcription_endpoint(elsewhere, "whisper-1")
    assert endpoint.url == "http://127.0.0.1:9000/v1/audio/transcriptions"
    assert "authorization" not in endpoint.headers
    own = transcription_endpoint(replace(elsewhere, transcription_api_key="other"), "whisper-1")
    assert own.headers["authorization"] == "Bearer other"
    assert transcription_endpoint(CONFIG, "whisper-1").headers["authorization"] == f"Bearer {KEY}"


async def test_no_repr_holds_a_key() -> None:
    config = replace(CONFIG, transcription_api_key=KEY)
    async with ChatCompletions(config) as upstream:
        assert KEY not in repr(config) + repr(chat_endpoint(config)) + repr(upstream)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"base_url": "api.openai.com/v1"}, "base_url"),
        ({"base_url": "ftp://api.openai.com"}, "base_url"),
        ({"base_url": "https://"}, "base_url"),
        ({"base_url": "https://user:pass@host/v1"}, "base_url"),
        ({"base_url": "https://host/v1?api-version=1"}, "base_url"),
        ({"transcription_base_url": "nowhere"}, "transcription_base_url"),
        ({"model": ""}, "model"),
        ({"flavour": "opanai"}, "flavour"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "sk-with-line-end\n"}, "api_key"),
        ({"connect_timeout_s": 0}, "connect_timeout_s"),
        ({"chunk_timeout_s": -1.0}, "chunk_timeout_s"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=f"^{named} ") as raised:
        replace(CONFIG, **wrong)
    assert "\n" not in str(raised.value)
    assert "pass" not in str(raised.value).replace("password", "")


def test_every_flavour_can_be_set() -> None:
    allowed = get_args(Settings.model_fields["upstream_flavour"].annotation)
    assert set(get_args(Flavour)) == {name for kind in allowed for name in get_args(kind)}
