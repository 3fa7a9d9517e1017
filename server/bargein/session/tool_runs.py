"""The agent's own tools: called when the model asks for them, beside the conversation, and told when they answer.

A call begins when the model has written all of it, and is made once. An interruption does not end it, for what it does
is done; the caller's leaving does. Its output enters the conversation as a caller's would, and when every call of a
response has answered, that is answered like a turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bargein.agents import Agent, Tool, ToolClient, ToolOutcome
from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.completion import ForcedFunction, ToolChoice
from bargein.core.config import SessionConfig
from bargein.core.events import Event, ItemCreateRequested, ResponseRequested
from bargein.core.items import FunctionCall, FunctionCallOutput, Message, Response
from bargein.loop.tasks import Tasks
from bargein.session.names import Names
from bargein.session.newest import keep_newest
from bargein.session.work_observer import WorkObserver

MOST_AT_ONCE: Final = 16
"""Calls of one session."""
MOST_ROUNDS: Final = 10
"""Answers to tools, one after the other, before the model has to speak: nothing of the caller's comes between."""
MOST_KNOWN: Final = 1000
"""Calls that are remembered as made. They are told of again at once, if ever."""
NO_TOOL: Final = "other"
"""As metrics and the log call what models make up: each name would be a label."""
TOO_MANY: Final = "The tool was not called: too many calls are running. Wait for their results."
BROKEN: Final = "The tool was not called, or its result is lost: the server had an internal error."

OnTold = Callable[[Sequence[Event]], bool]


@dataclass(slots=True)
class _Round:
    """The calls of one response."""

    running: int = 0
    over: bool = False
    """The response is done: it makes no more calls."""
    output_id: str = ""
    """The newest output that was told; empty where none was."""


