"""What the caller said, written down by ``/v1/audio/transcriptions``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any, Final, Protocol, Self

import httpx
import structlog

from bargein.core.completion import Usage, UserAudio
from bargein.core.config import Transcription
from bargein.core.items import InputAudio
from bargein.errors import UpstreamMalformed
from bargein.loop.time_limit import time_limit
from bargein.upstream import failures
from bargein.upstream.answer import Answer, refusal
from bargein.upstream.config import UpstreamConfig
from bargein.upstream.endpoint import models_endpoint, transcription_endpoint
from bargein.upstream.http import HttpClient
from bargein.upstream.lenient import read_json
from bargein.upstream.model_ends import near_end_of, recogniser_instead, recogniser_server
from bargein.upstream.probe import Probe, probe
from bargein.upstream.request import wav_of
from bargein.upstream.usage import read_usage

_LOGPROBS: Final = "include[]"
_HAVE_LOGPROBS: Final = ("gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""How the names of OpenAI's recognisers begin that have them; the one that tells speakers apart has not."""
_HAS_HINTS: Final = "gpt-transcribe"
"""It alone takes languages and keywords."""
_LIMIT_BYTES: Final = 4 * 1024 * 1024
_LONG_BYTES: Final = 1024 * 1024
"""The form around more sound is written beside the event loop: five minutes take 20 ms."""
_WARNED_LIMIT: Final = 100
"""Callers choose the names of recognisers: no more of them are remembered."""

_log: Final = structlog.get_logger(__name__)


def utc_today() -> date:
    """The day by which models end."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser has written."""

    text: str
    logprobs: tuple[Mapping[str, Any], ...] | None = None
    """For each token ``token``, ``logprob`` and ``bytes``; ``None`` where nobody asked, or it has none."""
    usage: Usage | None = field(default=None, compare=False)
    """The recogniser's own count of tokens, if it has told."""


OnSent = Callable[[], None]


class Transcriber(Protocol):
    """A recogniser."""

    def payee(self, transcription: Transcription) -> str | None:
        """Which recogniser is asked, and may want to be paid; ``None``: one on this machine."""
        ...

    async def transcribe(
        self, speech: InputAudio, transcription: Transcription, on_sent: OnSent | None = None
    ) -> Transcript:
        """The words of ``speech``; empty where there are none. Cancelling closes the connection at once.

        :param on_sent: is called before this comes to its end, in whatever way, if the sound was sent to the payee.
        :raises UpstreamError: the recogniser failed.
        """
        ...


