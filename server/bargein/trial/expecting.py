"""What a scenario expects, against what happened so far: met, not met with the reason, or not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bargein.judging.spelling import units_of
from bargein.load.dialogue import Reply
from bargein.load.notices import SpeechStarted, TurnCommitted
from bargein.trial.caller import Act, ScenarioCaller, ToolCall, texts_of
from bargein.trial.scenario import (
    Answered,
    Calls,
    CallsNot,
    Expectation,
    GoesOn,
    Hears,
    HearsNot,
    Quiet,
    Silent,
    Understood,
)

GRACE_S: Final = 5.0
"""So much longer is waited for what did not come in time: to tell how late it was."""
SETTLED_S: Final = 0.5
"""Silence is no pause within a word."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one step.

    :ivar note: what was found, or why it is not as it should be; a sentence without its full stop.
    """

    passed: bool
    note: str = ""


def judge(step: Expectation, caller: ScenarioCaller, since_s: float, now_s: float) -> Finding | None:
    """Look once; ``None``: it is not decided yet.

    :param since_s: when the step began.
    """
    match step:
        case Answered():
            return _answered(step, caller, now_s)
        case Silent():
            return _silent(step, caller, now_s)
        case GoesOn():
            return _goes_on(step, caller, now_s)
        case Quiet():
            return _quiet(step, caller, since_s, now_s)
        case Hears():
            return _hears(step, caller, since_s, now_s)
        case HearsNot():
            return _hears_not(step, caller)
        case Calls():
            return _calls(step, caller, since_s, now_s)
        case CallsNot():
            made = [call for call in _calls_since_turn(caller) if call.name == step.calls_not]
            return Finding(False, f"{step.calls_not} was called: {_listed(made)}") if made else Finding(True)
        case Understood():
            return _understood(step, caller, now_s)


def _answered(step: Answered, caller: ScenarioCaller, now_s: float) -> Finding | None:
    act = caller.last_turn
    if act is None:
        return Finding(False, "the caller has said nothing yet: put { say = … } before this step")
    replies = caller.replies_since(act.onset_s)
    heard = [at_s for reply in replies if (at_s := first_heard_s(caller, reply)) is not None]
    if heard:
        after_s = min(heard) - act.end_s
        if after_s < 0:
            return Finding(False, f"the agent began to speak {-after_s:.1f} s before the caller had finished")
        if after_s <= step.answered_within_s:
            return Finding(True, f"answered after {after_s:.2f} s")
        return Finding(False, f"answered after {after_s:.1f} s only; {step.answered_within_s:g} s were allowed")
    if now_s < act.end_s + step.answered_within_s + GRACE_S:
        return None
    waited = f"nothing was heard within {now_s - act.end_s:.1f} s of the caller's last word"
    return Finding(False, f"{waited}: {_why_no_answer(caller, act, replies)}")


def _why_no_answer(caller: ScenarioCaller, act: Act, replies: Sequence[Reply]) -> str:
    if replies:
        last = replies[-1]
        if last.status is None:
            return "a response was created, but no sound of it has come"
        said = " and said its words as text only" if texts_of(caller, [last]) else ""
        return f"a response was created, and ended {last.status}{f' ({last.detail})' if last.detail else ''}{said}"
    since = [notice for notice in caller.notices if notice.at_s >= act.onset_s]
    if any(isinstance(notice, TurnCommitted) for notice in since):
        return "the turn was taken (input_audio_buffer.committed), but no response was created"
    if any(isinstance(notice, SpeechStarted) for notice in since):
        return "speech was noticed, but the turn never ended (no input_audio_buffer.committed)"
    return "the server noticed no speech; is turn detection on?"


def _silent(step: Silent, caller: ScenarioCaller, now_s: float) -> Finding | None:
    act = caller.acts[-1] if caller.acts else None
    if act is None:
        return Finding(False, "the caller has said nothing yet: put { interrupt = … } before this step")
    ended_s = _last_heard_s(caller, act.over)
    if ended_s is None or ended_s <= act.onset_s:
        return Finding(False, "nothing was being heard when the caller began: there was nothing to interrupt")
    took_s = ended_s - act.onset_s
    playing = caller.dialogue.listener.sounding and caller.dialogue.listener.playing_item in _items(caller, act.over)
    if took_s > step.silent_within_s:
        if playing and took_s < step.silent_within_s + GRACE_S:
            return None
        still = "was still speaking" if playing else "was heard until"
        return Finding(
            False,
            f"the agent {still} {took_s:.1f} s after the caller had begun to talk over it; {step.silent_within_s:g} s "
            f"were allowed. {_why_not_silent(caller, act)}",
        )
    if now_s < max(act.onset_s + step.silent_within_s, act.end_s) + SETTLED_S:
        return None
    return Finding(True, f"silent after {1000 * took_s:.0f} ms")


def _why_not_silent(caller: ScenarioCaller, act: Act) -> str:
    started = [n.at_s for n in caller.notices if isinstance(n, SpeechStarted) and n.at_s >= act.onset_s]
    if not started:
        return "The server did not notice the interruption (no input_audio_buffer.speech_started)"
    noticed = f"The server noticed it after {1000 * (started[0] - act.onset_s):.0f} ms (speech_started)"
    if caller.dialogue.stale_heard_samples():
        return f"{noticed}, but went on to send sound of the reply"
    return noticed


def _goes_on(step: GoesOn, caller: ScenarioCaller, now_s: float) -> Finding | None:
    act = caller.acts[-1] if caller.acts else None
    if act is None:
        return Finding(False, "the caller has made no sound yet: put { sound = … } before this step")
    items = _items(caller, act.over)
    before_s = _last_heard_s(caller, act.over)
    if before_s is None or before_s < act.onset_s - SETTLED_S:
        return Finding(False, "nothing was being heard when the caller made the sound")
    listener = caller.dialogue.listener
    ends = [
        (span.start_s, span.start_s + span.sample_count / listener.rate_hz, span.item_id) for span in listener.spans
    ]
    more_s = sum(max(0.0, end_s - max(start_s, act.end_s)) for start_s, end_s, item in ends if item in items)
    if more_s >= step.goes_on_s:
        return Finding(True, "the reply went on")
    over = [caller.dialogue.replies[response_id] for response_id in act.over]
    if any(reply.interrupted_s is not None and reply.interrupted_s >= act.onset_s for reply in over):
        return Finding(False, f"the reply was cut {_ago(over, act)} after the sound: it was taken for an interruption")
    if over[-1].status == "completed" and not listener.queued_items and now_s > act.end_s + SETTLED_S:
        return Finding(True, f"the rest of the reply was heard ({more_s:.1f} s)")
    if now_s < act.end_s + step.within_s:
        return None
    return Finding(False, f"only {more_s:.1f} s more of the reply were heard within {step.within_s:g} s")


def _ago(over: Sequence[Reply], act: Act) -> str:
    cut_s = min(reply.interrupted_s for reply in over if reply.interrupted_s and reply.interrupted_s >= act.onset_s)
    return f"{1000 * (cut_s - act.onset_s):.0f} ms"


def _quiet(step: Quiet, caller: ScenarioCaller, since_s: float, now_s: float) -> Finding | None:
    listener = caller.dialogue.listener
    if any(True for _ in listener.heard_between(since_s - 0.05, since_s)) and listener.sounding:
        return Finding(
            False, "the agent is still speaking when the quiet should begin: put { listen = true } before it"
        )
    begun = caller.replies_since(since_s)
    if begun or any(span.start_s > since_s for span in listener.heard_between(since_s, now_s)):
        said = texts_of(caller, begun)
        if not said and now_s < since_s + step.quiet_s + GRACE_S and any(reply.status is None for reply in begun):
            return None  # its words tell more than that it spoke
        after_s = min([reply.created_s for reply in begun] or [now_s]) - since_s
        words = f": {quoted(' '.join(said))}" if said else ""
        return Finding(
            False, f"a response began after {after_s:.1f} s of quiet; {step.quiet_s:g} s were expected{words}"
        )
    return Finding(True, f"quiet for {step.quiet_s:g} s") if now_s >= since_s + step.quiet_s else None


def _hears(step: Hears, caller: ScenarioCaller, since_s: float, now_s: float) -> Finding | None:
    said = _said_since_turn(caller)
    missing = [words for words in step.hears if not holds(said, words)]
    if not missing or (step.any and len(missing) < len(step.hears)):
        return Finding(True)
    turn = caller.last_turn
    if now_s < max(since_s, turn.end_s if turn else since_s) + step.within_s:
        return None
    wanted = " or ".join(map(quoted, missing)) if step.any else " and ".join(map(quoted, missing))
    return Finding(False, f"the agent did not say {wanted} within {step.within_s:g} s; {_what_it_said(said)}")


def _hears_not(step: HearsNot, caller: ScenarioCaller) -> Finding:
    said = _said_since_turn(caller)
    found = [words for words in step.hears_not if holds(said, words)]
    if not found:
        return Finding(True)
    return Finding(False, f"the agent said {' and '.join(map(quoted, found))}; {_what_it_said(said)}")


def _calls(step: Calls, caller: ScenarioCaller, since_s: float, now_s: float) -> Finding | None:
    made = _calls_since_turn(caller)
    named = [call for call in made if call.name == step.calls]
    if any(_fits(call.arguments, step.arguments) for call in named):
        return Finding(True, f"{step.calls} was called")
    turn = caller.last_turn
    if now_s < max(since_s, turn.end_s if turn else since_s) + step.within_s:
        return None
    if named:
        wanted = orjson.dumps(step.arguments).decode()
        return Finding(False, f"{step.calls} was called with other arguments than {wanted}: {_listed(named)}")
    others = f"it called {_listed(made)}" if made else f"no tool was called; {_what_it_said(_said_since_turn(caller))}"
    return Finding(False, f"{step.calls} was not called within {step.within_s:g} s; {others}")


def _understood(step: Understood, caller: ScenarioCaller, now_s: float) -> Finding | None:
    act = caller.last_turn
    if act is None:
        return Finding(False, "the caller has said nothing yet: put { say = … } before this step")
    text = understood_of(caller, act)
    missing = [words for words in step.understood if not holds(text, words)]
    if not missing or (step.any and len(missing) < len(step.understood)):
        return Finding(True)
    if now_s < act.end_s + step.within_s:
        return None
    found = f"the server's transcript is {quoted(text)}" if text else "no transcript of the caller's words came"
    return Finding(False, f"{' and '.join(map(quoted, missing))} was not understood; {found}")


def understood_of(caller: ScenarioCaller, act: Act) -> str:
    """What the server has written down of this turn of the caller's."""
    later = next(
        (other.onset_s for other in caller.acts if other.is_turn and other.onset_s > act.onset_s), float("inf")
    )
    items = dict.fromkeys(
        notice.item_id
        for notice in caller.notices
        if isinstance(notice, SpeechStarted | TurnCommitted) and act.onset_s <= notice.at_s < later
    )
    heard = (caller.transcript.caller.get(item_id) for item_id in items)
    return " ".join(words.text.strip() for words in heard if words is not None and words.text.strip())


