"""Tools that take their time: the model is told of every call once, with one output, in an order that servers take."""

from __future__ import annotations

from typing import Any

from bargein.core.requests import NOTHING_SAID
from bargein.core.told_calls import STILL_RUNNING
from support.model import Model, calls, spoken
from support.realtime_client import RealtimeClient, ServerEvent, connect
from support.server import RunningServer

BOOK = {"type": "function", "name": "book", "description": "Books a table.", "parameters": {"type": "object"}}


async def ask_for_a_table(caller: RealtimeClient) -> str:
    """Returns the id of the call that the model makes."""
    await caller.update_session(tools=[BOOK])
    await caller.say_text("a table for four")
    done = await caller.wait_for("response.done")
    call_id: str = done["response"]["output"][0]["call_id"]
    return call_id


async def answer(caller: RealtimeClient, call_id: str, output: str = "booked") -> ServerEvent:
    """The tool has run; the model is asked to go on."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    await caller.send({"type": "conversation.item.create", "item": item})
    return await respond(caller)


async def respond(caller: RealtimeClient, **response: object) -> ServerEvent:
    since = caller.mark()
    await caller.send({"type": "response.create", "response": response})
    return await caller.wait_for("response.done", since=since)


def tool_messages(request: dict[str, Any]) -> list[tuple[str, str]]:
    return [(m["tool_call_id"], m["content"]) for m in request["messages"] if m["role"] == "tool"]


async def test_a_tool_that_still_runs_is_told_until_its_output_comes(server: RunningServer, model: Model) -> None:
    model.will(calls("book", '{"n": 4}'), spoken("one moment"), spoken("it is booked"))
    async with connect(server.realtime_url) as caller:
        call_id = await ask_for_a_table(caller)
        since = caller.mark()
        await caller.say_text("are you still there?")
        await caller.wait_for("response.done", since=since)
        assert model.told() == [
            "user: a table for four",
            "assistant calls book",
            f"tool: {STILL_RUNNING}",
            "user: are you still there?",
        ]
        await answer(caller, call_id)
    assert model.told() == [
        "user: a table for four",
        "user: are you still there?",
        "assistant: one moment ",
        "assistant calls book",
        "tool: booked",
    ]


async def test_calls_of_servers_that_number_them_anew_are_told_apart(server: RunningServer, model: Model) -> None:
    model.will(calls("book", "{}", "call_0"), calls("book", "{}", "call_0"), spoken("both are booked"))
    async with connect(server.realtime_url) as caller:
        first = await ask_for_a_table(caller)
        done = await answer(caller, first, "the first")
        second = done["response"]["output"][0]["call_id"]
        await answer(caller, second, "the second")
    assert first != second
    assert tool_messages(model.requests[-1]) == [(first, "the first"), (second, "the second")]


async def test_an_output_beside_the_conversation_is_told_with_its_call(server: RunningServer, model: Model) -> None:
    model.will(calls("book", "{}"), spoken("booked"))
    async with connect(server.realtime_url) as caller:
        call_id = await ask_for_a_table(caller)
        output = {"type": "function_call_output", "call_id": call_id, "output": "yes"}
        await respond(caller, conversation="none", input=[output])
        assert model.told() == ["assistant calls book", "tool: yes"]
        await caller.send(
            {"type": "response.create", "response": {"conversation": "none", "input": [{**output, "call_id": "other"}]}}
        )
        error = await caller.wait_for("error")
    assert error["error"]["code"] == "invalid_tool_call_id"
    assert error["error"]["param"] == "response.input[0].call_id"


async def test_a_greeting_needs_no_conversation(server: RunningServer, model: Model) -> None:
    async with connect(server.realtime_url) as caller:
        done = await respond(caller)
        assert done["response"]["status"] == "completed"
        assert model.requests[-1]["messages"][0] == {"role": "system", "content": NOTHING_SAID}
        await respond(caller, instructions="Greet the caller.", conversation="none", input=[])
        assert model.requests[-1]["messages"][0] == {"role": "system", "content": "Greet the caller."}


async def test_arguments_that_are_no_json_are_the_callers_to_see_and_no_reason_to_refuse_what_follows(
    server: RunningServer, model: Model
) -> None:
    model.will(calls("book", "{'n': 4}"), spoken("I could not"))
    async with connect(server.realtime_url) as caller:
        call_id = await ask_for_a_table(caller)
        made = caller.events_of("response.function_call_arguments.done")
        done = await answer(caller, call_id, "error: arguments must be JSON")
    assert [event["arguments"] for event in made] == ["{'n': 4}"]
    assert done["response"]["status"] == "completed"
    (told,) = (m["tool_calls"] for m in model.requests[-1]["messages"] if m.get("tool_calls"))
    assert [call["function"]["arguments"] for call in told] == ["{}"]
    assert tool_messages(model.requests[-1]) == [(call_id, "error: arguments must be JSON")]
