"""Every call is told with exactly one output: the model does not call twice, and the server takes the order."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.completion import AssistantMessage, ChatMessage, ToolCall, ToolMessage
from bargein.core.events import ResponseRequested
from bargein.core.items import FunctionCall, FunctionCallOutput, InputText, Item, ItemReference, Message, Status
from bargein.core.told_calls import INTERRUPTED, NOT_KEPT, STILL_RUNNING, ToldCall, told_calls
from support.conversation_script import Script, manual


def call(number: int, arguments: str = "{}", status: Status = "completed", call_id: str | None = None) -> FunctionCall:
    return FunctionCall(f"f{number}", call_id or f"call_{number}", "book", arguments, status)


def output(number: int, text: str = "done", call_id: str | None = None) -> FunctionCallOutput:
    return FunctionCallOutput(f"o{number}", call_id or f"call_{number}", text)


def told(number: int, text: str, arguments: str = "{}") -> ToldCall:
    return ToldCall(f"call_{number}", "book", arguments, text)


QUESTION = Message("u", "user", [InputText("are you still there?")])


def test_a_call_that_still_runs_is_told_where_it_was_made() -> None:
    assert told_calls([call(1), QUESTION]) == {0: told(1, STILL_RUNNING)}


def test_an_output_that_comes_at_once_is_told_behind_its_call() -> None:
    items: list[Item] = [call(1), call(2), output(2, "two"), output(1, "one"), QUESTION]
    assert told_calls(items) == {0: told(1, "one"), 1: told(2, "two")}


def test_an_output_that_comes_after_something_was_said_is_told_as_news() -> None:
    """What is told last is what the model answers."""
    items: list[Item] = [call(1), call(2), output(2, "two"), QUESTION, output(1, "one")]
    assert told_calls(items) == {1: told(2, "two"), 4: told(1, "one")}


def test_an_output_is_told_once_however_often_it_is_given() -> None:
    assert told_calls([call(1), output(1, "first"), output(1, "better")]) == {0: told(1, "better")}


def test_an_output_in_front_of_its_call_is_told_behind_it() -> None:
    assert told_calls([output(1, "one"), QUESTION, call(1)]) == {2: told(1, "one")}


def test_a_call_whose_output_was_deleted_does_not_run_any_more() -> None:
    """Nothing comes of it, and it was made: a model that is told to wait would wait for ever."""
    script = Script(manual())
    for item in (call(1), output(1), QUESTION):
        script.do(events.ItemCreateRequested(item))
    script.do(events.ItemDeleteRequested("o1"))
    script.do(ResponseRequested(script.config.response))
    assert script.last(actions.StartStream).request.messages[1] == ToolMessage("call_1", NOT_KEPT)
    script.finish()
    script.do(events.CancelRequested())
    script.do(events.ItemCreateRequested(output(2, "given again", "call_1")))
    script.do(ResponseRequested(script.config.response))
    assert script.last(actions.StartStream).request.messages[-1] == ToolMessage("call_1", "given again")


def test_an_output_whose_call_was_deleted_is_not_told() -> None:
    assert told_calls([output(1), QUESTION]) == {}


def test_calls_of_the_same_id_take_their_outputs_in_order() -> None:
    """A client may write such a history back; replies of servers that number their calls anew get ids of their own."""
    items: list[Item] = [
        call(1, call_id="call_0"),
        output(1, "one", "call_0"),
        call(2, call_id="call_0"),
        output(2, "two", "call_0"),
    ]
    assert [found.output for found in told_calls(items).values()] == ["one", "two"]
    assert [found.output for found in told_calls(items[:3]).values()] == ["one", STILL_RUNNING]


def test_a_call_of_a_reply_that_was_cut_off_is_told_if_it_was_whole() -> None:
    assert told_calls([call(1, '{"n": 4}', "incomplete")]) == {0: told(1, INTERRUPTED, '{"n": 4}')}


@pytest.mark.parametrize("arguments", ['{"n": ', "", "[" * 5000])
def test_a_call_that_was_never_finished_was_not_made(arguments: str) -> None:
    assert told_calls([call(1, arguments, "incomplete"), QUESTION]) == {}


def test_a_call_that_was_answered_is_told_with_arguments_that_can_be_read() -> None:
    assert told_calls([call(1, '{"n": ', "incomplete"), output(1)]) == {0: told(1, "done")}
    assert told_calls([call(1, ""), output(1)]) == {0: told(1, "done")}


def test_a_call_that_is_being_made_is_not_told_yet() -> None:
    assert told_calls([call(1, "{}", "in_progress")]) == {}


def messages_of(script: Script) -> tuple[ChatMessage, ...]:
    return script.last(actions.StartStream).request.messages


def made(*calls: str, name: str = "book") -> AssistantMessage:
    return AssistantMessage(None, tool_calls=tuple(ToolCall(call_id, name, "{}") for call_id in calls))


def test_calls_of_the_same_id_are_told_in_messages_of_their_own() -> None:
    """A tool's message names its call by the id: in one message there must be one of it."""
    script = Script(manual())
    for item in (call(1, call_id="c"), output(1, "one", "c"), call(2, call_id="c"), output(2, "two", "c")):
        script.do(events.ItemCreateRequested(item))
    script.do(ResponseRequested(script.config.response))
    assert messages_of(script) == (made("c"), ToolMessage("c", "one"), made("c"), ToolMessage("c", "two"))


def asked_about(*given: Item | ItemReference) -> Script:
    """A response about some items of a conversation in which a tool was called and has answered."""
    script = Script(manual())
    for item in (call(1), output(1, "booked"), QUESTION):
        script.do(events.ItemCreateRequested(item))
    script.do(ResponseRequested(script.config.response, out_of_band=True, input=given))
    return script


@pytest.mark.parametrize("ids", [("o1", "f1"), ("f1", "o1"), ("f1", "f1"), ("o1", "o1"), ("f1",), ("o1",)])
def test_what_an_input_refers_to_of_a_call_is_told_as_one_call_with_its_output(ids: tuple[str, ...]) -> None:
    script = asked_about(*map(ItemReference, ids))
    assert messages_of(script) == (made("call_1"), ToolMessage("call_1", "booked"))


def test_an_input_of_its_own_says_itself_what_became_of_its_calls() -> None:
    script = asked_about(call(1), QUESTION)
    assert messages_of(script)[:2] == (made("call_1"), ToolMessage("call_1", STILL_RUNNING))
