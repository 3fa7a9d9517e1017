"""The same scenes over a real server, in real time: what was decided there is what was decided on the virtual clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bargein.bench.call import Call
from bargein.bench.live import Compared, compare_live, sample
from bargein.bench.making import make_setup
from bargein.bench.outcome import Outcome
from bargein.bench.run import Configuration
from bargein.bench.scene import Scene, Spoken, Wanted
from bargein.bench.table import live_lines
from support.bench_scenes import INTERRUPTION

SHORT = replace(INTERRUPTION, name="test/live", at_s=1.2, seconds=4.0)
QUIET = replace(
    SHORT, name="test/turn", wanted=Wanted.TURN, reply=None, client="plain", sound=Spoken("bella", "how much is it")
)


def virtual(scene: Scene) -> Outcome:
    return Call(scene, make_setup({})).run()


@pytest.mark.parametrize("callers", [0, 2])
async def test_a_server_decides_in_real_time_as_on_the_virtual_clock(callers: int) -> None:
    nothing = replace(SHORT, name="test/none", sound=None, wanted=Wanted.SURVIVE)
    scenes = [SHORT, replace(SHORT, client="plain"), QUIET, nothing]
    compared = await compare_live([virtual(scene) for scene in scenes], Configuration("default"), callers)
    assert [(one.virtual.scene.name, one.error, one.same) for one in compared] == [
        (scene.name, None, True) for scene in scenes
    ]
    assert all(one.live is not None and not one.live.lost_samples for one in compared)


async def test_the_settings_of_a_configuration_reach_the_server() -> None:
    deaf = Configuration("deaf", {"hold_after_ms": 2000, "confirm_after_ms": 3000})
    (one,) = await compare_live([virtual(SHORT)], deaf, 0)
    assert one.live is not None
    assert one.live.interruptions == 0
    assert not one.same
    assert "0 of 1 decided alike" in live_lines([one], 0)[0]


def test_a_sample_takes_from_every_class() -> None:
    one = virtual(SHORT)
    many = [
        replace(one, scene=replace(SHORT, family=family, name=f"{family}{n}")) for family in "abc" for n in range(9)
    ]
    assert sorted(chosen.scene.family for chosen in sample(many, 6)) == ["a", "a", "b", "b", "c", "c"]
    assert len(sample(many, 100)) == 27
    assert not Compared(one, None, "refused").same