def holds(text: str, words: str) -> bool:
    """Whether ``words`` are in ``text``, as words: case, accents and punctuation do not count."""
    inner, outer = units_of(words), units_of(text)
    return any(outer[at : at + len(inner)] == inner for at in range(len(outer) - len(inner) + 1))


def quoted(text: str, limit: int = 160) -> str:
    return f"“{text if len(text) <= limit else text[:limit].rstrip() + '…'}”"


def first_heard_s(caller: ScenarioCaller, reply: Reply) -> float | None:
    """When the first sound of a reply left the loudspeaker."""
    items = (caller.dialogue.listener.items.get(item_id) for item_id in reply.item_ids)
    return min((item.first_heard_s for item in items if item and item.first_heard_s is not None), default=None)


def heard_s(caller: ScenarioCaller, reply: Reply) -> float:
    """How much of a reply was heard."""
    listener = caller.dialogue.listener
    return sum(listener.heard_samples(item_id) for item_id in reply.item_ids) / listener.rate_hz


def _items(caller: ScenarioCaller, response_ids: Sequence[str]) -> set[str]:
    return {item_id for response_id in response_ids for item_id in caller.dialogue.replies[response_id].item_ids}


def _last_heard_s(caller: ScenarioCaller, response_ids: Sequence[str]) -> float | None:
    items, listener = _items(caller, response_ids), caller.dialogue.listener
    ends = [span.start_s + span.sample_count / listener.rate_hz for span in listener.spans if span.item_id in items]
    return max(ends, default=None)


def _since_turn_s(caller: ScenarioCaller) -> float:
    turn = caller.last_turn
    return turn.onset_s if turn else 0.0


def _said_since_turn(caller: ScenarioCaller) -> str:
    return " ".join(texts_of(caller, caller.replies_since(_since_turn_s(caller))))


def _what_it_said(said: str) -> str:
    return f"it said {quoted(said)}" if said else "no words of it were told"


def _calls_since_turn(caller: ScenarioCaller) -> list[ToolCall]:
    return [call for call in caller.calls if call.at_s > _since_turn_s(caller)]


def _fits(arguments: str, wanted: dict[str, Any]) -> bool:
    try:
        given = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return False
    return isinstance(given, dict) and all(name in given and given[name] == value for name, value in wanted.items())


def _listed(calls: Sequence[ToolCall]) -> str:
    return ", ".join(f"{call.name}({call.arguments})" for call in calls)
