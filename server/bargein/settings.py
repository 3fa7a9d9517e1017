"""The settings as a whole, and the only reader of the environment. What each is stands in
:mod:`bargein.settings_groups`.

A setting comes from the command line, else from the environment variable ``BARGEIN_<NAME>``, else from ``.env`` in the
working directory, else from its default. ``python -m bargein.settings`` prints the table of
``docs/settings.md``.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from pydantic import (
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticUndefined

from bargein import settings_rules as rules
from bargein.errors import SettingsError
from bargein.settings_conversation import Conversation
from bargein.settings_groups import GROUPS, Bounds, Doors, Listening, Model, Money, Operating
from bargein.settings_kinds import DEMO, ENV_FILE, OPENAI_URL, PREFIX


class Settings(Operating, Money, Conversation, Bounds, Doors, Model, Listening):
    """The server's configuration, checked as a whole. Make it with :func:`load_settings`."""

    @field_validator("port", mode="before")
    @classmethod
    def _not_a_service_link(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith("tcp://"):
            raise ValueError(
                "Kubernetes set it for a service named bargein: put enableServiceLinks: false into the pod"
            )
        return value

    @field_validator("token_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters: a short one can be guessed")
        return value

    @field_validator("twilio_auth_token")
    @classmethod
    def _is_token(cls, value: SecretStr | None) -> SecretStr | None:
        token = "x" if value is None else value.get_secret_value()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("holds a space or a letter that no token has: copy it from Twilio's console")
        return value

    @field_validator("metrics_key")
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            rules.sendable(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _keys_can_be_sent(self) -> Settings:
        for variable in (self.api_key_env, self.transcription_api_key_env):
            key = _secret(variable) if variable and self.upstream_url != DEMO else None
            if key is not None:
                try:
                    rules.sendable(key.get_secret_value())
                except ValueError as error:
                    raise ValueError(f"{variable}: {error}") from None
        return self

    @field_validator("api_keys", mode="before")
    @classmethod
    def _are_keys(cls, value: object) -> object:
        if isinstance(value, str):
            rules.keys(part for part in map(str.strip, value.split(",")) if part)
        return value

    @field_validator("upstream_url", "transcription_url", "public_url")
    @classmethod
    def _is_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.field_name == "upstream_url":
            return value if value in {None, DEMO} else rules.base_url(value or "", also=f', or "{DEMO}"')
        return None if value is None else rules.base_url(value)

    @field_validator("api_key_env", "transcription_api_key_env")
    @classmethod
    def _holds_a_key(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or value == cls.model_fields[info.field_name or ""].default:
            return value
        if _secret(rules.variable_name(value)) is None:
            raise ValueError(f"{value} is set neither in the environment nor in {ENV_FILE}: put the key there")
        return value

    @field_validator("client_web")
    @classmethod
    def _holds_a_page(cls, value: Path | None) -> Path | None:
        return None if value is None else rules.page_directory(value)

    @field_validator("agents")
    @classmethod
    def _are_agents(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return rules.agent_paths(value)

    @field_validator("judge_model")
    @classmethod
    def _holds_a_recogniser(cls, value: Path | None) -> Path | None:
        return None if value is None else rules.recogniser_directory(value)

    @field_validator("prices")
    @classmethod
    def _is_file(cls, value: Path | None) -> Path | None:
        return None if value is None else rules.file(value)

    @field_validator("usage_file")
    @classmethod
    def _can_be_made(cls, value: Path | None) -> Path | None:
        return None if value is None else rules.file_to_make(value)

    @field_validator("host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        return rules.listening_host(value)

    @field_validator("azure_api_version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        return rules.version(value)

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return rules.origins(value)

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return rules.host_names(value)

    @field_validator("*")
    @classmethod
    def _within_reason(cls, value: object, info: ValidationInfo) -> object:
        name = info.field_name or ""
        seconds = name.endswith("_s") and not name.endswith("_per_s")
        if seconds and isinstance(value, float) and value > rules.LONGEST_S:
            raise ValueError(f"{value:g} is not allowed: give seconds up to {rules.LONGEST_S}, a year")
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value > rules.MOST:
                raise ValueError(f"{rules.shown(value)} is not allowed: give a number up to {rules.MOST}")
            if 0 < value < rules.LEAST:
                raise ValueError(f"{value:g} is not allowed: give a number from {rules.LEAST:.6f} up")
        return value

    @model_validator(mode="after")
    def _azure_is_azure(self) -> Settings:
        if self.azure_deployment is not None and self.upstream_url in {None, DEMO}:
            raise ValueError(
                f"{PREFIX}AZURE_DEPLOYMENT is set and {PREFIX}UPSTREAM_URL is not: "
                "set that to https://NAME.openai.azure.com"
            )
        return self

    @model_validator(mode="after")
    def _confirm_follows_hold(self) -> Settings:
        if self.confirm_after_ms is not None and self.confirm_after_ms < self.hold_after_ms:
            raise ValueError(
                f"{PREFIX}CONFIRM_AFTER_MS {self.confirm_after_ms} must not be below {PREFIX}HOLD_AFTER_MS "
                f"({self.hold_after_ms})"
            )
        return self

    @model_validator(mode="after")
    def _guarded(self) -> Settings:
        if not self.api_keys and not self.allow_insecure and not is_loopback(self.host):
            raise ValueError(
                f"{PREFIX}HOST {self.host} can be reached from other machines and no keys are set: "
                f"set {PREFIX}API_KEYS, or {PREFIX}ALLOW_INSECURE=true if anybody may talk to it"
            )
        return self

    @property
    def model_key(self) -> SecretStr | None:
        """The model's key, from the variable that :attr:`api_key_env` names, or ``None``."""
        return _secret(self.api_key_env)

    @property
    def transcription_key(self) -> SecretStr | None:
        """The key for :attr:`transcription_url`, or ``None``: the model's is never sent to another server."""
        return _secret(self.transcription_api_key_env) if self.transcription_api_key_env else None

    @property
    def secret_values(self) -> tuple[str, ...]:
        """What must never be logged."""
        secrets = (
            *self.api_keys,
            self.token_secret,
            self.metrics_key,
            self.twilio_auth_token,
            self.model_key,
            self.transcription_key,
        )
        return tuple(secret.get_secret_value() for secret in secrets if secret is not None)

    @property
    def effective_upstream_url(self) -> str | None:
        """The model's base URL; ``None`` where the bundled demo model answers."""
        if self.upstream_url == DEMO:
            return None
        if self.upstream_url is None:
            return OPENAI_URL if self.model_key else None
        return self.upstream_url


def _secret(variable: str) -> SecretStr | None:
    value = os.environ.get(variable) or dotenv_values(ENV_FILE).get(variable)
    return SecretStr(value) if value else None


def read_variable(name: str) -> str | None:
    """A variable that a file of the operator's names, from the environment or ``.env``; ``None``: it is not set."""
    secret = _secret(name)
    return None if secret is None else secret.get_secret_value()


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address to listen on, can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**options: Any) -> Settings:  # noqa: ANN401 (each option has the type of its setting)
    """Read the settings, with the command line's ``options`` on top; those that are ``None`` were not given.

    :raises SettingsError: one line that names the setting.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        Path(ENV_FILE).read_text("utf-8")
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{ENV_FILE} cannot be read: {error}") from None
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise SettingsError(first["msg"].removeprefix("Value error, ")) from None
        name = str(first["loc"][0])
        variable = f"{PREFIX}{name.upper()}"
        shown = _OPTIONS.get(name, variable) if name in given else variable
        raise SettingsError(rules.refusal(shown, Settings.model_fields[name], first)) from None


_OPTIONS: Final = {
    "upstream_url": "--upstream",
    "agents": "--agent",
    "api_key_env": "--api-key-env",
    "client_web": "--client-web",
} | {name: f"--{name}" for name in ("host", "port", "model", "workers", "transport")}
"""The command line's words for settings."""


def misspelt_variables() -> dict[str, str]:
    """Variables, of the environment and of ``.env``, that are no setting but look like one: name to what was probably
    meant.
    """
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    there = {*os.environ, *dotenv_values(ENV_FILE)}
    unknown = sorted(name for name in there if name.startswith(PREFIX) and name not in known)
    guesses = {name: difflib.get_close_matches(name, known, n=1, cutoff=0.85) for name in unknown}
    return {name: guess[0] for name, guess in guesses.items() if guess}


def settings_table() -> str:
    """The settings as a Markdown table, for ``docs/settings.md``."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for group in GROUPS:
        lines.append(f"| **{(group.__doc__ or '').rstrip('.')}** | | |")
        for name in group.__annotations__:
            field = group.model_fields[name]
            lines.append(f"| `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _shown(default: object) -> str:
    if default is None or default == () or default is PydanticUndefined:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float) and default.is_integer():
        return f"`{int(default)}`"
    return f"`{default}`"


if __name__ == "__main__":
    print(settings_table(), end="")  # noqa: T201
