"""What is answered to what: the words only."""

from __future__ import annotations

import datetime

import pytest

from bargein.demo import phrases
from bargein.demo.intents import Intent, asked
from bargein.demo.memory import ReplyMemory
from bargein.demo.reply_policy import Past, Reply, ReplyPolicy, Say
from bargein.demo.tools import ToolCall, Tools

NOW = datetime.datetime(2026, 11, 21, 9, 5, tzinfo=datetime.UTC)
NO_TOOLS = Tools((), "auto")


def reply(words: str, *assistant: str, memory: ReplyMemory | None = None, tool_result: str | None = None) -> Reply:
    policy = ReplyPolicy(memory or ReplyMemory(60), speaks_freely=True)
    return policy.reply(asked(words), Past(assistant, len(assistant) + 1, tool_result), NO_TOOLS, NOW)


def said(answer: Reply) -> str:
    assert isinstance(answer, Say)
    return answer.text


@pytest.mark.parametrize(
    ("words", "intent"),
    [
        ("Tell me a story.", Intent.STORY),
        ("please tell me another one", Intent.STORY),
        ("What time is it?", Intent.TIME),
        ("Stop! What time is it?", Intent.TIME),
        ("one more time", Intent.REPEAT),
        (f"Can you tell me the time {'and also ' * 12}what it is?", Intent.UNKNOWN),
        ("Who are you?", Intent.WHO),
        ("what are you saying", Intent.UNKNOWN),
        ("what were you saying", Intent.WHAT_WAS_HEARD),
        ("Where did I interrupt you?", Intent.WHAT_WAS_HEARD),
        ("go on", Intent.GO_ON),
        ("Finish the story, please.", Intent.GO_ON),
        ("wait a second", Intent.STOP),
        ("that's enough", Intent.STOP),
        ("thank you", Intent.THANKS),
        ("no, thanks", Intent.NO),
        ("Good morning!", Intent.HELLO),
        ("(It is your turn.)", Intent.HELLO),
        ("Can you hear me?", Intent.CAN_YOU_HEAR),
        ("Bye bye", Intent.GOODBYE),
        ("help", Intent.HELP),
        ("What can you do?", Intent.HELP),
        ("What is the capital of France?", Intent.UNKNOWN),
        ("Is it raining in London?", Intent.WEATHER),
        ("say: good luck", Intent.SAY),
        ("", Intent.UNKNOWN),
        ("Hello, how are you today?", Intent.HOW_ARE_YOU),
        ("Tell me a joke", Intent.JOKE),
        ("Tell me something funny", Intent.JOKE),
        ("Book a table for two", Intent.ERRAND),
        ("Could you play some music please", Intent.ERRAND),
        ("Thank you for your call", Intent.THANKS),
    ],
)  # fmt: skip
def test_intents(words: str, intent: Intent) -> None:
    assert asked(words).intent is intent


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("count to seven", 1, 7),
        ("Count from five to 12!", 5, 12),
        ("count to a hundred", 1, 100),
        ("start counting", 1, 20),
    ],
)
def test_counting(words: str, first: int, last: int) -> None:
    counting = asked(words)
    assert (counting.intent, counting.first, counting.last) == (Intent.COUNT, first, last)
    numbers = said(reply(words)).removesuffix(f" {phrases.COUNTED}").split(". ")
    assert len(numbers) == last - first + 1


def test_the_time_without_a_tool_is_this_machines() -> None:
    assert said(reply("what time is it")) == "It is now nine oh five in the morning."


@pytest.mark.parametrize(
    ("result", "spoken"),
    [
        ("10:42", "It is now ten forty two in the morning."),
        ('{"time": "2026-11-21T00:00:10+00:00"}', "It is now twelve o'clock in the morning."),
        ('{"time": "3:07 PM"}', "It is now three oh seven in the afternoon."),
        ('{"temperature": 21, "sky": "clear"}', "Here is what I found: temperature 21, sky clear."),
        ("", phrases.TOOL_FAILED),
    ],
)
def test_a_tools_answer_is_spoken(result: str, spoken: str) -> None:
    assert said(reply("", tool_result=result)) == spoken