class ToolRuns:
    """Runs the tools of one session.

    :param agent: whose tools are called; ``None``: nobody's.
    :param callers_answer: the caller may have tools of its own, and answers calls of what is none of the agent's.
    :param config: the session's, as it is now.
    :param now: the session's clock, in seconds.
    """

    def __init__(
        self,
        client: ToolClient | None,
        agent: Callable[[], Agent | None],
        names: Names,
        config: Callable[[], SessionConfig],
        observer: WorkObserver,
        now: Callable[[], float],
        *,
        callers_answer: bool = True,
    ) -> None:
        self._client = client
        self._callers_answer = callers_answer
        self._agent = agent
        self._names = names
        self._config = config
        self._observer = observer
        self._now = now
        self._on_told: OnTold = _nobody_asks
        self._tasks = Tasks()
        self._running = 0
        self._made: dict[str, None] = {}
        """Items of calls: none is made twice. Many servers give the ids of calls anew."""
        self._rounds: dict[str, _Round] = {}
        self._count = 0
        """Answers to tools since the caller was last there."""
        self._owed: str | None = None
        """An output that was not answered yet."""
        self._answering: str | None = None
        """The response that answers it."""
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether a call is under way, or was, and is yet to be answered."""
        return bool(self._rounds) or self._owed is not None

    def begin(self, on_told: OnTold) -> None:
        """``on_told`` is given what the conversation has to know: returns whether it took that. It is given nothing
        when :attr:`running` has changed by itself.
        """
        self._on_told = on_told

    def note(self, action: Action) -> None:
        """Look at what was decided, after it was told. Never waits, and changes nothing by itself."""
        match action:
            case actions.OutputItemDone(response, item=FunctionCall() as call):
                if response.conversation_id is not None and call.status == "completed":
                    self._start(response.id, call)
            case actions.ResponseCreated(response) if self._owed is not None:
                if response.conversation_id is not None:
                    self._answering = response.id
            case actions.ResponseDone(response):
                if (made := self._rounds.get(response.id)) is not None:
                    made.over = True
                    if not made.running:
                        asyncio.get_running_loop().call_soon(self._answer, response.id)
                if self._owed is not None:
                    self._note_done(self._owed, response)
            case actions.InputCommitted():
                self._count = 0
            case actions.ItemCreated(Message(role="user")):
                self._count = 0
            case actions.ItemDeleted(item_id) if item_id == self._owed and self._answering is None:
                self._owed = None
            case _:
                pass

    def close(self) -> None:
        """The session ends: nothing more is told, and what is running is given up."""
        self._closed = True
        self._tasks.cancel()

    async def wait_closed(self) -> None:
        """Return when no task is left. Nobody is known any more then."""
        await self._tasks.wait()
        self._on_told = _nobody_asks

    def _note_done(self, owed: str, response: Response) -> None:
        """An interruption drops what waits to be answered, and may turn out to be none: it is asked for again."""
        heard = response.status != "cancelled" or bool(response.output)
        if response.id == self._answering and (heard or response.reason != "turn_detected"):
            self._owed = None
        elif response.reason == "turn_detected":
            asyncio.get_running_loop().call_soon(self._ask, owed)

    def _start(self, response_id: str, call: FunctionCall) -> None:
        agent = self._agent()
        tool = None if agent is None else agent.tool(call.name)
        if self._closed or call.id in self._made:
            return
        if tool is not None and self._client is not None:
            self._running += 1
            work = self._run(response_id, tool, call, self._client)
        elif tool is None and not self._callers_answer:
            work = self._refuse(response_id, call)
        else:
            return
        self._made[call.id] = None
        keep_newest(self._made, MOST_KNOWN)
        self._rounds.setdefault(response_id, _Round()).running += 1
        self._tasks.start(work)

    async def _refuse(self, response_id: str, call: FunctionCall) -> None:
        """Models call what there is not, and would wait for it for ever."""
        agent = self._agent()
        names = ", ".join(tool.name for tool in agent.tools) if agent is not None else ""
        self._observer.tool_begins(NO_TOOL, call.call_id, call.id, call.arguments)
        self._observer.tool_called(NO_TOOL, call.call_id, call.id, "not_asked", None, 0.0)
        there_are = f" There are: {names}." if names else ""
        self._tell(response_id, call.call_id, f"The tool was not called: there is no {call.name!r}.{there_are}")

    async def _run(self, response_id: str, tool: Tool, call: FunctionCall, client: ToolClient) -> None:
        begun_at = self._now()
        self._observer.tool_begins(tool.name, call.call_id, call.id, call.arguments)
        result, http_status = "cancelled", None
        try:
            outcome = await self._outcome(tool, call, client)
            result, http_status = outcome.result, outcome.http_status
        finally:
            self._running -= 1
            took_s = self._now() - begun_at
            self._observer.tool_called(tool.name, call.call_id, call.id, result, http_status, took_s)
        self._tell(response_id, call.call_id, outcome.output)

    async def _outcome(self, tool: Tool, call: FunctionCall, client: ToolClient) -> ToolOutcome:
        if self._running > MOST_AT_ONCE:
            return ToolOutcome("not_asked", TOO_MANY)
        try:
            return await client.call(tool, call.arguments, call.id)
        except Exception:
            self._observer.tool_broke(tool.name)
            return ToolOutcome("failed", BROKEN)

    def _tell(self, response_id: str, call_id: str, output: str) -> None:
        if self._closed:
            return
        made = self._rounds[response_id]
        output_id = self._names.new_id("item")
        if self._on_told([ItemCreateRequested(FunctionCallOutput(output_id, call_id, output), makes_room=True)]):
            made.output_id = output_id
        made.running -= 1
        self._answer(response_id)

    def _answer(self, response_id: str) -> None:
        """Have the outputs of a response answered, when it makes no more calls and all have answered."""
        made = self._rounds.get(response_id)
        if self._closed or made is None or made.running or not made.over:
            return
        del self._rounds[response_id]
        if not made.output_id:
            self._on_told(())  # Its calls are deleted: there is nothing to answer.
            return
        self._count += 1
        self._ask(made.output_id)

    def _ask(self, output_id: str) -> None:
        if self._closed:
            return
        self._owed, self._answering = output_id, None
        settings = self._config().response
        if self._count > MOST_ROUNDS:
            self._observer.tools_have_no_end(self._count)
            settings = replace(settings, tool_choice="none")
        elif self._is_met(settings.tool_choice):
            settings = replace(settings, tool_choice="auto")
        self._on_told([ResponseRequested(settings, answers=output_id)])

    def _is_met(self, choice: ToolChoice) -> bool:
        """Whether the calls that are answered are what the session demands: the model may speak then."""
        agent = self._agent()
        if isinstance(choice, ForcedFunction):
            return agent is not None and agent.tool(choice.name) is not None
        return choice == "required"


def _nobody_asks(_: Sequence[Event]) -> bool:
    return False
