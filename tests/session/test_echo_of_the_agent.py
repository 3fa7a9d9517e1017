"""A caller with a loudspeaker: the agent hears itself, and neither stops nor answers for that."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from bargein.core import actions, events
from bargein.core.audio import AudioFormat
from bargein.core.config import SessionConfig, TurnDetection
from bargein.core.conversation import Conversation
from bargein.session.cancelling import EchoCancelling, MakeCancelling
from bargein.sound.polishing import Aec3Polisher
from support.echo_room import EchoRoom, Loudspeaker, walls
from support.sounds import Sound, at_level, speech

STORY = (
    "Once upon a time, in a small town by the sea, there lived a clockmaker who never slept. "
    "Every night he walked along the harbour and counted the boats. What shall I tell you of him?"
)
VOICES = ["en-us", "en-gb+f3"]
ROOMS = {"on the table": walls(0.15, 0.02), "in a small room": walls(0.2, 0.04), "in an office": walls(0.4, 0.045)}


def reply(voice: str = "en-us") -> Sound:
    return at_level(speech(STORY, voice), -22)


def seconds(sound: Sound) -> float:
    return len(sound) / 24_000


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("delay_s", [0.005, 0.02, 0.12, 0.3])
@pytest.mark.parametrize("gain_db", [-6, -14])
@pytest.mark.parametrize("walls_of", ROOMS)
def test_the_agent_does_not_answer_itself(walls_of: str, gain_db: float, delay_s: float, voice: str) -> None:
    said = reply(voice)
    call = EchoRoom(said, seconds(said) + 4, Loudspeaker(ROOMS[walls_of], gain_db, delay_s))
    call.at(1.0, call.ask)
    call.run()
    assert call.times(actions.SpeechStarted) == []
    assert call.statuses() == ["completed"]
    assert call.times(actions.InputCommitted) == []


@pytest.mark.parametrize("delay_s", [0.02, 0.3])
@pytest.mark.parametrize("gain_db", [-6, -14])
@pytest.mark.parametrize("reverberation_s", [0.2, 0.3])
def test_nor_does_it_where_nearly_all_comes_from_the_walls(
    reverberation_s: float, gain_db: float, delay_s: float
) -> None:
    said = reply()
    bare = walls(reverberation_s, 0.3)
    call = EchoRoom(said, seconds(said) + 4, Loudspeaker(bare, gain_db, delay_s))
    call.at(1.0, call.ask)
    call.run()
    assert call.times(actions.SpeechStarted) == []
    assert call.statuses() == ["completed"]
    assert call.times(actions.InputCommitted) == []


def test_the_echo_of_a_reply_s_first_word_is_known(subtests: pytest.Subtests) -> None:
    """Its onset is found in whole windows: up to one before the first sample of what was said."""
    said = reply()[2400:]
    for phase in range(0, 20, 4):
        with subtests.test(phase=phase):
            call = EchoRoom(said[: 24_000 * 2], 5, Loudspeaker(ROOMS["on the table"], -6, 0.02 + phase / 1000))
            call.at(1.0, call.ask)
            assert call.run().times(actions.SpeechStarted) == []


@pytest.mark.parametrize("delay_s", [0.02, 0.12, 0.3])
def test_the_echo_of_a_reply_s_last_word_is_no_turn(delay_s: float) -> None:
    """It comes when the reply counts as heard out."""
    for cut_s in (1.5, 2.1, 2.5, 3.0):
        said = reply()[: int(cut_s * 24_000)]
        call = EchoRoom(said, cut_s + 4, Loudspeaker(ROOMS["in a small room"], -6, delay_s))
        call.at(1.0, call.ask)
        call.run()
        assert call.times(actions.SpeechStarted) == []
        assert call.statuses() == ["completed"]


def test_an_agent_that_may_not_be_interrupted_does_not_answer_itself_either() -> None:
    said = reply()
    config = SessionConfig(turn_detection=TurnDetection(interrupt_response=False))
    call = EchoRoom(said, seconds(said) + 4, Loudspeaker(ROOMS["in a small room"], -6, 0.02), config=config)
    call.at(1.0, call.ask)
    call.run()
    assert call.times(actions.SpeechStarted) == []
    assert call.statuses() == ["completed"]


@pytest.mark.parametrize("louder_db", [12, 18])
@pytest.mark.parametrize("walls_of", ROOMS)
def test_a_caller_who_is_louder_than_the_echo_interrupts(walls_of: str, louder_db: float) -> None:
    said = reply()
    stop = at_level(speech("Wait, stop, I wanted to ask something else.", "en-us+f3"), -22 - 14 + louder_db)
    speaker = Loudspeaker(ROOMS[walls_of], -14, 0.1)
    call = EchoRoom(said, 8, speaker, talk=(4.0, stop))
    call.at(1.0, call.ask)
    started = call.run().times(actions.SpeechStarted)
    assert started
    assert 4.0 < started[0] < 5.5
    assert call.statuses()[0] == "cancelled"


@pytest.mark.parametrize("pause_s", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("loudspeaker", [None, Loudspeaker(ROOMS["in an office"], -14, 0.1)])
def test_who_answers_as_soon_as_the_agent_is_done_is_heard(loudspeaker: Loudspeaker | None, pause_s: float) -> None:
    said = reply()
    begins_s = 1.0 + 0.3 + 0.02 + seconds(said) + pause_s
    answer = at_level(speech("Yes, and what time is it?", "en-us+f3"), -26)
    call = EchoRoom(said, begins_s + 3, loudspeaker, talk=(begins_s, answer))
    call.at(1.0, call.ask)
    started = call.run().times(actions.SpeechStarted)
    assert len(started) == 1
    assert begins_s < started[0] < begins_s + 0.4
    assert len(call.times(actions.InputCommitted)) == 1


CANCELLERS: dict[str, MakeCancelling] = {
    "filter": functools.partial(EchoCancelling, make_polisher=None),
    "with AEC3": functools.partial(EchoCancelling, make_polisher=Aec3Polisher),
}
LONG = f"{STORY} {STORY}"


@pytest.mark.parametrize("canceller", CANCELLERS)
@pytest.mark.parametrize(
    ("walls_of", "gain_db", "delay_s"), [("in an office", -6, 0.02), ("in a small room", -14, 0.3)]
)
def test_an_echo_that_was_found_is_taken_out_and_holds_nothing_more(
    walls_of: str, gain_db: float, delay_s: float, canceller: str
) -> None:
    said = at_level(speech(LONG), -22)
    speaker = Loudspeaker(ROOMS[walls_of], gain_db, delay_s)
    call = EchoRoom(said, seconds(said) + 3, speaker, make_cancelling=CANCELLERS[canceller])
    call.at(1.0, call.ask)
    call.run()
    assert call.times(actions.SpeechStarted) == []
    assert call.statuses() == ["completed"]
    assert len(call.times(actions.Held)) <= 1


@pytest.mark.parametrize("canceller", CANCELLERS)
@pytest.mark.parametrize("walls_of", ["on the table", "in a small room"])
def test_a_caller_who_is_weaker_than_the_echo_is_heard_within_half_a_second(walls_of: str, canceller: str) -> None:
    said = at_level(speech(LONG), -22)
    stop = spoken_at_once(at_level(speech("Wait, stop, I wanted to ask something else.", "en-us+f3"), -22 - 6 - 6))
    speaker = Loudspeaker(ROOMS[walls_of], -6, 0.1)
    call = EchoRoom(said, 13, speaker, talk=(9.0, stop), make_cancelling=CANCELLERS[canceller])
    call.at(1.0, call.ask)
    started = call.run().times(actions.SpeechStarted)
    assert started
    assert 9.0 < started[0] < 9.5
    assert call.statuses()[0] == "cancelled"


def spoken_at_once(sound: Sound) -> Sound:
    """Without the silence before it."""
    return sound[int(np.argmax(np.abs(sound) > 0.05 * np.abs(sound).max())) :]


def test_a_caller_who_says_that_there_is_no_echo_is_heard_as_it_is() -> None:
    """Its own canceller may be better, or it wears headphones: nothing is taken out."""
    said = at_level(speech(LONG), -22)
    made = []

    def make(conversation: Conversation, fmt: AudioFormat) -> EchoCancelling:
        made.append(fmt)
        return EchoCancelling(conversation, fmt, None)

    for declared in (None, False):
        config = SessionConfig(echo_cancellation=declared)
        call = EchoRoom(said, 8, Loudspeaker(ROOMS["in a small room"], -10, 0.1), config=config, make_cancelling=make)
        call.at(1.0, call.ask)
        call.run()
        assert len(made) == 1, "only of the first"


def test_who_has_shown_no_echo_costs_nothing() -> None:
    def never(conversation: Conversation, fmt: AudioFormat) -> EchoCancelling:
        raise AssertionError(conversation, fmt)

    said = reply()
    stop = at_level(speech("Wait, stop, I wanted to ask something else.", "en-us+f3"), -30)
    call = EchoRoom(said, 8, None, talk=(4.0, stop), make_cancelling=never)
    call.at(1.0, call.ask)
    started = call.run().times(actions.SpeechStarted)
    assert started
    assert 4.0 < started[0] < 5.0


@pytest.mark.parametrize("canceller", CANCELLERS)
def test_a_canceller_that_finds_nothing_is_let_go(canceller: str) -> None:
    """Two likenesses at the same delay were chance: there is no loudspeaker."""
    said = at_level(speech(LONG), -22)
    call = EchoRoom(said, seconds(said), None, make_cancelling=CANCELLERS[canceller])
    call.conversation.echo.delay_s = 0.1
    happened = []
    call.conversation.on_event = lambda event, _: happened.append(event)
    call.at(1.0, call.ask)
    call.run()
    assert happened.count(events.EchoGone()) == 1, "a replay of the call must know it"
    assert not call.conversation.echo.wants_cancelling
    assert not call.times(actions.SpeechStarted)
