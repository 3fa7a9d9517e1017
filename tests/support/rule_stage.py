"""Brings a conversation to any pair of states of the floor, lets one thing happen, and tells which rules were asked."""

from __future__ import annotations

from typing import Final

from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.events import ResponseRequested
from bargein.core.floor import AgentState, AnyTable, CallerState, CallerTrigger
from support.conversation_script import Script, detecting

Row = tuple[str, object]
"""The table's name, and what was asked of it."""

QUIET: Final = detecting(interrupt_response=False, create_response=False)
"""Nothing happens by itself."""
EAGER: Final = detecting(create_response=False)
"""Evidence holds."""


class Watched(Script):
    """A script that knows which rules were asked."""

    def __init__(
        self, config: SessionConfig | None = None, policy: CorePolicy | None = None, *, reports: bool = False
    ) -> None:
        super().__init__(config or QUIET, policy, reports=reports)
        self.rows: list[tuple[Row, object]] = []
        self.conversation.floor.on_rule = self._note_rule

    def _note_rule(self, table: AnyTable, key: object, answer: object) -> None:
        self.rows.append(((table.name, key), answer))

    def rows_of(self, table: str) -> list[object]:
        """What was asked of a table."""
        return [key for (name, key), _ in self.rows if name == table]

    @property
    def states(self) -> tuple[CallerState, AgentState]:
        return self.conversation.caller.state, self.conversation.agent.state

    def until(self, trigger: CallerTrigger, *, speech: bool) -> list[Action]:
        """Let the caller speak, or be silent, until it has done ``trigger``. Returns what that has brought about."""
        for _ in range(200):
            known = len(self.rows)
            self.speech(20) if speech else self.silence(20)
            if any(trigger in key for (_, key), _ in self.rows[known:] if isinstance(key, tuple)):
                return self.steps[-1][1]
        raise AssertionError(f"{trigger} does not come")

    def ask_for(self, **changes: object) -> None:
        """``response.create``."""
        self.do(ResponseRequested(self.config.response, **changes))  # type: ignore[arg-type]


def agent_first(script: Watched, agent: AgentState) -> None:
    """The agent is in that state, and the caller silent."""
    if agent in {AgentState.IDLE, AgentState.WAITING}:
        return
    # Something was said before, so that there is something of which speech could be the echo.
    script.ask()
    if agent is AgentState.THINKING:
        script.say("so", 100)
        script.finish()
        script.advance(101)
        script.ask()
        return
    script.say("one two three four five six", 9000)
    if agent is AgentState.DRAINING:
        script.finish()


def stage(caller: CallerState, agent: AgentState, policy: CorePolicy | None = None) -> Watched:
    """A conversation in which both are in these states."""
    script = Watched(QUIET, policy)
    script.silence(500)
    if caller is CallerState.STARTING:
        _weighed(script, agent)
    else:
        agent_first(script, agent)
        if caller is not CallerState.SILENT:
            script.speech(100)
        if agent is AgentState.WAITING:
            script.ask()
            script.say("welcome", 500)
        if caller is CallerState.STOPPING:
            script.silence(60)
    assert script.states == (caller, agent)
    return script


def _weighed(script: Watched, agent: AgentState) -> None:
    """There is evidence of speech, and it was held for it."""
    silent = agent in {AgentState.IDLE, AgentState.WAITING}
    agent_first(script, AgentState.SPEAKING if silent else agent)
    script.silence(200)
    script.do(events.Configured(EAGER))
    script.speech(80)
    if silent:
        script.do(events.CancelRequested())
    if agent is AgentState.WAITING:
        script.ask()
        script.say("welcome", 500)


def uttering(agent: AgentState, policy: CorePolicy | None = None) -> Watched:
    """Somebody has spoken for a short while over a reply, is heard by two detectors, and is not quiet yet."""
    script = Watched(EAGER, policy or WEIGHED)
    script.silence(500)
    silent = agent in {AgentState.IDLE, AgentState.WAITING}
    agent_first(script, AgentState.SPEAKING if silent else agent)
    script.silence(200)
    script.speech(200)
    return script


def judged(agent: AgentState, policy: CorePolicy | None = None) -> Watched:
    """What somebody has said shortly is being judged, while the agent is in that state."""
    script = uttering(agent, policy)
    script.until(CallerTrigger.CEASE, speech=False)
    if agent in {AgentState.IDLE, AgentState.WAITING}:
        script.do(events.CancelRequested())
    if agent is AgentState.WAITING:
        script.ask()
        script.say("welcome", 500)
    assert script.states == (CallerState.JUDGING, agent)
    return script


