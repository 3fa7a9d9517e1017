"""How a turn ends where silence does not end it: sound that stops, turns without end, turns that are taken by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bargein.core import actions, events
from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.core.completion import ToolCallPiece, UserAudio, UserMessage
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, TurnDetection, usual_silence_ms
from bargein.core.events import ResponseRequested, Window
from bargein.core.floor import AgentState, CallerState
from bargein.core.items import FunctionCall, FunctionCallOutput, InputAudio, InputText, Message
from bargein.errors import CallerError
from support.conversation_script import SILENCE_DB, SPEECH_DB, Script, detecting, manual


def committed(script: Script) -> list[int]:
    """Length in ms of what each turn holds."""
    lengths = []
    for action in script.all(actions.InputCommitted):
        (part,) = action.item.parts
        assert isinstance(part, InputAudio)
        lengths.append(part.format.ms_of(part.format.samples_of(len(part.audio))))
    return lengths


def long_frame(ms: int, *, speech: bool) -> events.AudioAppended:
    """One long piece of sound, with a dip between syllables every 200 ms."""
    count = PCM16_24K.samples_in_ms(20)
    voice, quiet = Window(count, 1.0, SPEECH_DB), Window(count, 0.0, SILENCE_DB)
    windows = tuple(voice if speech and at % 10 != 5 else quiet for at in range(ms // 20))
    return events.AudioAppended(bytes(2 * count * len(windows)), windows)


def caller(script: Script) -> CallerState:
    return script.conversation.caller.state


# Sound stops.


@pytest.mark.parametrize(("silence_duration_ms", "wait_ms"), [(200, 1000), (500, 1000), (1500, 1500)])
def test_a_turn_ends_when_its_sound_stops(silence_duration_ms: int, wait_ms: int) -> None:
    script = Script(detecting(silence_duration_ms=silence_duration_ms))
    script.silence(500)
    script.speech(1000)
    script.advance(wait_ms - 1)
    assert not script.all(actions.SpeechStopped)
    script.advance(1)
    stopped = script.last(actions.SpeechStopped)
    assert (stopped.item_id, stopped.audio_end_ms) == (script.last(actions.SpeechStarted).item_id, 1500)
    assert committed(script) == [1300]
    assert [a.speech for a in script.all(actions.VoiceChanged)] == [True, False]
    assert len(script.all(actions.StartStream)) == 1
    script.advance(10_000)
    assert len(script.all(actions.InputCommitted)) == 1


def test_a_turn_ends_when_its_sound_stops_in_a_pause() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.silence(200)
    assert caller(script) is CallerState.STOPPING
    script.advance(1000)
    assert script.last(actions.SpeechStopped).audio_end_ms == 1700


def test_sound_that_comes_again_in_time_goes_on_with_the_turn() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.advance(970)
    script.speech(1000)
    script.silence(500)
    assert len(script.all(actions.SpeechStarted)) == 1
    assert committed(script) == [300 + 2000 + 500]


@pytest.mark.parametrize(("silence_duration_ms", "latest_ms"), [(500, 2700), (1500, 4200)])
def test_a_turn_ends_when_its_sound_becomes_sparse(silence_duration_ms: int, latest_ms: int) -> None:
    """Codecs that send next to nothing in silence: a short frame now and then, far from as much as has passed."""
    script = Script(detecting(silence_duration_ms=silence_duration_ms))
    script.silence(500)
    script.speech(1000)
    for _ in range(20):
        script.advance(380)
        script.silence(20)
    assert script.at(actions.SpeechStopped) <= 1500 + latest_ms
    assert len(script.all(actions.InputCommitted)) == len(script.requests) == 1


def test_a_line_that_is_slow_is_not_cut_in_a_pause() -> None:
    """Frames that come a third too late, as from a client that sleeps between them."""
    script = Script(detecting(silence_duration_ms=800))
    script.silence(500)
    script.speech(1000)
    for _ in range(35):
        script.advance(7)
        script.silence(20)
    script.speech(1000)
    assert not script.all(actions.SpeechStopped)


def test_evidence_whose_sound_stops_is_a_misfire() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.silence(200)
    script.speech(100)
    assert caller(script) is CallerState.STARTING
    script.advance(1000)
    assert caller(script) is CallerState.SILENT
    assert not script.conversation.agent.held
    assert not script.all(actions.SpeechStarted)
    assert [a.speech for a in script.all(actions.VoiceChanged)] == [True, False]


def test_what_waits_for_a_caller_whose_sound_stops_waits_no_longer() -> None:
    script = Script(detecting(create_response=False))
    script.silence(500)
    script.speech(600)
    script.do(ResponseRequested(script.config.response))
    script.say("welcome", 500)
    script.advance(1000)
    assert script.all(actions.AudioSent)


def test_a_process_that_stood_still_reads_what_waits_before_it_ends_a_turn() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.now += 5.0
    script.conversation.forgive(5.0, script.now)
    script.do(events.TimerFired())
    assert not script.all(actions.SpeechStopped)
    for _ in range(25):
        script.do(long_frame(200, speech=True))
    script.silence(500)
    assert len(script.all(actions.InputCommitted)) == 1
    assert committed(script) == [300 + 1000 + 5000 + 500]


@pytest.mark.parametrize("read", [0, 5])
def test_a_process_that_stood_still_ends_the_turn_of_a_caller_who_sends_no_more(read: int) -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.now += 5.0
    for _ in range(read):
        script.do(long_frame(1000, speech=True))
    script.conversation.forgive(5.0, script.now)
    script.do(events.TimerFired())
    assert not script.all(actions.SpeechStopped)
    script.advance(1000)
    assert len(script.all(actions.SpeechStopped)) == 1


def test_a_client_that_sends_long_pieces_as_they_are_spoken_is_not_cut_between_them() -> None:
    script = Script()
    for speech in (False, False, True, True, True):
        script.advance(2000)
        script.do(long_frame(2000, speech=speech))
    script.advance(1999)
    assert not script.all(actions.SpeechStopped)
    script.do(long_frame(2000, speech=False))
    assert committed(script) == [300 + 6000 + 500]


def test_a_recording_in_one_piece_ends_after_a_second() -> None:
    script = Script()
    script.silence(500)
    script.advance(5000)
    script.do(long_frame(8000, speech=True))
    script.advance(1000)
    assert committed(script) == [8300]


def test_an_empty_piece_is_no_sound() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    for _ in range(10):
        script.advance(100)
        script.do(events.AudioAppended(b""))
    assert script.all(actions.SpeechStopped)


# Turns without end.


@pytest.mark.parametrize("detection", [TurnDetection(), TurnDetection(silence_duration_ms=700, max_wait_ms=4000)])
def test_a_turn_is_bounded_and_answered_and_what_goes_on_is_the_next(detection: TurnDetection) -> None:
    script = Script(SessionConfig(turn_detection=detection), CorePolicy(turn_limit_ms=5000))
    script.silence(500)
    script.talk(4980)
    assert not script.all(actions.SpeechStopped)
    script.speech(20)
    assert script.last(actions.SpeechStopped).audio_end_ms == 5500
    assert committed(script) == [5300]
    assert len(script.all(actions.StartStream)) == 1
    script.speech(1000)
    assert len(script.all(actions.SpeechStarted)) == 2
    assert script.last(actions.SpeechStarted).audio_start_ms == 5500, "nothing in between is lost"
    assert [a.speech for a in script.all(actions.VoiceChanged)][-3:] == [True, False, True]
    script.silence(detection.silence_duration_ms)
    assert committed(script) == [5300, 1000 + detection.silence_duration_ms]


def test_what_goes_on_without_a_rest_does_not_interrupt_the_answer_to_its_beginning() -> None:
    script = Script(detecting(), CorePolicy(turn_limit_ms=5000))
    script.silence(500)
    script.talk(5000)
    script.say("here it is", 1000)
    script.finish()
    script.talk(2000)
    assert [a.response.status for a in script.all(actions.ResponseDone)] == ["completed"]
    assert script.sent_ms() == 1000


@pytest.mark.parametrize("echo", [0.0, 0.9])
def test_after_a_rest_it_does(echo: float) -> None:
    script = Script(detecting(), CorePolicy(turn_limit_ms=5000))
    script.echo = echo
    script.silence(500)
    script.talk(5000)
    script.say("here it is", 3000)
    script.speech(500)
    script.silence(160)
    script.speech(100)
    assert not script.all(actions.ResponseDone), "too short for a rest"
    script.silence(240)
    script.speech(100)
    assert [a.response.reason for a in script.all(actions.ResponseDone)] == ["turn_detected"]
    assert len(script.all(actions.Flushed)) == 1
    assert len(script.all(actions.SpeechStarted)) == 2
    script.silence(500)
    assert len(script.all(actions.InputCommitted)) == 2
    assert len(script.all(actions.StartStream)) == 2


def test_a_turn_that_reaches_its_bound_in_a_pause_ends_there() -> None:
    script = Script(detecting(silence_duration_ms=2000), CorePolicy(turn_limit_ms=5000))
    script.silence(500)
    script.talk(4500)
    script.silence(500)
    assert len(script.all(actions.InputCommitted)) == 1
    script.say("here it is", 3000)
    script.speech(300)
    assert script.last(actions.ResponseDone).response.reason == "turn_detected"


def test_evidence_that_stays_in_doubt_is_bounded_too() -> None:
    script = Script(detecting(), CorePolicy(turn_limit_ms=5000))
    script.silence(500)
    script.ask()
    script.say("one two three", 9000)
    script.silence(200)
    script.speech(100)
    for _ in range(40):
        script.silence(120)
        script.cough(20)
    assert [a.speech for a in script.all(actions.VoiceChanged)][:2] == [True, False]
    assert not script.all(actions.SpeechStarted)


# More sound than is kept.


def test_a_turn_is_committed_when_no_more_of_it_can_be_kept() -> None:
    script = Script(detecting(), CorePolicy(input_limit_ms=15_000))
    script.silence(1000)
    script.talk(26_000)
    script.silence(500)
    assert committed(script) == [15_000, 300 + 26_000 + 500 - 15_000]
    assert len(script.all(actions.StartStream)) == 1, "it is one turn, and answered once"
    assert script.kinds(-4)[0] == "SpeechStopped"


def test_a_long_recording_in_one_piece_loses_nothing_either() -> None:
    script = Script(detecting(), CorePolicy(input_limit_ms=15_000))
    script.silence(1000)
    script.do(long_frame(40_000, speech=True))
    script.silence(500)
    assert sum(committed(script)) == 300 + 40_000 + 500
    started, stopped = script.all(actions.SpeechStarted), script.all(actions.SpeechStopped)
    assert [a.audio_start_ms for a in started[1:]] == [a.audio_end_ms for a in stopped[:-1]]


def test_a_pause_after_which_no_more_could_be_kept_costs_nothing() -> None:
    script = Script(detecting(silence_duration_ms=2000), CorePolicy(input_limit_ms=5000))
    script.silence(1000)
    script.talk(4600)
    script.silence(1600)
    script.talk(2000)
    script.silence(2000)
    assert sum(committed(script)) == 300 + 4600 + 1600 + 2000 + 2000
    assert len(script.all(actions.StartStream)) == 1


def test_what_was_dropped_before_turns_were_detected_is_not_missed() -> None:
    script = Script(manual(), CorePolicy(input_limit_ms=15_000))
    script.speech(26_000)
    script.do(events.Configured(detecting()))
    script.silence(2000)
    script.do(events.CommitRequested())
    assert not script.all(actions.InputMissing)


def test_without_turn_detection_the_newest_is_kept_and_a_commit_says_what_is_missing() -> None:
    script = Script(manual(), CorePolicy(input_limit_ms=15_000))
    script.talk(26_000)
    script.do(events.CommitRequested())
    assert committed(script) == [15_000]
    missing = script.last(actions.InputMissing)
    assert (missing.item_id, missing.dropped_ms, missing.limit_ms) == (
        script.last(actions.InputCommitted).item.id,
        11_000,
        15_000,
    )
    script.speech(1000)
    script.do(events.CommitRequested())
    assert len(script.all(actions.InputMissing)) == 1


def test_without_turn_detection_nothing_is_missing_of_what_was_cleared() -> None:
    script = Script(manual(), CorePolicy(input_limit_ms=15_000))
    script.talk(26_000)
    script.do(events.ClearRequested())
    script.speech(1000)
    script.do(events.CommitRequested())
    assert not script.all(actions.InputMissing)


def test_silence_that_is_not_kept_is_not_missed() -> None:
    script = Script(detecting(idle_timeout_ms=30_000), CorePolicy(input_limit_ms=15_000))
    script.silence(40_000)
    script.do(events.CommitRequested())
    assert not script.all(actions.InputMissing)
    assert committed(script)[0] <= 15_000


# Pairs.


def pairs(script: Script) -> list[tuple[str, str]]:
    return [
        ("started" if isinstance(action, actions.SpeechStarted) else "stopped", action.item_id)
        for _, action in script.log
        if isinstance(action, actions.SpeechStarted | actions.SpeechStopped)
    ]


@pytest.mark.parametrize(
    ("event", "then"),
    [
        (events.CommitRequested(), "InputCommitted"),
        (events.ClearRequested(), "InputCleared"),
        (events.Configured(manual()), None),
        (events.Configured(SessionConfig(input_format=PCMU_8K)), "InputCommitted"),
    ],
    ids=["commit", "clear", "detection off", "another format"],
)
@pytest.mark.parametrize("pause_ms", [0, 200])
def test_speech_that_is_taken_by_hand_was_stopped(event: events.Event, then: str | None, pause_ms: int) -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.silence(pause_ms)
    item_id = script.last(actions.SpeechStarted).item_id
    before = len(script.log)
    script.do(event)
    assert pairs(script) == [("started", item_id), ("stopped", item_id)]
    assert script.last(actions.SpeechStopped).audio_end_ms == 1500 + pause_ms
    if then is not None:
        kinds = script.kinds(before)
        assert kinds.index("SpeechStopped") < kinds.index(then)
    if then == "InputCommitted":
        assert script.last(actions.InputCommitted).item.id == item_id


def test_who_switches_detection_off_commits_the_item_that_was_announced() -> None:
    """That is the id which clients were told that the speech would have."""
    script = Script()
    script.silence(500)
    script.speech(1000)
    item_id = script.last(actions.SpeechStarted).item_id
    script.do(events.Configured(manual()))
    script.speech(500)
    script.do(events.CommitRequested())
    assert script.last(actions.InputCommitted).item.id == item_id
    script.speech(500)
    script.do(events.CommitRequested())
    assert script.last(actions.InputCommitted).item.id != item_id


@pytest.mark.parametrize("waits_ms", [0, 400])
def test_who_switches_detection_off_and_on_again_is_answered(waits_ms: int) -> None:
    """What was announced would be dropped in front of the next turn, or never come."""
    script = Script()
    script.silence(500)
    script.speech(1000)
    item_id = script.last(actions.SpeechStarted).item_id
    script.do(events.Configured(manual()))
    script.speech(waits_ms)
    script.do(events.Configured(detecting()))
    script.silence(1000)
    assert pairs(script) == [("started", item_id), ("stopped", item_id)]
    assert [action.item.id for action in script.all(actions.InputCommitted)] == [item_id]
    assert committed(script) == [1300 + waits_ms]
    assert len(script.requests) == 1


def test_who_goes_on_when_detection_is_on_again_is_answered_as_one() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.do(events.Configured(manual()))
    script.do(events.Configured(detecting()))
    script.speech(1000)
    script.silence(500)
    (told,) = script.last(actions.StartStream).request.messages
    assert isinstance(told, UserMessage)
    (part,) = told.parts
    assert isinstance(part, UserAudio)
    assert part.format.ms_of(part.format.samples_of(len(part.audio))) == sum(committed(script)) == 2800
    assert len(script.requests) == 2, "the answer to its beginning, which nobody heard, and this"


def test_who_wants_no_answers_has_what_was_announced_committed_all_the_same() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.do(events.Configured(manual()))
    script.do(events.Configured(detecting(create_response=False)))
    assert committed(script) == [1300]
    assert not script.requests


@pytest.mark.parametrize("then", [None, manual()], ids=["speaking", "detection off"])
def test_the_id_of_speech_that_was_announced_is_taken(then: SessionConfig | None) -> None:
    """Another item under it would take the place of what was said."""
    script = Script()
    script.silence(500)
    script.speech(1000)
    item_id = script.last(actions.SpeechStarted).item_id
    if then is not None:
        script.do(events.Configured(then))
    with pytest.raises(CallerError, match="already exists") as caught:
        script.do(events.ItemCreateRequested(Message(item_id, "user", [InputText("mine")])))
    assert caught.value.code == "item_create_duplicate_item_id"
    script.do(events.CommitRequested())
    assert script.last(actions.InputCommitted).item.id == item_id


def test_an_item_whose_sound_is_gone_never_comes() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    item_id = script.last(actions.SpeechStarted).item_id
    script.do(events.Configured(manual()))
    script.do(events.ClearRequested())
    script.speech(500)
    script.do(events.CommitRequested())
    assert script.last(actions.InputCommitted).item.id != item_id


def test_what_was_said_in_another_format_is_answered() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.do(events.Configured(SessionConfig(input_format=PCMU_8K)))
    (length_ms,) = committed(script)
    assert length_ms >= 1000
    assert len(script.requests) == 1
    script.do(events.Configured(SessionConfig(input_format=PCMU_8K)))
    assert len(script.requests) == 1, "the same format again ends nothing"


def test_another_instruction_in_a_pause_makes_the_pause_no_shorter() -> None:
    """What was found of it counts until another detection is asked for."""
    ends = []
    for instructions in (None, "Be brief."):
        script = Script(detecting(eagerness="low", silence_duration_ms=usual_silence_ms("low"), max_wait_ms=8000))
        script.pitch_st_per_s = 5.0
        script.silence(500)
        script.speech(1000)
        script.silence(400)
        if instructions is not None:
            script.do(events.Configured(replace(script.config, response=ResponseSettings(instructions=instructions))))
        script.silence(4000)
        ends.append(script.at(actions.SpeechStopped))
    assert ends[0] == ends[1] > 1500 + usual_silence_ms("low")


@pytest.mark.parametrize(("ms", "items"), [(1000, 1), (80, 0)])
def test_what_waits_for_a_commit_in_another_format_is_an_item_of_its_own(ms: int, items: int) -> None:
    """What is shorter cannot be committed at all."""
    script = Script(manual())
    script.speech(ms)
    script.do(events.Configured(replace(manual(), input_format=PCMU_8K)))
    assert committed(script) == [ms] * items
    assert not script.requests, "nobody has asked for an answer"


def test_what_goes_on_after_a_commit_by_hand_is_another_pair() -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.do(events.CommitRequested())
    script.speech(500)
    script.silence(500)
    first, second = [action.item_id for action in script.all(actions.SpeechStarted)]
    assert pairs(script) == [("started", first), ("stopped", first), ("started", second), ("stopped", second)]


def test_evidence_that_is_committed_by_hand_was_never_announced() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.silence(200)
    script.speech(100)
    script.do(events.CommitRequested())
    assert pairs(script) == []


# Idling.


def timed_out() -> Script:
    """The model is asked because the caller was silent after a reply."""
    script = Script(detecting(idle_timeout_ms=5000))
    script.be_answered()
    script.silence(6000)
    assert len(script.all(actions.IdleTimedOut)) == 1
    return script


def idle_after_reply() -> Script:
    script = timed_out()
    script.say("hello", 300)
    script.finish()
    return script


def test_a_silence_is_broken_once() -> None:
    script = idle_after_reply()
    script.silence(60_000)
    assert len(script.all(actions.IdleTimedOut)) == 1
    assert script.conversation.agent.state is AgentState.IDLE


def test_the_next_silence_is_broken_again() -> None:
    script = idle_after_reply()
    script.silence(1000)
    script.speech(1000)
    script.silence(500)
    script.say("good", 300)
    script.finish()
    script.silence(6000)
    assert len(script.all(actions.IdleTimedOut)) == 2


def test_a_text_of_the_caller_begins_another_silence_from_then_on() -> None:
    script = idle_after_reply()
    script.silence(20_000)
    script.do(events.ItemCreateRequested(Message("", "user", [InputText("still here")])))
    script.silence(4900)
    assert len(script.all(actions.IdleTimedOut)) == 1
    script.silence(200)
    assert len(script.all(actions.IdleTimedOut)) == 2


def test_the_output_of_a_tool_does_not() -> None:
    """A model that calls a tool whenever nobody speaks would be asked without end."""
    script = timed_out()
    script.piece(ToolCallPiece(0, "call_1", "look", "{}"))
    script.finish("tool_calls")
    script.do(events.ItemCreateRequested(FunctionCallOutput("", "call_1", "nobody")))
    script.do(ResponseRequested(script.config.response))
    script.say("hm", 300)
    script.finish()
    script.silence(20_000)
    assert len(script.all(actions.IdleTimedOut)) == 1


def looking(script: Script) -> None:
    """A reply that is heard out, and calls a tool."""
    script.ask()
    script.say("let me look", 300)
    script.piece(ToolCallPiece(0, "call_1", "look", "{}"))
    script.finish("tool_calls")


def test_a_silence_in_which_a_tool_runs_is_not_the_callers() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    looking(script)
    script.silence(30_000)
    assert not script.all(actions.IdleTimedOut)
    script.do(events.ItemCreateRequested(FunctionCallOutput("", "call_1", "nobody")))
    script.silence(4900)
    assert not script.all(actions.IdleTimedOut), "it begins when the output has come"
    script.silence(200)
    assert len(script.all(actions.IdleTimedOut)) == 1


def test_a_call_that_is_deleted_is_waited_for_no_more() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    looking(script)
    script.silence(30_000)
    (call,) = (item for item in script.conversation.history if isinstance(item, FunctionCall))
    script.do(events.ItemDeleteRequested(call.id))
    script.silence(4900)
    assert not script.all(actions.IdleTimedOut)
    script.silence(200)
    assert len(script.all(actions.IdleTimedOut)) == 1


def test_a_call_whose_output_is_deleted_has_ended_all_the_same() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    looking(script)
    script.do(events.ItemCreateRequested(FunctionCallOutput("out", "call_1", "nobody")))
    script.do(events.ItemDeleteRequested("out"))
    script.silence(6000)
    assert len(script.all(actions.IdleTimedOut)) == 1


def test_a_call_before_the_callers_last_turn_keeps_no_silence() -> None:
    """Its output never came, and the conversation has gone on."""
    script = Script(detecting(idle_timeout_ms=5000))
    looking(script)
    script.silence(1000)
    script.speech(1000)
    script.silence(500)
    script.say("never mind", 300)
    script.finish()
    script.silence(6000)
    assert len(script.all(actions.IdleTimedOut)) == 1


def test_another_timeout_begins_another_silence() -> None:
    script = idle_after_reply()
    script.do(events.Configured(detecting(idle_timeout_ms=10_000)))
    script.silence(9000)
    assert len(script.all(actions.IdleTimedOut)) == 1
    script.silence(2000)
    assert len(script.all(actions.IdleTimedOut)) == 2


def test_who_is_muted_is_silent_too() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    script.ask()
    script.say("are you there", 300)
    script.finish()
    script.advance(5299)
    assert not script.all(actions.IdleTimedOut)
    script.advance(2)
    assert len(script.all(actions.IdleTimedOut)) == 1
    (part,) = script.last(actions.InputCommitted).item.parts
    assert isinstance(part, InputAudio)
    assert part.audio == bytes(2 * 24 * 5000), "the model hears the silence"
    assert len(script.all(actions.StartStream)) == 2
