"""The scenarios that ship, played against this server and the demo model: as a process, as in anybody's CI."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from support.scripted_upstream import Exchange, scripted
from support.stock_clients import REPOSITORY


async def passed(folder: Path, *arguments: str) -> str:
    """Run ``bargein test`` there; every scenario has to pass. Returns what was printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein", "test", *arguments, "--demo", "--patience", "5",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_all_that_ship_pass_against_the_demo_model(tmp_path: Path) -> None:
    said = await passed(tmp_path, "--at-once", "3")
    assert "10 passed, 0 failed" in said


async def test_they_and_the_one_in_the_documentation_pass_for_a_stock_client_too(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "test-your-agent.md").read_text(encoding="utf-8")
    written = re.search(r"<!-- tried: scenario -->\n```toml\n(.*?)```", page, re.DOTALL)
    assert written is not None
    (tmp_path / "documented.toml").write_text(written[1], encoding="utf-8")
    await passed(tmp_path, "documented.toml", "interruption", "cough", "--stock", "--at-once", "3")


@pytest.mark.parametrize("agent", ["coach", "language-partner", "translator"])
async def test_each_agent_that_comes_with_the_server_passes_its_own(tmp_path: Path, agent: str) -> None:
    said = await passed(tmp_path, agent, "--agent", agent)
    assert "1 passed, 0 failed" in said


async def test_the_support_line_passes_its_own_with_the_server_of_the_example(tmp_path: Path) -> None:
    shop = await asyncio.create_subprocess_exec(
        sys.executable, str(REPOSITORY / "examples" / "orders.py"), stdout=asyncio.subprocess.PIPE
    )
    assert shop.stdout is not None
    try:
        assert b"http://127.0.0.1:8090" in await shop.stdout.readline(), "another server listens on port 8090"
        await passed(tmp_path, "support", "--agent", "support")
        assert b"hand me over to a person" in await shop.stdout.readline()
    finally:
        shop.terminate()
        await shop.wait()


TOOL_OF_THE_AGENT = """
instructions = "Be brief."
greeting = "Greet the caller."
[[tools]]
name = "get_time"
description = "The time of day."
method = "GET"
url = "{url}/time"
"""
ASKS_FOR_THE_TIME = """
about = "The server calls the tool itself, once, and the caller hears the result."
server_calls = ["get_time"]
steps = [
    { listen = true },
    { say = "What time is it?" },
    { calls = "get_time" },
    { hears = ["half past two", "two thirty", "2:30", "14:30"], any = true },
    { listen = true },
    { quiet_s = 2 },
]
"""


async def test_a_tool_of_an_agents_own_is_watched_and_not_answered(tmp_path: Path) -> None:
    async def clock(exchange: Exchange) -> None:
        await exchange.answer(200, b'{"time": "14:30"}')

    async with scripted(clock, lists=clock) as tool:
        (tmp_path / "clock.toml").write_text(TOOL_OF_THE_AGENT.format(url=tool.url), encoding="utf-8")
        (tmp_path / "asks.toml").write_text(ASKS_FOR_THE_TIME, encoding="utf-8")
        await passed(tmp_path, "asks.toml", "--agent", "clock.toml")
    assert len(tool.questions) == 1
