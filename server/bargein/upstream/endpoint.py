"""From a configuration to a URL and its headers: the one place where keys are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from bargein.upstream.config import Flavour, UpstreamConfig, flavour_of

_CHAT = "/chat/completions"
_TRANSCRIPTIONS = "/audio/transcriptions"
_MODELS = "/models"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a request goes and what it carries to be let in."""

    url: str
    headers: dict[str, str] = field(repr=False)
    secret: str | None = field(repr=False)
    """The key inside ``headers``, so that it can be taken out of what a server says."""


def chat_endpoint(config: UpstreamConfig) -> Endpoint:
    """``POST`` here for a completion."""
    deployment = config.azure_deployment or config.model
    url = _url(config.base_url, _CHAT, config.server, deployment, config.azure_api_version)
    return Endpoint(url, _headers(config.server, config.api_key), config.api_key)


def transcription_endpoint(config: UpstreamConfig, model: str) -> Endpoint:
    """``POST`` here to have speech written down by ``model``; on Azure that names the deployment."""
    if config.transcription_base_url is None:
        base_url, key, server = config.base_url, config.transcription_api_key or config.api_key, config.server
    else:
        base_url, key = config.transcription_base_url, config.transcription_api_key
        server = flavour_of(base_url)
    url = _url(base_url, _TRANSCRIPTIONS, server, model, config.azure_api_version)
    return Endpoint(url, _headers(server, key), key)


def models_endpoint(config: UpstreamConfig) -> Endpoint:
    """``GET`` here for what models there are: at the resource on Azure, whatever the deployment."""
    base = _base(config.base_url)
    place = urlsplit(base).path
    if config.server == "azure" and not place.endswith("/v1"):
        resource = base.partition("/openai/deployments/")[0].removesuffix("/openai")
        url = f"{resource}/openai{_MODELS}?{urlencode({'api-version': config.azure_api_version})}"
    else:
        url = f"{base}{_MODELS}" if place else f"{base}/v1{_MODELS}"
    return Endpoint(url, _headers(config.server, config.api_key), config.api_key)


def _url(base_url: str, path: str, server: Flavour, deployment: str, api_version: str) -> str:
    base = _base(base_url)
    place = urlsplit(base).path
    if server == "azure" and not place.endswith("/v1"):
        if "/deployments/" not in place:
            base = f"{base.removesuffix('/openai')}/openai/deployments/{quote(deployment, safe='')}"
        return f"{base}{path}?{urlencode({'api-version': api_version})}"
    return f"{base}{path}" if place else f"{base}/v1{path}"


def _base(base_url: str) -> str:
    base = base_url.rstrip("/")
    for ending in (_CHAT, _TRANSCRIPTIONS):
        base = base.removesuffix(ending)
    return base


def _headers(server: Flavour, key: str | None) -> dict[str, str]:
    # A compressed event stream arrives late: compressors hold bytes back.
    headers = {"user-agent": "bargein", "accept-encoding": "identity"}
    if key is not None:
        name, value = ("api-key", key) if server == "azure" else ("authorization", f"Bearer {key}")
        headers[name] = value
    return headers
