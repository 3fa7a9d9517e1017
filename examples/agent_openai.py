"""An agent with a tool of your own, in Python with `openai`. It talks; the tool runs here, in your program.

    pip install "openai[realtime]"
    python examples/agent_openai.py "What time is it?"

Its words are printed, its voice is written to reply.wav. For a microphone, send 24 kHz PCM16 in base64 with
`connection.input_audio_buffer.append(audio=...)` all the time: the server finds the turns, and the interruptions.
"""

import asyncio
import base64
import os
import sys
import time
import wave

from openai import AsyncOpenAI

URL = os.environ.get("BARGEIN_URL", "http://127.0.0.1:8765/v1")
KEY = os.environ.get("BARGEIN_KEY", "none")


def get_time() -> str:
    return time.strftime("%H:%M")


TOOL = {"type": "function", "name": "get_time", "description": "The time of day.", "parameters": {"type": "object"}}
SESSION = {"type": "realtime", "instructions": "You are a talking clock. Be brief.", "tools": [TOOL]}


async def main(question: str) -> None:
    async with AsyncOpenAI(base_url=URL, api_key=KEY).realtime.connect(model="gpt-audio-1.5") as connection:
        await connection.session.update(session=SESSION)
        content = [{"type": "input_text", "text": question}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        with wave.open("reply.wav", "wb") as reply:
            reply.setparams((1, 2, 24000, 0, "NONE", ""))
            async for event in connection:
                match event.type:
                    case "response.output_audio.delta":
                        reply.writeframes(base64.b64decode(event.delta))
                    case "response.output_audio_transcript.delta":
                        print(event.delta, end="", flush=True)
                    case "response.done":
                        calls = [item for item in event.response.output or [] if item.type == "function_call"]
                        if not calls:
                            break
                        for call in calls:
                            output = {"type": "function_call_output", "call_id": call.call_id, "output": get_time()}
                            await connection.conversation.item.create(item=output)
                        await connection.response.create()
                    case "error":
                        sys.exit(event.error.message)
    print()


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "What time is it?"))
