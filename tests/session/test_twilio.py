"""Telephone calls by Twilio Media Streams, with a peer that does what Twilio's documentation says."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from bargein.alignment.aligner import Aligner
from bargein.core.items import Message, OutputAudio
from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.picows_transport import PicowsTransport
from bargein.gateway.websockets_transport import WebsocketsTransport
from bargein.protocols.twilio import FORMAT, MOST_KEYS
from bargein.session.measures import NumpyMeasures
from support.model import Model, spoken
from support.server import LastGiven, RunningServer, running_server
from support.sounds import cough, pcm16, room, speech
from support.twilio_peer import SAMPLES_PER_S, STREAM, calling, ulaw

STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
QUESTION = ulaw(speech("tell me a story"))
STOP_MESSAGE = {"event": "stop", "stop": {"accountSid": "AC1", "callSid": "CA1"}}
STOP = ulaw(speech("wait, stop, I have another question"))


def stream_url(server: RunningServer) -> str:
    return server.realtime_url.removesuffix("/realtime") + "/twilio"


def spoken_reply(last_given: LastGiven) -> OutputAudio:
    """The newest reply in the only session's history."""
    items = list(last_given.conversation.history)
    parts = [part for item in items if isinstance(item, Message) for part in item.parts]
    return [part for part in parts if isinstance(part, OutputAudio)][-1]


def counted_as_heard(last_given: LastGiven) -> int:
    """Samples of the only reply that was cut."""
    (heard,) = last_given.conversation.history.heard.values()
    return heard.samples


def words_heard(audio: OutputAudio, samples: int) -> list[str]:
    """What of a reply can be heard in so many of its samples."""
    count = Aligner(NumpyMeasures()).heard_characters(audio, samples)
    return audio.transcript[:count].split()


def told_of_reply(model: Model) -> list[str]:
    line = next(line for line in model.told() if line.startswith("assistant:"))
    return line.removeprefix("assistant:").split()


@pytest.mark.parametrize("delay_s", [0.0, 0.08, 0.15], ids=["near", "far", "abroad"])
async def test_a_call_is_answered_and_interrupted_and_the_heard_words_are_exact(
    server: RunningServer, model: Model, last_given: LastGiven, delay_s: float
) -> None:
    model.will(model.hang_after(STORY))
    async with calling(stream_url(server), delay_s=delay_s) as peer, peer.microphone() as microphone:
        peer.start()
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) >= 1.3 * SAMPLES_PER_S)
        await microphone.say(STOP)
        await peer.until(lambda: len(peer.played_at_clear) > 0)
        await model.left.wait()
        audio = spoken_reply(last_given)
        await model.wait_for_requests(2)
        heard = peer.played_at_clear[0]
        assert abs(counted_as_heard(last_given) - heard) <= 8  # A millisecond.
        assert told_of_reply(model) == words_heard(audio, heard)
        assert 4 <= len(told_of_reply(model)) < 16
        # The next reply is heard as well, from its beginning on.
        await peer.until(lambda: len(peer.played) >= heard + 0.25 * SAMPLES_PER_S)
    assert model.told(0) == ["user: <input_audio>"]
    assert model.told(1)[-1] == "user: <input_audio>"
    assert server.metric("bargein_barge_ins_total") == 1
    assert server.metric('bargein_sessions_total{dialect="twilio"}') == 1


async def test_a_last_mark_that_never_comes_back_is_not_waited_for_when_a_hold_is_over(
    server: RunningServer, model: Model
) -> None:
    model.will(spoken(STORY))
    async with calling(stream_url(server)) as peer, peer.microphone() as microphone:
        send = peer.send

        def lose_last_marks(message: dict[str, Any]) -> None:
            if not (message["event"] == "mark" and message["mark"]["name"].endswith(".last")):
                send(message)

        peer.send = lose_last_marks  # type: ignore[method-assign]
        peer.start()
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) >= 1.0 * SAMPLES_PER_S)
        await microphone.say(ulaw(cough(300, seed=3)))
        await peer.until(lambda: len(peer.played_at_clear) > 0)
        # It goes on behind what may have been played while the mark was waited for.
        await peer.until(lambda: len(peer.played) >= peer.played_at_clear[0] + 1.0 * SAMPLES_PER_S)
    assert server.metric('bargein_holds_total{outcome="resumed"}') == 1