class Transcriptions:
    """A :class:`Transcriber` over HTTP/1.1. One serves all sessions of a process, on one event loop.

    Where the operator has set no recogniser, it is the one that the caller names; one that OpenAI does not have any
    more is replaced by its successor, and the operator told once.

    :param today: the day by which recognisers end.
    """

    def __init__(self, config: UpstreamConfig, today: Callable[[], date] = utc_today) -> None:
        self._config = config
        self._today = today
        self._server = recogniser_server(config)
        self._warned: set[str] = set()
        self._client = HttpClient(config.transcription_base_url or config.base_url, config.connect_timeout_s)

    @property
    def open_connections(self) -> int:
        """To its server, now."""
        return self._client.open_connections

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def probe(self) -> Probe:
        """Ask a light question, which costs nothing.

        :raises UpstreamError: the server cannot be reached, does not take the key, or is down.
        """
        config = self._config
        if config.transcription_base_url is not None:
            base_url, key = config.transcription_base_url, config.transcription_api_key
            config = replace(config, base_url=base_url, api_key=key, flavour=None)
        return await probe(self._client, models_endpoint(config), config.probe_timeout_s)

    def payee(self, transcription: Transcription) -> str:
        """See :meth:`Transcriber.payee`."""
        return self._config.transcription_model or self._recogniser(transcription.model)

    async def transcribe(
        self, speech: InputAudio, transcription: Transcription, on_sent: OnSent | None = None
    ) -> Transcript:
        """See :meth:`Transcriber.transcribe`. ``transcription_timeout_s`` covers the whole of it."""
        config = self._config
        model = self.payee(transcription)
        endpoint = transcription_endpoint(config, model)
        fields = _fields(model, transcription)
        lease = self._client.lease()
        try:
            async with time_limit(config.transcription_timeout_s) as limit:
                if len(speech.audio) > _LONG_BYTES:
                    content_type, body = await asyncio.to_thread(_form, fields, speech)
                else:
                    content_type, body = _form(fields, speech)
                headers = endpoint.headers | {"content-type": content_type}
                response = await self._client.post(endpoint.url, headers, body, lease)
                body = b""  # Minutes of sound, which need not be kept for as long as the recogniser works.
                if not failures.is_answer(response.status_code):
                    raise await refusal(response, endpoint.secret)
                patience_s = config.transcription_timeout_s
                answer = Answer(response, first_byte_s=patience_s, chunk_s=config.chunk_timeout_s)
                try:
                    return _transcript(await answer.whole(_LIMIT_BYTES), logprobs=_LOGPROBS in fields)
                finally:
                    await answer.aclose()
        except failures.FOREIGN as error:
            raise failures.timed_out("whole_answer") if limit.lost else failures.from_exception(error) from error
        finally:
            if lease.answer is not None and on_sent is not None:
                on_sent()
            lease.drop()

    def _recogniser(self, named: str) -> str:
        """What to ask for where a caller names ``named``."""
        today = self._today()
        instead = recogniser_instead(named, self._server, today)
        end = near_end_of(named, self._server, today)
        if (instead or end) and named not in self._warned and len(self._warned) < _WARNED_LIMIT:
            self._warned.add(named)
            _log.warning(
                "callers name a recogniser that cannot be counted on",
                recogniser=named,
                why="OpenAI has it in its Realtime API only" if end is None else end.worded(today),
                asked=instead or named,
                setting="BARGEIN_TRANSCRIPTION_MODEL decides for all callers",
            )
        return instead or named


def _fields(model: str, transcription: Transcription) -> dict[str, str | list[str]]:
    """The form, without the sound: what the caller has said, as far as the recogniser takes it."""
    fields: dict[str, str | list[str]] = {"model": model, "response_format": "json"}
    if transcription.language:
        fields["language"] = transcription.language
    if transcription.prompt:
        fields["prompt"] = transcription.prompt
    if model == _HAS_HINTS:
        fields |= {
            f"{name}[]": list(values)
            for name, values in (("languages", transcription.languages), ("keywords", transcription.keywords))
            if values
        }
    if transcription.logprobs and model.startswith(_HAVE_LOGPROBS) and "diarize" not in model:
        fields[_LOGPROBS] = ["logprobs"]
    return fields


def _form(fields: Mapping[str, str | list[str]], speech: InputAudio) -> tuple[str, bytes]:
    """The content type, and the body to post."""
    wav = wav_of(UserAudio(speech.audio, speech.format))
    # Its address does not matter: only the form is taken from it.
    form = httpx.Request("POST", "http://form/", data=fields, files={"file": ("speech.wav", wav, "audio/wav")})
    return form.headers["content-type"], form.read()


def _transcript(body: bytes, *, logprobs: bool) -> Transcript:
    try:
        said = read_json(body)
    except ValueError:
        said = None
    text = said.get("text") if isinstance(said, dict) else None
    if not isinstance(text, str):
        raise UpstreamMalformed("The recogniser answered something that is not a transcript.", code="invalid_json")
    tokens = said.get("logprobs") if logprobs else None
    known = tuple(map(_token, tokens)) if isinstance(tokens, list) else ()
    used = said.get("usage")
    usage = read_usage(used) if isinstance(used, dict) and used.get("type") != "duration" else None
    logged = tuple(token for token in known if token is not None) if known else None
    return Transcript(text.strip(), logged, usage=usage if usage is not None and usage.input_tokens else None)


def _token(given: object) -> Mapping[str, Any] | None:
    """One token in the protocol's shape."""
    if not isinstance(given, dict):
        return None
    token, logprob, raw = given.get("token"), given.get("logprob"), given.get("bytes")
    if not isinstance(token, str) or not isinstance(logprob, int | float):
        return None
    raw = raw if isinstance(raw, list) else list(token.encode())
    return {"token": token, "logprob": logprob, "bytes": [byte for byte in raw if isinstance(byte, int)]}
