"""docs/your-own-agent.md says what is true: its agent talks, its error is the error, its table has every field."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bargein.agents.agents import ready_agents
from bargein.agents.file import _AgentTable, _ToolTable, read_agent
from bargein.demo.process import DemoModelProcess
from bargein.errors import SettingsError
from support.realtime_client import connect
from support.scripted_upstream import Exchange, scripted
from support.server_process import serve
from support.stock_clients import REPOSITORY

PATIENT = {"BARGEIN_UPSTREAM_FIRST_BYTE_TIMEOUT_S": "60", "BARGEIN_UPSTREAM_CHUNK_TIMEOUT_S": "60"}
TEXT = (REPOSITORY / "docs" / "your-own-agent.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    found = re.search(rf"<!-- tried: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


async def test_its_agent_greets_and_looks_up_an_order(demo_model: DemoModelProcess, tmp_path: Path) -> None:
    async def orders(exchange: Exchange) -> None:
        await exchange.answer(200, b'{"state": "sent", "arrives": "tomorrow"}')

    async with scripted(orders, lists=orders) as shop:
        path = tmp_path / "shop.toml"
        path.write_text(block("agent").replace("http://127.0.0.1:8090", shop.url.removesuffix("/v1")))
        with serve("--upstream", demo_model.base_url, "--agent", str(path), settings=PATIENT) as server:
            async with connect(f"{server.realtime_url}?agent=shop") as caller:
                await caller.wait_for("response.done")
                assert caller.transcript()
                await caller.say_text("look up order 17")
                done = await caller.wait_for("response.done", lambda e: e["response"]["output"])
                said = done["response"]["output"][0]["content"][0]["transcript"]
            assert re.search(r"tool called +.*http_status=200.*result=ok.*tool=look_up_order", server.log)
    assert "tomorrow" in said
    assert [asked.path for asked in shop.questions] == ["/orders/17"]


def test_its_commands_name_what_is_there() -> None:
    orders, run = block("agent-commands").splitlines()
    assert (REPOSITORY / orders.split()[1]).is_file()
    assert run == 'make run ARGS="--agent shop.toml"'
    assert len(block("agent").strip().splitlines()) <= 12


def test_its_error_is_what_is_said(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(block("agent").replace("description", "descripton"))
    done = subprocess.run(
        [sys.executable, "-m", "bargein", "serve", "--agent", "shop.toml"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.strip() in TEXT


def test_a_variable_that_is_not_set_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    header = re.search(r"^headers = .*$", TEXT, re.MULTILINE)
    assert header is not None
    path.write_text(block("agent") + header[0])
    with pytest.raises(SettingsError, match="ORDER_API_KEY is set neither"):
        read_agent(path, lambda _: None)


def test_every_field_and_every_agent_that_comes_with_it_has_a_row() -> None:
    rows = [name for row in re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", TEXT, re.MULTILINE) for name in row.split(", ")]
    fields = [*_AgentTable.model_fields, *(f"tools.{name}" for name in _ToolTable.model_fields), *ready_agents()]
    assert sorted(name.strip("`") for name in rows) == sorted(fields)


def test_its_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXT) if "://" not in target]
    assert targets
    assert [target for target in targets if not (REPOSITORY / "docs" / target).exists()] == []
