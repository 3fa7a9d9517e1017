"""The same agent with `openai-agents`, which calls the tool by itself.

pip install openai-agents
python examples/agent_openai_agents.py "What time is it?"
"""

import asyncio
import os
import sys
import time
import wave

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner

URL = os.environ.get("BARGEIN_URL", "http://127.0.0.1:8765/v1").replace("http", "ws", 1)
KEY = os.environ.get("BARGEIN_KEY", "none")
os.environ.setdefault("OPENAI_AGENTS_DISABLE_TRACING", "1")


@function_tool
def get_time() -> str:
    """The time of day."""
    return time.strftime("%H:%M")


async def main(question: str) -> None:
    clock = RealtimeAgent(name="clock", instructions="You are a talking clock. Be brief.", tools=[get_time])
    session = await RealtimeRunner(clock).run(
        model_config={"url": f"{URL}/realtime?model=gpt-audio-1.5", "api_key": KEY}
    )
    heard, history = b"", []
    async with session:
        await session.send_message(question)
        async for event in session:
            if event.type == "tool_end":
                print(f"[{event.tool.name}: {event.output}]")
            elif event.type == "audio":
                heard += event.audio.data
            elif event.type == "history_updated":
                history = event.history
            elif event.type == "error":
                sys.exit(str(event.error))
            elif event.type == "agent_end" and heard:
                break
    said = [part.transcript for item in history if item.type == "message" for part in item.content[:1]]
    with wave.open("reply.wav", "wb") as reply:
        reply.setparams((1, 2, 24000, 0, "NONE", ""))
        reply.writeframes(heard)
    print(said[-1])


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "What time is it?"))
