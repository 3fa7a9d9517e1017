"""What a call costs, by what the model is told as sound: by arithmetic, and on calls to the demo model.

The arithmetic writes the conversation of a call turn by turn with the server's own code, and counts its tokens: what is
told, how much of that is how the request before it began, and what is answered. The calls go through the whole server
on a virtual clock, ten minutes each; the demo model answers, and counts its tokens as OpenAI does. What the server then
says that the call has cost is compared with what the demo model's own log comes to.

Run: ``python -m benchmarks.cost``. It takes a minute of CPU; ``--quickly`` leaves the calls out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import uvicorn
from rich.console import Console
from rich.table import Table

from bargein.alignment.heard_words import Transcript
from bargein.core.audio import PCM16_24K
from bargein.core.completion import ChatMessage, Usage
from bargein.core.config import CorePolicy
from bargein.core.context import messages
from bargein.core.in_words import step_on
from bargein.core.items import InputAudio, Item, Message, OutputAudio
from bargein.core.sizes import audio_tokens, size_tokens
from bargein.demo.app import DemoModel
from bargein.demo.settings import DemoSettings
from bargein.gateway.logs import configure_logs
from bargein.gateway.server import bind
from bargein.money import Price
from bargein.testing import ScriptedModel, calling, run, serving, voice

CALLER_S: Final = 8.0
AGENT_S: Final = 10.0
TURN_S: Final = 20.0
"""Both speak, and both think."""
CHARACTERS_PER_S: Final = 15
"""Of speech: two and a half words."""
INSTRUCTIONS: Final = "You are a friendly receptionist. Keep your answers short. " * 10
GPT_AUDIO: Final = Price(text_in=2.5, audio_in=32, text_out=10, audio_out=64)
DISCOUNTED: Final = replace(GPT_AUDIO, cached_text_in=0.25, cached_audio_in=3.2)
"""The same from a provider that bills what it had cached at a tenth."""

InWords = Callable[[Sequence[Item], set[str]], None]


@dataclass(frozen=True, slots=True)
class Policy:
    """What is told as sound."""

    name: str
    write: InWords
    """Adds to the ids of the turns that are told by their words."""
    refers_to_audio: bool = False
    """Replies are told by the name of their sound."""


def _none(_: Sequence[Item], __: set[str]) -> None:
    pass


def sliding(kept: int) -> InWords:
    """All but the newest ``kept`` turns in words, each turn anew."""

    def write(items: Sequence[Item], in_words: set[str]) -> None:
        turns = [item.id for item in items if isinstance(item, Message) and item.role == "user"]
        in_words.update(turns[:-kept])

    return write


def stepping(kept: int) -> InWords:
    """As the server does."""
    return lambda items, in_words: step_on(items, in_words, kept)


POLICIES: Final = (
    Policy("everything as sound", _none, refers_to_audio=True),
    Policy("the caller's turns as sound, replies in words (`0`, a server that keeps no sound)", _none),
    Policy("a window of 2 that slides", sliding(2)),
    Policy("steps of 2 (the default)", stepping(CorePolicy().history_sound_turns)),
    Policy("steps of 4", stepping(4)),
)


@dataclass(frozen=True, slots=True)
class Told:
    """One request, in tokens."""

    usage: Usage
    shared_text: int
    """Of it, how the request before it began."""
    shared_audio: int


def call_by_arithmetic(policy: Policy, minutes: float) -> list[Told]:
    """A call in which nobody interrupts."""
    items: list[Item] = []
    in_words: set[str] = set()
    before: list[ChatMessage] = []
    told: list[Told] = []
    for number in range(round(minutes * 60 / TURN_S)):
        items.append(_asked(number))
        policy.write(items, in_words)
        pairs = messages(
            items, {}, INSTRUCTIONS, unix_s=0, refers_to_audio=policy.refers_to_audio, in_words=frozenset(in_words)
        )
        request = [message for message, _ in pairs]
        shared = _shared(before, request)
        audio, shared_audio = sum(map(audio_tokens, request)), sum(map(audio_tokens, shared))
        usage = Usage(
            input_text_tokens=sum(map(size_tokens, request)) - audio,
            input_audio_tokens=audio,
            output_text_tokens=round(AGENT_S * CHARACTERS_PER_S / 4),
            output_audio_tokens=round(AGENT_S * 20),
        )
        told.append(Told(usage, sum(map(size_tokens, shared)) - shared_audio, shared_audio))
        items.append(_answered(number))
        before = request
    return told


def _asked(number: int) -> Message:
    words = "w" * round(CALLER_S * CHARACTERS_PER_S)
    sound = bytes([number]) * round(CALLER_S * 48_000)
    return Message(f"turn_{number}", "user", [InputAudio(sound, PCM16_24K, words)])


def _answered(number: int) -> Message:
    timeline = Transcript(24_000)
    timeline.add("w" * round(AGENT_S * CHARACTERS_PER_S), 0)
    samples = round(AGENT_S * 24_000)
    sound = OutputAudio(PCM16_24K, timeline, sample_count=samples, audio_id=f"audio_{number}", audio_expires_at=2**40)
    return Message(f"reply_{number}", "assistant", [sound])


def _shared(before: Sequence[ChatMessage], after: Sequence[ChatMessage]) -> list[ChatMessage]:
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    return list(after[:same])


def dollars(told: Sequence[Told], price: Price) -> float:
    """What the requests cost, where all that they share is cached."""
    total = 0.0
    for one in told:
        usage = replace(one.usage, input_text_tokens=one.usage.input_text_tokens - one.shared_text)
        usage = replace(usage, input_audio_tokens=usage.input_audio_tokens - one.shared_audio)
        rates = (price.cached_text_in or price.text_in or 0, price.cached_audio_in or price.audio_in or 0)
        total += (price.of(usage) or 0) + (one.shared_text * rates[0] + one.shared_audio * rates[1]) / 1e6
    return total


def share(told: Sequence[Told]) -> float:
    """Which part of all that was told was the beginning of the request before it."""
    everything = sum(one.usage.input_tokens for one in told)
    return sum(one.shared_text + one.shared_audio for one in told) / everything


# Calls.

DIRECTIVE: Final = f"[[scripted: seconds={AGENT_S:g} pace=0 first_byte_ms=0]]"
"""With which the demo model is told how to answer."""
PRICES: Final = """
[models.scripted]
text_in = 2.5
audio_in = 32
text_out = 10
audio_out = 64

