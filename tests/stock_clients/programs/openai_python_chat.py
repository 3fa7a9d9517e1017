"""openai-python, ``client.chat.completions``: its own loops and helpers, in every pair of modalities and streaming.

python openai_python_chat.py GIVEN_JSON BASE_URL
"""

from __future__ import annotations

import base64
import io
import sys
import wave
from pathlib import Path
from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI, BadRequestError
from outside import run

SPOKEN: dict[str, Any] = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
WHO: list[dict[str, Any]] = [{"role": "user", "content": "Who are you?"}]
GET_TIME = {
    "type": "function",
    "function": {"name": "get_time", "description": "The time of day.", "parameters": {"type": "object"}},
}
CLIENT = AsyncOpenAI(api_key="sk-local", base_url=sys.argv[2], max_retries=0)
CHAT: Any = CLIENT.chat.completions


async def text_whole(_: dict[str, Any]) -> dict[str, Any]:
    completion = await CHAT.create(model="gpt-audio", messages=WHO)
    (choice,) = completion.choices
    return {"text": choice.message.content, "finish": choice.finish_reason, "tokens": completion.usage.total_tokens}


async def text_streamed(_: dict[str, Any]) -> dict[str, Any]:
    text, finish = "", None
    async for chunk in await CHAT.create(model="gpt-audio", messages=WHO, stream=True):
        # As the SDK's own examples read it: every chunk has a choice.
        text += chunk.choices[0].delta.content or ""
        finish = chunk.choices[0].finish_reason or finish
    return {"text": text, "finish": finish}


async def without_choices(_: dict[str, Any]) -> dict[str, Any]:
    """Some servers send chunks without ``choices``."""
    messages = [{"role": "system", "content": "[[fault: no_choices]]"}, *WHO]
    chunks = 0
    async for chunk in await CHAT.create(model="gpt-audio", messages=messages, stream=True, **SPOKEN):
        chunks += len(chunk.choices)
    return {"chunks": chunks}


async def spoken_whole(given: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for audio_format in ("wav", "pcm16"):
        audio = {"voice": "alloy", "format": audio_format}
        completion = await CHAT.create(model="gpt-audio", messages=WHO, modalities=["text", "audio"], audio=audio)
        (choice,) = completion.choices
        sound = base64.b64decode(choice.message.audio.data)
        if audio_format == "wav":
            with wave.open(io.BytesIO(sound)) as file:
                found["rate_hz"] = file.getframerate()
                sound = file.readframes(file.getnframes())
        found[f"{audio_format}_bytes"] = len(sound)
        found["transcript"] = choice.message.audio.transcript
        found["expires"] = choice.message.audio.expires_at
        found["finish"] = choice.finish_reason
    return found


async def spoken_streamed(_: dict[str, Any]) -> dict[str, Any]:
    sound, transcript, ids, usage = b"", "", [], None
    options = {"include_usage": True}
    async for chunk in await CHAT.create(
        model="gpt-audio", messages=WHO, stream=True, stream_options=options, **SPOKEN
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            audio = choice.delta.model_dump().get("audio") or {}
            sound += base64.b64decode(audio.get("data") or "")
            transcript += audio.get("transcript") or ""
            ids += [audio["id"]] if audio.get("id") else []
    return {"bytes": len(sound), "transcript": transcript, "ids": ids, "tokens": usage.completion_tokens}


async def helper(options: dict[str, Any]) -> dict[str, Any]:
    """``.stream()``: events, and what it has put together."""
    kinds = set()
    async with CHAT.stream(model="gpt-audio", messages=WHO, **options) as stream:
        async for event in stream:
            kinds.add(event.type)
        completion = await stream.get_final_completion()
    (choice,) = completion.choices
    message = choice.message.model_dump()
    audio = message.get("audio") or {}
    return {
        "kinds": sorted(kinds),
        "role": message["role"],
        "content": message["content"],
        "transcript": audio.get("transcript"),
        # All pieces as one text: it is base64 as a whole.
        "bytes": len(base64.b64decode(audio.get("data") or "", validate=True)),
        "id": audio.get("id"),
        "finish": choice.finish_reason,
    }


async def helper_text(_: dict[str, Any]) -> dict[str, Any]:
    return await helper({})


async def helper_spoken(_: dict[str, Any]) -> dict[str, Any]:
    return await helper(SPOKEN)


async def heard(given: dict[str, Any]) -> dict[str, Any]:
    """A spoken question, and the answer referred to in the next."""
    data = base64.b64encode(Path(given["question"]).read_bytes()).decode()  # noqa: ASYNC240 (a small file)
    messages: list[Any] = [
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}]}
    ]
    first = await CHAT.create(model="gpt-audio", messages=messages, **SPOKEN)
    # The message of an answer, appended as it is.
    messages += [first.choices[0].message, {"role": "user", "content": "What did you say?"}]
    second = await CHAT.create(model="gpt-audio", messages=messages, **SPOKEN)
    return {"said": first.choices[0].message.audio.transcript, "again": second.choices[0].message.audio.transcript}


async def tools(_: dict[str, Any]) -> dict[str, Any]:
    messages: list[Any] = [{"role": "user", "content": "What time is it?"}]
    async with CHAT.stream(model="gpt-audio", messages=messages, tools=[GET_TIME], **SPOKEN) as stream:
        called = (await stream.get_final_completion()).choices[0]
    (call,) = called.message.tool_calls
    messages += [called.message, {"role": "tool", "tool_call_id": call.id, "content": '{"time": "16:20"}'}]
    spoken = await CHAT.create(model="gpt-audio", messages=messages, tools=[GET_TIME], **SPOKEN)
    return {
        "name": call.function.name,
        "arguments": call.function.arguments,
        "finish": called.finish_reason,
        "said": spoken.choices[0].message.audio.transcript,
    }


async def azure(_: dict[str, Any]) -> dict[str, Any]:
    """Azure's client, which puts the model's name into the path."""
    endpoint = sys.argv[2].removesuffix("/v1")
    client = AsyncAzureOpenAI(azure_endpoint=endpoint, api_version="2024-10-21", api_key="sk-local", max_retries=0)
    completion = await client.chat.completions.create(model="gpt-audio", messages=WHO)  # type: ignore[arg-type]
    return {"text": completion.choices[0].message.content}


async def refused(_: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, options in {"messages": {"messages": []}, "temperature": {"temperature": 3}, "n": {"n": 500}}.items():
        try:
            await CHAT.create(**({"model": "gpt-audio", "messages": WHO} | options))
        except BadRequestError as error:
            found[name] = [error.param, error.code]
    return found


run(
    {
        scenario.__name__: scenario
        for scenario in (
            text_whole,
            text_streamed,
            without_choices,
            spoken_whole,
            spoken_streamed,
            helper_text,
            helper_spoken,
            heard,
            tools,
            azure,
            refused,
        )
    }
)
