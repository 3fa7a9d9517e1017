"""LiveKit Agents' plugin for OpenAI's Realtime: a greeting, a text turn, a spoken turn, an interruption, a tool call.

    python livekit_agent.py GIVEN_JSON

A whole ``AgentSession`` runs without a room, between a microphone of our own and a loudspeaker that plays in real time.
Any error that the session reports fails the scenario.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice import io
from livekit.plugins import openai
from outside import RATE_HZ, Answers, Microphone, run_agent


class Ears(io.AudioInput):
    """What the microphone sends, as frames."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(self, frame: bytes) -> None:
        self._frames.put_nowait(frame)

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await self._frames.get()
        return rtc.AudioFrame(frame, RATE_HZ, 1, len(frame) // 2)


class Loudspeaker(io.AudioOutput):
    """Plays in real time, and says how much it had played when it was stopped."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE_HZ)
        self.played_s = 0.0
        self.began = asyncio.Event()
        self._given_s = 0.0
        self._began_at: float | None = None
        self._ends: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._began_at is None:
            self._began_at = asyncio.get_running_loop().time()
            self.began.set()
        self._given_s += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._began_at is not None:
            self._ends = asyncio.get_running_loop().call_at(self._began_at + self._given_s, self._end, False)

    def clear_buffer(self) -> None:
        if self._began_at is not None:
            self._end(True)

    def _end(self, interrupted: bool) -> None:
        assert self._began_at is not None
        if self._ends is not None:
            self._ends.cancel()
        played_s = min(self._given_s, asyncio.get_running_loop().time() - self._began_at)
        self.played_s += played_s
        self._given_s, self._began_at = 0.0, None
        self.on_playback_finished(playback_position=played_s, interrupted=interrupted)


class Call:
    """One call with the agent."""

    def __init__(self, session: AgentSession[None], mouth: Microphone, speaker: Loudspeaker) -> None:
        self.mouth = mouth
        self.answers = Answers()
        self._session = session
        self._speaker = speaker
        session.on("conversation_item_added", self._take)
        session.on("error", lambda event: self.answers.fail(event.error))

    def _take(self, event: Any) -> None:  # noqa: ANN401
        if getattr(event.item, "role", "") == "assistant":
            self.answers.add(event.item.text_content or "")

    @property
    def played_s(self) -> float:
        return self._speaker.played_s

    async def greet(self) -> None:
        self._session.generate_reply(instructions="Greet the caller.")

    async def ask(self, text: str) -> None:
        self._session.generate_reply(user_input=text)

    async def listen(self, seconds: float) -> None:
        await self._speaker.began.wait()
        await asyncio.sleep(seconds)

    def told(self) -> list[dict[str, str]]:
        messages = (item for item in self._session.history.items if item.type == "message")
        return [{"role": item.role, "content": item.text_content or ""} for item in messages]

    def calls(self) -> int:
        return sum(item.type == "function_call" for item in self._session.history.items)


@function_tool
async def get_time() -> str:
    """The time of day."""
    return "16:20"


@asynccontextmanager
async def call(given: dict[str, Any], *, tools: bool = False) -> AsyncIterator[Call]:
    model = openai.realtime.RealtimeModel(base_url=given["http_url"] + "/v1", api_key="sk-local")
    session: AgentSession[None] = AgentSession(llm=model)
    ears, speaker = Ears(), Loudspeaker()
    session.input.audio, session.output.audio = ears, speaker
    agent = Agent(instructions="Be brief.", tools=[get_time] if tools else [])
    async with Microphone(ears.hear) as mouth:
        on = Call(session, mouth, speaker)
        await session.start(agent, record=False)
        try:
            yield on
        finally:
            await session.aclose()
            await model.aclose()


if __name__ == "__main__":
    run_agent(call)
