"""What the caller said, written down by ``/v1/audio/transcriptions``."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Protocol, Self

import httpx
import orjson

from bargein.core.completion import UserAudio
from bargein.core.config import Transcription
from bargein.core.items import InputAudio
from bargein.errors import UpstreamMalformed
from bargein.loop.time_limit import time_limit
from bargein.upstream import failures
from bargein.upstream.answer import Answer, refusal
from bargein.upstream.config import UpstreamConfig
from bargein.upstream.endpoint import transcription_endpoint
from bargein.upstream.http import HttpClient
from bargein.upstream.request import wav_of

_LIMIT_BYTES: Final = 4 * 1024 * 1024


class Transcriber(Protocol):
    """A recogniser."""

    async def transcribe(self, speech: InputAudio, transcription: Transcription) -> str:
        """The words of ``speech``; empty where there are none. Cancelling closes the connection at once.

        :raises UpstreamError: the recogniser failed.
        """
        ...


class Transcriptions:
    """A :class:`Transcriber` over HTTP/1.1. One serves all sessions of a process, on one event loop."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._config = config
        self._client = HttpClient(config.transcription_base_url or config.base_url, config.connect_timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def transcribe(self, speech: InputAudio, transcription: Transcription) -> str:
        """See :meth:`Transcriber.transcribe`. ``transcription_timeout_s`` covers the whole of it."""
        config = self._config
        model = config.transcription_model or transcription.model
        endpoint = transcription_endpoint(config, model)
        fields = {"model": model, "response_format": "json"}
        if transcription.language:
            fields["language"] = transcription.language
        if transcription.prompt:
            fields["prompt"] = transcription.prompt
        wav = wav_of(UserAudio(speech.audio, speech.format))
        form = httpx.Request("POST", endpoint.url, data=fields, files={"file": ("speech.wav", wav, "audio/wav")})
        headers = endpoint.headers | {"content-type": form.headers["content-type"]}
        lease = self._client.lease()
        try:
            async with time_limit(config.transcription_timeout_s) as limit:
                response = await self._client.post(endpoint.url, headers, form.read(), lease)
                if response.status_code != 200:
                    raise await refusal(response, endpoint.secret)
                patience_s = config.transcription_timeout_s
                answer = Answer(response, first_byte_s=patience_s, chunk_s=config.chunk_timeout_s)
                try:
                    return _text(await answer.whole(_LIMIT_BYTES))
                finally:
                    answer.close()
        except failures.FOREIGN as error:
            raise failures.timed_out("whole_answer") if limit.lost else failures.from_exception(error) from error
        finally:
            lease.drop()


def _text(body: bytes) -> str:
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    text = said.get("text") if isinstance(said, dict) else None
    if not isinstance(text, str):
        raise UpstreamMalformed("The recogniser answered something that is not a transcript.", code="invalid_json")
    return text.strip()
