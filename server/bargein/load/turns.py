"""The turns of one call, as its caller experienced them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from bargein.load.dialogue import Dialogue, Reply
from bargein.load.marks import Mark
from bargein.load.notices import ConversationCut, Notice, Paused, Resumed, SpeechStarted, TurnCommitted

Agent = Literal["silent", "thinking", "speaking"]


@dataclass(slots=True)
class Turn:
    """One stretch of the caller's speech and what came of it. Times in seconds from the start of the call."""

    mark: Mark
    agent: Agent
    """What the agent did at the onset."""
    held_s: float | None = None
    """When the loudspeaker was paused."""
    resumed_s: float | None = None
    """When play-out went on after a hold that was no interruption."""
    confirmed_s: float | None = None
    """When ``speech_started`` arrived."""
    silent_s: float | None = None
    """When the agent was no longer heard, for good."""
    cut: ConversationCut | None = None
    """What the model was told of the reply that this turn cut off."""
    reply: Reply | None = None
    first_heard_s: float | None = None
    """When the first sound of the reply was heard."""
    heard_s: float = 0.0
    """How much of the reply was heard."""
    received_s: float = 0.0
    notices: list[Notice] = field(default_factory=list)


def turns_of(marks: Sequence[Mark], notices: Sequence[Notice], dialogue: Dialogue, began_s: float) -> list[Turn]:
    """One turn for each mark.

    :param marks: in seconds from the start of the call.
    :param notices: in the order in which they came.
    :param began_s: the start of the call on the clock of the notices.
    """
    turns = []
    for index, mark in enumerate(marks):
        from_s = began_s + mark.onset_s
        to_s = began_s + marks[index + 1].onset_s if index + 1 < len(marks) else float("inf")
        turn = Turn(mark, _agent_at(dialogue, from_s))
        turn.notices = [notice for notice in notices if from_s <= notice.at_s < to_s]
        _note_interruption(turn, began_s)
        if turn.agent == "speaking" and turn.confirmed_s is not None:
            _note_silence(turn, dialogue, began_s)
        _note_reply(turn, dialogue, began_s, to_s)
        turns.append(turn)
    return turns


def answered(notices: Sequence[Notice], dialogue: Dialogue) -> str | None:
    """Why the caller's last turn has no answer; ``None`` if a response to it was completed."""
    begun = [notice for notice in notices if isinstance(notice, SpeechStarted)]
    committed = [notice for notice in notices if isinstance(notice, TurnCommitted)]
    if not committed:
        return "the server noticed no turn of the caller" if not begun else "the caller's turn was never committed"
    if begun and begun[-1].at_s > committed[-1].at_s:
        return "the caller's last turn was never committed"
    replies = [reply for reply in dialogue.replies.values() if reply.created_s >= committed[-1].at_s]
    if not replies:
        return "no response was created after the caller's last turn"
    if any(reply.status == "completed" for reply in replies):
        return None
    last = replies[-1]
    if last.status is None:
        return "the response to the caller's last turn did not end in time"
    return f"the response to the caller's last turn ended {last.status}" + (f": {last.detail}" if last.detail else "")


def _agent_at(dialogue: Dialogue, at_s: float) -> Agent:
    if any(True for _ in dialogue.listener.heard_between(at_s, at_s + 1e-6)):
        return "speaking"
    thinking = (
        reply.created_s <= at_s and (reply.done_s is None or reply.done_s > at_s) for reply in dialogue.replies.values()
    )
    return "thinking" if any(thinking) else "silent"


def _note_interruption(turn: Turn, began_s: float) -> None:
    for notice in turn.notices:
        match notice:
            case Paused() if turn.held_s is None and turn.confirmed_s is None:
                turn.held_s = notice.at_s - began_s
            case Resumed() if turn.confirmed_s is None:
                turn.resumed_s = notice.at_s - began_s
            case SpeechStarted() if turn.confirmed_s is None:
                turn.confirmed_s = notice.at_s - began_s
            case ConversationCut() if turn.cut is None:
                turn.cut = notice
            case _:
                pass


def _note_silence(turn: Turn, dialogue: Dialogue, began_s: float) -> None:
    """The end of all sound of what was said before the turn began."""
    onset_s = began_s + turn.mark.onset_s
    before = {item for reply in dialogue.replies.values() if reply.created_s <= onset_s for item in reply.item_ids}
    rate_hz = dialogue.listener.rate_hz
    ends = [span.start_s + span.sample_count / rate_hz for span in dialogue.listener.spans if span.item_id in before]
    turn.silent_s = max(ends) - began_s


def _note_reply(turn: Turn, dialogue: Dialogue, began_s: float, to_s: float) -> None:
    onset_s = began_s + turn.mark.onset_s
    replies = [reply for reply in dialogue.replies.values() if onset_s < reply.created_s < to_s]
    if not replies:
        return
    turn.reply = replies[-1]
    listener = dialogue.listener
    items = [listener.items[item_id] for item_id in turn.reply.item_ids if item_id in listener.items]
    heard = [item.first_heard_s for item in items if item.first_heard_s is not None]
    turn.first_heard_s = min(heard) - began_s if heard else None
    turn.heard_s = sum(item.heard_samples for item in items) / listener.rate_hz
    turn.received_s = sum(item.received_samples for item in items) / listener.rate_hz
