"""What one caller may bring, and be brought, without costing the others. Real sockets, both transports."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.picows_transport import PicowsTransport
from bargein.gateway.websockets_transport import WebsocketsTransport
from support.model import Model, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.server import LastGiven, RunningServer, running_server

pytestmark = pytest.mark.real_sockets


@pytest.fixture(params=[WebsocketsTransport, PicowsTransport])
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    carrier: MakeTransport = request.param
    return carrier


@pytest.fixture
async def server(model: Model, make_transport: MakeTransport) -> AsyncIterator[RunningServer]:
    async with running_server(model.url, make_transport=make_transport) as server:
        yield server


def text(words: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}], **fields}


def create(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}


def out_of_band(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"type": "response.create", "response": {"conversation": "none", **fields}}


async def still_there(caller: RealtimeClient) -> None:
    await caller.say_text("are you there?")
    assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"


async def test_many_references_to_one_long_item_are_refused_by_name(server: RunningServer, model: Model) -> None:
    references = [{"type": "item_reference", "id": "x"}] * 50_000
    async with connect(server.realtime_url) as caller, connect(server.realtime_url) as other:
        await caller.send(create(text("A" * 1_900_000, id="x")))
        await caller.wait_for("conversation.item.done")
        await caller.send(out_of_band(input=references) | {"event_id": "mine"})
        error = (await caller.wait_for("error"))["error"]
        assert (error["code"], error["param"]) == ("event_above_max_values", "response.input")
        await caller.send(out_of_band(input=references[:1001]) | {"event_id": "mine"})
        error = (await caller.wait_for("error"))["error"]
        assert (error["code"], error["param"], error["event_id"]) == ("above_max_length", "response.input", "mine")
        await still_there(other)
        await still_there(caller)
    assert len(model.requests) == 2


async def test_references_are_told_as_far_as_a_context_holds_them(server: RunningServer, model: Model) -> None:
    """A thousand references to one long item are legal, and one of them is more than a context holds."""
    async with connect(server.realtime_url) as caller:
        await caller.send(create(text("A" * 1_900_000, id="x")))
        await caller.wait_for("conversation.item.done")
        await caller.send(out_of_band(input=[{"type": "item_reference", "id": "x"}] * 1000))
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"
    assert [len(message["content"]) for message in model.requests[0]["messages"]] == [1_900_000]


@pytest.mark.parametrize("dialect", [(), BARGEIN_SUBPROTOCOLS], ids=["realtime", "bargein.v1"])
async def test_a_long_item_is_echoed_and_shown_to_who_reads(server: RunningServer, dialect: tuple[str, ...]) -> None:
    words = 'A"\n' * 730_000
    async with connect(server.realtime_url, subprotocols=dialect) as caller:
        await caller.send(create(text(words, id="long")))
        await caller.send({"type": "conversation.item.retrieve", "item_id": "long"})
        await caller.send(create(text("short", id="short")))
        for kind in ("conversation.item.added", "conversation.item.done", "conversation.item.retrieved"):
            item = (await caller.wait_for(kind))["item"]
            assert item["content"] == [{"type": "input_text", "text": words}]
        short = await caller.wait_for("conversation.item.added")
        assert short["previous_item_id"] == "long"
        await still_there(caller)
        if dialect:
            numbers = [message.seq if hasattr(message, "seq") else message["seq"] for message in caller.messages]
            assert numbers == list(range(1, len(numbers) + 1))


async def test_a_long_turn_is_shown_to_who_reads(server: RunningServer) -> None:
    """Four minutes: an event of 15 MB."""
    sound = bytes(range(256)) * 11_250
    async with connect(server.realtime_url) as caller:
        await caller.update_session(audio={"input": {"turn_detection": None}})
        for _ in range(4):
            await caller.append(sound)
        await caller.send({"type": "input_audio_buffer.commit"})
        item_id = (await caller.wait_for("input_audio_buffer.committed"))["item_id"]
        await caller.send({"type": "conversation.item.retrieve", "item_id": item_id})
        item = (await caller.wait_for("conversation.item.retrieved"))["item"]
        assert base64.b64decode(item["content"][0]["audio"]) == sound * 4
        await still_there(caller)


async def test_a_long_reply_out_of_band_waits_at_the_model_for_who_reads_slowly(
    model: Model, make_transport: MakeTransport
) -> None:
    model.will(spoken(" ".join(["word"] * 400)))
    given = LastGiven()
    options: dict[str, Any] = {"make_transport": make_transport, "make_session": given, "slow_caller_s": 60.0}
    async with (
        running_server(model.url, **options) as server,
        connect(server.realtime_url) as caller,
    ):
        await caller.wait_for("session.created")
        caller.socket.transport.pause_reading()
        await caller.send(out_of_band(input=[text("go")]))
        await model.asked.wait()
        connection = given.collaborators.protocol.connection
        backlog = 0
        for _ in range(200):
            await asyncio.sleep(0.005)
            backlog = max(backlog, connection.backlog_bytes)
        assert 0 < backlog < 1_000_000
        caller.socket.transport.resume_reading()
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        assert len(caller.audio(done["response"]["id"])) == 400 * 300 * 48
        await still_there(caller)


async def test_an_update_that_changes_nothing_is_answered_in_full(server: RunningServer) -> None:
    schema = {"type": "object", "properties": {f"f{number}": {"type": "string"} for number in range(100)}}
    tools = [{"type": "function", "name": f"t{number}", "parameters": schema} for number in range(60)]
    async with connect(server.realtime_url) as caller:
        await caller.update_session(instructions="x" * 100_000, tools=tools)
        for _ in range(5):
            await caller.send({"type": "session.update", "session": {"type": "realtime"}})
            session = (await caller.wait_for("session.updated"))["session"]
            assert (session["instructions"], session["tools"]) == ("x" * 100_000, tools)


async def test_answers_count_as_what_a_caller_brings(model: Model, make_transport: MakeTransport) -> None:
    """A few bytes that bring many back, again and again: not read for a while, then refused."""
    bounds = {"bytes_per_s": 65_536, "control_messages_per_s": 1e6}
    async with (
        running_server(model.url, make_transport=make_transport, **bounds) as server,
        connect(server.realtime_url) as caller,
    ):
        await caller.update_session(instructions="x" * 400_000)
        for _ in range(200):
            await caller.send({"type": "session.update", "session": {"type": "realtime"}})
        code, reason = await caller.wait_closed()
        assert code == 4429
        assert "BARGEIN_BYTES_PER_S" in reason
        assert "retry_after=" in reason
        assert caller.errors[-1]["error"]["retry_after"] >= 1
        assert len(caller.events_of("session.updated")) < 20


async def test_control_messages_are_read_more_slowly_before_they_are_too_many(
    model: Model, make_transport: MakeTransport
) -> None:
    async with (
        running_server(model.url, make_transport=make_transport, control_messages_per_s=100.0) as server,
        connect(server.realtime_url) as caller,
    ):
        for _ in range(400):
            await caller.send({"type": "input_audio_buffer.clear"})
        await still_there(caller)
        assert len(caller.events_of("input_audio_buffer.cleared")) == 400
        assert not caller.errors


async def test_a_conversation_holds_so_many_items(model: Model, make_transport: MakeTransport) -> None:
    async with (
        running_server(model.url, make_transport=make_transport, control_messages_per_s=1e6) as server,
        connect(server.realtime_url) as caller,
    ):
        for _ in range(2001):
            await caller.send(create(text("x")))
        error = (await caller.wait_for("error"))["error"]
        assert len(caller.events_of("conversation.item.done")) == 2000
        assert (error["code"], error["param"]) == ("conversation_above_max_items", "item")
        assert "2000" in error["message"]
