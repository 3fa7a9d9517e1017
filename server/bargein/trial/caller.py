"""The caller of one scenario: its voice, its tools, and what it takes note of beside the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from bargein.core.audio import PCM16_24K
from bargein.load.dialogue import Reply
from bargein.load.frames import session_update
from bargein.load.noises import room
from bargein.load.notices import FirstAudio, TurnCommitted
from bargein.load.talker import FRAME_BYTES, FRAME_MS, Talker
from bargein.trial.scenario import Scenario, Tool, Understood
from bargein.trial.voice import RATE_HZ, Samples, Sound

ROOM_S: Final = 10.0
_FLOOR_DB: Final = -72.0
"""A microphone's own noise: complete silence is found in no room."""
_FRAME_SAMPLES: Final = FRAME_BYTES // 2
_TRANSCRIPTION_MODEL: Final = "gpt-transcribe"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the caller let hear; times on the caller's clock.

    :ivar over: the responses that were there when it began.
    """

    sound: Sound
    onset_s: float
    end_s: float
    is_turn: bool
    over: tuple[str, ...]


@dataclass(slots=True)
class ToolCall:
    """A function that the agent has called."""

    at_s: float
    call_id: str
    response_id: str
    name: str
    arguments: str
    due_s: float
    """When its result is told."""
    told: bool = False


@dataclass(slots=True)
class ScenarioCaller(Talker):
    """A talker that says what it is told to, when it is told to, and answers tools by the scenario.

    :ivar answers: the replies with sound to the caller's last turn, oldest first, and how many it may have.
    """

    scenario: Scenario = field(kw_only=True)
    acts: list[Act] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    """PCM16."""
    answers: list[Reply] = field(default_factory=list)
    allowed_answers: int = 1
    _sound: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    _room: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    _noticed: int = 0
    _awaiting_answer: set[str] = field(default_factory=set)
    """Responses whose tools were called, and that were not followed by a ``response.create`` yet."""
    _replies_when_asked: int = -1
    """How many there were when an answer was asked for last."""

    def __post_init__(self) -> None:
        level_db = _FLOOR_DB if self.scenario.noise_db is None else self.scenario.noise_db
        self._room = np.asarray(room(RATE_HZ, ROOM_S, level_db, 0) * 32767, np.int16)

    def session(self) -> bytes:
        """The ``session.update`` of the scenario."""
        tools = [
            {"type": "function"} | tool.model_dump(include={"name", "description", "parameters"})
            for tool in self.scenario.tools
        ]
        transcribed = any(isinstance(step, Understood) for step in self.scenario.steps)
        update: dict[str, Any] = orjson.loads(
            session_update(PCM16_24K, tools=tools, transcription=_TRANSCRIPTION_MODEL if transcribed else None)
        )
        update["session"] = merged(update["session"], self.scenario.session)
        return orjson.dumps(update)

    def say(self, sound: Sound, *, is_turn: bool) -> Act:
        """Begin with the next frame. What was being said breaks off."""
        starts_s = self.began_s + self.frames_sent * FRAME_MS / 1000
        act = Act(sound, starts_s + sound.onset_s, starts_s + sound.end_s, is_turn, tuple(self.dialogue.replies))
        self._sound = sound.samples
        self.acts.append(act)
        return act

    def frame(self, _: float) -> bytes:
        """The next frame: what is being said, over the room."""
        start = self.frames_sent * _FRAME_SAMPLES
        mixed = np.take(self._room, np.arange(start, start + _FRAME_SAMPLES), mode="wrap").astype(np.int32)
        said, self._sound = self._sound[:_FRAME_SAMPLES], self._sound[_FRAME_SAMPLES:]
        mixed[: said.size] += said
        frame = np.clip(mixed, -32768, 32767).astype(np.int16).tobytes()
        self.sent += frame
        return frame

    def replies_since(self, at_s: float) -> list[Reply]:
        return [reply for reply in self.dialogue.replies.values() if reply.created_s > at_s]

    @property
    def last_turn(self) -> Act | None:
        """What the caller said last; sounds that are no turn do not count."""
        return next((act for act in reversed(self.acts) if act.is_turn), None)

    @property
    def answered_too_often(self) -> bool:
        return len(self.answers) > self.allowed_answers

    @property
    def awaits_answer(self) -> bool:
        """A tool was called, and no response follows its result yet."""
        return bool(self._awaiting_answer) or len(self.dialogue.replies) <= self._replies_when_asked

    def tick(self, now_s: float) -> None:
        """Take note of what has come, and tell the results of tools that are done."""
        for notice in self.notices[self._noticed :]:
            match notice:
                case TurnCommitted():
                    self.answers, self.allowed_answers = [], self.scenario.answers_per_turn
                case FirstAudio() if not self.answered_too_often:
                    self.answers.append(self.dialogue.replies[notice.response_id])
                case _:
                    pass
        self._noticed = len(self.notices)
        for call in self.calls:
            if not call.told and call.due_s <= now_s:
                call.told = True
                self.send(_output(call.call_id, self._result(call)))
        self._ask_for_answers()

    def told(self, message: bytes, now_s: float) -> bool:
        event: dict[str, Any] = orjson.loads(message)
        match event:
            case {"type": "response.output_item.done", "response_id": response_id, "item": {"type": "function_call"}}:
                self._note_call(event["item"], response_id, now_s)
            case {"type": "response.done", "response": {"id": response_id, "output": [*items]}}:
                for item in items:
                    if item.get("type") == "function_call":
                        self._note_call(item, response_id, now_s)
        # Without super(): a dataclass with slots is another class than the one that was written.
        return self.transcript.receive(message)

    def _note_call(self, item: Mapping[str, Any], response_id: str, now_s: float) -> None:
        if any(call.call_id == item["call_id"] for call in self.calls):
            return
        tool = self.tool(item["name"])
        due_s = now_s + (tool.after_s if tool else 0)
        arguments = item.get("arguments") or "{}"
        call = ToolCall(now_s, item["call_id"], response_id, item["name"], arguments, due_s)
        self.calls.append(call)
        if item["name"] in self.scenario.server_calls:
            call.told = True
            self.allowed_answers += 1
        else:
            self._awaiting_answer.add(response_id)

    def tool(self, name: str) -> Tool | None:
        return next((tool for tool in self.scenario.tools if tool.name == name), None)

    def _result(self, call: ToolCall) -> str:
        tool = self.tool(call.name)
        if tool is None:
            return orjson.dumps({"error": f"there is no tool {call.name}"}).decode()
        same = [other for other in self.calls if other.name == call.name]
        result = tool.results[min(same.index(call), len(tool.results) - 1)]
        return (
            result if isinstance(result, str) else orjson.dumps(result, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
        )

    def _ask_for_answers(self) -> None:
        """As clients do: once every tool of a response is answered, and no response is in progress."""
        if not self._awaiting_answer or any(reply.status is None for reply in self.dialogue.replies.values()):
            return
        if any(not call.told for call in self.calls if call.response_id in self._awaiting_answer):
            return
        self._awaiting_answer.clear()
        self._replies_when_asked = len(self.dialogue.replies)
        self.allowed_answers += 1
        self.send(orjson.dumps({"type": "response.create"}))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables; where both have a value that is no table, that of ``above``."""
    both = dict(below)
    for key, value in above.items():
        mine = both.get(key)
        both[key] = merged(mine, value) if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return both


def _output(call_id: str, output: str) -> bytes:
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def texts_of(caller: ScenarioCaller, replies: Sequence[Reply]) -> list[str]:
    """What these said, as far as it was told."""
    said = (caller.transcript.agent.get(reply.response_id) for reply in replies)
    return [words.text for words in said if words is not None and words.text]
