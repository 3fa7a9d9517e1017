"""The settings: where they come from, and one clear line when one is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bargein.errors import SettingsError
from bargein.settings import Settings, load_settings, misspelt_variables, settings_table
from bargein.settings_groups import GROUPS
from bargein.settings_kinds import OPENAI_URL


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
        ({"PORT": "x"}, "BARGEIN_PORT: 'x' is not allowed: give a whole number from 0 to 65535"),
        ({"PORT": "70000"}, "BARGEIN_PORT: '70000' is not allowed: give a whole number from 0 to 65535"),
        ({"PORT": "tcp://10.0.0.1:8765"}, "enableServiceLinks: false"),
        ({"OVERFLOW": "explode"}, "BARGEIN_OVERFLOW: 'explode' is not allowed: give transcript or drop"),
        ({"UPSTREAM_URL": "api.openai.com"}, "BARGEIN_UPSTREAM_URL: 'api.openai.com' is no URL: give a base URL"),
        ({"UPSTREAM_URL": "http://"}, "'http://' is no URL"),
        ({"UPSTREAM_URL": "http://["}, "'http://[' is no URL"),
        ({"UPSTREAM_URL": "http://host:port/v1"}, "'http://host:port/v1' is no URL"),
        ({"UPSTREAM_URL": "http://a host/v1"}, "'http://a host/v1' is no URL"),
        ({"UPSTREAM_URL": "http://a..b/v1"}, "BARGEIN_UPSTREAM_URL: 'http://a..b/v1' is no URL"),
        ({"UPSTREAM_URL": "http://*.example/v1"}, "is no URL"),
        ({"TRANSCRIPTION_URL": f"http://{'a' * 64}.example"}, "BARGEIN_TRANSCRIPTION_URL: "),
        ({"HOST": "a..b"}, "BARGEIN_HOST: 'a..b' is neither an address nor a host name"),
        ({"UPSTREAM_URL": "https://u:hunter2@h/v1"}, "a user name or password does not belong into the URL"),
        ({"UPSTREAM_URL": "https://h/v1?api-version=1"}, "has a part behind ?"),
        ({"TRANSCRIPTION_URL": "demo"}, "BARGEIN_TRANSCRIPTION_URL: 'demo' is no URL"),
        ({"CLIENT_WEB": "nowhere"}, "BARGEIN_CLIENT_WEB: 'nowhere' is no directory"),
        ({"CLIENT_WEB": "."}, "BARGEIN_CLIENT_WEB: '.' holds no index.html"),
        ({"API_KEY_ENV": "MY_KEY"}, "BARGEIN_API_KEY_ENV: MY_KEY is set neither in the environment nor in .env"),
        ({"API_KEY_ENV": "sk-hunter2"}, "BARGEIN_API_KEY_ENV: give the name of a variable"),
        ({"TRANSCRIPTION_API_KEY_ENV": "NO_SUCH"}, "BARGEIN_TRANSCRIPTION_API_KEY_ENV: NO_SUCH is set neither"),
        ({"AZURE_DEPLOYMENT": "mine"}, "BARGEIN_AZURE_DEPLOYMENT is set and BARGEIN_UPSTREAM_URL is not"),
        ({"AZURE_API_VERSION": "a b"}, "BARGEIN_AZURE_API_VERSION: 'a b' is no version"),
        ({"API_KEYS": " , "}, "BARGEIN_API_KEYS: holds no key"),
        ({"API_KEYS": "good,hunter2 hunter2"}, "BARGEIN_API_KEYS: key number 2 holds a space"),
        ({"MODEL": "  "}, "BARGEIN_MODEL: '  ' is not allowed: it is empty"),
        ({"TEXT_MODEL": " "}, "BARGEIN_TEXT_MODEL: ' ' is not allowed: it is empty"),
        ({"IDLE_LIMIT_S": "inf"}, "BARGEIN_IDLE_LIMIT_S: 'inf' is not allowed: give a number above 0"),
        ({"IDLE_LIMIT_S": "1e300"}, "BARGEIN_IDLE_LIMIT_S: 1e+300 is not allowed: give seconds up to 31536000"),
        ({"PINGS_PER_S": "1e300"}, "BARGEIN_PINGS_PER_S: '1e+300' is not allowed: give a number up to 1099511627776"),
        ({"PINGS_PER_S": "5e-324"}, "BARGEIN_PINGS_PER_S: 4.94066e-324 is not allowed: give a number from 0.000001 up"),
        ({"ALLOW_INSECURE": "perhaps"}, "BARGEIN_ALLOW_INSECURE: 'perhaps' is not allowed: give true or false"),
        ({"ALLOWED_HOSTS": "https://voice.example"}, "'https://voice.example' is no host name"),
        ({"ALLOWED_HOSTS": "voice.example:8765"}, "'voice.example:8765' is no host name"),
        ({"HOST": "127.0.0.1:80"}, "BARGEIN_HOST: '127.0.0.1:80' is neither an address nor a host name"),
        ({"ALLOWED_ORIGINS": "https://["}, "'https://[' is no origin"),
        ({"ALLOWED_ORIGINS": "https://a.example?x"}, "is no origin"),
        ({"ALLOWED_ORIGINS": "app.example"}, "BARGEIN_ALLOWED_ORIGINS: 'app.example' is no origin"),
        ({"ALLOWED_ORIGINS": "https://app.example/"}, "is no origin"),
        (
            {"TRUSTED_PROXIES": "::1,proxy"},
            "BARGEIN_TRUSTED_PROXIES: 'proxy' is not allowed: give addresses or networks",
        ),
        ({"TOKEN_SECRET": "hunter2"}, "BARGEIN_TOKEN_SECRET: must have at least 32 characters"),
        ({"CONFIRM_AFTER_MS": "70"}, "BARGEIN_CONFIRM_AFTER_MS 70 must not be below BARGEIN_HOLD_AFTER_MS (80)"),
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


FREE_TEXT = {
    "backchannels",
    "interruptions",
    "azure_deployment",
    "beside_model",
    "model",
    "models",
    "record_dir",
    "token_secret",
    "text_model",
    "transcription_model",
    "voice",
}
"""What takes any words at all."""


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - FREE_TEXT))
def test_no_setting_takes_just_anything(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each refuses what cannot be meant: its name, the value, and what is allowed."""
    monkeypatch.setenv(f"BARGEIN_{name.upper()}", "no such thing / hunter2")
    with pytest.raises(SettingsError, match=rf"^BARGEIN_{name.upper()}: .+") as caught:
        load_settings()
    secret = {"api_keys", "api_key_env", "transcription_api_key_env", "metrics_key", "twilio_auth_token"}
    assert ("hunter2" in str(caught.value)) == (name not in secret)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", [name for name in Settings.model_fields if name.endswith(("_s", "_ms", "_bytes", "_db"))]
)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e400"])
def test_no_number_is_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"BARGEIN_{name.upper()}", value)
    with pytest.raises(SettingsError, match=rf"^BARGEIN_{name.upper()}: .*{re.escape(value)}.* give a "):
        load_settings()


