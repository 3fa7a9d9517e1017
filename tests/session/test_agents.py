"""Agents answer: as their files say, with tools that the server calls, to callers who know nothing of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest
import structlog
from websockets.exceptions import InvalidStatus

from bargein.agents import Agent, Tool, ToolClient
from bargein.core.actions import OutputItemDone, ResponseDone
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig
from bargein.core.events import Event, ItemCreateRequested, ResponseRequested
from bargein.core.items import FunctionCall, FunctionCallOutput, Response
from bargein.core.told_calls import STILL_RUNNING
from bargein.session.names import Names
from bargein.session.tool_runs import BROKEN, MOST_AT_ONCE, MOST_ROUNDS, TOO_MANY, ToolRuns
from support.model import Answer, Model, calls, event, spoken
from support.model import speech as speech_of
from support.money import work_observer
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, ServerEvent, connect
from support.scripted_upstream import Exchange, ScriptedUpstream, scripted
from support.server import RunningServer, running_server
from support.sounds import pcm16, speech
from support.twilio_peer import calling

AGENT = """
title = "Support"
instructions = "You help with orders."
voice = "marin"
{more}
[[tools]]
name = "look_up"
description = "Where an order is."
url = "{url}/orders/{{order}}"
headers = {{ Authorization = "Bearer ${{SHOP_KEY}}" }}
timeout_s = 30
[tools.parameters]
type = "object"
required = ["order"]
properties.order.type = "string"
"""
SPEECH = pcm16(speech("Wait a moment, are you still there?"))
ORDER = '{"order": "no-17"}'
MARK = {"type": "function", "name": "mark", "description": "Marks it.", "parameters": {"type": "object"}}


class Shop:
    """A server of the operator's. Its answers wait until they are let go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.left = asyncio.Event()
        self.exchanges: list[Exchange] = []

    async def script(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.asked.set()
        if self.may_answer.is_set():
            await exchange.answer(200, b"sent")
            return
        gone = asyncio.create_task(exchange.gone())
        freed = asyncio.create_task(self.may_answer.wait())
        await asyncio.wait({gone, freed}, return_when=asyncio.FIRST_COMPLETED)
        freed.cancel()
        if gone.done():
            self.left.set()
        else:
            gone.cancel()
            await asyncio.wait([gone])
            await exchange.answer(200, b"sent")


@pytest.fixture
async def shop() -> AsyncIterator[tuple[Shop, ScriptedUpstream]]:
    shop = Shop()
    async with scripted(shop.script) as server:
        yield shop, server


class ServeAgent(Protocol):
    """Serves the agent, with ``more`` in its file."""

    def __call__(self, more: str = "", **settings: str) -> AbstractAsyncContextManager[RunningServer]: ...


@pytest.fixture
def serve_agent(
    model: Model, shop: tuple[Shop, ScriptedUpstream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ServeAgent:
    monkeypatch.setenv("SHOP_KEY", "secret-1234")

    @asynccontextmanager
    async def serve(more: str = "", **settings: str) -> AsyncIterator[RunningServer]:
        path = tmp_path / "support.toml"
        path.write_text(AGENT.format(more=more, url=shop[1].url), encoding="utf-8")
        async with running_server(model.url, agents=(path,), **settings) as server:
            yield server

    return serve


async def done(caller: RealtimeClient) -> ServerEvent:
    response: ServerEvent = (await caller.wait_for("response.done"))["response"]
    return response


async def test_a_session_begins_as_the_file_says(serve_agent: ServeAgent, model: Model) -> None:
    async with serve_agent() as server, connect(server.realtime_url) as caller:
        session = (await caller.wait_for("session.created"))["session"]
        assert session["audio"]["output"]["voice"] == "marin"
        assert (session["instructions"], session["tools"]) == ("", [])
        await caller.say_text("Hello")
        await done(caller)
    request = model.requests[0]
    assert request["messages"][0] == {"role": "system", "content": "You help with orders."}
    assert request["audio"]["voice"] == "marin"
    assert [tool["function"]["name"] for tool in request["tools"]] == ["look_up"]


async def test_stock_clients_ask_for_what_they_like_and_get_what_the_file_allows(
    serve_agent: ServeAgent, model: Model
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with serve_agent() as server, connect(server.realtime_url) as caller:
            await caller.update_session(instructions="Be a pirate.", tools=[MARK], tool_choice="required")
            updated = await caller.update_session(audio={"output": {"voice": "ash", "format": {"type": "audio/pcmu"}}})
            assert updated["session"]["audio"]["output"] == {
                "voice": "marin", "format": {"type": "audio/pcmu"}, "speed": 1.0,
            }  # fmt: skip
            await caller.say_text("Hello", instructions="Be a pirate.", tools=[])
            await done(caller)
            assert caller.errors == []
    request = model.requests[0]
    assert request["messages"][0]["content"] == "You help with orders."
    assert [tool["function"]["name"] for tool in request["tools"]] == ["look_up"]
    assert "tool_choice" not in request or request["tool_choice"] == "auto"
    kept = [line["field"] for line in logs if line["event"] == "an agent keeps what a caller would change"]
    assert kept == ["instructions", "tools", "voice"]


async def test_callers_have_tools_of_their_own_where_they_may(serve_agent: ServeAgent, model: Model) -> None:
    model.will(calls("mark", "{}"), spoken("marked"))
    async with serve_agent('callers_may_change = ["tools"]') as server, connect(server.realtime_url) as caller:
        forged = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
        updated = await caller.update_session(tools=[MARK, forged])
        assert [tool["name"] for tool in updated["session"]["tools"]] == ["mark"]
        await caller.say_text("Mark it")
        (call,) = (await done(caller))["output"]
        assert [tool["function"]["name"] for tool in model.requests[0]["tools"]] == ["look_up", "mark"]
        assert call["name"] == "mark"
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "yes"}
        await caller.send({"type": "conversation.item.create", "item": output})
        await caller.send({"type": "response.create"})
        await done(caller)
    assert model.told()[-2:] == ["assistant calls mark", "tool: yes"]


LOOK_UP = {"type": "function", "name": "look_up"}


async def test_callers_who_may_change_tools_can_demand_any(serve_agent: ServeAgent, model: Model) -> None:
    async with serve_agent('callers_may_change = ["tools"]') as server, connect(server.realtime_url) as caller:
        await caller.update_session(tool_choice=LOOK_UP)
        mark = {"type": "function", "name": "mark"}
        updated = await caller.update_session(tools=[MARK], tool_choice=mark)
        assert updated["session"]["tool_choice"] == mark
        await caller.send({"type": "session.update", "session": {"type": "realtime", "tools": [], "tool_choice": mark}})
        updated = await caller.update_session(tools=[])
        assert updated["session"]["tool_choice"] == "auto"
        await caller.say_text("Where is my order?", tool_choice=LOOK_UP)
        await done(caller)
    (error,) = caller.errors
    assert error["error"]["param"] == "session.tool_choice"
    assert model.requests[0]["tool_choice"] == {"type": "function", "function": {"name": "look_up"}}


@pytest.mark.parametrize("choice", [LOOK_UP, "required"], ids=["by name", "any"])
async def test_what_the_session_demands_is_done_once_a_turn(
    serve_agent: ServeAgent, model: Model, choice: object
) -> None:
    """The server answers the call itself: asked for another each time, the model could never speak."""
    model.will(calls("look_up", ORDER), spoken("It was sent."), calls("look_up", ORDER, "call_2"), spoken("It was."))
    async with serve_agent('callers_may_change = ["tools"]') as server, connect(server.realtime_url) as caller:
        await caller.update_session(tool_choice=choice)
        for _ in range(2):
            await caller.say_text("Where is my order?")
            await done(caller)
            await done(caller)
    demanded = {"type": "function", "function": {"name": "look_up"}} if choice is LOOK_UP else choice
    assert [request["tool_choice"] for request in model.requests] == [demanded, "auto"] * 2


async def test_what_the_session_demands_of_the_callers_own_tools_stays(serve_agent: ServeAgent, model: Model) -> None:
    model.will(calls("look_up", ORDER), calls("mark", "{}"))
    async with serve_agent('callers_may_change = ["tools"]') as server, connect(server.realtime_url) as caller:
        await caller.update_session(tools=[MARK], tool_choice={"type": "function", "name": "mark"})
        await caller.say_text("Where is my order?", tool_choice=LOOK_UP)
        await done(caller)
        await done(caller)
    assert [request["tool_choice"]["function"]["name"] for request in model.requests] == ["look_up", "mark"]


async def test_beside_the_conversation_no_tool_of_the_servers_can_be_demanded(
    serve_agent: ServeAgent, model: Model
) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Mark it."}]}
    beside: dict[str, object] = {"conversation": "none", "input": [item]}
    async with serve_agent('callers_may_change = ["tools"]') as server, connect(server.realtime_url) as caller:
        await caller.update_session(tools=[MARK], tool_choice=LOOK_UP)
        await caller.send({"type": "response.create", "response": {**beside, "tool_choice": LOOK_UP}})
        error = (await caller.wait_for("error"))["error"]
        assert (error["code"], error["param"]) == ("invalid_value", "response.tool_choice")
        await caller.send({"type": "response.create", "response": beside})
        await done(caller)
    (request,) = model.requests
    assert [tool["function"]["name"] for tool in request["tools"]] == ["mark"]
    assert request["tool_choice"] == "auto"


async def test_the_server_calls_a_tool_and_the_model_is_told(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    model.will(calls("look_up", ORDER), spoken("It was sent."))
    with structlog.testing.capture_logs() as logs:
        async with serve_agent() as server, connect(server.realtime_url) as caller:
            await caller.say_text("Where is my order?")
            assert (await done(caller))["output"] == []
            (answer,) = (await done(caller))["output"]
            assert answer["content"][0]["transcript"] == "It was sent. "
            # A stock client would take the call for one of its own.
            assert not [kind for kind in caller.types if "function_call" in kind]
            items = [event["item"] for event in caller.events_of("conversation.item.added")]
            assert [item["type"] for item in items] == ["message", "message"]
            added = caller.events_of("conversation.item.added")
            assert added[1]["previous_item_id"] == items[0]["id"]
            assert server.metric('bargein_tool_calls_total{result="ok",tool="look_up"}') == 1
            assert server.metric('bargein_tool_call_seconds_count{tool="look_up"}') == 1
    (exchange,) = shop[0].exchanges
    assert (exchange.method, exchange.path) == ("POST", "/v1/orders/no-17")
    assert exchange.headers["authorization"] == "Bearer secret-1234"
    assert model.told() == [
        "system: You help with orders.", "user: Where is my order?", "assistant calls look_up", "tool: sent",
    ]  # fmt: skip
    (line,) = [line for line in logs if line["event"] == "tool called"]
    assert (line["tool"], line["result"], line["http_status"]) == ("look_up", "ok", 200)
    assert "no-17" not in repr([line for line in logs if line["log_level"] != "debug"])


def calls_then_speaks(words: str) -> Answer:
    """Call the agent's tool, speak, and call the caller's, all in one answer."""

    async def answer(exchange: Exchange) -> None:
        functions = [{"name": "look_up", "arguments": ORDER}, {"name": "mark", "arguments": "{}"}]
        ours, theirs = (
            event(
                {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": n, "id": f"call_{n}", "function": f}]}}]}
            )
            for n, f in enumerate(functions)
        )
        await exchange.stream([ours, *speech_of(words), theirs, b"data: [DONE]\n\n"])

    return answer


async def test_a_call_that_is_not_told_of_leaves_no_gap_in_a_response(serve_agent: ServeAgent, model: Model) -> None:
    """Strict clients, OpenAI's SDKs among them, keep a response's output as a list."""
    model.will(calls_then_speaks("One moment."), spoken("It was sent."))
    async with serve_agent('callers_may_change = ["tools"]') as server, connect(server.realtime_url) as caller:
        await caller.update_session(tools=[MARK])
        await caller.say_text("Where is my order?")
        response = await done(caller)
        assert [item["type"] for item in response["output"]] == ["message", "function_call"]
        for told in caller.messages:
            if isinstance(told, dict) and told.get("response_id") == response["id"]:
                item_id = told["item"]["id"] if "item" in told else told["item_id"]
                assert response["output"][told["output_index"]]["id"] == item_id, told["type"]
        assert caller.events_of("response.output_audio.delta")
        assert caller.events_of("response.function_call_arguments.done")
        await done(caller)


async def test_our_own_callers_see_every_output_in_its_place(serve_agent: ServeAgent, model: Model) -> None:
    model.will(calls_then_speaks("One moment."), spoken("It was sent."))
    async with (
        serve_agent('callers_may_change = ["tools"]') as server,
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
    ):
        await caller.update_session(tools=[MARK])
        await caller.say_text("Where is my order?")
        response = await done(caller)
        places = {
            event["item"]["id"]: event["output_index"] for event in caller.events_of("response.output_item.added")
        }
        assert places == {item["id"]: place for place, item in enumerate(response["output"])}
        assert len(places) == 3


async def test_a_call_beside_the_conversation_is_told_though_it_has_the_id_of_one_of_the_servers(
    serve_agent: ServeAgent, model: Model
) -> None:
    model.will(calls("look_up", ORDER, "call_0"), spoken("It was sent."), calls("mark", '{"as": "sent"}', "call_0"))
    async with serve_agent('callers_may_change = ["tools"]') as server, connect(server.realtime_url) as caller:
        await caller.update_session(tools=[MARK])
        await caller.say_text("Where is my order?")
        await done(caller)
        await done(caller)
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Mark it."}]}
        await caller.send({"type": "response.create", "response": {"conversation": "none", "input": [item]}})
        (call,) = (await done(caller))["output"]
        assert call["name"] == "mark"
        (told,) = caller.events_of("response.function_call_arguments.done")
        assert told["arguments"] == '{"as": "sent"}'
        deltas = caller.events_of("response.function_call_arguments.delta")
        assert "".join(delta["delta"] for delta in deltas) == '{"as": "sent"}'


async def test_a_call_is_the_callers_to_answer_though_a_deleted_one_of_the_servers_had_its_id(
    serve_agent: ServeAgent, model: Model
) -> None:
    model.will(calls("look_up", ORDER, "call_0"), spoken("It was sent."), calls("mark", "{}", "call_0"), spoken("Ok."))
    async with (
        serve_agent('callers_may_change = ["tools"]') as server,
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
    ):
        await caller.update_session(tools=[MARK])
        await caller.say_text("Where is my order?")
        (call,) = (await done(caller))["output"]
        await done(caller)
        await caller.send({"type": "conversation.item.delete", "item_id": call["id"]})
        await caller.wait_for("conversation.item.deleted")
        await caller.say_text("Mark it.")
        (call,) = (await done(caller))["output"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "yes"}
        await caller.send({"type": "conversation.item.create", "item": output})
        await caller.send({"type": "response.create"})
        await done(caller)
        assert caller.errors == []
    assert model.told()[-2:] == ["assistant calls mark", "tool: yes"]


async def test_our_own_callers_see_calls_and_outputs_and_cannot_forge_them(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    shop[0].may_answer.clear()
    model.will(calls("look_up", ORDER), spoken("It was sent."))
    async with (
        serve_agent() as server,
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
    ):
        created = await caller.wait_for("session.created")
        assert created["bargein"]["agent"] == {"name": "support", "title": "Support"}
        assert [tool["name"] for tool in created["session"]["tools"]] == ["look_up"]
        await caller.say_text("Where is my order?")
        (call,) = (await done(caller))["output"]
        assert (call["name"], json.loads(call["arguments"])) == ("look_up", {"order": "no-17"})
        forged = {"type": "function_call_output", "call_id": call["call_id"], "output": "paid back"}
        await caller.send({"type": "conversation.item.create", "item": forged})
        error = (await caller.wait_for("error"))["error"]
        assert (error["code"], error["param"]) == ("invalid_tool_call_id", "item.call_id")
        shop[0].may_answer.set()
        output = await caller.wait_for("conversation.item.added", lambda e: e["item"]["type"] == "function_call_output")
        assert output["item"]["output"] == "sent"
        await done(caller)
    assert model.told()[-1] == "tool: sent"


async def test_an_interruption_does_not_end_a_tool_and_its_output_is_told_when_it_comes(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    shop[0].may_answer.clear()
    model.will(calls("look_up", ORDER), spoken("One moment. " * 10), spoken("Yes, I am here."), spoken("It was sent."))
    async with serve_agent() as server, connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.say_text("Where is my order?")
        await done(caller)
        await caller.say_text("Please look it up.")
        await caller.wait_for("response.output_audio.delta")
        assert f"tool: {STILL_RUNNING}" in model.told()
        await microphone.say(SPEECH)
        assert (await done(caller))["status"] == "cancelled"
        assert (await done(caller))["status"] == "completed"
        assert not shop[0].left.is_set()
        shop[0].may_answer.set()
        assert (await done(caller))["status"] == "completed"
    assert len(shop[0].exchanges) == 1
    assert model.told()[-2:] == ["assistant calls look_up", "tool: sent"]
    assert len(model.requests) == 4


async def test_an_output_that_comes_while_the_caller_speaks_waits_for_the_turn(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    shop[0].may_answer.clear()
    model.will(calls("look_up", ORDER), spoken("It was sent."))
    async with serve_agent() as server, connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.say_text("Where is my order?")
        await done(caller)
        speaking = asyncio.create_task(microphone.say(SPEECH))
        await caller.wait_for("input_audio_buffer.speech_started")
        shop[0].may_answer.set()
        await speaking
        await done(caller)
        # One answer to both.
        assert len(model.requests) == 2
    assert model.told()[1:] == [
        "user: Where is my order?",
        "assistant calls look_up",
        "tool: sent",
        "user: <input_audio>",
    ]


@pytest.mark.parametrize("words", ["", "Wait a moment."])
async def test_an_output_is_answered_whatever_an_interruption_turns_out_to_be(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream], words: str
) -> None:
    """The answer to it waits behind a reply that is interrupted: nothing is said by that, or something is."""
    shop[0].may_answer.clear()
    model.will(calls("look_up", ORDER), spoken("One moment please. " * 6), spoken("It was sent."), spoken("Really."))

    async def recognise(exchange: Exchange) -> None:
        await exchange.answer(200, json.dumps({"text": words}).encode())

    async with (
        scripted(recognise) as recogniser,
        serve_agent(transcription_url=recogniser.url, transcription_model="whisper-1") as server,
        connect(server.realtime_url) as caller,
        caller.microphone() as microphone,
    ):
        await caller.say_text("Where is my order?")
        await done(caller)
        await caller.say_text("Please look it up.")
        await caller.wait_for("response.output_audio.delta")
        shop[0].may_answer.set()
        await caller.wait_until(lambda: len(caller.audio()) >= 48_000)
        await microphone.say(pcm16(speech("wait a moment")))
        # What was asked for the turn is dropped unheard, where nothing was said in it.
        await model.wait_for_requests(3 if words else 4)
        await caller.wait_for("response.done", lambda e: e["response"]["status"] == "completed")
        assert server.metric("bargein_false_interruptions_total") == (0 if words else 1)
    spoken_turns = [line for line in model.told() if line == "user: <input_audio>"]
    assert len(spoken_turns) == (1 if words else 0)
    assert "tool: sent" in model.told()
    assert len(model.requests) == (3 if words else 4)


async def test_a_drain_waits_until_a_tool_is_told_and_answered(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    shop[0].may_answer.clear()
    model.will(calls("look_up", ORDER), spoken("It was sent."))
    async with serve_agent() as server, connect(server.realtime_url) as caller:
        await caller.say_text("Where is my order?")
        await done(caller)
        await shop[0].asked.wait()
        async with draining(server):
            shop[0].may_answer.set()
            assert (await caller.wait_closed())[0] == 1012
    assert [event["response"]["status"] for event in caller.events_of("response.done")] == ["completed"] * 2
    assert model.told()[-1] == "tool: sent"


async def test_a_drain_waits_for_the_answer_to_a_tool_that_is_quicker_than_its_model(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    may_end = asyncio.Event()

    async def calls_and_lingers(exchange: Exchange) -> None:
        await exchange.begin()
        for index, name in enumerate(("look_up", "of_nobody")):
            function = {"name": name, "arguments": ORDER}
            call = {"index": index, "id": f"call_{name}", "type": "function", "function": function}
            await exchange.chunk(event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
        await may_end.wait()
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.end()

    model.will(calls_and_lingers, spoken("It was sent."))
    async with serve_agent() as server, connect(server.realtime_url) as caller:
        await caller.say_text("Where is my order?")
        await shop[0].asked.wait()
        async with draining(server):
            may_end.set()
            assert (await caller.wait_closed())[0] == 1012
    assert [event["response"]["status"] for event in caller.events_of("response.done")] == ["completed"] * 2


@pytest.mark.parametrize("deleted", ["call", "output"])
async def test_what_the_caller_has_deleted_is_neither_answered_nor_waited_for(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream], deleted: str
) -> None:
    shop[0].may_answer.clear()
    model.will(calls("look_up", ORDER), spoken("One moment. " * 5))
    async with (
        serve_agent() as server,
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
    ):
        await caller.say_text("Where is my order?")
        (item,) = (await done(caller))["output"]
        if deleted == "output":  # It waits to be answered behind a reply.
            await caller.say_text("Please look it up.")
            await caller.wait_for("response.output_audio_transcript.delta")
            shop[0].may_answer.set()
            kind = "function_call_output"
            item = (await caller.wait_for("conversation.item.added", lambda e: e["item"]["type"] == kind))["item"]
        await caller.send({"type": "conversation.item.delete", "item_id": item["id"]})
        await caller.wait_for("conversation.item.deleted")
        with structlog.testing.capture_logs() as logs:
            async with draining(server):
                shop[0].may_answer.set()
                assert (await caller.wait_closed())[0] == 1012
        assert "drain deadline reached in the middle of a turn" not in [line["event"] for line in logs]
    assert len(model.requests) == (2 if deleted == "output" else 1)


async def test_a_conversation_that_is_full_has_room_for_a_tools_output(serve_agent: ServeAgent, model: Model) -> None:
    model.will(calls("look_up", ORDER), spoken("It was sent."))
    async with serve_agent(control_messages_per_s="1e6") as server, connect(server.realtime_url) as caller:
        for _ in range(CorePolicy().max_items):
            await caller.add_text("x")
        await caller.send({"type": "response.create"})
        await done(caller)
        await done(caller)
        assert caller.transcript() == "It was sent. "
    assert model.told()[-2:] == ["assistant calls look_up", "tool: sent"]


@asynccontextmanager
async def draining(server: RunningServer) -> AsyncIterator[None]:
    """Within, the server drains, and waits for what is in progress."""
    drained = asyncio.create_task(server.gateway.drain())
    await asyncio.sleep(1)  # Virtual time: it waits for the session by then.
    assert not drained.done()
    yield
    await drained


async def test_hanging_up_ends_a_call(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    shop[0].may_answer.clear()
    model.will(calls("look_up", ORDER))
    async with serve_agent() as server:
        async with connect(server.realtime_url) as caller:
            await caller.say_text("Where is my order?")
            await shop[0].asked.wait()
        await shop[0].left.wait()
        assert server.metric('bargein_tool_calls_total{result="cancelled",tool="look_up"}') == 1


def runs_of(client: ToolClient, url: str) -> tuple[ToolRuns, list[Event]]:
    """The calls of an agent whose only tool is there, and what its session is told of them."""
    tool = Tool("look_up", "Looks it up.", {"type": "object"}, "POST", url)
    agent = Agent("support", "Support", "", "", {}, (tool,), frozenset())
    told: list[Event] = []

    def take(came: Sequence[Event]) -> bool:
        told.extend(came)
        return True

    runs = ToolRuns(client, lambda: agent, Names(), SessionConfig, work_observer(), asyncio.get_running_loop().time)
    runs.begin(take)
    return runs, told


async def test_a_call_is_made_once_however_often_it_is_told_of(shop: tuple[Shop, ScriptedUpstream]) -> None:
    async with ToolClient() as client:
        runs, told = runs_of(client, shop[1].url)
        response = Response("resp_1", ResponseSettings(), "conv_1")
        made = OutputItemDone(response, 0, FunctionCall("item_1", "call_1", "look_up", "{}"), None)
        for action in (made, made, ResponseDone(response), made):
            runs.note(action)
            await asyncio.sleep(1)
        runs.note(made)
        runs.close()
        await runs.wait_closed()
    assert len(shop[0].exchanges) == 1
    assert [type(event) for event in told] == [ItemCreateRequested, ResponseRequested]


async def test_more_calls_than_can_run_at_once_are_told_so(shop: tuple[Shop, ScriptedUpstream]) -> None:
    shop[0].may_answer.clear()
    async with ToolClient() as client:
        runs, told = runs_of(client, shop[1].url)
        response = Response("resp_1", ResponseSettings(), "conv_1")
        for number in range(MOST_AT_ONCE + 1):
            call = FunctionCall(f"item_{number}", f"call_{number}", "look_up", "{}")
            runs.note(OutputItemDone(response, number, call, None))
        await asyncio.sleep(1)
        (output,) = told
        assert isinstance(output, ItemCreateRequested)
        assert isinstance(output.item, FunctionCallOutput)
        assert output.item.output == TOO_MANY
        assert len(shop[0].exchanges) == MOST_AT_ONCE
        runs.close()
        await runs.wait_closed()


async def test_a_fault_of_our_own_in_a_call_is_told_and_answered() -> None:
    """A client that was closed too early stands for any: nobody may wait for that call for ever."""
    async with ToolClient() as client:
        pass
    runs, told = runs_of(client, "http://127.0.0.1:1/")
    response = Response("resp_1", ResponseSettings(), "conv_1")
    runs.note(OutputItemDone(response, 0, FunctionCall("item_1", "call_1", "look_up", "{}"), None))
    runs.note(ResponseDone(response))
    await asyncio.sleep(1)
    output, answer = told
    assert isinstance(output, ItemCreateRequested)
    assert isinstance(output.item, FunctionCallOutput)
    assert output.item.output == BROKEN
    assert isinstance(answer, ResponseRequested)


async def test_calls_are_made_though_their_server_numbers_them_anew(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    """Whoever honours the key must not take one caller's order for another's, nor a second order for the first."""
    model.will(*(calls("look_up", ORDER, "call_0"), spoken("It was sent.")) * 3)
    async with serve_agent() as server:
        for turns in (1, 2):
            async with connect(server.realtime_url) as caller:
                for _ in range(turns):
                    await caller.say_text("Where is my order?")
                    await done(caller)
                    assert (await done(caller))["output"] != []
    assert len({exchange.headers["idempotency-key"] for exchange in shop[0].exchanges}) == 3


async def test_a_call_is_made_whose_id_another_had_that_is_deleted(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    model.will(*(calls("look_up", ORDER, "call_0"), spoken("It was sent.")) * 2)
    async with (
        serve_agent() as server,
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
    ):
        await caller.say_text("Where is my order?")
        (call,) = (await done(caller))["output"]
        await done(caller)
        await caller.send({"type": "conversation.item.delete", "item_id": call["id"]})
        await caller.wait_for("conversation.item.deleted")
        await caller.say_text("And now?")
        await done(caller)
        await done(caller)
    assert len(shop[0].exchanges) == 2


def together(**arguments: str) -> Answer:
    async def answer(exchange: Exchange) -> None:
        chunks = []
        for index, (call_id, given) in enumerate(arguments.items()):
            function = {"name": "look_up", "arguments": given}
            call = {"index": index, "id": call_id, "type": "function", "function": function}
            chunks.append(event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
        await exchange.stream([*chunks, b"data: [DONE]\n\n"])

    return answer


async def test_calls_made_together_are_answered_together(
    serve_agent: ServeAgent, model: Model, shop: tuple[Shop, ScriptedUpstream]
) -> None:
    model.will(together(a=ORDER, b='{"order": "no-18"}', c="{}"), spoken("Both were sent."))
    async with serve_agent() as server, connect(server.realtime_url) as caller:
        await caller.say_text("Where are my orders?")
        await done(caller)
        await done(caller)
        assert len(model.requests) == 2
        assert server.metric('bargein_tool_calls_total{result="not_asked",tool="look_up"}') == 1
    assert sorted(exchange.path for exchange in shop[0].exchanges) == ["/v1/orders/no-17", "/v1/orders/no-18"]
    tools = [message["content"] for message in model.requests[-1]["messages"] if message["role"] == "tool"]
    assert tools == ["sent", "sent", "The tool was not called: arguments are missing: order."]


async def test_a_model_that_calls_without_end_has_to_speak(serve_agent: ServeAgent, model: Model) -> None:
    model.will(*(calls("look_up", ORDER, f"call_{number}") for number in range(MOST_ROUNDS + 1)), spoken("Enough."))
    async with serve_agent() as server, connect(server.realtime_url) as caller:
        await caller.say_text("Where is my order?")
        await caller.wait_for("response.done", lambda e: e["response"]["output"])
        assert caller.transcript() == "Enough. "
    assert model.requests[-1]["tool_choice"] == "none"
    assert all(request.get("tool_choice", "auto") == "auto" for request in model.requests[:-1])


async def test_beside_the_conversation_there_are_no_tools_of_the_servers(serve_agent: ServeAgent, model: Model) -> None:
    async with serve_agent() as server, connect(server.realtime_url) as caller:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Sum it up."}]}
        await caller.send({"type": "response.create", "response": {"conversation": "none", "input": [item]}})
        await done(caller)
    assert "tools" not in model.requests[0]


GREETS = 'greeting = "Greet the caller."'
GREETING = "You help with orders.\n\nGreet the caller."


async def test_it_greets_a_caller_who_is_quiet(serve_agent: ServeAgent, model: Model) -> None:
    model.will(spoken("Hello, this is support."))
    async with serve_agent(GREETS) as server, connect(server.realtime_url) as caller:
        await caller.update_session(audio={"output": {"format": {"type": "audio/pcmu"}}})
        assert (await done(caller))["status"] == "completed"
        assert caller.transcript() == "Hello, this is support. "
        await caller.say_text("Hello")
        await done(caller)
    assert model.requests[0]["messages"][0]["content"] == GREETING
    assert model.requests[1]["messages"][0]["content"] == "You help with orders."


async def test_it_greets_as_soon_as_the_microphone_is_open(serve_agent: ServeAgent, model: Model) -> None:
    async with serve_agent(GREETS) as server, connect(server.realtime_url) as caller:
        await caller.append(bytes(960))
        created = await caller.wait_for("response.created")
        loop_s = caller.arrived_s(created) - caller.arrived_s(caller.messages[0])
        assert loop_s < 0.1  # Virtual time: long before it would have been patient enough.


@pytest.mark.parametrize("begins", ["text", "response"])
async def test_it_does_not_greet_who_has_begun(serve_agent: ServeAgent, model: Model, begins: str) -> None:
    async with serve_agent(GREETS) as server, connect(server.realtime_url) as caller:
        if begins == "text":
            await caller.add_text("Hello")
        else:
            await caller.send({"type": "response.create"})
            await done(caller)
        await asyncio.sleep(5)
        await caller.say_text("Are you there?")
        await done(caller)
        assert caller.errors == []
    assert GREETING not in [request["messages"][0]["content"] for request in model.requests]


@pytest.mark.parametrize("begins", ["refused item", "response out of band"])
async def test_what_begins_no_conversation_is_no_reason_not_to_greet(
    serve_agent: ServeAgent, model: Model, begins: str
) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Sum it up."}]}
    nobodys = {"type": "function_call_output", "call_id": "call_9", "output": "yes"}
    messages = {
        "refused item": {"type": "conversation.item.create", "item": nobodys},
        "response out of band": {"type": "response.create", "response": {"conversation": "none", "input": [item]}},
    }
    async with serve_agent(GREETS) as server, connect(server.realtime_url) as caller:
        await caller.send(messages[begins])
        await caller.wait_for("response.done", lambda e: e["response"]["conversation_id"] is not None)
    assert model.requests[-1]["messages"][0]["content"] == GREETING


async def test_a_greeting_is_only_taken_for_one_while_it_is_one(serve_agent: ServeAgent, model: Model) -> None:
    """A response out of band goes on while the agent greets, and is not what gives way."""
    may_end = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await may_end.wait()
        await spoken("Summed up.")(exchange)

    model.will(slow, spoken("Hello, this is support. " * 5), spoken("As you like."))
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Sum it up."}]}
    async with serve_agent(GREETS) as server, connect(server.realtime_url) as caller:
        await caller.send({"type": "response.create", "response": {"conversation": "none", "input": [item]}})
        await caller.wait_for("response.output_audio.delta")
        await caller.send({"type": "response.create"})
        assert (await done(caller))["status"] == "cancelled"
        assert (await done(caller))["status"] == "completed"
        may_end.set()
        beside = await done(caller)
        assert (beside["status"], beside["conversation_id"]) == ("completed", None)


@pytest.mark.parametrize("text", [True, False])
async def test_a_greeting_gives_way_to_a_client_that_has_its_agent_speak_first(
    serve_agent: ServeAgent, model: Model, text: bool
) -> None:
    """LiveKit's sends sound as soon as it is connected, and ``response.create`` a moment later."""
    model.will(spoken("Hello, this is support. " * 5), spoken("As you like."))
    async with serve_agent(GREETS) as server, connect(server.realtime_url) as caller:
        await caller.append(bytes(960))
        await caller.wait_for("response.output_audio.delta")
        if text:
            await caller.add_text("Hello")
        await caller.send({"type": "response.create"})
        assert (await done(caller))["status"] == "cancelled"
        assert (await done(caller))["status"] == "completed"
        await caller.say_text("Goodbye")
        assert (await done(caller))["status"] == "completed"
        assert caller.errors == []
    assert model.requests[1]["messages"][0]["content"] == "You help with orders."


async def test_callers_choose_an_agent_and_are_told_which_there_are(model: Model, tmp_path: Path) -> None:
    for name in ("alice", "bob"):
        (tmp_path / f"{name}.toml").write_text(f'instructions = "You are {name}."\ntitle = "The {name}"\n')
    async with running_server(model.url, agents=(tmp_path,)) as server:
        for asked, answers in (("", "alice"), ("?agent=bob", "bob"), ("?agent=", "alice")):
            async with connect(f"{server.realtime_url}{asked}") as caller:
                await caller.say_text("Hello")
                await done(caller)
            assert model.requests[-1]["messages"][0]["content"] == f"You are {answers}."
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"{server.realtime_url}?agent=carol"):
                pass
        error = json.loads(refused.value.response.body or b"")["error"]
        assert (refused.value.response.status_code, error["code"], error["param"]) == (400, "unknown_agent", "agent")
        assert error["message"] == "There is no agent 'carol'. There are: alice, bob."


async def test_without_agents_none_can_be_asked_for(server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{server.realtime_url}?agent=bob"):
            pass
    assert "started without agents" in json.loads(refused.value.response.body or b"")["error"]["message"]


@pytest.mark.real_sockets
async def test_agents_and_voices_are_listed_for_who_may_talk_with_them(model: Model, tmp_path: Path) -> None:
    (tmp_path / "bob.toml").write_text('instructions = "secret"\ntitle = "Bob"\ndescription = "Knows."\n')
    async with (
        running_server(model.url, agents=(tmp_path,), api_keys="key-1", voice="aiden", voices="alloy=ethan") as server,
        httpx.AsyncClient(base_url=server.http_url) as http,
    ):
        assert (await http.get("/v1/agents")).status_code == 401
        key = {"Authorization": "Bearer key-1"}
        agent = {"id": "bob", "object": "agent", "title": "Bob", "description": "Knows."}
        listed = {"object": "list", "data": [agent], "voices": ["ethan", "aiden"]}
        assert (await http.get("/v1/agents", headers=key)).json() == listed
        token = (await http.post("/v1/realtime/client_secrets", headers=key, json={})).json()["value"]
        assert (await http.get("/v1/agents", headers={"Authorization": f"Bearer {token}"})).json() == listed
        foreign = await http.get("/v1/agents", headers={**key, "Origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        assert server.metric('bargein_http_requests_total{route="/v1/agents",status="200"}') == 2


async def test_a_token_cannot_change_what_the_agent_keeps(serve_agent: ServeAgent, model: Model) -> None:
    async with serve_agent() as server:
        token = server.gateway.tokens.mint({"instructions": "Be a pirate.", "max_output_tokens": 50}, 60)
        async with connect(server.realtime_url, key=token.value) as caller:
            created = (await caller.wait_for("session.created"))["session"]
            assert created["max_output_tokens"] == 50
            await caller.say_text("Hello")
            await done(caller)
    assert model.requests[0]["messages"][0]["content"] == "You help with orders."


async def test_a_telephone_call_names_its_agent_and_is_greeted(serve_agent: ServeAgent, model: Model) -> None:
    model.will(spoken("Hello, this is support."))
    async with serve_agent(GREETS) as server:
        url = server.realtime_url.removesuffix("/realtime") + "/twilio"
        async with calling(url) as peer, peer.microphone():
            peer.start({"agent": "support"})
            await peer.until(lambda: len(peer.played) > 4000)
        assert model.requests[0]["messages"][0]["content"] == GREETING
        assert [tool["function"]["name"] for tool in model.requests[0]["tools"]] == ["look_up"]
        async with calling(url) as peer:
            peer.start({"agent": "nobody"})
            code, reason = await peer.until_closed()
    assert (code, reason) == (1008, "start.customParameters: There is no agent 'nobody'. There are: support.")


async def test_a_telephone_call_goes_on_though_the_model_calls_what_there_is_not(
    serve_agent: ServeAgent, model: Model
) -> None:
    """Nobody else is there to answer: the caller would hear nothing any more."""
    model.will(calls("nosuch", "{}"), spoken("Hello, this is support."))
    async with serve_agent(GREETS) as server:
        async with calling(server.realtime_url.removesuffix("/realtime") + "/twilio") as peer, peer.microphone():
            peer.start()
            await peer.until(lambda: len(peer.played) > 4000)
        assert server.metric('bargein_tool_calls_total{result="not_asked",tool="other"}') == 1
    assert model.told()[-2:] == [
        "assistant calls nosuch", "tool: The tool was not called: there is no 'nosuch'. There are: look_up.",
    ]  # fmt: skip
