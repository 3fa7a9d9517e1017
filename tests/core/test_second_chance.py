"""Interruptions in which nothing was said, on literal times: the reply goes on, once, with nothing lost or repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from bargein.core import actions, events
from bargein.core.audio import PCM16_24K
from bargein.core.completion import (
    GO_ON,
    AssistantMessage,
    AudioPiece,
    AudioReference,
    SystemMessage,
    TranscriptPiece,
    UserAudio,
    UserMessage,
    UserText,
)
from bargein.core.config import CorePolicy, SessionConfig, Transcription
from bargein.core.decisions import ReplyTakenUp
from bargein.core.events import ResponseRequested
from bargein.core.floor import CallerState
from bargein.core.items import Failure, InputAudio, InputText, Message
from support.conversation_script import Script, detecting

WORDS = "one two three four five six seven eight nine ten"
WRITTEN = replace(detecting(), transcription=Transcription("whisper-1"))
JUDGED = CorePolicy(judges_words=True)


def numbered(script: Script, text: str, ms: int) -> bytes:
    """The model says ``text`` with sound in which every sample is another."""
    script.piece(TranscriptPiece(text))
    sound = b""
    while ms > 0:
        count = PCM16_24K.samples_in_ms(min(ms, 100))
        first = len(sound) // 2
        piece = b"".join(
            (number % 60_000 - 30_000).to_bytes(2, "little", signed=True) for number in range(first, first + count)
        )
        script.piece(AudioPiece(piece, count))
        sound += piece
        ms -= 100
    return sound


def interrupted(
    config: SessionConfig = WRITTEN,
    policy: CorePolicy | None = None,
    *,
    whole: bool = True,
    reports: bool = False,
    speech_ms: int = 400,
) -> tuple[Script, bytes]:
    """A reply of 4 s is heard for a second, and something sounds for a while, and is quiet then. Returns its sound."""
    script = Script(config, policy, reports=reports)
    script.silence(500)
    script.ask()
    sound = numbered(script, WORDS, 4000)
    if whole:
        script.finish()
    script.silence(1000)
    script.talk(speech_ms)
    script.silence(600)
    return script, sound


def turn_id(script: Script) -> str:
    return script.last(actions.InputCommitted).item.id


def write(script: Script, transcript: str) -> None:
    script.do(events.TranscriptionCompleted(turn_id(script), transcript, 1.0))


def heard_of(script: Script, response_id: str) -> bytes:
    """The sound that was sent of a response."""
    sent = [action for action in script.all(actions.AudioSent) if action.response_id == response_id]
    assert [action.start_sample for action in sent] == [
        sum(other.sample_count for other in sent[:position]) for position in range(len(sent))
    ]
    return b"".join(action.audio for action in sent if isinstance(action.audio, bytes))


def test_a_model_that_is_asked_ahead_is_told_nothing_of_it_either() -> None:
    script, _ = interrupted(policy=CorePolicy(speculation_share=1.0))
    script.say("what was that", 900)
    write(script, "")
    script.silence(6000)
    script.talk(800)
    script.silence(300)
    asked = script.last(actions.StartStream)
    assert asked.ahead is not None
    turns = [message for message in asked.request.messages if isinstance(message, UserMessage)]
    assert [type(turn.parts[0]) for turn in turns] == [UserText, UserAudio]


@pytest.mark.parametrize(("kept", "named"), [("resume", False), ("ask", True)])
def test_the_name_of_its_rest_does_not_stand_for_all_of_it(kept: Literal["resume", "ask"], named: bool) -> None:
    """What the model is asked to say behind it has a name; what was kept of it has none."""
    script, _ = interrupted(policy=CorePolicy(false_interruption=kept, history_sound_turns=0), whole=False)
    write(script, "")
    script.piece(AudioReference("audio_of_the_rest", 2**40))
    script.say(" eleven twelve", 900)
    script.finish()
    script.silence(6000)
    script.ask()
    told = script.last(actions.StartStream).request.messages[-2]
    assert isinstance(told, AssistantMessage)
    assert (told.text or "").endswith("eleven twelve")
    assert told.audio_id == ("audio_of_the_rest" if named else None)


def test_the_answer_is_kept_back_until_the_words_are_known() -> None:
    script, _ = interrupted()
    answer = script.last(actions.StartStream).response_id
    before = len(script.all(actions.AudioSent))
    script.say("what was that", 900)
    assert len(script.all(actions.AudioSent)) == before
    write(script, "Stop it.")
    assert script.all(actions.AudioSent)[before:][0].response_id == answer
    assert not [decision for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)]


def test_and_no_longer_than_its_limit() -> None:
    script, _ = interrupted(policy=CorePolicy(judge_limit_ms=400))
    stopped_at = script.at(actions.InputCommitted)
    before = len(script.all(actions.AudioSent))
    script.say("what was that", 900)
    script.advance(1000)
    first = script.all(actions.AudioSent)[before]
    assert next(at for at, action in script.log if action is first) == pytest.approx(100 + (stopped_at + 400) / 1000)
    # It is heard now: there are no two answers.
    write(script, "")
    assert script.last(actions.ResponseCreated).response.id == first.response_id


def test_a_reply_goes_on_from_where_it_was_cut() -> None:
    script, sound = interrupted()
    first, answer = (action.response_id for action in script.all(actions.StartStream))
    script.say("what was that", 900)
    noise = turn_id(script)
    write(script, "")
    done = script.last(actions.ResponseDone).response
    assert (done.id, done.status, done.reason, done.output) == (answer, "cancelled", "turn_detected", [])
    assert script.last(actions.CancelStream).response_id == answer
    second = script.last(actions.ResponseCreated).response.id
    assert second not in {first, answer}
    # The model is not asked: all of the reply is there.
    assert len(script.all(actions.StartStream)) == 2
    script.silence(4000)
    cut = script.last(actions.Cut)
    heard = cut.heard_samples
    assert 0 < heard < len(sound) // 2
    assert heard_of(script, second) == sound[2 * heard :]
    assert f"{cut.heard_text} {script.words_told(second)}".split() == WORDS.split()
    done = script.last(actions.ResponseDone).response
    assert (done.id, done.status) == (second, "completed")
    assert done.usage is not None
    assert done.usage.output_tokens == 0
    taken_up = [decision for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)]
    assert taken_up == [ReplyTakenUp(first, second, noise, "noise")]
    # The model knows of a reply in two pieces, and of no turn between them.
    script.ask("and now?")
    told = script.requests[script.last(actions.StartStream).response_id].messages
    said = " ".join(message.text or "" for message in told if isinstance(message, AssistantMessage))
    assert said.split() == WORDS.split()
    assert [message for message in told if isinstance(message, UserMessage)][-1].parts[0].text == "and now?"
    assert len([message for message in told if isinstance(message, UserMessage)]) == 2
    # The caller may still look at it.
    script.do(events.ItemRetrieveRequested(noise))
    assert script.last(actions.ItemRetrieved).item.id == noise


@pytest.mark.parametrize("transcript", ["", "  ", "...", "[BLANK_AUDIO]", "[noise]."])
def test_what_holds_no_words(transcript: str) -> None:
    script, _ = interrupted()
    write(script, transcript)
    assert [decision for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)]


@pytest.mark.parametrize("transcript", ["No.", "(not understood)", "嗯", "7"])
def test_what_holds_some(transcript: str) -> None:
    script, _ = interrupted()
    write(script, transcript)
    assert not [decision for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)]


def test_a_model_that_was_not_done_is_asked_for_the_rest_and_speaks_behind_what_was_kept() -> None:
    script, sound = interrupted(whole=False)
    write(script, "")
    second = script.last(actions.ResponseCreated).response.id
    assert script.last(actions.StartStream).response_id == second
    told = script.requests[second].messages
    assert told[-1] == SystemMessage(GO_ON)
    said = [message.text or "" for message in told if isinstance(message, AssistantMessage)]
    assert len(said) == 2
    assert WORDS.startswith(" ".join(" ".join(said).split()))
    script.say(" eleven twelve", 600, second)
    script.finish(response_id=second)
    script.silence(6000)
    heard = script.last(actions.Cut).heard_samples
    kept = sound[2 * heard :]
    assert heard_of(script, second) == kept + b"\x01\x00" * PCM16_24K.samples_in_ms(600)
    done = script.last(actions.ResponseDone).response
    assert (done.id, done.status, len(done.output)) == (second, "completed", 1)


def test_or_is_asked_at_once_where_that_is_wanted() -> None:
    script, _ = interrupted(policy=CorePolicy(false_interruption="ask"))
    before = len(script.all(actions.AudioSent))
    write(script, "")
    second = script.last(actions.StartStream).response_id
    told = script.requests[second].messages
    assert told[-1] == SystemMessage(GO_ON)
    assert isinstance(told[-2], AssistantMessage)
    assert told[-2].text == script.last(actions.Cut).heard_text
    assert len(script.all(actions.AudioSent)) == before
    script.say("four five", 600)
    script.finish()
    script.silence(1500)
    assert script.last(actions.ResponseDone).response.status == "completed"


def test_or_is_not_done_at_all() -> None:
    script, _ = interrupted(policy=CorePolicy(false_interruption="answer"))
    before = len(script.all(actions.AudioSent))
    script.say("what was that", 900)
    assert len(script.all(actions.AudioSent)) > before
    write(script, "")
    assert len(script.all(actions.ResponseCreated)) == 2


def test_without_anybody_who_hears_words_nothing_waits() -> None:
    script, _ = interrupted(detecting())
    before = len(script.all(actions.AudioSent))
    script.say("what was that", 900)
    assert len(script.all(actions.AudioSent)) > before


def test_where_the_caller_has_no_recogniser_a_judge_is_asked() -> None:
    script, sound = interrupted(detecting(), JUDGED)
    wanted = script.last(actions.StartJudging)
    assert wanted.utterance_id == turn_id(script)
    assert (wanted.said + wanted.unsaid).split() == WORDS.split()
    assert wanted.said
    script.do(events.UtteranceJudged(wanted.utterance_id, "noise", "words", 200.0, ""))
    script.silence(4000)
    second = script.last(actions.ResponseCreated).response.id
    assert heard_of(script, second) == sound[2 * script.last(actions.Cut).heard_samples :]


def test_a_backchannel_that_was_long_is_nothing_either() -> None:
    script, _ = interrupted(detecting(), JUDGED)
    wanted = script.last(actions.StartJudging)
    script.do(events.UtteranceJudged(wanted.utterance_id, "backchannel", "words", 200.0, "Yeah, yeah, right."))
    assert [decision.verdict for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)] == [
        "backchannel"
    ]


def test_a_judge_that_heard_words_or_only_sound_lets_the_answer_go() -> None:
    for judge, verdict in (("words", "interruption"), ("sound", "noise"), ("sound", "backchannel")):
        script, _ = interrupted(detecting(), JUDGED)
        before = len(script.all(actions.AudioSent))
        script.say("what was that", 900)
        assert len(script.all(actions.AudioSent)) == before
        wanted = script.last(actions.StartJudging)
        script.do(events.UtteranceJudged(wanted.utterance_id, verdict, judge, 200.0))  # type: ignore[arg-type]
        assert len(script.all(actions.AudioSent)) > before
        assert len(script.all(actions.ResponseCreated)) == 2


def test_a_recogniser_that_fails_lets_the_answer_go() -> None:
    script, _ = interrupted()
    before = len(script.all(actions.AudioSent))
    script.say("what was that", 900)
    script.do(events.TranscriptionFailed(turn_id(script), Failure("transcription_error", None, "gone")))
    assert len(script.all(actions.AudioSent)) > before


def test_who_speaks_on_or_writes_is_listened_to() -> None:
    spoken, _ = interrupted()
    spoken.talk(400)
    write(spoken, "")
    assert len(spoken.all(actions.ResponseCreated)) == 2
    written, _ = interrupted()
    noise = turn_id(written)
    written.do(events.ItemCreateRequested(Message("", "user", [InputText("wait")])))
    written.do(events.TranscriptionCompleted(noise, "", 1.0))
    assert len(written.all(actions.ResponseCreated)) == 2


def test_who_seems_to_speak_again_is_listened_to() -> None:
    """There is evidence, and no more yet: what goes on now would be held at once."""
    script, _ = interrupted()
    script.speech(80)
    assert script.conversation.caller.state is CallerState.STARTING
    write(script, "")
    assert len(script.all(actions.ResponseCreated)) == 2
    assert not [decision for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)]


def test_who_has_asked_for_something_else_gets_it() -> None:
    """The interruption has dropped what was asked for, and only the answer to it stands in for that."""
    script = Script(WRITTEN)
    script.silence(500)
    script.ask()
    numbered(script, WORDS, 4000)
    script.finish()
    script.do(events.ItemCreateRequested(Message("", "user", [InputText("and what else?")])))
    script.do(ResponseRequested(script.config.response))
    script.silence(1000)
    script.talk(400)
    script.silence(600)
    write(script, "")
    script.say("this and that", 300)
    script.finish()
    answer = script.last(actions.ResponseDone).response
    assert answer.status == "completed"
    assert UserMessage((UserText("and what else?"),)) in script.requests[answer.id].messages
    assert not [decision for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)]


def test_who_cancels_has_cancelled() -> None:
    script, _ = interrupted()
    script.do(events.CancelRequested())
    write(script, "")
    script.silence(2000)
    assert len(script.all(actions.ResponseCreated)) == 2
    assert script.last(actions.ResponseDone).response.reason == "client_cancelled"


def test_long_speech_is_not_kept_waiting() -> None:
    script, _ = interrupted(speech_ms=2400)
    before = len(script.all(actions.AudioSent))
    script.say("what was that", 900)
    assert len(script.all(actions.AudioSent)) > before


def test_a_reply_that_was_nearly_heard_out_is_not_taken_up() -> None:
    script = Script(WRITTEN)
    script.silence(500)
    script.ask()
    numbered(script, "one two", 1500)
    script.finish()
    script.silence(1100)
    script.talk(400)
    script.silence(600)
    write(script, "")
    assert not [decision for _, decision in script.decisions if isinstance(decision, ReplyTakenUp)]


def test_it_can_be_interrupted_again_and_go_on_again() -> None:
    script, sound = interrupted()
    write(script, "")
    script.silence(700)
    script.talk(400)
    script.silence(600)
    write(script, "")
    script.silence(4000)
    replies = [action.response.id for action in script.all(actions.ResponseCreated)]
    cuts = script.all(actions.Cut)
    assert len(cuts) == 2
    heard = cuts[0].heard_samples + cuts[1].heard_samples
    assert heard_of(script, replies[-1]) == sound[2 * heard :]
    script.ask("and now?")
    told = script.requests[script.last(actions.StartStream).response_id].messages
    said = " ".join(message.text or "" for message in told if isinstance(message, AssistantMessage))
    assert said.split() == WORDS.split()


def test_it_goes_on_from_the_sample_that_a_player_reports() -> None:
    script, sound = interrupted(reports=True)
    flushed = script.last(actions.Flushed)
    script.do(events.PlaybackFlushed(flushed.response_id, flushed.item_id, 24_000))
    script.do(events.TranscriptionCompleted(turn_id(script), "", 1.0))
    second = script.last(actions.ResponseCreated).response.id
    for _ in range(40):
        sent = heard_of(script, second)
        item_id = script.last(actions.AudioSent).item_id
        script.do(events.PlaybackReported(second, item_id, len(sent) // 2, playing=True))
        script.silence(100)
    cut = script.last(actions.Cut)
    assert heard_of(script, second) == sound[2 * cut.heard_samples :]


def test_the_sound_of_the_reply_is_there_even_where_the_history_keeps_none() -> None:
    script, sound = interrupted(policy=CorePolicy(history_audio_limit_bytes=0))
    write(script, "")
    script.silence(4000)
    second = script.last(actions.ResponseCreated).response.id
    assert heard_of(script, second) == sound[2 * script.last(actions.Cut).heard_samples :]


def test_the_turn_counts_again_once_it_is_asked_for_by_name() -> None:
    script, _ = interrupted()
    noise = turn_id(script)
    write(script, "")
    script.silence(5000)
    item = script.conversation.history.get(noise)
    assert isinstance(item, Message)
    assert isinstance(item.parts[0], InputAudio)
    script.do(ResponseRequested(script.config.response, input=(item,)))
    told = script.requests[script.last(actions.StartStream).response_id].messages
    assert isinstance(told[-1], UserMessage)
