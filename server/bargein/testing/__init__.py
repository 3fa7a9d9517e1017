"""For tests of agents: the whole server, a scripted caller and a scripted model, in virtual time and in memory.

::

    from bargein.testing import ScriptedModel, calling, run, says, serving, voice

    async def main() -> None:
        model = ScriptedModel()
        model.will(says("One. Two. Three. Four. Five. Six."), says("All right."))
        async with serving(model) as url, calling(url) as caller:
            await caller.say(voice(1000))                       # a turn
            await caller.wait_for("response.output_audio.delta")
            await caller.say(voice(600))                        # over the reply
            done = await caller.wait_for("response.done")
            assert done["response"]["status"] == "cancelled"
            await caller.wait_for("response.done")
        assert model.told()[-1] == "user: <input_audio>"

    run(main())                                                 # some seconds of talk, in a fraction of one

The server imports none of it.

Time passes where a test waits: ``await asyncio.sleep(600)`` is ten minutes of silence, and takes none. The network is
this process's own, so a server that an agent's tools ask is one that the test starts in the same loop, at the address
in the agent's file. An agent is given as a setting (``serving(model, agents="shop.toml")``), and chosen as callers do
it (``calling(url, path="/realtime?agent=shop")``).
"""

from bargein.testing.caller import NothingCameError, ScriptedCaller, ServerEvent, calling
from bargein.testing.loop import VirtualTimeLoop, run
from bargein.testing.model import Answer, Exchange, ScriptedModel, calls, hangs_after, refuses, says, speech
from bargein.testing.server import serving
from bargein.testing.voice import voice

__all__ = [
    "Answer",
    "Exchange",
    "NothingCameError",
    "ScriptedCaller",
    "ScriptedModel",
    "ServerEvent",
    "VirtualTimeLoop",
    "calling",
    "calls",
    "hangs_after",
    "refuses",
    "run",
    "says",
    "serving",
    "speech",
    "voice",
]
