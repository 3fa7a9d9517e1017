"""Calls that the server makes itself, as callers know them: not at all, unless they speak ``bargein.v1``.

Clients of the standard protocol take every call for one of theirs. Some fail at a name that they do not know, others
answer it with an error, which the model would be told. So such a caller is told of neither the calls nor their outputs,
and of no item behind which it would miss one; the outputs of a response are counted without them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeVar

from bargein.agents import Agent
from bargein.core import actions
from bargein.core.actions import CallerAction
from bargein.core.items import FunctionCall, FunctionCallOutput
from bargein.session.newest import keep_newest

MOST_KNOWN: Final = 4000
"""More than a conversation holds: of what is older nothing is said any more."""

_Item = TypeVar("_Item", actions.InputCommitted, actions.ItemCreated, actions.OutputItemAdded, actions.OutputItemDone)
_Output = TypeVar(
    "_Output",
    actions.OutputItemAdded,
    actions.OutputItemDone,
    actions.TranscriptSent,
    actions.TextSent,
    actions.ArgumentsSent,
    actions.AudioSent,
)


class OwnCalls:
    """The calls of one conversation.

    :param shown: the caller is told of them.
    """

    def __init__(self, agent: Agent, *, shown: bool) -> None:
        self._agent = agent
        self._shown = shown
        self._call_ids: dict[str, None] = {}
        """The newest call of each of these ids is the server's."""
        self._hidden: dict[str, str | None] = {}
        """By the id of an item that is not told of: the one before it that is."""
        self._left_out: dict[str, list[int]] = {}
        """Where in the output of each response in progress something is not told of."""

    def is_ours(self, call_id: str) -> bool:
        """Whether the server itself answers a call."""
        return call_id in self._call_ids

    def told(self, action: CallerAction) -> CallerAction | None:
        """What the caller is told of ``action``; ``None`` for nothing."""
        match action:
            case actions.OutputItemAdded(response, output_index, FunctionCall() as call, previous_id):
                ours = self._agent.tool(call.name) is not None
                if response.conversation_id is not None:
                    self._note(call.call_id, ours=ours)
                if ours and not self._shown:
                    self._left_out.setdefault(response.id, []).append(output_index)
                    self._hide(call.id, previous_id)
                    return None
            case actions.ItemCreated(FunctionCallOutput() as output, previous_id):
                if output.call_id in self._call_ids and not self._shown:
                    self._hide(output.id, previous_id)
                    return None
        return action if self._shown or not self._hidden else self._without_hidden(action)

    def sound(self, audio: actions.AudioSent) -> actions.AudioSent:
        """Sound as the caller is told of it."""
        return self._in_place(audio, audio.response_id) if self._left_out else audio

    def _note(self, call_id: str, *, ours: bool) -> None:
        """Ids can recur, once a call is deleted."""
        self._call_ids.pop(call_id, None)
        if ours:
            self._call_ids[call_id] = None
            keep_newest(self._call_ids, MOST_KNOWN)

    def _hide(self, item_id: str, previous_id: str | None) -> None:
        self._hidden[item_id] = self._before(previous_id)
        keep_newest(self._hidden, MOST_KNOWN)

    def _before(self, item_id: str | None) -> str | None:
        return self._hidden.get(item_id, item_id) if item_id is not None else None

    def _without_hidden(self, action: CallerAction) -> CallerAction | None:
        match action:
            case actions.InputCommitted():
                return self._behind_told(action)
            case actions.ItemCreated():
                return self._behind_told(action)
            case actions.OutputItemAdded(response):
                return self._behind_told(self._in_place(action, response.id))
            case actions.OutputItemDone(response, item=item):
                if item.id in self._hidden:
                    return None
                return self._behind_told(self._in_place(action, response.id))
            case actions.ArgumentsSent(response_id, item_id):
                return None if item_id in self._hidden else self._in_place(action, response_id)
            case actions.TranscriptSent(response_id):
                return self._in_place(action, response_id)
            case actions.TextSent(response_id):
                return self._in_place(action, response_id)
            case actions.ResponseDone(response):
                if self._left_out.pop(response.id, None):
                    visible = [item for item in response.output if item.id not in self._hidden]
                    return actions.ResponseDone(replace(response, output=visible))
        return action

    def _behind_told(self, action: _Item) -> _Item:
        if action.previous_item_id not in self._hidden:
            return action
        return replace(action, previous_item_id=self._before(action.previous_item_id))

    def _in_place(self, action: _Output, response_id: str) -> _Output:
        gaps = sum(place < action.output_index for place in self._left_out.get(response_id, ()))
        return replace(action, output_index=action.output_index - gaps) if gaps else action
