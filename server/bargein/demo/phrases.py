"""All that the demo model can say without a speech synthesizer.

:mod:`bargein.demo.make_bank` records these texts. A text that is not here is spoken by ``espeak-ng`` where that is
installed, and is replaced by :data:`CANNOT_SAY` where it is not.
"""

from __future__ import annotations

from typing import Final

LIGHTHOUSE: Final = (
    "Here is a story about a lighthouse. "
    "Once upon a time, on a small island in a cold grey sea, there stood a lighthouse. "
    "Its keeper was an old woman named Marta. "
    "Every evening she climbed one hundred and twelve steps, lit the great lamp, and wished the ships good night. "
    "One winter a storm came, bigger than any storm before it. "
    "The wind broke the window, the rain put out the lamp, and the whole sea went dark. "
    "Marta tried to light the lamp again, but every match was wet. "
    "Far away, she heard the horn of a ship. "
    "It was coming closer, and it could not see the rocks. "
    "So Marta did the only thing that she could do. "
    "She took the biggest pot from her kitchen, and a wooden spoon, and she began to drum. "
    "She drummed for an hour. She drummed for two hours. "
    "Her arms grew tired, but she did not stop. "
    "Out at sea, the captain heard a strange sound in the wind. "
    "There must be land over there, he said, and he turned the ship around. "
    "In the morning the sea was flat and blue. "
    "The captain rowed to the island, and he brought Marta a present. "
    "It was a box of matches, wrapped in oilcloth, and under the matches there was a real drum. "
    "And ever since that day, when the fog is thick, sailors say that you can hear the lighthouse sing."
)

PARROT: Final = (
    "Here is a story about a parrot. "
    "A clockmaker had a green parrot, and the parrot had learned to say tick, and tock. "
    "All day long the clocks in the shop said tick tock, and the parrot said it with them. "
    "One night a thief came in through the back door and put every clock into a sack. "
    "In the morning the shop was silent. "
    "The clockmaker sat down and put his head in his hands. "
    "But the parrot went on. Tick, tock. Tick, tock. "
    "He had said it for so many years that he never missed a beat. "
    "So the clockmaker built a new clock, and he set it by the parrot. "
    "People came from everywhere to see it. "
    "It was the only clock in the world that ran on sunflower seeds."
)

STORIES: Final = (LIGHTHOUSE, PARROT)

HELLO: Final = (
    "Hello! I am the demo model. Ask me for a story, and then talk over me.",
    "Hello again! You can ask me for a story, or for the time.",
)
HOW_ARE_YOU: Final = "I am fine, thank you. Ask me for a story, and then talk over me."
JOKES: Final = (
    "What do you call a voice that never lets you talk? A monologue. You can interrupt that one, too.",
    "Why did the parrot stop in the middle of a sentence? Somebody said: hold on.",
)
ERRAND: Final = "I cannot do that. I am only a demo. But I can tell you a story."
CAN_HEAR: Final = "Yes, I can hear you."
WHO: Final = (
    "I am the demo model that comes with Bargein. "
    "I am not intelligent. I know a few sentences, and I am here so that you can try to interrupt me."
)
HELP: Final = (
    "You can say: tell me a story. Count to twenty. What time is it? Who are you? "
    "While I am speaking, just start to talk. Then ask me what you interrupted, or say: continue."
)
UNKNOWN: Final = (
    "I am only a demo model, so I do not know about that. Say help, and I will tell you what I can do.",
    "That is beyond me. I am only a demo. You can ask me for a story, or for the time.",
)
NOT_UNDERSTOOD: Final = (
    "I heard you, but I did not understand the words. Try: tell me a story.",
    "Sorry, I did not get that. I know only a few sentences. Say help to hear them.",
)
CANNOT_LISTEN: Final = (
    "I heard you, but on this machine I cannot understand words. Here is a story, so that you can interrupt me.",
)
SILENCE: Final = "Are you still there?"
STOPPED: Final = "Okay. Say continue, if you want to hear the rest."
QUIET: Final = "Okay."
THANKS: Final = "You are welcome."
GOODBYE: Final = "Goodbye! It was nice to talk to you."
GLAD: Final = "Good. What would you like to hear?"
NO_PROBLEM: Final = "No problem."
NOTHING_LEFT: Final = "I had already finished. Ask me for a story."
NOTHING_SAID: Final = "I have not said anything yet."
LAST_HEARD: Final = "The last thing that you heard was:"
YOU_CAN_GO_ON: Final = "Say continue, and I go on from there."
"""Said behind a quotation, to somebody who has interrupted for the first time."""
HEARD_ALL: Final = "You heard all of it."
WHERE_WAS_I: Final = "Where was I?"
NO_WEATHER: Final = "I have no window. Give me a tool for the weather, and I will use it."
ONE_MOMENT: Final = "One moment."
THE_TIME_IS: Final = "It is now"
TOOL_SAID: Final = "Here is what I found:"
TOOL_FAILED: Final = "The tool did not answer with anything that I can say."
COUNTED: Final = "That is it."
CANNOT_SAY: Final = "Here I would need the program espeak to say it."
ACKNOWLEDGED: Final = ("Sure.", "Okay.", "Of course.", "Right.")
"""Said first when the caller has just interrupted."""

_ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_words(number: int) -> str:
    """0 to 199 in words, as they are spoken.

    :raises ValueError: another number.
    """
    match number:
        case n if 0 <= n < 20:
            return _ONES[n]
        case n if 20 <= n < 100:
            return _TENS[n // 10 - 2] + (f" {_ONES[n % 10]}" if n % 10 else "")
        case n if 100 <= n < 200:
            return "one hundred" + (f" {number_words(n - 100)}" if n > 100 else "")
        case _:
            raise ValueError(f"numbers from 0 to 199 can be said, not {number}")


def clock_words(hour: int, minute: int) -> str:
    """A time of the day, such as "ten forty two", "nine oh five", "twelve o'clock"."""
    hours = number_words(hour % 12 or 12)
    match minute:
        case 0:
            minutes = "o'clock"
        case m if m < 10:
            minutes = f"oh {number_words(m)}"
        case m:
            minutes = number_words(m)
    return f"{hours} {minutes} {'in the morning' if hour < 12 else 'in the afternoon' if hour < 18 else 'at night'}"


_DIGITS_AND_TENS: Final = tuple(f"{word.capitalize()}." for word in (*_ONES, *_TENS, "one hundred"))
_CLOCK: Final = ("O'clock.", "Oh.", "In the morning.", "In the afternoon.", "At night.")

RECORDED: Final = (
    *STORIES, *HELLO, HOW_ARE_YOU, *JOKES, ERRAND, YOU_CAN_GO_ON, CAN_HEAR, WHO, HELP, *UNKNOWN, *NOT_UNDERSTOOD,
    *CANNOT_LISTEN, SILENCE, STOPPED, QUIET, THANKS, GOODBYE, GLAD, NO_PROBLEM, NOTHING_LEFT, NOTHING_SAID,
    LAST_HEARD, HEARD_ALL, WHERE_WAS_I, NO_WEATHER, ONE_MOMENT, THE_TIME_IS, TOOL_SAID, TOOL_FAILED, COUNTED,
    CANNOT_SAY, *ACKNOWLEDGED, *_DIGITS_AND_TENS, *_CLOCK,
)  # fmt: skip
"""Every text of the bank. Other sentences are put together from its words."""