ORDER = {"name": "look_up_order", "parameters": {"properties": {"order": {"type": "integer"}}, "required": ["order"]}}
BOOK = {"name": "book_table", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("Please look up order number forty two", ToolCall("look_up_order", '{"order": 42}')),
        ("look up order 1017", ToolCall("look_up_order", '{"order": 1017}')),
        ("where is my order", ToolCall("look_up_order", '{"order": 1}')),
        ("book a table for two", ToolCall("book_table", "{}")),
    ],
)
def test_a_tool_is_called_by_the_words_of_its_name_with_the_number_that_was_said(words: str, call: ToolCall) -> None:
    policy = ReplyPolicy(ReplyMemory(60), speaks_freely=True)
    assert policy.reply(asked(words), Past((), 1), Tools((ORDER, BOOK), "auto"), NOW) == call


CUT = "Here is a story about a lighthouse. Once upon a time, on a small"


def test_after_an_interruption_the_answer_begins_with_an_acknowledgement() -> None:
    assert said(reply("what time is it", CUT)).startswith(phrases.ACKNOWLEDGED)
    assert not said(reply("what time is it", phrases.CAN_HEAR)).startswith(phrases.ACKNOWLEDGED)


def test_it_knows_what_was_interrupted_from_the_history_alone() -> None:
    assert (
        said(reply("what did I interrupt", CUT)) == "The last thing that you heard was: Once upon a time, on a small."
    )
    assert said(reply("what did I interrupt", phrases.CAN_HEAR)) == phrases.HEARD_ALL
    assert said(reply("what did I interrupt")) == phrases.NOTHING_SAID


def test_it_goes_on_from_the_clause_that_was_cut() -> None:
    assert said(reply("go on", CUT)).startswith("Where was I? On a small island in a cold grey sea, there stood")
    later = said(reply("go on", CUT, "Sure. It is now nine oh five in the morning."))
    assert later.startswith("Where was I? On a small island")
    assert said(reply("go on", phrases.CAN_HEAR)) == phrases.NOTHING_LEFT


def test_a_reply_of_this_process_can_be_gone_on_with_whatever_it_was() -> None:
    memory = ReplyMemory(60)
    memory.begin("Seven. Eight. Nine. Ten. That is it.")
    assert said(reply("continue", "Seven. Eight.", memory=memory)) == "Where was I? Nine. Ten. That is it."
    assert (
        said(reply("continue", "Seven. Eight. [interrupted]", memory=memory)) == "Where was I? Nine. Ten. That is it."
    )


def test_stop_is_answered_shortly() -> None:
    assert said(reply("stop", CUT, "Okay.", CUT)) == phrases.STOPPED
    assert said(reply("stop")) == phrases.QUIET


@pytest.mark.parametrize("words", ["stop", "wait, what time is it?", "book a table for two", "gibberish"])
def test_the_first_interruption_is_answered_with_what_was_heard(words: str) -> None:
    quoted = f"{phrases.LAST_HEARD} Once upon a time, on a small. {phrases.YOU_CAN_GO_ON}"
    assert said(reply(words, CUT)).endswith(quoted)
    assert phrases.LAST_HEARD not in said(reply(words, CUT, "Okay.", CUT))
    assert phrases.LAST_HEARD not in said(reply(words, phrases.CAN_HEAR))


def test_another_joke_is_another() -> None:
    assert said(reply("tell me a joke")) == phrases.JOKES[0]
    assert said(reply("do you know another joke", phrases.JOKES[0])) == phrases.JOKES[1]


def test_another_story_is_another() -> None:
    assert said(reply("tell me a story")) == phrases.LIGHTHOUSE
    assert said(reply("tell me another story", CUT)).endswith(phrases.PARROT)


def test_what_it_does_not_know_it_says_and_quotes() -> None:
    answer = said(reply("What is the capital of France?"))
    assert answer.startswith("You said: what is the capital of france.")
    assert "demo" in answer


@pytest.mark.parametrize(
    ("number", "words"), [(0, "zero"), (13, "thirteen"), (42, "forty two"), (199, "one hundred ninety nine")]
)
def test_numbers_are_words(number: int, words: str) -> None:
    assert phrases.number_words(number) == words


def test_numbers_beyond_the_bank_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 199"):
        phrases.number_words(200)
