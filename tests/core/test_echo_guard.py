"""When a caller counts as one who has an echo, and when its voice is not compared any more."""

from __future__ import annotations

import base64

import pytest

from bargein.core import actions, events
from bargein.core.config import SessionConfig
from bargein.core.echo_guard import (
    APART_S,
    DECLARED_SHAPE,
    ECHO_REACH_S,
    ECHO_SHAPE,
    SAME_DELAY_S,
    SURE_LIKENESS,
    SURE_SHAPE,
    TRUSTED_AFTER,
)
from support.conversation_script import Script

BLIP_MS = 80
"""Evidence of speech, and no more."""


def in_a_reply(config: SessionConfig | None = None) -> Script:
    script = Script(config)
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 20_000)
    script.silence(300)
    return script


def blip(script: Script, likeness: float, said_s: float = 0.7) -> None:
    script.echo, script.echo_said_s = likeness, said_s
    script.speech(BLIP_MS)
    script.silence(int(APART_S * 1000))


def test_one_likeness_may_be_chance() -> None:
    script = in_a_reply()
    blip(script, SURE_LIKENESS)
    assert not script.all(actions.Held), "it was one as far as this sound goes"
    assert not script.conversation.echo.wants_cancelling


def test_the_second_at_the_same_delay_is_an_echo() -> None:
    script = in_a_reply()
    blip(script, SURE_LIKENESS)
    blip(script, SURE_LIKENESS, 0.7 + SAME_DELAY_S / 2)
    assert script.conversation.echo.wants_cancelling


def test_the_second_at_another_delay_is_not() -> None:
    script = in_a_reply()
    for said_s in (0.7, 0.75, 0.8):
        blip(script, SURE_LIKENESS, said_s)
    assert not script.conversation.echo.wants_cancelling


def test_where_the_walls_have_blurred_it_its_shape_tells() -> None:
    script = in_a_reply()
    script.echo_shape = SURE_SHAPE
    for said_s in (0.7, 0.8):
        script.echo_shape_said_s = 0.9
        blip(script, 0.1, said_s)
    assert not script.all(actions.Held)
    assert script.conversation.echo.wants_cancelling, "the shape was at the same delay, whatever the filter says"


@pytest.mark.parametrize(
    ("shape", "declared", "held", "announced"),
    [
        (SURE_SHAPE - 0.01, None, True, False),
        (ECHO_SHAPE, None, True, False),
        (ECHO_SHAPE - 0.01, None, True, True),
        (DECLARED_SHAPE, True, False, False),
        (DECLARED_SHAPE - 0.01, True, True, True),
    ],
)
def test_of_mere_evidence_the_shape_must_be_surer(
    shape: float, declared: bool | None, held: bool, announced: bool
) -> None:
    script = in_a_reply(SessionConfig(echo_cancellation=declared))
    script.echo_shape = shape
    script.speech(500)
    script.silence(600)
    assert bool(script.all(actions.Held)) is held
    assert bool(script.all(actions.SpeechStarted)) is announced


def test_two_of_the_same_syllable_are_one() -> None:
    script = in_a_reply()
    script.echo, script.echo_said_s = SURE_LIKENESS, 0.7
    for _ in range(2):
        script.speech(BLIP_MS)
        script.silence(100)
    assert not script.conversation.echo.wants_cancelling


@pytest.mark.parametrize(("said", "wanted"), [(True, True), (False, False)])
def test_who_says_whether_there_is_an_echo_is_believed(said: bool, wanted: bool) -> None:
    script = in_a_reply(SessionConfig(echo_cancellation=said))
    blip(script, SURE_LIKENESS)
    assert script.conversation.echo.wants_cancelling is wanted


def test_who_was_no_echo_again_and_again_is_trusted() -> None:
    """To compare costs as much as to hear a caller for seconds."""
    script = in_a_reply()
    for _ in range(TRUSTED_AFTER):
        blip(script, 0.0)
    held = len(script.all(actions.Held))
    blip(script, SURE_LIKENESS)
    assert len(script.all(actions.Held)) == held + 1


def test_an_echo_ends_that_trust() -> None:
    """What lasts is compared all the same."""
    script = in_a_reply()
    for _ in range(TRUSTED_AFTER):
        blip(script, 0.0)
    script.echo = SURE_LIKENESS
    script.speech(500)
    script.silence(600)
    assert not script.all(actions.SpeechStarted)
    held = len(script.all(actions.Held))
    blip(script, SURE_LIKENESS)
    assert len(script.all(actions.Held)) == held


def test_what_was_forgotten_must_be_found_twice_again() -> None:
    script = in_a_reply()
    for _ in range(2):
        blip(script, SURE_LIKENESS)
    script.do(events.EchoGone())
    blip(script, SURE_LIKENESS)
    assert not script.conversation.echo.wants_cancelling
    blip(script, SURE_LIKENESS)
    assert script.conversation.echo.wants_cancelling


@pytest.mark.parametrize(("into_ms", "silence_before"), [(500, True), (5_000, False)])
def test_what_is_compared_begins_with_silence_only_where_the_reply_began(into_ms: int, silence_before: bool) -> None:
    """At an edge that never sounded, a few samples of any voice are alike."""
    script = in_a_reply()
    script.advance(into_ms - 300)
    said = script.conversation.agent.playout.said_around(script.now, ECHO_REACH_S)
    assert said is not None
    sound = b"".join(piece if isinstance(piece, bytes) else base64.b64decode(piece) for piece in said.pieces)
    before_ms = said.format.ms_of(said.format.samples_of(len(sound) - len(sound.lstrip(b"\0"))))
    assert (before_ms > 0) is silence_before
