"""What a sentence asks for, from its words alone: the same for text and for speech.

Speech comes as sentences of ``data/commands.gram``; text may be anything.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bargein.demo.clauses import bare_words
from bargein.demo.phrases import number_words


class Intent(enum.Enum):
    """What is wanted."""

    STORY = "story"
    COUNT = "count"
    TIME = "time"
    WEATHER = "weather"
    WHO = "who"
    HELP = "help"
    HELLO = "hello"
    HOW_ARE_YOU = "how_are_you"
    JOKE = "joke"
    ERRAND = "errand"
    CAN_YOU_HEAR = "can_you_hear"
    STOP = "stop"
    GO_ON = "go_on"
    REPEAT = "repeat"
    WHAT_WAS_HEARD = "what_was_heard"
    SAY = "say"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    SILENCE = "silence"
    NOT_UNDERSTOOD = "not_understood"
    CANNOT_LISTEN = "cannot_listen"


@dataclass(frozen=True, slots=True)
class Asked:
    """An intent with what belongs to it.

    :ivar words: the sentence, without case and punctuation.
    :ivar first: where to start counting.
    :ivar last: where to stop counting.
    :ivar text: what to say, for :attr:`Intent.SAY`.
    """

    intent: Intent
    words: str = ""
    first: int = 1
    last: int = 20
    text: str = ""


_RULES: Final = tuple(
    (intent, re.compile(pattern))
    for intent, pattern in (
        (
            Intent.WHAT_WAS_HEARD,
            (
                r"what (did|do) (i|you) (hear|interrupt|miss)|where did (i|you) (interrupt|stop)|where were you"
                r"|last (thing|word)|what were you (saying|talking)|how (much|far) did (i|you)|what .*interrupted"
            ),
        ),
        (
            Intent.GO_ON,
            (
                r"\b(continue|go on|carry on|keep (going|talking)|go ahead|resume|where were we|tell me more|finish)\b"
                r"|what happen(s|ed) next|then what|^((and|please|some|tell me) )*more$|the rest\b"
            ),
        ),
        (Intent.JOKE, r"\bjokes?\b|make me laugh|something funny"),
        (Intent.STORY, r"\bstor(y|ies)\b|\btale\b|another one|tell me something|^\w* ?bedtime"),
        (Intent.COUNT, r"\bcount(ing)?\b"),
        (Intent.WEATHER, r"\bweather\b|\brain(ing)?\b|\bforecast\b"),
        (Intent.TIME, r"\bwhat('s| is) (the )?(current )?time\b|(?<!more )\btime\b(?! upon)|how late|o'clock"),
        (
            Intent.REPEAT,
            (
                r"\brepeat\b(?! after)|say (that|it) again|\b(once|one time) more\b|one more time"
                r"|what did you (just )?say|\bpardon\b|come again"
                r"|what was that|did not (hear|understand)|^(\w+ )?again$"
            ),
        ),
        (
            Intent.WHO,
            (
                r"who('s| is| are| am) (you|this|there|i)|what are you\b(?! (saying|talking))|your name|about yourself"
                r"|who made|introduce yourself|are you (a|an|real|human)\b|and you are"
            ),
        ),
        (
            Intent.HELP,
            (
                r"\bhelp\b|what (else )?(can|should|do) (you|i) (do|say|ask|know|understand)"
                r"|how (does|do) (this|you) work|my options"
            ),
        ),
        (Intent.CAN_YOU_HEAR, r"(can|do) you hear|anybody|are you (still )?there|\btest(ing)?\b|one two three"),
        (Intent.GOODBYE, r"\b(good ?bye|bye|see you|good night|have a nice day|i have to go|talk to you later)\b"),
        (Intent.THANKS, r"^no (thanks|thank you)\b"),
        (
            Intent.STOP,
            (
                r"^(\w+ ){0,2}(stop|wait|hold on|pause|quiet|shut up|enough|never ?mind|hush|silence|cancel)\b"
                r"|that('s| is) enough|no more|let me (speak|talk)|(a|one) (second|minute|moment)|be quiet"
            ),
        ),
        (
            Intent.THANKS,
            r"\b(thanks|thank you|great|good job|well done|nice|cool|awesome|very good|perfect|wonderful|i like)\b",
        ),
        (Intent.HOW_ARE_YOU, r"\bhow are you\b|\bhow do you do\b|\bhow('s| is) it going\b|^(\w+ )?what('s| is) up\b"),
        (
            Intent.HELLO,
            (
                r"^(\w+ )?(hello|hi|hey|good (morning|afternoon|evening)|greetings)\b|^nice to meet"
                r"|^it is your turn$"
            ),
        ),
        (
            Intent.ERRAND,
            (
                r"^((can|could|would|will|please|i|you|want|like|to|a|me) )*"
                r"(book|reserve|order|play|send|buy|call|turn (on|off)|set (a|an) (alarm|timer))\b"
            ),
        ),
        (Intent.YES, r"^(yes|yeah|yep|sure|of course|okay|ok|alright|right|please)( please)?$"),
        (Intent.NO, r"^(no|nope|maybe)$"),
    )
)
_POLITE_NO: Final = re.compile(r"^no,? (thanks|thank you)\b")
_SAY: Final = re.compile(
    r"^\s*(?:please )?(?:say|repeat after me|echo)\b[:,]?\s+(?P<text>\S.*)$", re.IGNORECASE | re.DOTALL
)
_LONG_WORDS: Final = 25
"""A sentence this long is no command, whatever words are in it."""

_NUMBERS: Final = {number_words(number): number for number in range(1, 101)} | {"a hundred": 100, "hundred": 100}
_NUMBER: Final = re.compile(r"\b(" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r"|\d{1,3})\b")

_ANY_NUMBER: Final = re.compile(rf"\b(?:{'|'.join(sorted(_NUMBERS, key=len, reverse=True))}|\d+)\b")


def asked(text: str) -> Asked:
    """What a sentence asks for."""
    words = " ".join(bare_words(text))
    if (say := _SAY.match(text)) and not re.search(r"^say (that|it) again", words):
        return Asked(Intent.SAY, words, text=say["text"].strip())
    if _POLITE_NO.match(words):
        return Asked(Intent.NO, words)
    if len(words.split()) <= _LONG_WORDS:
        for intent, pattern in _RULES:
            if pattern.search(words):
                return _counting(words) if intent is Intent.COUNT else Asked(intent, words)
    return Asked(Intent.UNKNOWN, words)


def numbers_in(words: str) -> Iterator[int]:
    """The numbers of a sentence, in digits or, up to a hundred, in words."""
    return (int(found) if found.isdigit() else _NUMBERS[found] for found in _ANY_NUMBER.findall(words))


def _counting(words: str) -> Asked:
    found = [_NUMBERS.get(match) or int(match) for match in _NUMBER.findall(words)]
    match found:
        case [first, last, *_] if first < last <= 199:
            return Asked(Intent.COUNT, words, first, last)
        case [last, *_] if 1 <= last <= 199:
            return Asked(Intent.COUNT, words, 1, last)
        case _:
            return Asked(Intent.COUNT, words)