@pytest.mark.real_sockets
@pytest.mark.parametrize("make_transport", [WebsocketsTransport, PicowsTransport])
async def test_a_call_over_every_transport(model: Model, last_given: LastGiven, make_transport: MakeTransport) -> None:
    model.will(model.hang_after(STORY))
    async with (
        running_server(model.url, make_transport=make_transport, make_session=last_given) as server,
        calling(stream_url(server)) as peer,
        peer.microphone() as microphone,
    ):
        peer.start()
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) >= 1.3 * SAMPLES_PER_S)
        await microphone.say(STOP)
        await model.left.wait()
        audio = spoken_reply(last_given)
        await model.wait_for_requests(2)
        assert told_of_reply(model) == words_heard(audio, counted_as_heard(last_given))
        assert 4 <= len(told_of_reply(model)) < 16
        # A third of a word: this clock does not stand still while the machine does something else.
        assert abs(counted_as_heard(last_given) - peer.played_at_clear[0]) < 0.1 * SAMPLES_PER_S
        peer.send(STOP_MESSAGE)
        assert await peer.until_closed() == (1000, "The call has ended.")


@pytest.mark.parametrize("delay_s", [0.0, 0.08, 0.15, 0.3], ids=["near", "far", "abroad", "by satellite"])
async def test_a_cough_holds_and_nothing_is_lost_or_said_twice(
    server: RunningServer, model: Model, last_given: LastGiven, delay_s: float
) -> None:
    # Of noise no two stretches are alike.
    sound = pcm16(room(len(STORY.split()) * 300, -30))
    model.will(spoken(STORY, sound=sound))
    async with calling(stream_url(server), delay_s=delay_s) as peer, peer.microphone() as microphone:
        peer.start()
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) >= 1.0 * SAMPLES_PER_S)
        await microphone.say(ulaw(cough(300, seed=3)))
        await peer.until(lambda: len(peer.played_at_clear) > 0)
        audio = spoken_reply(last_given)
        await peer.until(lambda: len(peer.played) >= len(STORY.split()) * 0.3 * SAMPLES_PER_S - 400)
        whole = b"".join(piece for piece in audio.pieces if isinstance(piece, bytes))
    assert server.metric('bargein_holds_total{outcome="resumed"}') == 1
    at = peer.played_at_clear[0]
    assert bytes(peer.played[:at]) == whole[:at]
    after = bytes(peer.played[at:])
    # It goes on where it stopped, to a millisecond.
    begins = whole.find(after[:2000], max(0, at - 400))
    assert begins != -1
    assert abs(begins - at) <= 8
    assert whole[begins:].startswith(after)


async def test_the_keypad_is_told_as_text_and_interrupts(server: RunningServer, model: Model) -> None:
    model.will(model.hang_after(STORY))
    async with calling(stream_url(server)) as peer, peer.microphone() as microphone:
        peer.start()
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) >= 1.0 * SAMPLES_PER_S)
        peer.press("42#")
        await model.left.wait()
        await model.wait_for_requests(2)
        assert "clear" in peer.kinds()
        peer.press("7")
        await model.wait_for_requests(3)
    assert model.told(1)[-1] == "user: The caller pressed 4 2 # on the telephone's keypad."
    assert model.told(2)[-1] == "user: The caller pressed 7 on the telephone's keypad."


async def test_more_keys_than_anybody_presses_are_not_told(server: RunningServer, model: Model) -> None:
    async with calling(stream_url(server)) as peer, peer.microphone():
        peer.start()
        peer.press("1" * MOST_KEYS + "23")
        await model.wait_for_requests(1)
    (told,) = model.told()
    assert told.count("1") == MOST_KEYS
    assert "2" not in told


async def test_messages_that_are_no_sound_have_an_allowance(server: RunningServer) -> None:
    async with calling(stream_url(server)) as peer:
        peer.start()
        for _ in range(3000):
            peer.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        code, _ = await peer.until_closed()
    assert code == 4429


async def test_custom_parameters_choose_the_session(server: RunningServer, model: Model) -> None:
    session = {"audio": {"input": {"turn_detection": None}}, "max_output_tokens": 77}
    given = {
        "instructions": "You are a pirate.",
        "voice": "ash",
        "greeting": "Greet the caller by name: Ann.",
        "session": json.dumps(session),
        "campaign": "spring",
    }
    async with calling(stream_url(server)) as peer, peer.microphone():
        peer.start(given)
        await peer.until(lambda: len(peer.played) > 0)
    asked = model.requests[0]
    assert model.told(0)[0] == "system: You are a pirate.\n\nGreet the caller by name: Ann."
    assert asked["audio"]["voice"] == "ash"
    assert asked["max_completion_tokens"] == 77


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"voice": ""}, "voice"),
        ({"session": "{"}, "'session' must be JSON"),
        ({"session": "[]"}, "'session' must be JSON"),
        ({"session": '{"modalties": 1}'}, "modalties"),
    ],
)
async def test_parameters_that_mean_nothing_end_the_call_in_words(
    server: RunningServer, given: dict[str, str], words: str
) -> None:
    async with calling(stream_url(server)) as peer:
        peer.start(given)
        code, reason = await peer.until_closed()
    assert code == 1008
    assert reason.startswith("start.customParameters: ")
    assert words in reason


