"""What the demo model answers: from the messages of a request to words to say or a tool to call.

It keeps no state between requests but :class:`ReplyMemory`, so what it does after an interruption shows exactly what
the voice server told it was heard.
"""

from __future__ import annotations

import datetime
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bargein.demo import phrases
from bargein.demo.clauses import bare_words, split_clauses
from bargein.demo.intents import Asked, Intent
from bargein.demo.memory import ReplyMemory, without_note
from bargein.demo.tools import ToolCall, Tools

_CLOCK: Final = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap]\.?m)?", re.IGNORECASE)
_QUOTED_WORDS: Final = 12
_HEARD_WORDS: Final = 7


@dataclass(frozen=True, slots=True)
class Past:
    """The conversation before the caller's last words.

    :ivar assistant: what the assistant said, oldest first, as the request tells it.
    :ivar user_turns: how many messages the user sent, with the last.
    :ivar tool_result: what a tool has just answered, when that is the last message.
    """

    assistant: Sequence[str]
    user_turns: int = 1
    tool_result: str | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """Words to say."""

    text: str


Reply = Say | ToolCall


class ReplyPolicy:
    """Chooses replies.

    :param memory: what was said lately, to know what was cut off.
    :param speaks_freely: whether any word can be said, or only those of the bank.
    """

    def __init__(self, memory: ReplyMemory, *, speaks_freely: bool) -> None:
        self._memory = memory
        self._speaks_freely = speaks_freely

    def reply(self, asked: Asked, past: Past, tools: Tools, now: datetime.datetime) -> Reply:
        """Answer the caller's last words.

        :param now: the time of the day that is told when no tool for it is offered.
        """
        past = replace(past, assistant=[without_note(text) for text in past.assistant])
        if past.tool_result is not None:
            return Say(self._tool_result(past.tool_result))
        if (forced := tools.forced(asked.words)) is not None:
            return forced
        rest = self._memory.rest_of(past.assistant[-1]) if past.assistant else None
        if (call := tools.wanted(asked)) is not None:
            return call
        text = self._text(asked, past, rest, now)
        if rest is not None and asked.intent in _ACKNOWLEDGED:
            text = f"{_choice(phrases.ACKNOWLEDGED, past)} {text}"
        if rest is not None and asked.intent in _SHORT and self._interrupted(past) == 1:
            text = f"{text} {_last_words(past.assistant[-1])} {phrases.YOU_CAN_GO_ON}"
        return Say(text)

    def _interrupted(self, past: Past) -> int:
        return sum(self._memory.rest_of(text) is not None for text in past.assistant)

    def _text(self, asked: Asked, past: Past, rest: str | None, now: datetime.datetime) -> str:
        match asked.intent:
            case Intent.STORY | Intent.JOKE:
                return _next(phrases.STORIES if asked.intent is Intent.STORY else phrases.JOKES, past)
            case Intent.COUNT:
                return f"{_count(asked.first, asked.last)} {phrases.COUNTED}"
            case Intent.TIME:
                return _time(now.hour, now.minute)
            case Intent.HELLO:
                return phrases.HELLO[min(len(past.assistant), 1)]
            case Intent.STOP:
                first = rest is not None and self._interrupted(past) == 1
                return phrases.STOPPED if rest is not None and not first else phrases.QUIET
            case Intent.GO_ON:
                return self._go_on(past)
            case Intent.REPEAT:
                return self._whole(past.assistant[-1]) if past.assistant else phrases.NOTHING_SAID
            case Intent.WHAT_WAS_HEARD:
                return self._what_was_heard(past)
            case Intent.YES:
                return self._go_on(past) if rest else phrases.GLAD
            case Intent.SAY:
                return asked.text
            case Intent.UNKNOWN:
                return self._unknown(asked, past)
            case Intent.NOT_UNDERSTOOD:
                return _choice(phrases.NOT_UNDERSTOOD, past)
            case Intent.CANNOT_LISTEN:
                return f"{phrases.CANNOT_LISTEN[0]} {_next(phrases.STORIES, past)}"
            case intent:
                return _FIXED[intent]

    def _unknown(self, asked: Asked, past: Past) -> str:
        answer = _choice(phrases.UNKNOWN, past)
        quoted = asked.words.split()[:_QUOTED_WORDS]
        return f"You said: {' '.join(quoted)}. {answer}" if self._speaks_freely and quoted else answer

    def _whole(self, heard: str) -> str:
        return heard + (self._memory.rest_of(heard) or "")

    def _go_on(self, past: Past) -> str:
        """The rest of what was cut last, from the beginning of the clause that was cut."""
        for heard in reversed(past.assistant):
            rest = self._memory.rest_of(heard)
            if rest is not None:
                clause = split_clauses(heard)[-1].text if heard.rstrip()[-1:] not in {",", ".", "!", "?", ":"} else ""
                going_on = f"{clause} {rest.strip()}".strip()
                return f"{phrases.WHERE_WAS_I} {going_on[0].upper()}{going_on[1:]}"
        return phrases.NOTHING_LEFT if past.assistant else phrases.NOTHING_SAID

    def _what_was_heard(self, past: Past) -> str:
        for heard in reversed(past.assistant):
            if self._memory.rest_of(heard) is not None:
                return _last_words(heard)
        return phrases.HEARD_ALL if past.assistant else phrases.NOTHING_SAID

    def _tool_result(self, result: str) -> str:
        if clock := _CLOCK.search(result):
            hour, minute, half = int(clock[1]), int(clock[2]), (clock[3] or "").lower().replace(".", "")
            hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
            if hour < 24 and minute < 60:
                return _time(hour, minute)
        words = _readable(result)
        return f"{phrases.TOOL_SAID} {words}." if words and self._speaks_freely else phrases.TOOL_FAILED