[models.ears]
per_minute = 0.003
"""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def demo_model() -> AsyncIterator[tuple[str, DemoModel]]:
    """The demo model in this process, on its clock. It understands no speech: that takes a process of its own."""
    model = DemoModel(DemoSettings(listen=False, espeak=False))
    listening = bind("127.0.0.1", 0)
    server = _Server(uvicorn.Config(model.app(), log_level="critical", ws="none"))
    serving_it = asyncio.create_task(server.serve(sockets=[listening]), name="demo model")
    await server.listens.wait()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1", model
    finally:
        server.should_exit = True
        await serving_it


@dataclass(frozen=True, slots=True)
class Measured:
    """One call."""

    minutes: float
    turns: int
    shown: float
    """What the server says that it has cost, in dollars."""
    counted: float
    """What the demo model's own log comes to, with what was written down."""
    audio_in: int
    """Tokens of sound that the model was told in all."""


async def call(sound_turns: int, turns: int) -> Measured:
    """A call to the demo model.

    :param sound_turns: ``BARGEIN_HISTORY_SOUND_TURNS``.
    """
    loop = asyncio.get_running_loop()
    recogniser = ScriptedModel(transcript="w" * round(CALLER_S * CHARACTERS_PER_S))
    with tempfile.TemporaryDirectory() as directory:
        prices = Path(directory) / "prices.toml"
        prices.write_text(PRICES)
        options: dict[str, Any] = {"prices": prices, "history_sound_turns": sound_turns}
        async with demo_model() as (url, demo), recogniser.listening() as ears:
            options |= {"upstream_url": url, "transcription_url": ears, "transcription_model": "ears"}
            async with serving(ScriptedModel(), **options) as server, calling(server) as caller:
                await caller.configure(instructions=INSTRUCTIONS + DIRECTIVE)
                began_s = loop.time()
                for _ in range(turns):
                    turn_s = loop.time()
                    await caller.say(voice(round(CALLER_S * 1000)))
                    await caller.wait_for("response.done")
                    await asyncio.sleep(max(1.0, turn_s + TURN_S - loop.time()))
                minutes = (loop.time() - began_s) / 60
                used = await _get(server, "/usage")
            rows = [row.usage for row in demo.log.rows() if row.usage is not None]
    written_s = sum(row["transcribed_s"] for row in used["data"])
    counted = sum(_counted(usage) for usage in rows) + written_s * 0.003 / 60
    shown = sum(row["dollars"] for row in used["data"])
    audio = sum(usage["prompt_tokens_details"]["audio_tokens"] for usage in rows)
    return Measured(minutes, len(rows), shown, counted, audio)


def _counted(usage: dict[str, Any]) -> float:
    """In words as few as there are: nothing of the server's is asked."""
    told, said = usage["prompt_tokens_details"], usage["completion_tokens_details"]
    text = told["text_tokens"] * 2.5 + said["text_tokens"] * 10
    return float(text + told["audio_tokens"] * 32 + said["audio_tokens"] * 64) / 1e6


async def _get(url: str, path: str) -> dict[str, Any]:
    port = int(url.rpartition(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /v1{path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quickly", action="store_true", help="arithmetic alone")
    arguments = parser.parse_args()
    configure_logs("error", "console", ())
    console = Console(width=150)
    table = Table("told as sound", "10 min", "20 min", "10 min, cached at a tenth", "20 min", "shared beginning")
    for policy in POLICIES:
        ten, twenty = (call_by_arithmetic(policy, minutes) for minutes in (10, 20))
        figures = [dollars(told, price) for price in (GPT_AUDIO, DISCOUNTED) for told in (ten, twenty)]
        table.add_row(policy.name, *(f"{figure:.2f} $" for figure in figures), f"{share(ten):.0%}")
    console.print(table)
    if arguments.quickly:
        return
    table = Table("BARGEIN_HISTORY_SOUND_TURNS", "minutes", "turns", "shown", "counted", "tokens of sound told")
    for sound_turns in (0, 2):
        one = run(call(sound_turns, turns=30))
        table.add_row(
            str(sound_turns), f"{one.minutes:.1f}", str(one.turns), f"{one.shown:.4f} $", f"{one.counted:.4f} $",
            str(one.audio_in),
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main()
