"""Which calls of tools the model is told of, where, and with which output.

Chat Completions wants every call answered by exactly one output, directly behind it, and a model that is not told of a
call makes it again. So each call that was made is told from then on: with its output, or with a placeholder for as
long as there is none. The call stands where it was made. If something was said before its output came, both are told
where the output came: it is news to the model, and the last thing that it is told is then what it has to answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from bargein.core.completion import is_whole
from bargein.core.items import FunctionCall, FunctionCallOutput, Item, Message

STILL_RUNNING: Final = (
    "The tool is still running. Its result is not known yet and will be given here as soon as it is. "
    "Do not make this call again."
)
INTERRUPTED: Final = (
    "The reply was interrupted while this call was being made. It may be running all the same; its result is not known."
)

NOT_KEPT: Final = "The tool has answered. What it answered is not kept any more."


@dataclass(frozen=True, slots=True)
class ToldCall:
    """A call as the model is told of it."""

    call_id: str
    name: str
    arguments: str
    """JSON text: what was not whole is told as no arguments, for servers read it."""
    output: str


def told_calls(items: Sequence[Item]) -> Mapping[int, ToldCall]:
    """Every call that is told, by the position among ``items`` where it is told."""
    outputs = _outputs_by_call(items)
    told: dict[int, ToldCall] = {}
    messages_before = list(accumulate((isinstance(item, Message) for item in items), initial=0))
    for position, item in enumerate(items):
        if not isinstance(item, FunctionCall):
            continue
        answer = outputs.get(position)
        if answer is None:
            if item.status == "completed" or (item.status == "incomplete" and is_whole(item.arguments)):
                told[position] = _told(item, _without_output(item))
            continue
        answered_at, output = answer
        came_later = answered_at > position and messages_before[answered_at] > messages_before[position]
        told[answered_at if came_later else position] = _told(item, output)
    return told


def _outputs_by_call(items: Sequence[Item]) -> dict[int, tuple[int, str]]:
    """From a call's position to its output and that output's position.

    Calls that share an id, as some servers number them, take the outputs in order; an output that is given again
    stands for the earlier one.
    """
    waiting: dict[str, deque[tuple[int, str]]] = {}
    calls: dict[str, list[int]] = {}
    for position, item in enumerate(items):
        if isinstance(item, FunctionCallOutput):
            waiting.setdefault(item.call_id, deque()).append((position, item.output))
        elif isinstance(item, FunctionCall):
            calls.setdefault(item.call_id, []).append(position)
    found: dict[int, tuple[int, str]] = {}
    for call_id, positions in calls.items():
        given = waiting.get(call_id, deque())
        for position in positions[:-1]:
            if given:
                found[position] = given.popleft()
        if given:
            found[positions[-1]] = given[-1]
    return found


def _without_output(call: FunctionCall) -> str:
    if call.lost_output:
        return NOT_KEPT
    return STILL_RUNNING if call.status == "completed" else INTERRUPTED


def _told(call: FunctionCall, output: str) -> ToldCall:
    arguments = call.arguments or "{}"
    if call.status != "completed" and not is_whole(arguments):
        arguments = "{}"
    return ToldCall(call.call_id, call.name, arguments, output)
