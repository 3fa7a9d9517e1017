"""What users test their agents with: a scripted caller and a scripted model around the whole server."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

import bargein.testing
from bargein.loop.clock import steady_s
from bargein.testing import (
    NothingCameError,
    ScriptedModel,
    calling,
    calls,
    hangs_after,
    refuses,
    run,
    says,
    serving,
    voice,
)
from support.stock_clients import REPOSITORY


def examples() -> list[str]:
    """Of the package's docstring, and of server/README.md."""
    docstring = (bargein.testing.__doc__ or "").partition("::\n")[2].partition("\nThe server")[0]
    readme = (REPOSITORY / "server" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- tried: testing -->\n```python\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    return [textwrap.dedent(docstring), found[1]]


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_run_as_they_stand(number: int) -> None:
    exec(compile(examples()[number], "example", "exec"), {"__name__": "example"})  # noqa: S102 (our own)


def test_who_interrupts_is_heard_and_the_model_is_told_what_was_heard() -> None:
    async def main() -> None:
        model = ScriptedModel()
        model.will(hangs_after("one two three four five six seven eight nine ten"), says("all right"))
        async with serving(model) as url, calling(url) as caller:
            await caller.say(voice(1000))
            await caller.wait_for("response.output_audio.delta")
            await asyncio.sleep(1.0)
            await caller.say(voice(600, pitch_hz=200.0))
            cut = (await caller.wait_for("response.done"))["response"]
            answer = (await caller.wait_for("response.done"))["response"]
        assert (cut["status"], answer["status"]) == ("cancelled", "completed")
        assert caller.words(answer["id"]).split() == ["all", "right"]
        assert len(caller.sound(answer["id"])) == 2 * 24 * 600
        heard = model.told()[1].removeprefix("assistant: ").split()
        assert heard == ["one", "two", "three", "four", "five"][: len(heard)]
        assert heard
        assert model.dropped == 1

    run(main())


def test_a_function_is_called_and_its_output_is_answered() -> None:
    async def main() -> None:
        model = ScriptedModel()
        model.will(calls("weather", {"city": "Oslo"}), says("it rains"))
        async with serving(model) as url, calling(url) as caller:
            await caller.configure(tools=[{"type": "function", "name": "weather", "parameters": {"type": "object"}}])
            await caller.write("What is the weather in Oslo?")
            called = await caller.wait_for("response.function_call_arguments.done")
            assert called["arguments"] == '{"city":"Oslo"}'
            await caller.wait_for("response.done")
            await caller.give(called["call_id"], "rain")
            await caller.wait_for("response.done")
        assert caller.words() == "it rains "
        assert model.told()[-2:] == ["assistant calls weather", "tool: rain"]

    run(main())


def test_an_agent_is_given_by_its_file(tmp_path: Path) -> None:
    tool = '[[tools]]\nname = "look_up"\ndescription = "Looks it up."\nurl = "http://127.0.0.1:1/"\n'
    (tmp_path / "shop.toml").write_text(f'instructions = "Be brief."\ngreeting = "Greet."\n{tool}')

    async def main() -> None:
        model = ScriptedModel()
        model.will(says("Good day."), calls("look_up", {}), says("I cannot tell."))
        async with serving(model, agents=str(tmp_path / "shop.toml")) as url, calling(url) as caller:
            await caller.wait_for("response.done")
            await caller.write("Where is my order?")
            await caller.wait_for("response.done")
            await caller.wait_for("response.done")
        assert caller.words() == "Good day. I cannot tell. "
        # Nobody listens there.
        assert model.told()[-1] == "tool: The tool cannot be reached: nothing was done."

    run(main())


def test_a_test_hears_nothing_of_the_machine_on_which_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("BARGEIN_API_KEYS=a-key-of-the-developer\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BARGEIN_MAX_SESSIONS", "0")
    monkeypatch.setenv("BARGEIN_USAGE_FILE", str(tmp_path / "usage.sqlite"))

    async def main() -> None:
        async with serving(ScriptedModel()) as url, calling(url) as caller:
            await caller.write("hello")
            await caller.wait_for("response.done")

    run(main())
    assert not (tmp_path / "usage.sqlite").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [("agent", "'agent': did you mean 'agents'?"), ("nonsense", "'nonsense': see docs/settings.md")],
)
def test_a_setting_that_is_none_is_an_error(given: str, said: str) -> None:
    async def main() -> None:
        async with serving(ScriptedModel(), **{given: "shop.toml"}):
            pass

    with pytest.raises(TypeError, match=re.escape(said)):
        run(main())


def test_a_caller_may_have_a_key() -> None:
    async def main() -> None:
        async with serving(ScriptedModel(), api_keys="a-key-of-ours") as url:
            with pytest.raises(InvalidStatus, match="401"):
                async with calling(url):
                    pass
            async with calling(url, key="a-key-of-ours") as caller:
                await caller.wait_for("session.created")

    run(main())


def test_who_is_cut_short_says_no_more() -> None:
    async def main() -> float:
        async with serving(ScriptedModel()) as url, calling(url) as caller:
            began_s = steady_s()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(caller.say(voice(5000)), 1.0)
            await caller.wait_for("response.created")
            return steady_s() - began_s

    assert run(main()) == pytest.approx(1.5, abs=0.1)


def test_a_model_that_refuses_fails_the_response() -> None:
    async def main() -> None:
        model = ScriptedModel()
        model.will(refuses(429, "slow down", code="rate_limit_exceeded"))
        async with serving(model) as url, calling(url) as caller:
            await caller.write("hello")
            done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "failed"

    run(main())


def test_settings_and_thinking_take_virtual_time() -> None:
    async def main() -> float:
        model = ScriptedModel()
        model.will(says("at last", after_ms=60_000))
        async with serving(model, upstream_first_byte_timeout_s=90) as url, calling(url) as caller:
            await caller.write("take your time")
            begin_s = steady_s()
            await caller.wait_for("response.output_audio.delta")
            return steady_s() - begin_s

    assert run(main()) == pytest.approx(60.0, abs=0.1)


def test_what_never_comes_says_what_did() -> None:
    async def main() -> None:
        async with serving(ScriptedModel()) as url, calling(url) as caller:
            with pytest.raises(NothingCameError, match=r"no 'response\.done': \['session\.created'"):
                await caller.wait_for("response.done")

    run(main())


def test_a_script_that_fails_fails_the_test() -> None:
    async def breaks(_: object) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        model = ScriptedModel()
        model.will(breaks)
        async with serving(model) as url, calling(url) as caller:
            await caller.write("hello")
            await caller.wait_for("response.done")

    with pytest.raises(BaseExceptionGroup) as failed:
        run(main())
    assert failed.group_contains(ZeroDivisionError)
