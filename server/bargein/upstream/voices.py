"""Which voice a model is asked for: callers name OpenAI's, other models have their own."""

from __future__ import annotations

from typing import Final

from bargein.upstream.config import UpstreamConfig

OPENAI_VOICES: Final = frozenset(
    {
        "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
        "verse",
    }
)  # fmt: skip
"""Of the Realtime API and of Chat Completions."""
_OPENAI_DEFAULT: Final = "alloy"
_QWEN_DEFAULTS: Final = (("qwen3.5-omni", "Tina"), ("", "Cherry"))
"""DashScope's, by how the model's name begins."""
_OPENAI_MODELS: Final = ("gpt-", "chatgpt-")


class Voices:
    """One server's voices, as its operator has set them up."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._listed = config.voices
        self._mapped = {asked.lower(): voice for asked, voice in config.voices.items()}
        self._default = config.voice or _default_of(config)
        server = config.server
        own = config.voice is not None and config.voice.lower() not in OPENAI_VOICES
        self._is_openais = server in {"openai", "azure"}
        self._has_openais = self._is_openais or (server == "generic" and not own)

    def of(self, asked: str | None) -> str | None:
        """The voice to send, ``None`` for none.

        :param asked: what the caller has chosen; ``None``: nothing.
        """
        if asked is None:
            return self._default
        mapped = self._mapped.get(asked.lower())
        if mapped is not None:
            return mapped
        # SDKs name one of OpenAI's without anybody having chosen it; a server that has others would refuse it.
        return self._default if asked.lower() in OPENAI_VOICES and not self._has_openais else asked

    @property
    def offered(self) -> tuple[str, ...]:
        """The names among which a person can choose: the operator's, and what else is known of the model."""
        names = [self._shown(asked, voice) for asked, voice in self._listed.items()]
        default = self._default
        if default is not None and self.of(default) == default and default not in map(self.of, names):
            names.append(default)
        # Of a server that nothing is known of, whoever lists its voices lists them all.
        if self._has_openais and (self._is_openais or not self._listed):
            names += sorted(OPENAI_VOICES - self._mapped.keys())
        return tuple(dict.fromkeys(names))

    def _shown(self, asked: str, voice: str) -> str:
        """One of OpenAI's names says nothing of another model's voice, whose own does, where it can be asked for."""
        return voice if asked.lower() in OPENAI_VOICES and self.of(voice) == voice else asked


def _default_of(config: UpstreamConfig) -> str | None:
    model = config.model.rpartition("/")[2].lower()
    match config.server:
        case "openai" | "azure":
            return _OPENAI_DEFAULT
        case "generic":
            # OpenAI wants a voice, whatever passes the request on.
            return _OPENAI_DEFAULT if model.startswith(_OPENAI_MODELS) else None
        case "dashscope":
            return next(voice for begin, voice in _QWEN_DEFAULTS if model.startswith(begin))
        case _:
            return None
