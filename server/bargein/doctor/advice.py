"""What to set, by what went wrong: for the operator, who may see addresses and names of settings."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamRateLimited, UpstreamTimedOut
from bargein.upstream import UpstreamConfig
from bargein.upstream.health import fault_of

_VOICE: Final = re.compile(r"\b(?:voice|speaker)\b", re.IGNORECASE)
_SOUND: Final = re.compile(r"modalit|\baudio\b", re.IGNORECASE)
_MODEL: Final = re.compile(r"\bmodel\b|\bdeployment\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Adviser:
    """Knows what is configured.

    :ivar key_name: the variable that the model's key is read from.
    :ivar models: what the server says that it has; ``None`` where it says nothing.
    """

    config: UpstreamConfig
    key_name: str
    models: Sequence[str] | None = None

    def on(self, error: UpstreamError) -> str:
        """What to do about ``error`` of the model's server."""
        config = self.config
        match fault_of(error):
            case "unreachable":
                return (
                    f"Nobody can be reached at {config.base_url}: check BARGEIN_UPSTREAM_URL, and whether the server "
                    "runs. In a container 127.0.0.1 is the container itself."
                )
            case "key_refused":
                return self._key()
            case "forbidden":
                return f"The key in {self.key_name} may not use {config.model}: give it the right, or another key."
            case "no_credit":
                return "The account of this key has no credit left: top it up with the model's provider."
            case "not_found":
                return self._not_found(error)
            case _:
                return self._other(error)

    def on_speech(self, error: UpstreamError) -> str:
        """The same, where a question in text was answered, and a spoken one is not."""
        if error.http_status in {400, 415, 422}:
            return (
                f"{self.config.model} answers text, but takes no speech: set BARGEIN_MODEL to one that hears, such as "
                "gpt-audio-1.5 with OpenAI."
            )
        return self.on(error)

    def no_sound(self, *, words: bool) -> str:
        """A model that was asked to speak, twice, and has not."""
        how = "It answers in text only" if words else "It answers with neither words nor sound"
        return (
            f"{how}: {self.config.model} is no model that speaks, or its server was not started for speech. Set "
            "BARGEIN_MODEL to one that does, such as gpt-audio-1.5 with OpenAI (“Point it at a model” in the README "
            "lists servers)."
        )

    def _key(self) -> str:
        if self.config.api_key is None:
            return f"No key is set: put it into {self.key_name} (or name another variable: BARGEIN_API_KEY_ENV)."
        return (
            f"The key in {self.key_name} is not taken: check that it is whole, of this server ({self.config.base_url}) "
            "and not withdrawn."
        )

    def _not_found(self, error: UpstreamError) -> str:
        if error.code == "model_not_found" or _MODEL.search(error.message):
            return self.wrong_model()
        return (
            f"There is no Chat Completions server at {self.config.base_url}: BARGEIN_UPSTREAM_URL is the address that "
            "SDKs take as base_url, with its /v1, such as https://api.openai.com/v1. If the address is right, the "
            f"model may not be. {self.wrong_model()}"
        )

    def wrong_model(self) -> str:
        """The name of the model is not known."""
        asked = self.config.azure_deployment or self.config.model
        setting = "BARGEIN_AZURE_DEPLOYMENT" if self.config.azure_deployment else "BARGEIN_MODEL"
        near = difflib.get_close_matches(asked, self.models or (), 3, 0.5)
        known = f" Near to it are {', '.join(near)}." if near else ""
        return f"Set {setting} to a model of this server; {asked!r} is none that this key may use.{known}"

    def _other(self, error: UpstreamError) -> str:
        said = f"{error.param or ''} {error.message}"
        match error:
            case UpstreamRateLimited():
                return "Too many requests, or too many tokens, for this key: wait, or raise its limits."
            case UpstreamTimedOut(code="first_byte_timeout"):
                return (
                    "The model took too long: look at its load, or let it have more time with "
                    "BARGEIN_UPSTREAM_FIRST_BYTE_TIMEOUT_S."
                )
            case UpstreamTimedOut():
                return "The model stopped in mid-answer: look at its server, or set BARGEIN_UPSTREAM_CHUNK_TIMEOUT_S."
            case UpstreamMalformed():
                return (
                    f"What is at {self.config.base_url} does not speak Chat Completions: check BARGEIN_UPSTREAM_URL "
                    "(it ends in /v1 with most servers)."
                )
        if error.http_status in {400, 422} and _VOICE.search(said):
            return "Set BARGEIN_VOICE to a voice of this model, and BARGEIN_VOICES for those that callers name."
        if error.http_status in {400, 422} and _SOUND.search(said):
            return self.no_sound(words=True)
        if error.http_status in {400, 422} and _MODEL.search(said):
            return self.wrong_model()
        if error.http_status is not None and error.http_status >= 500:
            return "The model's server is failing: look at its log or its provider's status page."
        return "Look at the log of the model's server: its words stand above."
