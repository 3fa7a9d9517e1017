"""The settings: where they come from, and one clear line when one is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bargein.errors import SettingsError
from bargein.settings import GROUPS, OPENAI_URL, Settings, load_settings, misspelt_variables, settings_table


@pytest.fixture(autouse=True)
def empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return tmp_path


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, empty_directory: Path
) -> None:
    (empty_directory / ".env").write_text("BARGEIN_PORT=1001\nBARGEIN_LEAD_MS=1\nBARGEIN_MODEL=from-file\n")
    monkeypatch.setenv("BARGEIN_PORT", "1002")
    monkeypatch.setenv("BARGEIN_LEAD_MS", "2")
    settings = load_settings(port=1003, host=None)
    assert (settings.port, settings.lead_ms, settings.model, settings.host) == (1003, 2, "from-file", "127.0.0.1")


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARGEIN_API_KEYS", "one, two,")
    monkeypatch.setenv("BARGEIN_ALLOWED_ORIGINS", "https://App.example,http://localhost:3000")
    monkeypatch.setenv("BARGEIN_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    settings = load_settings()
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]
    assert settings.allowed_origins == ("https://app.example", "http://localhost:3000")
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


def test_pairs_are_written_with_commas_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARGEIN_VOICES", "alloy=ethan, marin = chelsie,")
    assert load_settings().voices == {"alloy": "ethan", "marin": "chelsie"}
    monkeypatch.delenv("BARGEIN_VOICES")
    assert load_settings().voices == {}


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"VOICES": "alloy"}, "BARGEIN_VOICES: 'alloy' is no pair"),
        ({"VOICES": "alloy="}, "such as alloy=ethan"),
        ({"PORT": "x"}, "BARGEIN_PORT: Input should be a valid integer"),
        ({"PORT": "70000"}, "BARGEIN_PORT: Input should be less than or equal to 65535"),
        ({"PORT": "tcp://10.0.0.1:8765"}, "enableServiceLinks: false"),
        ({"OVERFLOW": "explode"}, "BARGEIN_OVERFLOW: Input should be 'transcript' or 'drop'"),
        ({"UPSTREAM_URL": "api.openai.com"}, "BARGEIN_UPSTREAM_URL: must begin with http"),
        ({"ALLOWED_ORIGINS": "app.example"}, "BARGEIN_ALLOWED_ORIGINS: 'app.example' is no origin"),
        ({"ALLOWED_ORIGINS": "https://app.example/"}, "is no origin"),
        ({"TRUSTED_PROXIES": "proxy"}, "BARGEIN_TRUSTED_PROXIES: "),
        ({"TOKEN_SECRET": "hunter2"}, "BARGEIN_TOKEN_SECRET: must have at least 32 characters"),
        ({"CONFIRM_AFTER_MS": "70"}, "BARGEIN_CONFIRM_AFTER_MS must not be below BARGEIN_HOLD_AFTER_MS (80)"),
        ({"HOST": "0.0.0.0"}, "set BARGEIN_API_KEYS, or BARGEIN_ALLOW_INSECURE=true"),
        ({"HOST": "::"}, "set BARGEIN_API_KEYS, or BARGEIN_ALLOW_INSECURE=true"),
        ({"HOST": "voice.example"}, "set BARGEIN_API_KEYS, or BARGEIN_ALLOW_INSECURE=true"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], line: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"BARGEIN_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_wrong_option_is_named_as_it_was_given() -> None:
    with pytest.raises(SettingsError, match=r"^--port: "):
        load_settings(port=-1)


@pytest.mark.parametrize("options", [{"api_keys": "k"}, {"allow_insecure": True}])
def test_beyond_loopback_with_keys_or_on_purpose(options: dict[str, Any]) -> None:
    assert load_settings(host="0.0.0.0", **options).host == "0.0.0.0"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert load_settings(host=host).api_keys == ()


def test_which_model_answers(monkeypatch: pytest.MonkeyPatch, empty_directory: Path) -> None:
    assert load_settings().effective_upstream_url is None
    assert load_settings(upstream_url="http://127.0.0.1:8000/v1/").effective_upstream_url == "http://127.0.0.1:8000/v1"
    (empty_directory / ".env").write_text("OPENAI_API_KEY=sk-from-file\nMY_KEY=sk-mine\n")
    settings = load_settings()
    assert settings.effective_upstream_url == OPENAI_URL
    assert settings.model_key is not None
    assert settings.model_key.get_secret_value() == "sk-from-file"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-environment")
    assert "sk-from-environment" in load_settings().secret_values
    mine = load_settings(api_key_env="MY_KEY").model_key
    assert mine is not None
    assert mine.get_secret_value() == "sk-mine"
    assert load_settings(upstream_url="demo").effective_upstream_url is None


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARGEIN_API_KEYS", "top-secret-key")
    monkeypatch.setenv("BARGEIN_TOKEN_SECRET", "t" * 40)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-model")
    shown = repr(load_settings())
    assert "top-secret-key" not in shown
    assert "t" * 40 not in shown
    assert "sk-model" not in shown


def test_a_misspelt_variable_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARGEIN_MAX_SESSION", "3")
    monkeypatch.setenv("BARGEIN_SERVICE_HOST", "10.0.0.1")
    assert misspelt_variables() == {"BARGEIN_MAX_SESSION": "BARGEIN_MAX_SESSIONS"}


def test_every_setting_is_in_the_table_with_its_meaning() -> None:
    table = settings_table()
    assert sum(len(group.__annotations__) for group in GROUPS) == len(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert f"| `BARGEIN_{name.upper()}` |" in table
        assert field.description
        assert field.description.endswith(".")
