"""A scenario, played from its first step to its last or to the first that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bargein.load.conversation import Line
from bargein.load.errors import ConnectError
from bargein.load.event_log import EventLog
from bargein.load.notices import ErrorReceived, ResponseDone
from bargein.load.recording import write_heard
from bargein.load.transport import connect
from bargein.trial.caller import ScenarioCaller, texts_of
from bargein.trial.expecting import Finding, heard_s, judge, quoted
from bargein.trial.reading import Script, telling_line
from bargein.trial.scenario import Interrupt, Listen, MakeSound, Play, Say, Wait
from bargein.trial.story import story
from bargein.trial.voice import Sound, made, recorded, spoken
from bargein.wire.bargein_events import SUBPROTOCOL

BEFORE_S: Final = 0.5
"""Of the room alone, so that a detector knows it."""
LATE_S: Final = 0.25
"""A caller who is later does not speak as people do: that is told."""
QUIET_S: Final = 0.3
"""For so long nothing is heard at the end of what the agent has to say."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Whom to call.

    :ivar stock: speak OpenAI's protocol only.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    stock: bool = False

    @property
    def subprotocols(self) -> list[str]:
        return ["realtime"] if self.stock else [SUBPROTOCOL, "realtime"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a scenario.

    :ivar reason: why it failed, or "".
    :ivar step: the number of the step that failed, from 1.
    :ivar no_call: no call came about: the server's fault or the line's, not the agent's.
    :ivar late_s: how late the caller's own sound went out at most.
    :ivar notes: what was measured on the way.
    """

    script: Script
    reason: str
    duration_s: float
    step: int | None = None
    no_call: bool = False
    late_s: float = 0.0
    notes: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.reason

    @property
    def is_doubtful(self) -> bool:
        """It failed, but the caller did not speak as people do: this machine had no time."""
        return not self.passed and self.late_s > LATE_S


@dataclass(slots=True)
class _Director:
    """Asked after each frame: does what the step says, or looks whether it has come."""

    script: Script
    sounds: Mapping[int, Sound]
    caller: ScenarioCaller
    at: int = 0
    began_s: float | None = None
    """When the step began."""
    said: bool = False
    """The step's own sound has begun."""
    notes: list[str] = field(default_factory=list)
    reason: str = ""

    def over(self, now_s: float) -> bool:
        caller, steps = self.caller, self.script.scenario.steps
        caller.tick(now_s)
        if now_s < caller.began_s + BEFORE_S:
            return False
        while True:
            if reason := _broken(caller):
                self.reason = reason
                return True
            if self.at == len(steps):
                return True
            if self.began_s is None:
                self.began_s, self.said = now_s, False
            finding = self._look(now_s, self.began_s)
            if finding is None:
                return False
            if not finding.passed:
                self.reason = finding.note
                return True
            if finding.note:
                self.notes.append(finding.note)
            self.at, self.began_s = self.at + 1, None

    def _look(self, now_s: float, since_s: float) -> Finding | None:
        caller = self.caller
        match step := self.script.scenario.steps[self.at]:
            case Say():
                return self._speak(now_s, is_turn=True)
            case Interrupt():
                return self._over_reply(step.after_s, step.within_s, since_s, now_s, is_turn=True)
            case MakeSound() | Play():
                is_turn = isinstance(step, Play) and step.is_turn
                if step.after_s is None:
                    return self._speak(now_s, is_turn=is_turn)
                return self._over_reply(step.after_s, step.within_s, since_s, now_s, is_turn=is_turn)
            case Wait():
                return Finding(True) if now_s >= since_s + step.wait_s else None
            case Listen():
                return self._listened(step, since_s, now_s)
            case expectation:
                return judge(expectation, caller, since_s, now_s)

    def _speak(self, now_s: float, *, is_turn: bool) -> Finding | None:
        if not self.said:
            self.said = True
            self.caller.say(self.sounds[self.at], is_turn=is_turn)
        return Finding(True) if now_s >= self.caller.acts[-1].end_s else None

    def _over_reply(
        self, after_s: float, within_s: float, since_s: float, now_s: float, *, is_turn: bool
    ) -> Finding | None:
        if self.said:
            return self._speak(now_s, is_turn=is_turn)
        caller = self.caller
        turn = caller.last_turn
        replies = [reply for reply in caller.replies_since(turn.onset_s if turn else 0.0) if reply.first_audio_s]
        if not replies:
            if now_s < max(since_s, turn.end_s if turn else 0.0) + within_s:
                return None
            return Finding(False, f"there was no reply to talk over within {within_s:g} s")
        heard = heard_s(caller, replies[-1])
        if heard >= after_s:
            return self._speak(now_s, is_turn=is_turn)
        if replies[-1].status is not None and not caller.dialogue.listener.sounding and _at_rest(caller, now_s):
            return Finding(
                False,
                f"the reply ended after {heard:.1f} s, before {after_s:g} s of it could be heard: ask for something "
                f"longer. It said {quoted(' '.join(texts_of(caller, replies[-1:])))}",
            )
        if now_s > max(since_s, replies[-1].created_s) + after_s + within_s:
            return Finding(False, f"only {heard:.1f} s of the reply were heard in time; {after_s:g} s were to be")
        return None

    def _listened(self, step: Listen, since_s: float, now_s: float) -> Finding | None:
        if _at_rest(self.caller, now_s):
            return Finding(True)
        if now_s < since_s + step.within_s:
            return None
        return Finding(False, f"the agent was not done after {step.within_s:g} s")


def _at_rest(caller: ScenarioCaller, now_s: float) -> bool:
    """The agent has nothing more to say, as far as a caller can know."""
    listener = caller.dialogue.listener
    ended_s = max((item.last_heard_s for item in listener.items.values()), default=0.0)
    turn = caller.last_turn
    return (
        not listener.queued_items
        and all(reply.status is not None for reply in caller.dialogue.replies.values())
        and not caller.awaits_answer
        and now_s > ended_s + QUIET_S
        and (turn is None or bool(caller.replies_since(turn.onset_s)))
    )


def _broken(caller: ScenarioCaller) -> str:
    """What must not happen in any scenario."""
    for notice in caller.notices:
        match notice:
            case ErrorReceived() if not notice.is_of_truncation:
                return f"the server sent an error: {notice.message} ({notice.code})"
            case ResponseDone(status="failed"):
                return f"a response failed: {notice.detail or 'the server gave no reason'}"
    for tool in caller.scenario.tools:
        made = [call for call in caller.calls if call.name == tool.name]
        if tool.at_most is not None and len(made) > tool.at_most:
            calls = " and ".join(f"{call.name}({call.arguments})" for call in made)
            return f"{tool.name} was called {len(made)} times, {tool.at_most} allowed (at_most): {calls}"
    if caller.answered_too_often and all(reply.status or reply.transcript for reply in caller.answers):
        said = [quoted(text, 60) for text in texts_of(caller, caller.answers)]
        return (
            f"the caller was answered {len(caller.answers)} times, {caller.allowed_answers} allowed "
            f"(answers_per_turn): {' and then '.join(said) or 'without words'}"
        )
    return ""


async def play(script: Script, sounds: Mapping[int, Sound], agent: Agent, folder: Path | None) -> Result:
    """Play a scenario in real time.

    :param sounds: of :func:`sounds_of`.
    :param folder: where the call is kept, as NAME.wav (left the caller, right what it heard) and NAME.jsonl.
    :raises OSError: a file cannot be written.
    """
    wav, events = (folder / f"{script.name}.wav", folder / f"{script.name}.jsonl") if folder else (None, None)
    log = EventLog(events) if events else None
    caller = ScenarioCaller(log.note if log else lambda *_: None, scenario=script.scenario)
    director = _Director(script, sounds, caller)
    clock = asyncio.get_running_loop().time
    started_s = clock()
    try:
        connection = await connect(agent.url, caller, key=agent.key, subprotocols=agent.subprotocols)
        try:
            await caller.open(connection, agent.url, caller.session())
            await caller.talk(caller.frame, director.over)
        finally:
            connection.close()
    except ConnectError as error:
        return Result(script, str(error), clock() - started_s, no_call=True, files=(events,) if events else ())
    finally:
        if log:
            log.close()
    reason = director.reason
    if not reason and director.at < len(script.scenario.steps):
        code, why = caller.closed or (0, "")
        reason = f"the server ended the call: {code} {why}".rstrip()
    if reason and caller.late_s > LATE_S:
        reason += f". This machine was busy: the caller's own sound went out up to {caller.late_s:.1f} s late"
    if wav:
        write_heard(wav, bytes(caller.sent), caller.dialogue.listener.spans, caller.audio, caller.began_s)
    return Result(
        script,
        reason,
        clock() - started_s,
        step=director.at + 1 if reason and director.at < len(script.scenario.steps) else None,
        late_s=caller.late_s,
        notes=tuple(director.notes),
        lines=tuple(story(caller)),
        files=tuple(path for path in (wav, events) if path),
    )


def sounds_of(script: Script) -> dict[int, Sound]:
    """What the caller will let hear, by the index of its step: made before anybody is called.

    :raises UsageError: a text cannot be said here, or a recording cannot be read; the message has the line.
    """
    sounds: dict[int, Sound] = {}
    for at, step in enumerate(script.scenario.steps):
        with telling_line(script, at):
            match step:
                case Say(say=text) | Interrupt(interrupt=text):
                    sounds[at] = spoken(text, script.scenario.voice)
                case MakeSound():
                    sounds[at] = made(step.sound)
                case Play():
                    sounds[at] = recorded(script.path.parent / step.play)
                case _:
                    pass
    return sounds
