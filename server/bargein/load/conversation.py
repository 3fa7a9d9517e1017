"""A call as a conversation: who said what, when, and how much of it was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bargein.load.call import CallResult
from bargein.load.dialogue import Dialogue, Reply
from bargein.load.notices import SpeechStarted, TurnCommitted
from bargein.load.transcript import AgentWords, Transcript
from bargein.load.turns import Turn

SETTLED_S: Final = 3.0
"""While a call lasts, nothing is said earlier of what was not noticed or not understood."""


@dataclass(frozen=True, slots=True)
class Line:
    """One stretch of the caller's speech, or one reply.

    :ivar at_s: when its first sound was heard, from the start of the call.
    :ivar unheard: what the model had said too, and nobody heard.
    :ivar remark: what is worth knowing about it, or "".
    """

    at_s: float
    who: Literal["caller", "agent"]
    text: str
    unheard: str = ""
    remark: str = ""


def conversation(result: CallResult) -> list[Line]:
    """The call's lines in the order in which they began."""
    lines = _lines_of_caller(result.turns, result.transcript, result.lasted_s)
    dialogue = result.dialogue
    lines += [line_of_agent(dialogue, result.transcript, result.began_s, reply) for reply in dialogue.replies.values()]
    return sorted(lines, key=lambda line: line.at_s)


def _lines_of_caller(turns: Sequence[Turn], transcript: Transcript, lasted_s: float) -> list[Line]:
    lines: list[Line] = []
    told: set[str] = set()
    for turn in turns:
        items = dict.fromkeys(n.item_id for n in turn.notices if isinstance(n, SpeechStarted | TurnCommitted))
        new = [item_id for item_id in items if item_id not in told]
        told |= set(new)
        heard = [transcript.caller[item_id] for item_id in new if item_id in transcript.caller]
        text = " ".join(words.text.strip() for words in heard if words.text.strip())
        remark = ""
        if turn.resumed_s is not None and turn.confirmed_s is None:
            remark = "taken for no interruption: the reply went on"
        elif not text and lasted_s < turn.mark.end_s + SETTLED_S:
            remark = "…"
        elif not items:
            remark = "not taken for speech"
        elif not new:
            remark = "goes on with what was said before"
        elif failed := next((words.failed for words in heard if words.failed), None):
            remark = f"not transcribed: {failed.rstrip('.')}"
        elif not text:
            remark = "no words understood" if any(words.done for words in heard) else "no transcript came"
        lines.append(Line(turn.mark.onset_s, "caller", text, remark=remark))
    return lines


def line_of_agent(dialogue: Dialogue, transcript: Transcript, began_s: float, reply: Reply) -> Line:
    """One reply: its words as they were heard, and how it ended.

    :param began_s: the start of the call on the clock of ``dialogue``.
    """
    listener = dialogue.listener
    items = [listener.items[item_id] for item_id in reply.item_ids if item_id in listener.items]
    begun = [item.first_heard_s for item in items if item.first_heard_s is not None]
    heard_s = sum(item.heard_samples for item in items) / listener.rate_hz
    received_s = sum(item.received_samples for item in items) / listener.rate_hz
    words = transcript.agent.get(reply.response_id, AgentWords())
    text, unheard = words.cut or (words.text, "")
    heard = f"{heard_s:.1f} s heard" if received_s else "without sound"
    return Line(min(begun, default=reply.created_s) - began_s, "agent", text, unheard, f"{outcome(reply)}, {heard}")


def outcome(reply: Reply) -> str:
    """How a reply ended, in words."""
    match reply.status:
        case None:
            return "not over yet"
        case "completed":
            return "interrupted" if reply.interrupted_s is not None else "completed"
        case "cancelled" if reply.interrupted_s is not None:
            return "interrupted"
        case status:
            return f"{status}: {reply.detail.rstrip('.')}" if reply.detail else status
