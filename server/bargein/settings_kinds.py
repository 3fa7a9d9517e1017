"""What all groups of settings share: where they are read from, and the types of lists in one variable."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX: Final = "BARGEIN_"
ENV_FILE: Final = ".env"
OPENAI_URL: Final = "https://api.openai.com/v1"
DEMO: Final = "demo"


def _split(value: object) -> object:
    """A comma list as it is written in an environment variable."""
    return [part for part in map(str.strip, value.split(",")) if part] if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
SecretCommaList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


def _split_pairs(value: object) -> object:
    """``alloy=ethan,marin=chelsie``, as in an environment variable."""
    if not isinstance(value, str):
        return value
    pairs = {}
    for part in filter(None, map(str.strip, value.split(","))):
        name, _, voice = map(str.strip, part.partition("="))
        if not name or not voice:
            raise ValueError(f"{part!r} is no pair of a caller's voice and the model's, such as alloy=ethan")
        pairs[name] = voice
    return pairs


VoiceMap = Annotated[dict[str, str], NoDecode, BeforeValidator(_split_pairs)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], NoDecode, BeforeValidator(_split)]


class Group(BaseSettings):
    """Settings that belong together: one block of the table."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )
