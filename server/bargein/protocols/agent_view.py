"""What callers see of the agent that answers them, and what they may change of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from structlog.typing import FilteringBoundLogger

from bargein.agents import Agent
from bargein.core.actions import AudioSent, CallerAction
from bargein.core.completion import ForcedFunction
from bargein.core.events import ItemCreateRequested, ResponseRequested
from bargein.core.items import FunctionCallOutput
from bargein.errors import CallerError
from bargein.protocols.own_calls import OwnCalls
from bargein.session.field_notices import FieldNotices
from bargein.wire.client_events import ResponseCreate
from bargein.wire.session_object import SessionObject
from bargein.wire.to_core import Request

Json = dict[str, Any]


class AgentView:
    """Between one caller of the Realtime protocol and its session.

    :param agent: who answers; ``None``: the caller configures its session itself, and all passes as it is.
    :param shows_calls: the caller knows what to make of calls that are none of its own.
    """

    def __init__(
        self, agent: Agent | None, notices: FieldNotices, log: FilteringBoundLogger, *, shows_calls: bool
    ) -> None:
        self.agent = agent
        self._notices = notices
        self._log = log
        self._shows_calls = shows_calls
        self._calls = None if agent is None else OwnCalls(agent, shown=shows_calls)

    def begin(self, session: SessionObject, initial: Json | None) -> SessionObject:
        """The session with which the caller begins.

        :param session: with the server's defaults.
        :param initial: what the caller's token carries.
        :raises CallerError: that is wrong.
        """
        if self.agent is None:
            return session if initial is None else session.update(initial)
        session = session.update(self.agent.beginning())
        return session if initial is None else session.update(self.update(initial))

    def update(self, patch: Json) -> Json:
        """What is done of a ``session.update``: what the agent keeps to itself is left out, and the log says so once.
        Stock clients send instructions and tools when they connect, and would not survive an error.
        """
        if self.agent is None:
            return patch
        left, ignored = self.agent.allowed(patch)
        self._note(ignored)
        return left

    def response(self, event: ResponseCreate) -> ResponseCreate:
        """The same for a ``response.create``.

        :raises CallerError: it demands what cannot be done beside the conversation.
        """
        if self.agent is None or event.response is None:
            return event
        left, ignored = self.agent.allowed_response(event.response)
        self._note(ignored)
        choice = None if left is None else left.get("tool_choice")
        if left is not None and left.get("conversation") == "none" and self.agent.demanded(choice) is not None:
            raise CallerError(
                "A response beside the conversation cannot demand a tool that the server calls: there is nowhere to "
                "put its output. Choose a tool of your own, 'auto', 'none' or 'required'.",
                code="invalid_value",
                param="response.tool_choice",
            )
        return event.model_copy(update={"response": left})

    def request(self, asked: Request) -> Request:
        """What becomes of something that the caller asks of the conversation.

        :raises CallerError: it answers a call that the server answers.
        """
        if self.agent is None or self._calls is None:
            return asked
        match asked:
            case ItemCreateRequested(FunctionCallOutput(call_id=call_id)) if self._calls.is_ours(call_id):
                raise CallerError(
                    f"The server answers tool call '{call_id}' itself: its output cannot be given.",
                    code="invalid_tool_call_id",
                    param="item.call_id",
                )
            case ResponseRequested(settings, out_of_band=True):
                # Beside the conversation there is nowhere to put an output.
                choice = settings.tool_choice
                if isinstance(choice, ForcedFunction) and self.agent.tool(choice.name) is not None:
                    choice = "auto"  # The session's.
                own = replace(settings, tools=self._callers_own(settings.tools), tool_choice=choice)
                return replace(asked, settings=own)
        return asked

    def echo(self, session: SessionObject) -> Json:
        """The session as the caller is shown it: without what the agent is told, where it is not the caller's."""
        shown = session.echo()
        if self.agent is not None:
            tools = session.to_config().response.tools
            shown["tools"] = list(tools if self._shows_calls else self._callers_own(tools))
            if not self.agent.shows_instructions:
                shown["instructions"] = ""
        return shown

    def told(self, action: CallerAction) -> CallerAction | None:
        """What the caller is told of something that was decided; ``None`` for nothing."""
        return action if self._calls is None else self._calls.told(action)

    def sound(self, audio: AudioSent) -> AudioSent:
        """The same of sound that is sent."""
        return audio if self._calls is None else self._calls.sound(audio)

    def _callers_own(self, tools: tuple[Any, ...]) -> tuple[Any, ...]:
        agent = self.agent
        return tuple(tool for tool in tools if agent is None or agent.tool(tool["name"]) is None)

    def _note(self, ignored: tuple[str, ...]) -> None:
        if self.agent is not None:
            self._notices.note_kept(self.agent.name, ignored, self._log)