def going_on(agent: AgentState, *, stopping: bool) -> Watched:
    """The caller's turn was ended by its limit, and goes on."""
    script = stage(CallerState.SILENT, AgentState.IDLE if agent is AgentState.WAITING else agent, BOUNDED)
    script.until(CallerTrigger.LIMIT, speech=True)
    if stopping:
        script.until(CallerTrigger.NEXT, speech=True)
        if agent is AgentState.WAITING:
            script.ask()
            script.say("welcome", 500)
        script.until(CallerTrigger.PAUSE, speech=False)
    assert script.states == (CallerState.STOPPING if stopping else CallerState.SILENT, agent)
    return script


BOUNDED: Final = CorePolicy(turn_limit_ms=400)
WEIGHED: Final = CorePolicy(weighs=True, judges_words=True, confirm_after_ms=400, ask_after_ms=0)
"""There is a second detector, and somebody hears words."""
NARROW: Final = CorePolicy(input_limit_ms=800)


def _before(trigger: CallerTrigger, agent: AgentState) -> tuple[Watched, bool]:  # one case for each
    """A script in which it can happen next, and whether the caller has to speak for it."""
    match trigger:
        case CallerTrigger.EVIDENCE:
            return stage(CallerState.SILENT, agent), True
        case CallerTrigger.CONFIRM | CallerTrigger.ECHO:
            return stage(CallerState.STARTING, agent), True
        case CallerTrigger.MISFIRE:
            return stage(CallerState.STARTING, agent), False
        case CallerTrigger.TAKEN:
            return stage(CallerState.SPEAKING, agent), True
        case CallerTrigger.PAUSE:
            return stage(CallerState.SPEAKING, agent), False
        case CallerTrigger.FULL:
            return stage(CallerState.SPEAKING, agent, NARROW), True
        case CallerTrigger.LIMIT:
            return stage(CallerState.SPEAKING, agent, BOUNDED), True
        case CallerTrigger.GO_ON:
            return stage(CallerState.STOPPING, agent), True
        case CallerTrigger.END:
            return stage(CallerState.STOPPING, agent), False
        case CallerTrigger.CEASE:
            return uttering(agent), False
        case CallerTrigger.TAKE_UP | CallerTrigger.BACKCHANNEL | CallerTrigger.NOISE:
            return judged(agent), True
        case CallerTrigger.NEXT:
            return going_on(agent, stopping=False), True
        case CallerTrigger.NEXT_GOES_ON:
            return going_on(agent, stopping=True), True


def happen(
    trigger: CallerTrigger, agent: AgentState, config: SessionConfig, *, echo: float = 0.0
) -> tuple[Watched, list[Action]]:
    """Let ``trigger`` happen while the agent is in that state, and the caller has configured ``config``.

    :param echo: how much what is heard then is like what the agent says.
    """
    script, speech = _before(trigger, agent)
    script.do(events.Configured(config))
    if trigger is CallerTrigger.TAKEN:
        return script, script.do(events.CommitRequested())
    if trigger is CallerTrigger.BACKCHANNEL or trigger is CallerTrigger.NOISE:
        return script, script.judge("noise" if trigger is CallerTrigger.NOISE else "backchannel")
    script.echo = 0.9 if trigger is CallerTrigger.ECHO else echo
    return script, script.until(trigger, speech=speech)


_SHOWN: Final[dict[type[Action], str]] = {
    actions.SpeechStarted: "started",
    actions.SpeechStopped: "stopped",
    actions.InputCommitted: "committed",
    actions.Held: "held",
    actions.Resumed: "resumed",
    actions.CancelStream: "cancel",
    actions.Flushed: "flushed",
    actions.ResponseCreated: "asked",
}


def shown(batch: list[Action]) -> list[str]:
    """What was done, in words."""
    words = []
    for action in batch:
        match action:
            case actions.VoiceChanged(speech, _, _, _):
                words.append("voice" if speech else "quiet")
            case actions.ResponseDone(response):
                words.append(response.status)
            case actions.AudioSent(start_sample=0):
                words.append("sound")
            case _ if type(action) in _SHOWN:
                words.append(_SHOWN[type(action)])
            case _:
                pass
    return words


def outcome(script: Watched, batch: list[Action]) -> str:
    """What was done, and how the floor is now."""
    caller, agent = script.states
    held = " held" if script.conversation.agent.held else ""
    return f"{' '.join(shown(batch))} | {caller.value}, {agent.value}{held}".strip()
