"""openai-agents (Python), ``RealtimeRunner``: a text turn, a spoken turn, a barge-in, a tool call.

    python openai_agents.py GIVEN_JSON

The SDK validates every server event strictly and raises an error event for what it does not know; any such event fails
the scenario.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from outside import Microphone, run

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"


@function_tool
def get_time() -> str:
    """The time of day."""
    return "16:20"


async def open_session(given: dict[str, Any], *, tools: bool = False) -> RealtimeSession:
    agent = RealtimeAgent(name="assistant", instructions="Be brief.", tools=[get_time] if tools else [])
    config = {"url": f"{given['realtime_url']}?model=gpt-realtime", "api_key": "sk-local"}
    return await RealtimeRunner(agent).run(model_config=config)


async def events(session: RealtimeSession) -> AsyncIterator[tuple[str, Any]]:
    """The session's events by name; those of the model as ``model:…``, raw server events as ``server:…``."""
    async for event in session:
        name, value = event.type, event
        if event.type == "raw_model_event":
            name, value = f"model:{event.data.type}", event.data
            if event.data.type == "raw_server_event":
                name, value = f"server:{event.data.data['type']}", event.data.data
        if name in {"error", "model:error", "model:exception"}:
            raise RuntimeError(f"{name}: {value}")
        yield name, value


async def turns_end(session: RealtimeSession, found: dict[str, Any]) -> None:
    """Read until the agent's turn has ended."""
    names = found.setdefault("names", [])
    found.setdefault("audio_bytes", 0)
    async for name, value in events(session):
        names.append(name)
        if name == "audio":
            found["audio_bytes"] += len(value.audio.data)
        if name == "server:response.done":
            found["status"] = value["response"]["status"]
        if name == "model:turn_ended":
            return


async def text_turn(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with await open_session(given) as session:
        await session.send_message("Who are you?")
        await turns_end(session, found)
    return found


async def spoken_turn(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with await open_session(given) as session, Microphone(session.send_audio) as mouth:
        mouth.say(given["question"])
        await turns_end(session, found)
    return found


async def barge_in(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with await open_session(given) as session, Microphone(session.send_audio) as mouth:
        await session.send_message("Tell me a story.")
        async for name, _ in events(session):
            if name == "audio":
                break
        mouth.say(given["interruption"])
        await turns_end(session, found)
        found["cut_status"] = found.pop("status")
        answer: dict[str, Any] = {}
        await turns_end(session, answer)
        names = found["names"] + answer["names"]
        found["interrupted"] = "audio_interrupted" in names
        found["truncated"] = "server:conversation.item.truncated" in names
        found["answer"] = answer
    return found


async def tool_call(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with await open_session(given, tools=True) as session:
        await session.send_message("What time is it?")
        await turns_end(session, found)
        await turns_end(session, found)
    return found


if __name__ == "__main__":
    run({"text_turn": text_turn, "spoken_turn": spoken_turn, "barge_in": barge_in, "tool_call": tool_call})
