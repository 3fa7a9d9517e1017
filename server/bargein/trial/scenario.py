"""What a caller does and what it expects: a TOML file, checked field by field before anybody is called.

The scenarios that ship are the files in ``scenarios/``; docs/test-your-agent.md says what each field means.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from annotated_types import Ge, Gt, Le, Len
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bargein.judging.spelling import units_of
from bargein.load.scenario import Aside

Text = Annotated[str, Len(1)]
Seconds = Annotated[float, Gt(0), Le(600)]

PATIENCE_S: Final = 10.0
"""How long something is waited for, where a scenario does not say."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _worded(text: str) -> str:
    if not units_of(text):
        # It would be found in whatever is said.
        raise ValueError("no word is in it")
    return text


Texts = Annotated[tuple[Annotated[Text, AfterValidator(_worded)], ...], BeforeValidator(_listed), Len(1)]
"""One text, or several: words to look for."""


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Say(Table):
    """The caller says something, whatever the agent does; the step ends with its last word."""

    say: Text


class Interrupt(Table):
    """The caller says something over the reply, once so much of it was heard."""

    interrupt: Text
    after_s: Annotated[float, Ge(0), Le(600)] = 2.0
    within_s: Seconds = PATIENCE_S
    """For the reply to begin."""


class MakeSound(Table):
    """The caller makes a sound that is no turn, over the reply where ``after_s`` is given."""

    sound: Aside
    after_s: Annotated[float, Ge(0), Le(600)] | None = None
    within_s: Seconds = PATIENCE_S


class Play(Table):
    """The caller plays a recording, a WAV beside the scenario, over the reply where ``after_s`` is given."""

    play: Text
    is_turn: bool = True
    """Whether it is to be answered; ``false`` for a sound that is to be ignored."""
    after_s: Annotated[float, Ge(0), Le(600)] | None = None
    within_s: Seconds = PATIENCE_S


class Wait(Table):
    wait_s: Seconds


class Listen(Table):
    """The caller listens until the agent has nothing more to say."""

    listen: Literal[True]
    within_s: Seconds = 120.0


class Answered(Table):
    """The first sound of an answer is heard so soon after the caller's last word."""

    answered_within_s: Seconds


class Silent(Table):
    """What was being said is no longer heard so soon after the caller began to talk over it."""

    silent_within_s: Seconds


class GoesOn(Table):
    """What was being said goes on: so much more of it is heard after the caller's last sound."""

    goes_on_s: Seconds
    within_s: Seconds = PATIENCE_S


class Quiet(Table):
    """Nothing is heard for so long, and no response begins."""

    quiet_s: Seconds


class Hears(Table):
    """The agent says these words in answer to the caller's last ones: all of them, or one where ``any`` is true."""

    hears: Texts
    any: bool = False
    within_s: Seconds = 20.0


class HearsNot(Table):
    """By now the agent has said none of these in answer to the caller's last words."""

    hears_not: Texts


class Calls(Table):
    """The agent calls a tool after the caller's last words, with at least these arguments."""

    calls: Text
    arguments: dict[str, Any] = Field(default_factory=dict)
    within_s: Seconds = PATIENCE_S


class CallsNot(Table):
    """By now the agent has not called this tool since the caller's last words."""

    calls_not: Text


class Understood(Table):
    """The server's transcript of the caller's last words holds these."""

    understood: Texts
    any: bool = False
    within_s: Seconds = 5.0


Act = Say | Interrupt | MakeSound | Play | Wait | Listen
Expectation = Answered | Silent | GoesOn | Quiet | Hears | HearsNot | Calls | CallsNot | Understood
Step = Act | Expectation

STEPS: Final[dict[str, type[Table]]] = {next(iter(kind.model_fields)): kind for kind in get_args(Step)}
"""By the field that says what kind of step it is."""


class Tool(Table):
    """``[[tools]]``: a function that the agent may call, and what it is answered.

    ``results``: one for each call, the last one again and again; a text as it is, anything else as JSON.
    """

    name: Annotated[str, Len(1, 64)]
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    results: Annotated[tuple[Any, ...], Len(1)] = ("done",)
    after_s: Annotated[float, Ge(0), Le(600)] = 0.0
    """How long it takes."""
    at_most: Annotated[int, Ge(0)] | None = None
    """How often it may be called in the whole call."""


class Scenario(Table):
    """One call.

    ``session``: what is told to the server besides the tools and formats, as in ``session.update``.
    """

    about: Text
    voice: Text = "andrew"
    noise_db: Annotated[float, Ge(-90), Le(-20)] | None = None
    """RMS of a steady room behind the caller, relative to full scale; the caller's speech has about -22."""
    answers_per_turn: Annotated[int, Ge(1)] = 1
    """How often the agent may answer one turn of the caller's; what follows a tool's result is another answer."""
    steps: Annotated[tuple[Step, ...], Len(1)]
    session: dict[str, Any] = Field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    server_calls: tuple[Text, ...] = ()
    """Tools that the server calls itself, as an agent of Bargein's does: the caller watches, and answers none."""