@pytest.mark.parametrize(
    "given",
    [
        {"encoding": "audio/x-l16", "sampleRate": 16000, "channels": 1},
        {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 2},
        {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        {"encoding": ["audio/x-mulaw"], "sampleRate": {}, "channels": []},
        "audio/x-mulaw",
        None,
    ],
)
async def test_another_format_ends_the_call_in_words(server: RunningServer, given: object) -> None:
    async with calling(stream_url(server)) as peer:
        peer.start(mediaFormat=given)
        code, reason = await peer.until_closed()
    assert (code, reason) == (1008, "start.mediaFormat must be audio/x-mulaw, 8000 Hz, one channel.")


async def test_more_about_the_format_than_we_know_is_no_reason_to_hang_up(server: RunningServer, model: Model) -> None:
    async with calling(stream_url(server)) as peer:
        peer.start({"greeting": "Hello."}, mediaFormat={**FORMAT, "ptime": 20})
        await peer.until(lambda: len(peer.played) > 0)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"event": "media", "media": {"payload": "****"}}, "'media.payload' must be base64"),
        ({"event": "media"}, "'media' must be an object"),
        ({"event": "mark", "mark": {}}, "'mark.name' must be a text"),
        ({"event": "dtmf", "dtmf": {"digit": "hash"}}, "'dtmf.digit' must be one of"),
        ({"event": "start", "start": {}}, "second 'start'"),
        ({"event": "dance"}, "'event' must be connected"),
        ({}, "'event' must be connected"),
    ],
)
async def test_wrong_messages_are_said_in_the_log_and_the_call_goes_on(
    server: RunningServer, model: Model, message: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with calling(stream_url(server)) as peer, peer.microphone() as microphone:
        peer.start()
        peer.send(message)
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) > 0)
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call_sid", "logged"), [("CA1", "CA1"), ([[[]]], None), ({"a": 1}, None), ("x" * 5000, "x" * 64)]
)
async def test_the_log_takes_little_of_what_a_start_says(
    server: RunningServer, call_sid: object, logged: str | None
) -> None:
    """What is nested a thousand times cannot be written at all, and a line of the log is for people."""
    names = {f"{number} {'x' * 300}": "" for number in range(100)}
    with capture_logs() as logs:
        async with calling(stream_url(server)) as peer:
            peer.start(names, callSid=call_sid)
            peer.send(STOP_MESSAGE)
            assert (await peer.until_closed())[0] == 1000
    (line,) = [line for line in logs if line["event"] == "call started"]
    assert line["call_sid"] == logged
    assert len(line["without_effect"]) == 8
    assert max(map(len, line["without_effect"])) == 64


async def test_sound_before_the_start_is_refused_and_the_call_begins(
    server: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async with calling(stream_url(server)) as peer, peer.microphone() as microphone:
        await peer.say_frame(bytes(160))
        peer.start()
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) > 0)
    assert "'media' came before 'start'" in capsys.readouterr().out


async def test_the_end_of_the_call_ends_the_session(server: RunningServer) -> None:
    async with calling(stream_url(server)) as peer:
        peer.start()
        peer.send(STOP_MESSAGE)
        assert await peer.until_closed() == (1000, "The call has ended.")


async def test_marks_of_nobody_and_our_own_track_are_nothing(server: RunningServer, model: Model) -> None:
    async with calling(stream_url(server)) as peer, peer.microphone() as microphone:
        peer.start()
        for name in ("1.last", "0.99", "x", "-1.-1"):
            peer.send({"event": "mark", "mark": {"name": name}})
        peer.send({"event": "media", "media": {"track": "outbound", "payload": "AAAA"}})
        await microphone.say(QUESTION)
        await peer.until(lambda: len(peer.played) > 0)
    assert peer.received[0][1]["streamSid"] == STREAM


async def test_speech_of_our_own_track_is_no_turn(server: RunningServer, model: Model) -> None:
    async with calling(stream_url(server)) as peer:
        peer.start()
        for start in range(0, len(QUESTION) + 2 * SAMPLES_PER_S, 160):
            frame = QUESTION[start : start + 160].ljust(160, b"\xff")
            payload = base64.b64encode(frame).decode()
            peer.send({"event": "media", "media": {"track": "outbound", "payload": payload}})
            await asyncio.sleep(0.02)
    assert model.requests == []
