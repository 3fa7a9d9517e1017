"""A translator: what is said in one language comes back, spoken, in the other.

    bargein serve --agent translator
    pip install "openai[realtime]"
    python examples/translator.py english.wav             # mono PCM16 at 24 kHz; writes translated.wav

A WAV stands for the microphone here: what matters is that sound is sent all the time, as it comes.
"""

import asyncio
import base64
import os
import sys
import wave

from openai import AsyncOpenAI

CLIENT = AsyncOpenAI(
    base_url=os.environ.get("BARGEIN_URL", "http://127.0.0.1:8765/v1"), api_key=os.environ.get("BARGEIN_KEY", "none")
)
FRAME = 480
"""Samples in 20 ms."""


async def speak(connection, path: str) -> None:
    """Send a recording in real time, and silence behind it."""
    with wave.open(path) as file:
        assert file.getparams()[:3] == (1, 2, 24000), "mono PCM16 at 24 kHz, please"
        while True:
            frame = file.readframes(FRAME).ljust(2 * FRAME, b"\0")
            await connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
            await asyncio.sleep(0.02)


async def main(path: str) -> None:
    connect = CLIENT.realtime.connect(model="gpt-audio-1.5", extra_query={"agent": "translator"})
    async with connect as connection:
        speaking = asyncio.create_task(speak(connection, path))
        with wave.open("translated.wav", "wb") as translated:
            translated.setparams((1, 2, 24000, 0, "NONE", ""))
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    translated.writeframes(base64.b64decode(event.delta))
                elif event.type == "response.output_audio_transcript.delta":
                    print(event.delta, end="", flush=True)
                elif event.type == "response.done" and event.response.status == "completed":
                    break
                elif event.type == "error":
                    sys.exit(event.error.message)
        speaking.cancel()
    print()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