@pytest.mark.parametrize(
    ("options", "name"),
    [({"port": -1}, "--port"), ({"upstream_url": "demon"}, "--upstream"), ({"client_web": Path("x")}, "--client-web")],
)
def test_a_wrong_option_is_named_as_it_was_given(options: dict[str, Any], name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name}: "):
        load_settings(**options)


def test_a_file_that_cannot_be_read_is_named(empty_directory: Path) -> None:
    (empty_directory / ".env").write_bytes(b"BARGEIN_MODEL=caf\xe9\n")
    with pytest.raises(SettingsError, match=r"^\.env cannot be read: "):
        load_settings()
    (empty_directory / ".env").unlink()
    (empty_directory / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"^\.env cannot be read: "):
        load_settings()


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


def test_a_misspelt_variable_is_noticed(monkeypatch: pytest.MonkeyPatch, empty_directory: Path) -> None:
    monkeypatch.setenv("BARGEIN_MAX_SESSION", "3")
    monkeypatch.setenv("BARGEIN_SERVICE_HOST", "10.0.0.1")
    (empty_directory / ".env").write_text("BARGEIN_UPSTREAM=http://127.0.0.1\nBARGEIN_PORTS=1\n")
    assert misspelt_variables() == {
        "BARGEIN_MAX_SESSION": "BARGEIN_MAX_SESSIONS",
        "BARGEIN_PORTS": "BARGEIN_PORT",
        "BARGEIN_UPSTREAM": "BARGEIN_UPSTREAM_URL",
    }


def test_every_setting_is_in_the_table_with_its_meaning() -> None:
    table = settings_table()
    assert sum(len(group.__annotations__) for group in GROUPS) == len(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert f"| `BARGEIN_{name.upper()}` |" in table
        assert field.description
        assert field.description.endswith(".")


@pytest.mark.parametrize("key", ["hunter2\n", "hunter2 hunter2", "schlüssel-hunter2", " "])
def test_a_models_key_that_no_header_can_carry_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(SettingsError, match=r"^OPENAI_API_KEY: the key holds a space") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    assert load_settings(upstream_url="demo").upstream_url == "demo"
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("MINE", key)
    with pytest.raises(SettingsError, match=r"^MINE: "):
        load_settings(transcription_api_key_env="MINE")


@pytest.mark.parametrize(
    "name", [name for name, field in Settings.model_fields.items() if field.annotation in {int, int | None, float}]
)
def test_no_number_is_larger_than_a_machine_can_hold(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"BARGEIN_{name.upper()}", "9" * 30)
    with pytest.raises(SettingsError, match=rf"^BARGEIN_{name.upper()}: .* is not allowed: give "):
        load_settings()
