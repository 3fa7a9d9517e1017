"""``POST /v1/chat/completions``."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bargein.demo.api_errors import ApiError, audio_not_found, bad_key, failed_with
from bargein.demo.chunks import Chunks, new_id
from bargein.demo.exchange import SSE_HEADERS, Exchange
from bargein.demo.faults import Faults, UnknownFaultError, directives, without_directives
from bargein.demo.intents import Asked, Intent, asked
from bargein.demo.listen import Recogniser
from bargein.demo.messages import AskedMessage, Sound
from bargein.demo.redact import loggable
from bargein.demo.reply_policy import Past, Reply, ReplyPolicy, Say
from bargein.demo.request import ChatRequest, parse_chat, parse_json
from bargein.demo.scripted import ScriptedModel, scripted_options
from bargein.demo.speaking import SpokenReply, Studio, before_headers, spoken_text, stream_text
from bargein.demo.speech import RATE_HZ, speak_whole
from bargein.demo.sse import SseWriter, encode_audio, stall
from bargein.demo.tools import ToolCall, Tools
from bargein.demo.usage import assistant_audio_tokens, text_tokens, usage
from bargein.demo.voices import voice_called
from bargein.sound.resample import resample


class Chat:
    """Answers completions.

    :param api_key: the only key that is let in, or ``None`` for all.
    """

    def __init__(
        self, studio: Studio, recogniser: Recogniser, scripted: ScriptedModel, api_key: str | None, first_byte_ms: float
    ) -> None:
        self._studio = studio
        self._recogniser = recogniser
        self._scripted = scripted
        self._api_key = api_key
        self._first_byte_ms = first_byte_ms
        self._policy = ReplyPolicy(studio.memory, speaks_freely=studio.speaker.name != "bank")

    async def answer(self, exchange: Exchange, body: bytes, headers: Mapping[str, str], faults: Faults) -> None:
        """Answer one request.

        :raises ApiError: it is refused.
        :raises CutError: a fault ends the connection.
        """
        row = exchange.row
        value = parse_json(body)
        row.body = loggable(value)
        row.model, row.stream = str(value.get("model", "")), value.get("stream") is True
        faults = _with_directives(value, faults)
        row.faults = faults.as_text()
        await before_headers(faults)
        if self._api_key is not None and headers.get("authorization") != f"Bearer {self._api_key}":
            raise bad_key()
        if (status := faults.get("status", "code")) is not None:
            raise failed_with(int(status), faults.get("status", "retry_after_s"))
        request = parse_chat(value)
        past = self._past(request.messages, fail="audio_not_found" in faults)
        texts = [message.text for message in request.messages if message.role in {"user", "system", "developer"}]
        options = scripted_options(request.model, headers.get("x-demo-scripted", ""), reversed(texts))
        if options is not None:
            await self._scripted.answer(exchange, request, options, faults)
            return
        reply = await self._reply(request, past, exchange)
        await asyncio.sleep(row.arrived_s + self._first_byte_ms / 1000 - time.monotonic())
        if request.stream:
            await self._stream(exchange, request, reply, faults)
        else:
            await self._whole(exchange, request, reply, faults)

    async def _reply(self, request: ChatRequest, past: Past, exchange: Exchange) -> Reply:
        last = request.messages[-1]
        # Without words of the caller, as after "greet the caller" in the instructions, it says hello.
        wanted = await self._asked(last) if last.role == "user" else Asked(Intent.HELLO)
        exchange.row.heard = {"text": wanted.words, "intent": wanted.intent.value}
        tools = Tools(request.functions, request.tool_choice)
        reply = self._policy.reply(wanted, past, tools, datetime.datetime.now().astimezone())
        match reply:
            case ToolCall(name, arguments):
                exchange.row.tool_call = {"id": new_id("call_"), "name": name, "arguments": arguments}
            case Say(text) if request.audio:
                return Say(self._studio.speaker.sayable(text))
        return reply

    async def _asked(self, message: AskedMessage) -> Asked:
        text = without_directives(message.text)
        if text or not message.sounds:
            return asked(text)
        heard = await self._recogniser.understand(*_joined(message.sounds))
        match heard:
            case _ if not heard.speech:
                return Asked(Intent.SILENCE)
            case _ if heard.text is not None:
                return asked(heard.text)
            case _:
                return Asked(Intent.NOT_UNDERSTOOD if heard.able else Intent.CANNOT_LISTEN)

    def _past(self, messages: Sequence[AskedMessage], *, fail: bool) -> Past:
        now_unix_s = datetime.datetime.now().timestamp()
        said: list[str] = []
        for index, message in enumerate(messages):
            if message.role != "assistant":
                continue
            text: str | None = message.text
            if message.audio_id is not None:
                text = self._studio.memory.transcript_of(message.audio_id, now_unix_s)
                if text is None or fail:
                    raise audio_not_found(message.audio_id, f"content.messages[{index}].audio.id")
            if text:
                said.append(text)
        if fail:
            raise audio_not_found(new_id("audio_"), f"content.messages[{len(messages) - 1}].audio.id")
        last = messages[-1]
        users = sum(message.role == "user" for message in messages)
        return Past(said, users, last.text if last.role == "tool" else None)

    async def _stream(self, exchange: Exchange, request: ChatRequest, reply: Reply, faults: Faults) -> None:
        row = exchange.row
        chunks = Chunks(request.model, usage_asked=request.include_usage)
        row.id = chunks.id
        await exchange.begin(200, SSE_HEADERS)
        if (wait_ms := faults.get("first_byte", "ms")) is not None:
            await stall(wait_ms)
        writer = SseWriter(exchange, faults, chunks)
        match reply:
            case ToolCall():
                await _stream_call(writer, exchange, request, reply, chunks, faults)
            case Say(text) if request.audio and "no_audio" not in faults:
                row.voice = voice_called(request.voice).name
                spoken = SpokenReply(self._studio, request, spoken_text(text, faults), writer, chunks)
                await spoken.stream(row, faults)
            case Say(text):
                await stream_text(self._studio, request, spoken_text(text, faults), writer, chunks, faults, row)

    async def _whole(self, exchange: Exchange, request: ChatRequest, reply: Reply, faults: Faults) -> None:
        row = exchange.row
        chunks = Chunks(request.model)
        row.id = chunks.id
        message: dict[str, Any] = {"content": None}
        row.finish_reason = "stop"
        if isinstance(reply, ToolCall):
            row.finish_reason = "tool_calls"
            call = row.tool_call or {}
            function = {"name": reply.name, "arguments": reply.arguments}
            message["tool_calls"] = [{"id": call["id"], "type": "function", "function": function}]
        elif request.audio:
            message["audio"] = await self._whole_audio(exchange, request, spoken_text(reply.text, faults), faults)
        else:
            self._studio.memory.begin(reply.text)
            message["content"] = row.transcript = _limited(reply.text, request.max_tokens)
            row.finish_reason = "stop" if row.transcript == reply.text else "length"
        said = reply.arguments if isinstance(reply, ToolCall) else row.transcript
        row.usage = usage(request.messages, said, row.samples_made)
        await exchange.json(chunks.whole(message, row.finish_reason, row.usage))
        row.samples_sent = row.samples_made

    async def _whole_audio(self, exchange: Exchange, request: ChatRequest, text: str, faults: Faults) -> dict[str, Any]:
        row = exchange.row
        voice = voice_called(request.voice)
        self._studio.memory.begin(text)
        clip = await speak_whole(text, voice, self._studio.speaker)
        samples = clip.samples
        if request.max_tokens is not None:
            most = max(0, request.max_tokens - text_tokens(text)) * RATE_HZ // 20
            if assistant_audio_tokens(len(samples)) + text_tokens(text) > request.max_tokens:
                samples, row.finish_reason = samples[:most], "length"
        row.voice, row.audio_id, row.transcript = voice.name, new_id("audio_"), text
        row.words = [word.as_json() for word in clip.words]
        row.samples_made = len(samples)
        now_unix_s = datetime.datetime.now().timestamp()
        if row.finish_reason == "stop" and "forget_audio" not in faults:
            self._studio.memory.finish(row.audio_id, text, now_unix_s)
        return {
            "id": row.audio_id,
            "data": encode_audio(samples, request.audio_format),
            "expires_at": self._studio.memory.expires_unix_s(now_unix_s),
            "transcript": text,
        }


def _with_directives(body: Mapping[str, Any], faults: Faults) -> Faults:
    """The faults with those that the last user text and the system messages ask for.

    :raises ApiError: a directive is not understood.
    """
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    said = [message for message in messages if message.get("role") in {"system", "developer"}]
    said += [message for message in messages if message.get("role") == "user"][-1:]
    for message in said:
        content = message.get("content")
        parts = [{"text": content}] if isinstance(content, str) else content if isinstance(content, list) else []
        text = " ".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))
        try:
            faults = directives(text).joined(faults)
        except UnknownFaultError as error:
            raise ApiError(str(error), param="messages") from error
    return faults


def _joined(sounds: Sequence[Sound]) -> tuple[np.ndarray[Any, np.dtype[np.int16]], int]:
    rate_hz = sounds[0].rate_hz
    return np.concatenate([resample(sound.samples, sound.rate_hz, rate_hz) for sound in sounds]), rate_hz


def _limited(text: str, max_tokens: int | None) -> str:
    return text if max_tokens is None else text[: max_tokens * 4]


async def _stream_call(
    writer: SseWriter, exchange: Exchange, request: ChatRequest, call: ToolCall, chunks: Chunks, faults: Faults
) -> None:
    row = exchange.row
    await writer.chunk(chunks.call_begins((row.tool_call or {})["id"], call.name))
    for fragment in call.fragments():
        await writer.chunk(chunks.call_arguments(fragment))
    row.finish_reason = "tool_calls"
    await writer.chunk(chunks.delta({}, None if "no_finish" in faults else "tool_calls"))
    row.usage = usage(request.messages, call.arguments, 0)
    if request.include_usage and "no_usage" not in faults:
        await writer.chunk(chunks.usage(row.usage))
    await writer.done()
