"""A token that is for one agent opens sessions with that one, whatever its holder asks for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from support.model import Model
from support.realtime_client import connect
from support.server import RunningServer, running_server

pytestmark = pytest.mark.real_sockets
KEY = {"Authorization": "Bearer key-1"}
SECRETS = "/v1/realtime/client_secrets"
SECRET = "s" * 32


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    for name in ("alice", "bob"):
        path = tmp_path / f"{name}.toml"
        path.write_text(f'instructions = "You are {name}."\nvoice = "cedar"\ntitle = "The {name}"\n', encoding="utf-8")
    return tmp_path


@asynccontextmanager
async def serving(model: Model, agents: Path) -> AsyncIterator[tuple[RunningServer, httpx.AsyncClient]]:
    async with (
        running_server(model.url, agents=(agents,), api_keys="key-1", token_secret=SECRET) as server,
        httpx.AsyncClient(base_url=server.http_url, headers=KEY) as http,
    ):
        yield server, http


async def minted(http: httpx.AsyncClient, **session: object) -> str:
    answer = await http.post(SECRETS, json={"session": {"type": "realtime", **session}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["value"])


async def who_answers(model: Model, url: str, token: str) -> str:
    """What the model is told first."""
    async with connect(url, key=token) as caller:
        await caller.say_text("Hello")
        await caller.wait_for("response.done")
    return str(model.requests[-1]["messages"][0]["content"])


async def refusal(url: str, token: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, key=token):
            pass
    return refused.value.response.status_code, json.loads(refused.value.response.body or b"")["error"]


async def test_it_can_demand_a_tool_of_the_agents(model: Model, agents: Path) -> None:
    tool = '[[tools]]\nname = "look_up"\ndescription = "Look it up."\nmethod = "POST"\nurl = "https://shop.example/"\n'
    file = agents / "bob.toml"
    file.write_text('callers_may_change = ["tools"]\n' + file.read_text(encoding="utf-8") + tool, encoding="utf-8")
    wished = {"type": "realtime", "tool_choice": {"type": "function", "name": "look_up"}}
    async with serving(model, agents) as (server, http):
        assert await who_answers(model, server.realtime_url, await minted(http, agent="bob", **wished))
        assert model.requests[-1]["tool_choice"] == {"type": "function", "function": {"name": "look_up"}}
        for agent in ("alice", None):
            answer = await http.post(SECRETS, json={"session": {"agent": agent, **wished}})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "session.tool_choice")


async def test_its_holder_cannot_choose_another(model: Model, agents: Path) -> None:
    async with serving(model, agents) as (server, http):
        token = await minted(http, agent="bob")
        for asked in ("", "?agent=", "?agent=bob"):
            assert await who_answers(model, server.realtime_url + asked, token) == "You are bob."
        requests = len(model.requests)
        for asked in ("?agent=alice", "?agent=nobody", "?agent=bob&agent=alice"):
            status, error = await refusal(server.realtime_url + asked, token)
            assert (status, error["code"], error["param"]) == (403, "agent_not_allowed", "agent")
            assert error["message"] == "The token is for the agent 'bob': leave 'agent' out, or ask for another token."
        assert len(model.requests) == requests


async def test_any_other_token_leaves_the_choice(model: Model, agents: Path) -> None:
    async with serving(model, agents) as (server, http):
        for token in (await minted(http), await minted(http, agent=None)):
            assert await who_answers(model, server.realtime_url, token) == "You are alice."
            assert await who_answers(model, f"{server.realtime_url}?agent=bob", token) == "You are bob."


async def test_the_answer_tells_the_session_that_it_opens(model: Model, agents: Path) -> None:
    wanted = {"type": "realtime", "agent": "bob", "instructions": "Be a pirate.", "max_output_tokens": 50}
    async with serving(model, agents) as (server, http):
        answer = (await http.post(SECRETS, json={"session": wanted})).json()
        session = answer["session"]
        # It may be handed on to the page as it is: what the agent is told is not the page's.
        assert (session["agent"], session["instructions"]) == ("bob", "")
        assert session["audio"]["output"]["voice"] == "cedar"
        assert session["max_output_tokens"] == 50
        async with connect(server.realtime_url, key=answer["value"]) as caller:
            created = (await caller.wait_for("session.created"))["session"]
    del session["agent"]
    assert created == session | {"id": created["id"], "expires_at": created["expires_at"]}


@pytest.mark.parametrize("named", ["nobody", "", 7, ["bob"], {"name": "bob"}, "b" * 1000])
async def test_a_token_for_nobody_is_not_made(model: Model, agents: Path, named: object) -> None:
    async with serving(model, agents) as (_, http):
        answer = await http.post(SECRETS, json={"session": {"type": "realtime", "agent": named}})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "unknown_agent", "session.agent")
        assert "alice, bob" in error["message"]
        assert len(error["message"]) < 300


async def test_an_agent_that_is_named_elsewhere_is_not_overlooked(model: Model, agents: Path) -> None:
    """The token would be for anybody, and nobody would notice."""
    async with serving(model, agents) as (_, http):
        for path in (SECRETS, "/v1/realtime/sessions"):
            answer = await http.post(f"{path}?agent=bob", json={})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", "agent")
            assert "'session.agent'" in error["message"] or path != SECRETS
        answer = await http.post(SECRETS, json={"agent": "bob", "session": {"type": "realtime"}})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", "agent")
        assert error["message"] == "Invalid 'agent': name it in the body, as 'session.agent'."


async def test_push_to_talk_does_not_seem_to_have_agents(model: Model, agents: Path) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    async with serving(model, agents) as (_, http):
        answer = await http.post("/v1/chat/completions?agent=bob", json={"model": "m", "messages": messages})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_parameter", "agent")
        assert "/v1/realtime?agent=" in error["message"]
    assert model.requests == []


async def test_the_betas_tokens_are_for_one_agent_too(model: Model, agents: Path) -> None:
    async with serving(model, agents) as (server, http):
        answer = (await http.post("/v1/realtime/sessions", json={"agent": "bob", "voice": "ash"})).json()
        assert (answer["agent"], answer["voice"], answer["instructions"]) == ("bob", "cedar", "")
        token = answer["client_secret"]["value"]
        assert (await refusal(f"{server.realtime_url}?agent=alice", token))[0] == 403
        refused = await http.post("/v1/realtime/sessions", json={"agent": "carol"})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "agent")


async def test_it_is_for_nobody_where_there_is_no_such_agent_any_more(model: Model, agents: Path) -> None:
    """Never for whoever else there is."""
    async with serving(model, agents) as (_, http):
        token = await minted(http, agent="bob")
    (agents / "bob.toml").unlink()
    async with serving(model, agents) as (server, _):
        status, error = await refusal(server.realtime_url, token)
        assert (status, error["code"]) == (400, "unknown_agent")
        assert error["message"] == "There is no agent 'bob'. There are: alice."


async def test_its_holder_is_told_of_that_agent_alone(model: Model, agents: Path) -> None:
    async with serving(model, agents) as (_, http):

        async def listed(token: str) -> list[str]:
            answer = await http.get("/v1/agents", headers={"Authorization": f"Bearer {token}"})
            return [agent["id"] for agent in answer.json()["data"]]

        assert await listed(await minted(http, agent="bob")) == ["bob"]
        assert await listed(await minted(http)) == ["alice", "bob"]


async def test_a_session_cannot_name_its_agent(model: Model, agents: Path) -> None:
    async with serving(model, agents) as (server, _), connect(server.realtime_url, key="key-1") as caller:
        await caller.send({"type": "session.update", "session": {"type": "realtime", "agent": "bob"}})
        error = (await caller.wait_for("error"))["error"]
        assert (error["code"], error["param"]) == ("unknown_parameter", "session.agent")
