"""The words of a reply on literal times: they go with its sound, and end where the caller stopped to hear it."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.audio import PCM16_24K
from bargein.core.completion import AssistantMessage, TextPiece, ToolCallPiece, TranscriptPiece
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig
from bargein.core.events import ResponseRequested
from bargein.core.items import Failure, Item, Message, OutputAudio
from support.conversation_script import Script, detecting, manual
from support.transcript_laws import transcript_of

WORDS = "abed bide code dame edit fame game home idle kite"
"""Ten words of 297 ms each, at the usual pace."""
WORDS_MS = 3000
BROKEN = Failure("server_error", None, "The model broke off.")


def telling(script: Script) -> list[str]:
    """Words and sound in the order in which they were told: each delta, and ``|`` for each 100 ms of sound."""
    told = []
    for _, action in script.log:
        match action:
            case actions.TranscriptSent(delta=delta):
                told.append(delta)
            case actions.AudioSent(sample_count=count):
                told.append("|" * (PCM16_24K.ms_of(count) // 100))
            case _:
                pass
    return told


def done_item(script: Script) -> Item:
    return script.last(actions.OutputItemDone).item


def shown(item: Item) -> tuple[str, int]:
    """Words and samples of a spoken reply."""
    assert isinstance(item, Message)
    (part,) = (part for part in item.parts if isinstance(part, OutputAudio))
    return part.transcript, part.sample_count


def retrieved(script: Script, item_id: str) -> tuple[str, int]:
    script.do(events.ItemRetrieveRequested(item_id))
    return shown(script.last(actions.ItemRetrieved).item)


def told_to_the_model(script: Script) -> list[str | None]:
    request = script.requests[script.last(actions.StartStream).response_id]
    return [message.text for message in request.messages if isinstance(message, AssistantMessage)]


def spoken(script: Script, *, ms: float) -> str:
    """Ask, let the model say all of :data:`WORDS` at once, and let some of it be sent and heard. Returns the id."""
    response_id = script.ask()
    script.say(WORDS, WORDS_MS)
    script.finish()
    script.advance(ms)
    return response_id


# In step with the sound.


def test_words_leave_ahead_of_the_slice_in_which_they_are_spoken() -> None:
    script = Script(manual())
    spoken(script, ms=700)
    assert telling(script) == ["abed", "|", "|", "|", " bide", "|", "|", "|", " code", "|", "|", "|", " dame", "|", "|"]


def test_a_reply_that_was_sent_to_its_end_has_told_every_character() -> None:
    script = Script(manual())
    script.ask()
    text = "  Well, \n\n let me see:  12 % of it -- 今日は。 (yes) \t "
    for at in range(0, len(text), 3):
        script.piece(TranscriptPiece(text[at : at + 3]))
    script.say("", 2000)
    script.finish()
    script.advance(5000)
    assert script.words_told() == text
    assert transcript_of(done_item(script)) == text
    kinds = script.kinds()
    assert "TranscriptSent" not in kinds[kinds.index("OutputItemDone") :]


@pytest.mark.parametrize(
    "policy", [CorePolicy(transcripts="early"), CorePolicy(lead_ms=None), CorePolicy(lead_ms=None, transcripts="early")]
)
def test_words_leave_as_they_come_where_that_is_wanted_or_nothing_is_paced(policy: CorePolicy) -> None:
    script = Script(manual(), policy)
    script.ask()
    script.say("abed bide ", 100)
    script.piece(TranscriptPiece("code "))
    script.piece(TranscriptPiece("da"))
    assert telling(script) == ["abed bide ", "|", "code ", "da"]


def test_words_out_of_band_leave_as_they_come() -> None:
    script = Script(manual())
    script.do(ResponseRequested(script.config.response, out_of_band=True))
    script.say("abed bide ", 100)
    script.piece(TranscriptPiece("code"))
    assert telling(script) == ["abed bide ", "|", "code"]


def test_an_answer_in_text_leaves_as_it_comes() -> None:
    script = Script(SessionConfig(turn_detection=None, response=ResponseSettings(audio=False)))
    script.ask()
    script.piece(TextPiece("abed bide"))
    assert script.last(actions.TextSent).delta == "abed bide"


def test_words_that_come_after_their_sound_leave_at_once() -> None:
    script = Script(manual())
    script.ask()
    script.say("", 3000)
    script.advance(2000)
    before = len(script.log)
    script.piece(TranscriptPiece("abed bide code dame"))
    assert [action.delta for _, action in script.log[before:] if isinstance(action, actions.TranscriptSent)] == [
        "abed bide code dame"
    ]


def test_words_without_any_sound_leave_when_the_model_has_said_twice_that_there_is_none() -> None:
    """Until then its sound may still come. They are told, though nobody has heard them."""
    script = Script(manual())
    script.ask()
    for _ in range(2):
        script.piece(TextPiece("abed "))
        script.piece(TextPiece("bide"))
        assert telling(script) == []
        script.finish()
    assert telling(script) == ["abed bide"]
    assert transcript_of(done_item(script)) == "abed bide"


def test_words_without_any_sound_before_a_call_leave_with_the_end() -> None:
    script = Script(manual())
    script.ask()
    script.piece(TextPiece("abed bide"))
    script.piece(ToolCallPiece(0, "call_1", "look", "{}"))
    assert script.last(actions.ArgumentsSent).delta == "{}"
    script.finish("tool_calls")
    assert telling(script) == ["abed bide"]
    assert script.last(actions.ResponseDone).response.status == "completed"


def test_words_behind_the_last_sound_leave_with_the_end() -> None:
    script = Script(manual())
    script.ask()
    script.say("abed bide", 600)
    script.piece(TranscriptPiece(" code dame edit fame game home idle kite"))
    script.advance(2000)
    assert script.words_told() == "abed bide"
    script.finish()
    assert script.words_told() == WORDS


def test_a_tool_is_called_at_once_whatever_is_still_to_be_said() -> None:
    script = Script(manual())
    script.ask()
    script.say(WORDS, WORDS_MS)
    script.piece(ToolCallPiece(0, "call_1", "look", "{}"))
    assert script.last(actions.ArgumentsSent).delta == "{}"
    assert script.words_told() == "abed bide"


def test_words_wait_while_the_sound_is_held() -> None:
    script = Script(detecting(), reports=True)
    script.silence(500)
    script.ask()
    script.say(WORDS, WORDS_MS)
    script.silence(400)
    script.speech(80)
    held = script.last(actions.Held)
    told, sent_ms = script.words_told(), script.sent_ms()
    script.piece(TranscriptPiece(" and more"))
    script.speech(100)
    assert (script.words_told(), script.sent_ms()) == (told, sent_ms)
    assert not script.all(actions.Resumed)
    script.silence(700)
    assert script.last(actions.Resumed).item_id == held.item_id
    assert script.words_told().startswith(told + " ")


def test_a_reply_that_waits_for_another_to_be_heard_out_says_no_word_before() -> None:
    script = Script(manual())
    spoken(script, ms=2600)
    assert script.last(actions.ResponseDone).response.status == "completed"
    second = script.ask("and then?")
    script.say("idle kite", 600)
    assert script.words_told(second) == ""
    script.advance(800)
    assert script.words_told(second) == "idle kite"


# Where it ends.


def assert_ends_with(script: Script, words: str) -> None:
    """Every event that ends the item and the response holds these words, and retrieving it and the model do too."""
    item = done_item(script)
    assert transcript_of(item) == words
    (output,) = script.last(actions.ResponseDone).response.output
    assert transcript_of(output) == words
    assert script.words_told().startswith(words)
    assert retrieved(script, item.id)[0] == words
    script.ask("go on")
    assert told_to_the_model(script) == [words]


def test_a_reply_that_is_talked_over_ends_with_the_words_that_were_heard() -> None:
    script = Script(detecting())
    script.silence(500)
    script.ask()
    script.say(WORDS, WORDS_MS)
    script.silence(1000)
    script.speech(240)
    assert script.last(actions.ResponseDone).response.status == "cancelled"
    assert len(script.words_told()) > len("abed bide code")
    script.silence(100)
    cut = script.last(actions.Cut)
    assert (cut.heard_text, cut.unheard_text) == ("abed bide code", " dame edit fame game home idle kite")
    assert_ends_with(script, "abed bide code")


def test_words_that_are_known_to_be_heard_only_now_are_told_before_the_speech_that_interrupts() -> None:
    """Clients take what comes behind ``speech_started`` for the next reply, or for one that does not stop."""
    script = Script(detecting())
    script.silence(500)
    script.ask()
    script.say(WORDS * 4, 0)
    for _ in range(20):
        script.say("", 100)
        script.silence(60)
    told = script.words_told()
    # All of the words belong to that much sound: they were spoken much faster than was thought.
    script.finish()
    script.speech(300)
    heard = script.last(actions.Cut).heard_text
    assert heard.startswith(told)
    assert len(heard) > len(told)
    kinds = script.kinds()
    behind = kinds[kinds.index("SpeechStarted") :]
    assert "ResponseDone" in behind
    assert "TranscriptSent" not in behind
    assert_ends_with(script, heard)


def test_a_reply_that_is_cancelled_ends_with_the_words_that_were_heard() -> None:
    script = Script(manual())
    spoken(script, ms=1200)
    script.do(events.CancelRequested())
    assert_ends_with(script, "abed bide code dame")


def test_a_reply_of_which_nothing_was_heard_ends_without_words() -> None:
    script = Script(manual())
    spoken(script, ms=0)
    script.do(events.CancelRequested())
    assert script.words_told() == "abed bide"
    assert transcript_of(done_item(script)) == ""


def test_early_words_do_not_change_what_was_heard() -> None:
    script = Script(manual(), CorePolicy(transcripts="early"))
    spoken(script, ms=1200)
    assert script.words_told() == WORDS
    script.do(events.CancelRequested())
    assert_ends_with(script, "abed bide code dame")


def test_a_reply_that_breaks_off_ends_with_the_words_that_were_sent() -> None:
    """What was sent plays on."""
    script = Script(manual())
    response_id = script.ask()
    script.say(WORDS, 1000)
    script.advance(300)
    script.do(events.StreamFailed(response_id, BROKEN))
    assert script.sent_ms() == 700
    assert_ends_with(script, "abed bide")


def test_a_reply_that_the_caller_truncates_ends_with_what_the_caller_heard() -> None:
    script = Script(manual())
    spoken(script, ms=1000)
    item_id = script.last(actions.OutputItemAdded).item.id
    script.do(events.ItemTruncateRequested(item_id, 0, 450))
    script.advance(5000)
    assert script.last(actions.ResponseDone).response.status == "completed"
    assert_ends_with(script, "abed bide")


def test_words_that_were_heard_are_told_before_the_end_even_if_they_were_expected_later() -> None:
    """A voice twice as fast as usual, of which little was known when its first words were placed."""
    script = Script(manual(), CorePolicy(lead_ms=100))
    script.ask()
    script.say(WORDS, 1500)
    script.finish()
    script.advance(900)
    assert script.words_told() == "abed bide code dame"
    script.do(events.CancelRequested())
    assert script.words_told() == "abed bide code dame edit fame"
    assert_ends_with(script, "abed bide code dame edit fame")


def test_one_who_reports_is_told_what_is_known_and_then_what_is_exact() -> None:
    """The answer to the flush comes after the response has ended."""
    script = Script(manual(), reports=True)
    response_id = spoken(script, ms=1000)
    item_id = script.last(actions.OutputItemAdded).item.id
    script.do(events.PlaybackReported(response_id, item_id, 24 * 700, playing=True))
    script.do(events.CancelRequested())
    assert not script.all(actions.Cut)
    assert transcript_of(done_item(script)) == "abed bide"
    assert retrieved(script, item_id) == ("abed bide", 24 * 700)
    script.do(events.PlaybackFlushed(response_id, item_id, 24 * 1100))
    cut = script.last(actions.Cut)
    assert (cut.heard_samples, cut.heard_text) == (24 * 1100, "abed bide code dame")
    assert cut.heard_text + cut.unheard_text == WORDS
    assert retrieved(script, item_id) == ("abed bide code dame", 24 * 1100)


@pytest.mark.parametrize("answers", [True, False], ids=["in time", "never"])
def test_the_model_is_told_what_was_heard_when_the_caller_has_said_where_it_stopped(answers: bool) -> None:
    """Whoever asks for a response meanwhile: it begins with the answer to the flush, or without one in 0.3 s."""
    script = Script(manual(), reports=True)
    response_id = spoken(script, ms=1000)
    item_id = script.last(actions.OutputItemAdded).item.id
    script.do(events.PlaybackReported(response_id, item_id, 24 * 700, playing=True))
    script.do(events.CancelRequested())
    script.do(ResponseRequested(script.config.response))
    assert script.last(actions.StartStream).response_id == response_id
    if answers:
        script.do(events.PlaybackFlushed(response_id, item_id, 24 * 1100))
    else:
        script.advance(301)
    assert script.last(actions.StartStream).response_id != response_id
    assert told_to_the_model(script) == ["abed bide code dame" if answers else "abed bide"]


def test_a_reply_in_progress_is_retrieved_as_far_as_it_was_told() -> None:
    script = Script(manual())
    spoken(script, ms=700)
    item_id = script.last(actions.OutputItemAdded).item.id
    assert retrieved(script, item_id) == ("abed bide code dame", 24 * 1100)
    script.advance(5000)
    assert retrieved(script, item_id) == (WORDS, 24 * WORDS_MS)


def test_a_reply_that_was_told_to_its_end_is_only_cut_in_the_history() -> None:
    """It is talked over while it is heard out: what has been told cannot be taken back."""
    script = Script(detecting())
    script.silence(500)
    script.ask()
    script.say(WORDS, WORDS_MS)
    script.finish()
    script.silence(2700)
    done: list[Action] = [action for _, action in script.log if isinstance(action, actions.ResponseDone)]
    assert len(done) == 1
    assert transcript_of(done_item(script)) == WORDS
    script.speech(240)
    assert script.all(actions.ResponseDone) == done
    cut = script.last(actions.Cut)
    assert WORDS.startswith(cut.heard_text)
    assert cut.heard_text + cut.unheard_text == WORDS
    assert retrieved(script, cut.item_id)[0] == cut.heard_text
