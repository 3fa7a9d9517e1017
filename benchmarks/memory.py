"""What a caller costs in memory: one who is listened to, and one who is spoken to.

The server holds on to the sound of a conversation for the model's sake, up to ``BARGEIN_HISTORY_AUDIO_LIMIT_BYTES`` a
caller. That is set aside here: the limit is nothing, and replies last a second. What remains of the format is the half
second of sound that an onset reaches back to: 4 kB in G.711, 24 kB in PCM16.

Run: ``python -m benchmarks.memory [--callers 400]`` (four minutes).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from typing import Final

import uvloop
from rich.console import Console

from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat
from bargein.load.run import Plan, Run, run
from bargein.load.scenario import Calls, Noise, Scenario
from benchmarks import crowd, processes
from benchmarks.crowd import LISTENING, RAMP_PER_S
from benchmarks.processes import LOAD_CPU, SERVER_CPU, Process

SPEAK_S: Final = 1.0
SPOKEN_TO: Final = Scenario(
    about="Asks again as soon as there is an answer.",
    call=Calls(turns=(1000, 1000), pause_s=(0.1, 0.2), patience_s=10.0),
    noise=Noise(level_db=-60.0),
)
HEARING: Final = LISTENING.model_copy(update={"noise": Noise(level_db=-60.0)})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    crowd.pin(LOAD_CPU)
    console = Console(highlight=False)
    kinds = [("listened to", HEARING), ("spoken to", SPOKEN_TO)]
    for transport, fmt in itertools.product(("websockets", "picows"), (PCMU_8K, PCM16_24K)):
        for about, scenario in kinds:
            few, many = options.callers // 4, options.callers
            base, with_few = _measure(transport, fmt, scenario, few, options.seconds)
            _, with_many = _measure(transport, fmt, scenario, many, options.seconds)
            # From few to many: what the first callers load once is not theirs.
            each_kb = (with_many - with_few) / (many - few) / 1000
            spoken = f"{transport}, {fmt.encoding.value}"
            console.print(f"{spoken}: base {base / 1e6:.0f} MB, and {each_kb:.0f} kB a caller who is {about}")
    return 0


def _measure(transport: str, fmt: AudioFormat, scenario: Scenario, callers: int, seconds: float) -> tuple[int, int]:
    """Resident bytes of a server of its own: without callers, and with them."""
    with (
        processes.model(SPEAK_S, {LOAD_CPU}) as model,
        processes.bargein(model.url, transport, {SERVER_CPU}, history_audio_limit_bytes="0") as server,
    ):
        base = server.memory_bytes()
        return base, uvloop.run(_held(server, fmt, callers, seconds, scenario))


async def _held(server: Process, fmt: AudioFormat, callers: int, seconds: float, scenario: Scenario) -> int:
    """Resident memory with all callers there, at most."""
    highest = 0

    def look(_: Run) -> None:
        nonlocal highest
        highest = max(highest, server.memory_bytes())

    plan = Plan(
        url=server.url,
        scenario="memory",
        parts=[("memory", 1.0, scenario)],
        callers=callers,
        duration_s=seconds,
        ramp_s=callers / RAMP_PER_S,
        audio_format=fmt,
    )
    await run(plan, asyncio.Event(), look)
    return highest


if __name__ == "__main__":
    sys.exit(main())
