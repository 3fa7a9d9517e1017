"""Which model answers, how it is reached, and how long it may take."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from bargein.errors import SettingsError

Flavour = Literal["openai", "azure", "generic", "dashscope", "vllm-omni", "sglang-omni"]
"""Which server it is: this decides the URL's form, the name of the key's header, and the dialect of the request."""

_HOSTS: dict[str, Flavour] = {
    "api.openai.com": "openai",
    ".api.openai.com": "openai",
    ".openai.azure.com": "azure",
    ".cognitiveservices.azure.com": "azure",
    ".services.ai.azure.com": "azure",
    ".openai.azure.us": "azure",
    ".openai.azure.cn": "azure",
    ".maas.aliyuncs.com": "dashscope",
}
_DASHSCOPE: Final = re.compile(r"dashscope(-[a-z0-9-]+)?\.aliyuncs\.com")
"""One name for each region."""
_LOCAL_PROBE_S = 2.0


def flavour_of(base_url: str) -> Flavour:
    """What a base URL tells about its server. Self-hosted servers cannot be told apart by it: ``generic``."""
    host = urlsplit(base_url).hostname or ""
    for name, flavour in _HOSTS.items():
        if host == name or (name.startswith(".") and host.endswith(name)):
            return flavour
    return "dashscope" if _DASHSCOPE.fullmatch(host) else "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamConfig:
    """The operator's choice of a model. Keys stay out of ``repr``.

    :raises SettingsError: naming the field that is wrong.
    """

    base_url: str
    """As the OpenAI SDKs take it, ``https://api.openai.com/v1``; for Azure the resource,
    ``https://NAME.openai.azure.com``.
    """
    model: str
    api_key: str | None = field(default=None, repr=False)
    flavour: Flavour | None = None
    """``None``: what :func:`flavour_of` finds."""
    voice: str | None = None
    """For callers who choose none. ``None``: what :mod:`bargein.upstream.voices` knows of the server."""
    voices: Mapping[str, str] = field(default_factory=dict)
    """The model's voices, by the names under which callers ask for them."""
    azure_deployment: str | None = None
    """``None``: the model's name."""
    azure_api_version: str = "2025-01-01-preview"

    connect_timeout_s: float = 3.0
    """Name resolution, TCP and TLS."""
    first_byte_timeout_s: float = 8.0
    """From the start of the request, connecting included, to the first byte of the answer's body."""
    chunk_timeout_s: float = 5.0
    """Between two reads of a stream, counted only while one is being awaited."""

    transcription_base_url: str | None = None
    """``None``: ``base_url``, with its key."""
    transcription_api_key: str | None = field(default=None, repr=False)
    """The key for ``transcription_base_url``: ``api_key`` is never sent to another server."""
    transcription_model: str | None = None
    """``None``: the one that the caller's session names."""
    transcription_timeout_s: float = 20.0

    max_line_bytes: int = 8 * 1024 * 1024
    """The longest line of an event stream: about two minutes of sound in one piece."""

    def __post_init__(self) -> None:
        _check_url("base_url", self.base_url)
        if self.transcription_base_url is not None:
            _check_url("transcription_base_url", self.transcription_base_url)
        if not self.model:
            raise SettingsError("model is empty: name the model that answers")
        if self.flavour is not None and self.flavour not in get_args(Flavour):
            raise SettingsError(f"flavour is {self.flavour!r}, expected one of {', '.join(get_args(Flavour))}")
        for name in ("api_key", "transcription_api_key"):
            key = getattr(self, name)
            if key is not None and (not key.isascii() or not key.isprintable() or " " in key or not key):
                raise SettingsError(f"{name} is empty or holds blanks or other characters that no key has")
        for name in (
            "connect_timeout_s",
            "first_byte_timeout_s",
            "chunk_timeout_s",
            "transcription_timeout_s",
            "max_line_bytes",
        ):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} must be positive, got {getattr(self, name)}")

    @property
    def server(self) -> Flavour:
        """The flavour, chosen or found."""
        return self.flavour or flavour_of(self.base_url)

    @property
    def probe_timeout_s(self) -> float:
        """For a light question. What runs on this machine answers at once, if at all."""
        return _LOCAL_PROBE_S if _is_local(self.base_url) else self.first_byte_timeout_s


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{name} is {url!r}, expected something like https://api.openai.com/v1")
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{name} holds a user name or password: give the key in its own setting")
    if parts.query or parts.fragment:
        raise SettingsError(f"{name} ends in a query or fragment: leave it out, api-version has its own setting")
