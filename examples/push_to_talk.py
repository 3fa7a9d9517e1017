"""Push to talk over HTTP, in Python with `openai`: one question, one spoken answer, heard while it is made.

    pip install openai
    python examples/push_to_talk.py "Who are you?"        # or a WAV file with a spoken question

The answer comes as server-sent events. It is played by `ffplay` (of FFmpeg) where that is installed, and written to
reply.wav.
"""

import base64
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

from openai import OpenAI

CLIENT = OpenAI(
    base_url=os.environ.get("BARGEIN_URL", "http://127.0.0.1:8765/v1"), api_key=os.environ.get("BARGEIN_KEY", "none")
)
PLAYER = ["ffplay", "-loglevel", "quiet", "-nodisp", "-autoexit", "-f", "s16le", "-ar", "24000", "-"]


def content(question: str) -> list[dict]:
    if not question.endswith(".wav"):
        return [{"type": "text", "text": question}]
    sound = base64.b64encode(Path(question).read_bytes()).decode()
    return [{"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}]


def main(question: str) -> None:
    player = subprocess.Popen(PLAYER, stdin=subprocess.PIPE) if shutil.which(PLAYER[0]) else None
    stream = CLIENT.chat.completions.create(
        model="gpt-audio-1.5",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "pcm16"},
        messages=[{"role": "user", "content": content(question)}],
        stream=True,
    )
    with wave.open("reply.wav", "wb") as reply:
        reply.setparams((1, 2, 24000, 0, "NONE", ""))
        for chunk in stream:
            audio = chunk.choices[0].delta.model_dump().get("audio") or {}
            print(audio.get("transcript") or "", end="", flush=True)
            sound = base64.b64decode(audio.get("data") or "")
            reply.writeframes(sound)
            if player:
                player.stdin.write(sound)
                player.stdin.flush()
    print()
    if player:
        player.stdin.close()
        player.wait()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "Who are you?")
