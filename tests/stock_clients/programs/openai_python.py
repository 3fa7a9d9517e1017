"""openai-python, ``client.realtime`` and ``client.beta.realtime``: a text turn, a spoken turn, a barge-in, a tool call.

python openai_python.py GIVEN_JSON [beta | azure]

``azure`` is the beta by the SDK's client for Azure: its older address, and its way to make a token.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI
from outside import Microphone, run

AZURE = sys.argv[2:] == ["azure"]
BETA = AZURE or sys.argv[2:] == ["beta"]
AUDIO_DELTA = "response.audio.delta" if BETA else "response.output_audio.delta"
TRANSCRIPTION = {"model": "gpt-4o-mini-transcribe"}
GET_TIME = {
    "type": "function",
    "name": "get_time",
    "description": "The time of day.",
    "parameters": {"type": "object", "properties": {}},
}
WITH_VOICE = {"voice": "echo"} if BETA else {"audio": {"output": {"voice": "echo"}}}
WITH_TRANSCRIPTION = (
    {"input_audio_transcription": TRANSCRIPTION} if BETA else {"audio": {"input": {"transcription": TRANSCRIPTION}}}
)


def connect(given: dict[str, Any]) -> Any:  # noqa: ANN401 (one of two connection managers)
    """The SDK's connection, not yet open."""
    if AZURE:
        return azure(given).beta.realtime.connect(model="my-deployment")
    if BETA:
        # With an http base URL alone, the beta client would dial wss.
        url = f"{given['http_url']}/v1".replace("http", "ws", 1)
        beta = AsyncOpenAI(api_key="sk-local", base_url=f"{given['http_url']}/v1", websocket_base_url=url).beta
        return beta.realtime.connect(model="gpt-4o-realtime-preview")
    return AsyncOpenAI(api_key="sk-local", base_url=f"{given['http_url']}/v1").realtime.connect(model="gpt-realtime")


def azure(given: dict[str, Any]) -> AsyncAzureOpenAI:
    return AsyncAzureOpenAI(
        api_key="sk-local",
        api_version="2025-04-01-preview",
        azure_endpoint=given["http_url"],
        websocket_base_url=f"{given['http_url']}/openai".replace("http", "ws", 1),
    )


async def configure(connection: Any, session: dict[str, Any]) -> None:  # noqa: ANN401
    await connection.session.update(session=session if BETA else {"type": "realtime", **session})


async def say_text(connection: Any, text: str) -> None:  # noqa: ANN401
    content = [{"type": "input_text", "text": text}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()


async def response(connection: Any, found: dict[str, Any]) -> Any:  # noqa: ANN401
    """Read until ``response.done`` and return its response; ``found`` gets what was seen on the way."""
    types = found.setdefault("types", [])
    found.setdefault("audio_bytes", 0)
    async for event in connection:
        types.append(event.type)
        if event.type == "error":
            raise RuntimeError(f"an error event: {event.error}")
        if event.type == AUDIO_DELTA:
            found["audio_bytes"] += len(base64.b64decode(event.delta))
        if event.type == "response.done":
            return event.response
    raise RuntimeError("the connection ended")


def summary(done: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "status": done.status,
        "reason": done.status_details.reason if done.status_details else None,
        "transcripts": [part.transcript for item in done.output or [] for part in getattr(item, "content", None) or []],
    }


def microphone(connection: Any) -> Microphone:  # noqa: ANN401
    return Microphone(lambda audio: connection.input_audio_buffer.append(audio=base64.b64encode(audio).decode()))


async def text_turn(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with connect(given) as connection:
        found["first"] = (await connection.recv()).type
        await configure(connection, WITH_VOICE)
        await say_text(connection, "Who are you?")
        return found | summary(await response(connection, found))


async def spoken_turn(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with connect(given) as connection, microphone(connection) as mouth:
        await configure(connection, WITH_TRANSCRIPTION)
        mouth.say(given["question"])
        return found | summary(await response(connection, found))


async def barge_in(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with connect(given) as connection, microphone(connection) as mouth:
        await say_text(connection, "Tell me a story.")
        async for event in connection:
            if event.type == AUDIO_DELTA:
                break
        mouth.say(given["interruption"])
        cut = await response(connection, found)
        _, _, after = "\n".join(found["types"]).partition("input_audio_buffer.speech_started")
        answer = await response(connection, {})
        return {
            "cut": summary(cut),
            "answer": summary(answer),
            "speech_started": "input_audio_buffer.speech_started" in found["types"],
            "audio_after_speech_started": AUDIO_DELTA in after,
        }


async def tool_call(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with connect(given) as connection:
        await configure(connection, {"tools": [GET_TIME], "tool_choice": "auto"})
        await say_text(connection, "What time is it?")
        call = next(item for item in (await response(connection, found)).output if item.type == "function_call")
        output = {"type": "function_call_output", "call_id": call.call_id, "output": json.dumps({"time": "16:20"})}
        await connection.conversation.item.create(item=output)
        await connection.response.create()
        found |= {"name": call.name, "arguments": json.loads(call.arguments)}
        return found | summary(await response(connection, found))


async def minted(given: dict[str, Any]) -> str:
    """A token for a session that speaks as ``echo``."""
    client = azure(given) if AZURE else AsyncOpenAI(api_key="sk-local", base_url=f"{given['http_url']}/v1")
    if BETA:
        session = await client.beta.realtime.sessions.create(voice="echo", modalities=["text", "audio"])
        return session.client_secret.value
    secret = await client.realtime.client_secrets.create(
        session={"type": "realtime", "audio": {"output": {"voice": "echo"}}}
    )
    return secret.value


async def token(given: dict[str, Any]) -> dict[str, Any]:
    """A turn in a session that a token opens."""
    found: dict[str, Any] = {}
    url = f"{given['http_url']}/v1"
    client = AsyncOpenAI(api_key=await minted(given), base_url=url, websocket_base_url=url.replace("http", "ws", 1))
    realtime: Any = client.beta.realtime if BETA else client.realtime
    async with realtime.connect(model="gpt-realtime") as connection:
        session = (await connection.recv()).session
        found["voice"] = session.voice if BETA else session.audio.output.voice
        await say_text(connection, "Who are you?")
        return found | summary(await response(connection, found))


if __name__ == "__main__":
    run(
        {
            "text_turn": text_turn,
            "spoken_turn": spoken_turn,
            "barge_in": barge_in,
            "tool_call": tool_call,
            "token": token,
        },
        dialect="beta" if BETA else "ga",
    )