def _last_words(heard: str) -> str:
    last = " ".join(heard.split()[-_HEARD_WORDS:]).strip(" ,;:")
    return f"{phrases.LAST_HEARD} {last.rstrip('.!?')}."


_SHORT: Final = {Intent.STOP, Intent.TIME, Intent.CAN_YOU_HEAR, Intent.UNKNOWN, Intent.NOT_UNDERSTOOD, Intent.ERRAND}
"""After these there is room to quote what was heard: a newcomer's first interruption shows what it is about."""

_FIXED: Final = {
    Intent.HOW_ARE_YOU: phrases.HOW_ARE_YOU,
    Intent.ERRAND: phrases.ERRAND,
    Intent.WEATHER: phrases.NO_WEATHER,
    Intent.WHO: phrases.WHO,
    Intent.HELP: phrases.HELP,
    Intent.CAN_YOU_HEAR: phrases.CAN_HEAR,
    Intent.THANKS: phrases.THANKS,
    Intent.GOODBYE: phrases.GOODBYE,
    Intent.NO: phrases.NO_PROBLEM,
    Intent.SILENCE: phrases.SILENCE,
}
_ACKNOWLEDGED: Final = {
    Intent.STORY, Intent.COUNT, Intent.TIME, Intent.WEATHER, Intent.WHO, Intent.HELP, Intent.REPEAT,
}  # fmt: skip
"""After these a word that takes up the interruption sounds right."""


def _choice(options: Sequence[str], past: Past) -> str:
    return options[zlib.crc32(f"{past.user_turns} {len(past.assistant)}".encode()) % len(options)]


def _next(texts: Sequence[str], past: Past) -> str:
    """The one behind those that the history begins: a cut one counts."""
    opening = [bare_words(text)[:4] for text in texts]
    said = [" ".join(bare_words(text)) for text in past.assistant]
    return texts[sum(any(" ".join(words) in text for words in opening) for text in said) % len(texts)]


def _count(first: int, last: int) -> str:
    return " ".join(f"{phrases.number_words(number).capitalize()}." for number in range(first, last + 1))


def _time(hour: int, minute: int) -> str:
    return f"{phrases.THE_TIME_IS} {phrases.clock_words(hour, minute)}."


def _readable(result: str) -> str:
    """A tool's answer as a sentence; JSON without its brackets."""
    try:
        value = json.loads(result)
    except ValueError:
        return result.strip().rstrip(".")[:400]
    return ", ".join(_flat(value))[:400]


def _flat(value: object) -> list[str]:
    match value:
        case dict():
            return [f"{str(key).replace('_', ' ')} {text}" for key, inner in value.items() for text in _flat(inner)]
        case list():
            return [text for inner in value for text in _flat(inner)]
        case None:
            return []
        case _:
            return [str(value)]
